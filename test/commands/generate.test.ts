import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { runCli } from '../helpers/cli.ts';

const dir = mkdtempSync(join(tmpdir(), 'anomaly-generate-'));
after(() => rmSync(dir, { recursive: true }));
const YAML = 'version: 1\npipeline: pump-room\nsource: {topics: [raw-sensors]}\nmetrics: {listen: "0.0.0.0:9100"}\n';
writeFileSync(join(dir, 'anomaly.yaml'), YAML);

const generate = (...argv: string[]) => runCli(['generate', ...argv], { cwd: dir });

test('what is generated has the names, topics and port of anomaly.yaml', async () => {
  const rules = await generate('prometheus-rules');
  assert.equal(rules.code, 0, rules.stderr);
  const { groups } = parse(rules.stdout) as { groups: { name: string; rules: { expr: string }[] }[] };
  for (const { expr } of groups.flatMap((each) => each.rules)) assert.match(expr, /pump-room/);
  assert.doesNotMatch(rules.stdout, /[&*]a1\b/, 'no anchors, which readers of rules do not expect');
  assert.match((await generate('systemd')).stdout, /--metrics 127\.0\.0\.1:9100/);
  assert.match((await generate('dockerfile')).stdout, /EXPOSE 9100/);
  assert.match((await generate('dockerfile', '--metrics', ':9200')).stdout, /EXPOSE 9200/);
  const k8s = await generate('kubernetes', '--replicas', '5');
  const [config, , set] = parseAllDocuments(k8s.stdout).map((each) => each.toJS());
  assert.equal(config.data['anomaly.yaml'], YAML);
  assert.equal(set.spec.replicas, 5);
  assert.match(k8s.stderr, /checkpoint\.store is no address that every pod reaches/);
  const compose = parse((await generate('compose')).stdout);
  assert.match(compose.services.topics.command[0], /rpk topic create 'raw-sensors'/);
  const dashboard = JSON.parse((await generate('grafana-dashboard')).stdout);
  assert.equal(dashboard.uid, 'anomaly-pump-room');
});

test('-o json has every file, also those that go beside the first', async () => {
  const { stdout, stderr } = await generate('compose', '-o', 'json');
  const { files } = JSON.parse(stdout) as { files: { path: string; text: string }[] };
  assert.equal(stderr, '');
  assert.deepEqual(
    files.map(({ path }) => path),
    [
      ...['compose.yaml', '.env.example', 'Dockerfile', 'anomaly.yaml', 'prometheus/prometheus.yml'],
      ...['prometheus/anomaly-pump-room.rules.yaml', 'alertmanager/alertmanager.yml'],
      ...['grafana/dashboards/anomaly-pump-room.json', 'grafana/provisioning/datasources/prometheus.yaml'],
      'grafana/provisioning/dashboards/anomaly.yaml',
    ],
  );
  for (const { path, text } of files) if (/ya?ml$/.test(path)) assert.equal(typeof parse(text), 'object', path);
});

test('a file, a directory that is there, a directory of several files', async () => {
  assert.equal((await generate('systemd', '--to', 'own.service')).code, 0);
  assert.match(readFileSync(join(dir, 'own.service'), 'utf8'), /^\[Service\]$/m);
  mkdirSync(join(dir, 'units'));
  const { stdout } = await generate('systemd', '--to', 'units');
  assert.equal(stdout, `wrote ${join(dir, 'units/anomaly-pump-room.service')}\n`);
  await generate('prometheus-rules', '--tests', '--to', 'new/rules');
  assert.ok(existsSync(join(dir, 'new/rules/anomaly-pump-room.rules.test.yaml')), 'the tests lie beside the rules');
});

test('what is there is replaced by --force only, and of several files none is written then', async () => {
  writeFileSync(join(dir, 'mine'), 'mine');
  const refused = await generate('dockerfile', '--to', 'mine');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /ANM_CONFIG.*mine as it is already there[\s\S]*--force/);
  assert.equal(readFileSync(join(dir, 'mine'), 'utf8'), 'mine');
  assert.equal((await generate('dockerfile', '--to', 'mine', '--force')).code, 0);
  assert.match(readFileSync(join(dir, 'mine'), 'utf8'), /^FROM node/m);
  mkdirSync(join(dir, 'half/grafana/dashboards'), { recursive: true });
  writeFileSync(join(dir, 'half/grafana/dashboards/anomaly-pump-room.json'), '{}');
  assert.equal((await generate('compose', '--to', 'half')).code, 2);
  assert.ok(!existsSync(join(dir, 'half/compose.yaml')), 'nothing is written where one file is in the way');
});

test('what cannot be is refused by name', async () => {
  for (const [argv, message] of [
    [['prometheus-rules', '--availability', '0.9'], /--availability 0.9[\s\S]*between .94 and .99999/],
    [['prometheus-rules', '--within-1s', '1'], /--within-1s 1/],
    [['prometheus-rules', '--speed-up', '0'], /divide windows by 0/],
    [['prometheus-rules', '--speed-up', '60', '--tests'], /tests for rules that are sped up/],
    [['prometheus-rules', '--min-events', '0'], /--min-events must be at least 1/],
    [['kubernetes', '--replicas', '0'], /--replicas must be at least 1/],
    [['alertmanager', '--receiver', 'pager'], /pager/],
  ] as const) {
    const { code, stderr } = await generate(...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.match(stderr, message, argv.join(' '));
  }
  const alone = await runCli(['generate', 'compose', '--topic', 'x'], { cwd: tmpdir() });
  assert.equal(alone.code, 2, alone.stdout);
  const { code, stderr } = await runCli(['generate', 'kubernetes', '--pipeline', 'x'], { cwd: '/nonexistent' });
  assert.equal(code, 2);
  assert.match(stderr, /no anomaly\.yaml for it to hold[\s\S]*config init/);
});

test('sped up rules say so', async () => {
  const { stdout } = await generate('prometheus-rules', '--speed-up', '60');
  assert.match(stdout, /^# For trying only: all windows are a 60th of what their names say\.$/m);
  assert.match(stdout, /\[5000ms\]/);
  assert.doesNotMatch(stdout, /\[(5m|1h|6h|3d)\]/);
});
