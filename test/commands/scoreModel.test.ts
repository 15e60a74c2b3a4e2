import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readTopic, send, startWorld, type World } from '../helpers/world.ts';
import { Member } from '../invariants/helpers/member.ts';

const MODEL = fileURLToPath(new URL('../../fixtures/demo-model/nab-demo.onnx', import.meta.url));
const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** A daily rhythm with a ripple, a value each five minutes; spikes at the given ones. */
function readings(count: number, spikes: ReadonlySet<number>) {
  return Array.from({ length: count }, (_, i) => {
    const day = Math.sin((2 * Math.PI * i) / 288);
    const value = 10 + 3 * day + ((i * 7919) % 101) / 200 + (spikes.has(i) ? 9 : 0);
    return { partition: i % 2, key: `s${i % 2}`, value: { ts: START_MS + Math.floor(i / 2) * 300_000, value } };
  });
}

const flags = (topic: string, ...more: string[]) => [
  ...['run', '--topic', topic, '--time', 'ts', '--max-ahead', 'off', '--until', 'end', '-o', 'json'],
  ...['--detector', 'kpi', '--model', MODEL, ...more],
];

test('run: a model beside the detector, named in its alerts; replay --verify finds them again without it', async () => {
  await send(world.client, 'beside', 2, readings(4000, new Set([3000, 3501])));
  const more = ['--guarantee', 'exactly-once', '-X', 'score.model.timeout=60s', '-X', 'checkpoint.every=1s'];
  const { code, stderr, stdout } = await world.run(flags('beside', ...more));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /model nab-demo\.onnx \(sha256 [0-9a-f]{12}\) on onnxruntime/);
  assert.equal((JSON.parse(stdout) as { records: number }).records, 4000);
  const alerts = (await readTopic(world, 'beside.anomalies')).flat().map(({ value }) => value as Alert);
  const spike = alerts.find(({ offset, partition }) => partition === 0 && offset === 1500)!;
  assert.equal(spike.model?.name, 'nab-demo.onnx');
  assert.match(spike.model?.sha256 ?? '', /^[0-9a-f]{64}$/);
  assert.equal(spike.parts.at(-1)!.name, 'model');
  assert.ok(spike.parts.at(-1)!.score! > 2, JSON.stringify(spike.parts));
  // Neither asked nor loaded: where all that it reads is said, it need not be there.
  const said = { uri: 'gone.onnx', 'input.length': '24', 'input.fields': 'value', 'input.scaling': 'residual' };
  const keys = Object.entries(said).flatMap(([key, value]) => ['-X', `score.model.${key}=${value}`]);
  const verified = await world.run([
    ...[
      'replay',
      'beside',
      '--verify',
      '-X',
      'source.topics=beside',
      '-X',
      'source.time=ts',
      '-X',
      'time.max_ahead=off',
      '-o',
      'json',
    ],
    ...['-X', 'score.detector=kpi', '-X', 'guarantee=exactly-once', ...keys],
  ]);
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(verified.stdout, /beside\.anomalies/);
});

interface Alert {
  readonly partition: number;
  readonly offset: number;
  readonly model: { readonly name: string; readonly sha256: string | null } | null;
  readonly parts: readonly { readonly name: string; readonly score: number | null }[];
}

test('score on a pipe: the same alerts as of a run', async () => {
  const lines = await world.run(['replay', 'beside', '--to', '-']);
  assert.equal(lines.code, 0, lines.stderr);
  const scored = await world.run(
    [
      ...['score', '-', '--to', '-', '--time', 'ts', '--max-ahead', 'off', '--detector', 'kpi'],
      ...['-X', `score.model.uri=${MODEL}`, '-X', 'score.model.timeout=60s'],
    ],
    { stdin: lines.stdout },
  );
  assert.equal(scored.code, 0, scored.stderr);
  const alerts = scored.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Alert & { id: string; score: number });
  const written = (await readTopic(world, 'beside.anomalies')).flat().map(({ value }) => value as (typeof alerts)[0]);
  const shown = (list: typeof alerts) => list.map(({ id, score, model }) => [id, score, model]).sort();
  assert.deepEqual(shown(alerts), shown(written));
});

test('control promote: a running pipeline asks the version that an alias of the registry names', async () => {
  await send(world.client, 'promoted', 2, readings(600, new Set()));
  const registry = join(world.dir, 'registry');
  const add = ['model', 'add', MODEL, '--name', 'pump', '--alias', 'champion'];
  const added = await world.run([...add, '-X', `models.registry=${registry}`]);
  assert.equal(added.code, 0, added.stderr);
  const argv = ['run', '--topic', 'promoted', '--time', 'ts', '--max-ahead', 'off', '--model', MODEL, '-o', 'json'];
  const member = new Member(world, [...argv, '-X', `models.registry=${registry}`, '-X', 'status.every=100ms']);
  try {
    const status = async () => {
      const { code, stdout } = await world.run(['control', 'status', 'promoted', '-o', 'json']);
      return code === 0 ? (JSON.parse(stdout) as { members: { state: string; totals: { records: number } }[] }) : null;
    };
    while ((await status())?.members[0]?.totals.records !== 600);
    const promoted = await world.run(['control', 'promote', 'promoted', 'models:/pump@champion']);
    assert.equal(promoted.code, 0, promoted.stderr);
    assert.match(promoted.stdout, /pump version 1, in the place of nab-demo\.onnx; promoted\/0 at 300/);
    const wrong = await world.run(['control', 'promote', 'promoted', 'models:/pump/7']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /cannot promote.*no version 7/s);
  } finally {
    await member.stop();
  }
});

test('what does not fit is refused before the first topic is made', async () => {
  const cases: [string[], RegExp][] = [
    [['--detector', 'rolling-z'], /score\.model\.uri needs a detector whose score is -log10 p \(kpi, sensor, auto\)/],
    [['--window', '5m:count+anomalies'], /cannot be counted beside score\.model\.uri/],
    [['--when', 'detectr > 1'], /score\.when: .*there is no field detectr/s],
    [['-X', 'score.model.input.fields=pressure'], /the model reads the field pressure, and the fields are value/],
    [['--model', join(world.dir, 'gone.onnx')], /gone\.onnx/],
  ];
  for (const [more, message] of cases) {
    const { code, stderr } = await world.run(flags('beside', '--pipeline', 'refused', ...more));
    assert.notEqual(code, 0, more.join(' '));
    assert.match(stderr, message);
  }
  const alone = await world.run(['run', '--topic', 'beside', '-X', 'score.when=detector > 1', '--until', 'end']);
  assert.match(alone.stderr, /score\.when is of no use without score\.model\.uri/);
  assert.deepEqual(await world.client.admin.topics(['refused.anomalies', 'refused.journal']), []);
});
