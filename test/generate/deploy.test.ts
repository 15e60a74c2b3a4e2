import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { alertmanagerConfig } from '../../src/generate/alertmanager.ts';
import { composeFiles } from '../../src/generate/compose/compose.ts';
import { CONFIG_PATH, dockerfile, INSTALLED, STATE_DIR } from '../../src/generate/dockerfile.ts';
import { slugOf } from '../../src/generate/generated.ts';
import { kubernetesManifests } from '../../src/generate/kubernetes.ts';
import { systemdUnit } from '../../src/generate/systemd.ts';
import { OBJECTIVES, RECEIVERS, TARGET, textOf, yamlOf } from './helpers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  bin: { anomaly: string };
  engines: { node: string };
  version: string;
};

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
}

const files = composeFiles(TARGET, OBJECTIVES, RECEIVERS);
const [compose] = yamlOf<Compose>(files[0]!);

test('compose: all that is mounted, named, waited for or kept is there', () => {
  const { services, volumes, secrets } = compose!;
  assert.deepEqual(Object.keys(services), [
    ...['anomaly', 'redpanda', 'topics', 'console', 'minio', 'minio-bucket', 'mlflow'],
    ...['prometheus', 'alertmanager', 'grafana'],
  ]);
  for (const [name, service] of Object.entries(services)) {
    assert.match(service.image!, /:v?\d|:RELEASE\./, `${name} has one version`);
    for (const volume of service.volumes ?? []) {
      const [from] = volume.split(':');
      const isThere = from!.startsWith('./')
        ? files.some(({ path }) => path === from!.slice(2) || path.startsWith(`${from!.slice(2)}/`))
        : Object.hasOwn(volumes, from!);
      assert.ok(isThere, `${name} mounts ${from}, which is nowhere`);
    }
    for (const secret of service.secrets ?? []) assert.ok(secret in secrets, `${name} has no secret ${secret}`);
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      assert.ok(other in services, `${name} waits for ${other}, which is nowhere`);
      if (condition === 'service_healthy') assert.ok(services[other]!.healthcheck, `${other} tells no health`);
    }
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:/, `${name} is for this machine`);
  }
  // What it names of the tool is there, too.
  const settings = Object.keys(services['anomaly']!.environment!).filter((each) => each.startsWith('ANOMALY_'));
  const { SETTINGS } = { SETTINGS: new Set(settingNames()) };
  for (const name of settings) assert.ok(SETTINGS.has(name), `${name} is no setting`);
});

function settingNames(): string[] {
  const out = execFileSync(process.execPath, [join(ROOT, 'bin/anomaly.js'), '-X', 'list'], { encoding: 'utf8' });
  return [...out.matchAll(/ANOMALY_[A-Z0-9_]+/g)].map(([name]) => name);
}

test('compose: every variable is in .env.example, and no secret has a value', () => {
  const text = JSON.stringify(compose);
  const used = new Set([...text.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name!));
  for (const { environment } of Object.values(compose!.secrets)) used.add(environment);
  const example = textOf(files.find(({ path }) => path === '.env.example')!);
  assert.deepEqual(
    [...example.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]).sort(),
    [...used].sort().map((name) => [name, '']),
  );
  assert.equal(used.size, 5);
});

test('compose: Prometheus scrapes the port of the pipeline and loads the rules that are beside it', () => {
  const [config] = yamlOf<{
    rule_files: string[];
    scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
  }>(files.find(({ path }) => path === 'prometheus/prometheus.yml')!);
  for (const rules of config!.rule_files)
    assert.ok(
      files.some(({ path }) => path === `prometheus/${rules}`),
      rules,
    );
  const job = config!.scrape_configs.find(({ job_name }) => job_name === TARGET.job)!;
  assert.deepEqual(job.static_configs, [{ targets: ['anomaly:9464'] }]);
});

test('a topic with a quote in its name ends no shell word', () => {
  const { command } = compose!.services['topics'] as unknown as { command: string[] };
  const told = spawnSync('bash', ['-c', `rpk() { printf '%s|' "$@"; false; }\n${command[0]!.replace('set -e', '')}`], {
    encoding: 'utf8',
  });
  assert.equal(told.stderr, '');
  assert.match(told.stdout, /topic\|create\|it's\|-p\|4\|/);
});

test('Dockerfile: what it runs is what the package has', () => {
  const text = textOf(dockerfile(TARGET));
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as [{ filename: string; files: { path: string }[] }];
  const paths = new Set(packed[0].files.map(({ path }) => path));
  assert.ok(paths.has(manifest.bin.anomaly), 'the executable is packed');
  assert.ok(paths.has('dist/cli.js'), 'what it loads is packed');
  const ofVersion = textOf(dockerfile({ ...TARGET, toolVersion: manifest.version }));
  assert.ok(ofVersion.includes(`ARG PACKAGE=${packed[0].filename}`), packed[0].filename);
  // npm links the executable by its name into the folder of the prefix.
  assert.ok(
    text.includes(`ln -s ${INSTALLED}/node_modules/.bin/${Object.keys(manifest.bin)[0]} /usr/local/bin/anomaly`),
  );
  const [major] = /(?<=^FROM node:)\d+/m.exec(text)!;
  assert.ok(Number(major) >= Number(/\d+/.exec(manifest.engines.node)![0]), `Node ${major} is one that it runs on`);
  const stages = text.match(/^FROM /gm)!.length;
  assert.equal(stages, 2);
  const last = text.slice(text.lastIndexOf('\nFROM '));
  assert.match(last, /^USER node$/m);
  assert.match(last, /^EXPOSE 9464$/m);
  assert.match(last, new RegExp(`"-f", "${CONFIG_PATH}"`));
  const probe = /CMD \["node", "-e", "(.*)"\]/.exec(last)![1]!;
  assert.match(probe, /127\.0\.0\.1:9464\/livez/);
  const alone = spawnSync(process.execPath, ['-e', probe.replace('9464', '1')]);
  assert.equal(alone.status, 1, 'the probe fails where nothing answers');
});

test('systemd: a unit that systemd takes', (t) => {
  const unit = textOf(systemdUnit(TARGET, process.execPath));
  for (const line of [
    'Type=exec',
    'DynamicUser=yes',
    'TimeoutStopSec=60s',
    'KillMode=mixed',
    'EnvironmentFile=-/etc/anomaly/pump-room.env',
  ])
    assert.ok(unit.split('\n').includes(line), line);
  assert.match(unit, /--state-dir \$\{STATE_DIRECTORY\} --instance %H --metrics 127\.0\.0\.1:9464$/m);
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
    t.diagnostic('systemd-analyze is not here: the unit was not verified');
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-unit-'));
  try {
    const path = join(dir, 'anomaly-pump-room.service');
    writeFileSync(path, unit);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /anomaly-pump-room/);
    writeFileSync(path, unit.replace('TimeoutStopSec', 'TimoutStopSec'));
    assert.match(spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' }).stderr, /TimoutStopSec/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: object };
  readonly data?: Record<string, string>;
  readonly spec: {
    readonly selector: { readonly matchLabels?: object };
    readonly maxUnavailable?: number;
    readonly serviceName?: string;
    readonly ports?: readonly { readonly name: string; readonly targetPort: string }[];
    readonly endpoints?: readonly { readonly port: string }[];
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsNonRoot: boolean };
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
  readonly containers: readonly [
    {
      readonly args: readonly string[];
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
      readonly envFrom: readonly { readonly secretRef: { readonly name: string; readonly optional: boolean } }[];
      readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
      readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
      readonly resources: { readonly requests: object; readonly limits: object };
      readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
      readonly env: readonly { readonly name: string }[];
    },
  ];
}

test('Kubernetes: objects that fit each other, pods that are static members by their names', () => {
  const options = { image: 'anomaly:0.1.0', replicas: 3, serviceMonitor: true };
  const all = yamlOf<Manifest>(kubernetesManifests(TARGET, options));
  assert.deepEqual(
    all.map(({ kind }) => kind),
    ['ConfigMap', 'Service', 'StatefulSet', 'PodDisruptionBudget', 'ServiceMonitor'],
  );
  const [config, service, set, budget, monitor] = all as [Manifest, Manifest, Manifest, Manifest, Manifest];
  const name = 'anomaly-pump-room';
  for (const each of all) assert.equal(each.metadata.name, name);
  assert.equal(config.data!['anomaly.yaml'], TARGET.configText);
  const { labels } = set.spec.template.metadata;
  for (const each of [set, budget, monitor]) assert.deepEqual(each.spec.selector.matchLabels, labels);
  assert.deepEqual(service.spec.selector, labels);
  assert.equal(set.spec.serviceName, service.metadata.name);
  assert.equal(budget.spec.maxUnavailable, 1);
  const pod = set.spec.template.spec;
  const [container] = pod.containers;
  const port = container.ports[0]!.name;
  for (const probe of [container.livenessProbe, container.readinessProbe]) assert.equal(probe.httpGet.port, port);
  assert.deepEqual(
    [container.livenessProbe.httpGet.path, container.readinessProbe.httpGet.path],
    ['/livez', '/readyz'],
  );
  assert.deepEqual(
    [service.spec.ports![0]!.targetPort, monitor.spec.endpoints![0]!.port],
    [port, service.spec.ports![0]!.name],
  );
  const volumes = new Set([
    ...pod.volumes.map((each) => each.name),
    ...set.spec.volumeClaimTemplates.map((each) => each.metadata.name),
  ]);
  for (const { name: mount } of container.volumeMounts) assert.ok(volumes.has(mount), `no volume ${mount}`);
  assert.equal(pod.volumes[0]!.configMap!.name, name);
  assert.ok(container.volumeMounts.some(({ mountPath }) => CONFIG_PATH.startsWith(`${mountPath}/`)));
  assert.ok(container.volumeMounts.some(({ mountPath }) => mountPath === STATE_DIR));
  const instance = container.args.indexOf('--instance');
  assert.equal(container.args[instance + 1], '$(POD_NAME)');
  assert.ok(container.env.some((each) => each.name === 'POD_NAME'));
  assert.deepEqual(container.envFrom, [{ secretRef: { name, optional: true } }]);
  assert.ok(pod.terminationGracePeriodSeconds >= 30 && pod.securityContext.runAsNonRoot, 'time to drain, and no root');
  assert.equal(yamlOf(kubernetesManifests(TARGET, { ...options, serviceMonitor: false })).length, 4);
});

test('Alertmanager: receivers that are named are there, and secrets are files', () => {
  interface Config {
    route: { receiver: string; group_by: string[]; routes: { receiver: string; matchers: string[] }[] };
    receivers: Record<string, unknown>[];
  }
  const [config] = yamlOf<Config>(alertmanagerConfig(RECEIVERS));
  const names = config!.receivers.map(({ name }) => name);
  assert.deepEqual(config!.route.group_by, ['pipeline']);
  assert.ok(
    names.includes(config!.route.receiver) && config!.route.routes.every(({ receiver }) => names.includes(receiver)),
  );
  const [page, ticket] = config!.receivers;
  assert.deepEqual(Object.keys(page!), ['name', 'pagerduty_configs', 'slack_configs', 'webhook_configs']);
  assert.deepEqual(Object.keys(ticket!), ['name', 'slack_configs', 'webhook_configs'], 'a ticket wakes nobody');
  const text = JSON.stringify(config);
  assert.doesNotMatch(text, /"(routing_key|api_url|credentials)":/);
  assert.equal(text.match(/_file":"\/etc\/alertmanager\/secrets\//g)!.length, 5);
  const [alone] = yamlOf<Config>(alertmanagerConfig({ ...RECEIVERS, receivers: ['pagerduty'] }));
  assert.deepEqual(Object.keys(alone!.receivers[1]!), ['name', 'pagerduty_configs']);
});

test('a name for hosts, units and files', () => {
  assert.equal(slugOf('Pump Room_3.raw'), 'pump-room-3-raw');
  assert.equal(slugOf('äöü'), 'pipeline');
  assert.match(slugOf('x-'.repeat(60)), /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/);
});
