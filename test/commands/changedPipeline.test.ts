import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { send, startWorld, type World } from '../helpers/world.ts';

const START = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

interface Pipeline {
  readonly name: string;
  readonly size?: string;
  readonly where?: string;
  readonly more?: string;
}

function configOf({ name, size = '1m', where = 'value > 0', more = '' }: Pipeline): string {
  writeFileSync(
    `${world.dir}/${name}.yaml`,
    `version: 1
pipeline: ${name}
source: {topics: [${name}], time: ts, fields: [value, flow], where: "${where}"}
time: {max_ahead: off, out_of_orderness: 0s, allowed_lateness: 1m}
windows:
  - {name: w1m, size: ${size}, aggregates: [count, mean]}
  - {name: c, type: count, size: 50, aggregates: [count, mean]}
features: [{name: trend, rolling: 3, statistic: mean, of: w1m.mean}, {name: old, rolling: 30s, statistic: mean, of: value}]
sinks: {format: json}
${more}`,
  );
  return `${name}.yaml`;
}

const readings = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => {
    const ts = START + (from + i) * 10_000;
    return { partition: 0, key: 'pump', timestamp: ts, value: { ts, value: 5 + ((from + i) % 3), flow: 1 } };
  });

async function run(config: string, ...more: string[]) {
  return await world.run(['run', '--config', config, '--until', 'end', '--leave-open', ...more]);
}

async function begun(pipeline: Pipeline): Promise<string> {
  const config = configOf(pipeline);
  await send(world.client, pipeline.name, 1, readings(0, 20));
  const { code, stderr } = await run(config);
  assert.equal(code, 0, stderr);
  return config;
}

test('a changed definition is named in the words of anomaly.yaml, with the flags to drop it where there are any', async () => {
  const config = await begun({ name: 'size' });
  configOf({ name: 'size', size: '2m' });
  const refused = await run(config);
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /as window\/w1m, feature\/trend: size was 1m and is 2m$/m);
  assert.match(refused.stderr, /--allow window\/w1m --allow feature\/trend/);
  const read = await world.run(['state', 'get', 'pump', '--config', config]);
  assert.equal(read.code, 5);
  assert.doesNotMatch(read.stderr, /--allow/);
  const wrong = await run(config, '--allow', 'window/w1m,feature/trend,window/w9m');
  assert.equal(wrong.code, 2, wrong.stderr);
  assert.match(wrong.stderr, /cannot drop window\/w9m .*\n?.*they have time, keys, window\/w1m, window\/c/);
  const dropped = await run(config, '--allow', 'window/w1m,feature/trend');
  assert.equal(dropped.code, 0, dropped.stderr);
  assert.match(dropped.stderr, /size\/0 goes on without the state of window\/w1m, feature\/trend, dropped by --allow/);
  await send(world.client, 'size', 1, readings(20, 40));
  // The flag may stay: what it names is in neither any more, or is as it was.
  const again = await run(config, '--allow', 'window/w1m,feature/trend');
  assert.equal(again.code, 0, again.stderr);
  assert.doesNotMatch(again.stderr, /goes on without/);
  const verified = await world.run(['replay', 'size', '--verify', '--config', config]);
  assert.notEqual(verified.code, 0);
  assert.match(verified.stderr, /changed at offset 20, at .*--offset 20: --partition 0 or --offset @TIME/);
  const since = await world.run(['replay', 'size', '--verify', '--config', config, '--offset', '20:']);
  assert.equal(since.code, 0, since.stderr);
});

test('a condition that changed is said once, and an empty or added beginning is told', async () => {
  const config = await begun({ name: 'told' });
  configOf({ name: 'told', where: 'value > 1' });
  const refused = await run(config);
  assert.equal(refused.stderr.match(/where was/g)!.length, 1, refused.stderr);
  const fresh = await run(config, '--fresh');
  assert.equal(fresh.code, 0, fresh.stderr);
  assert.match(fresh.stderr, /told\/0 begins with empty state at offset 20 by --fresh/);
  await send(world.client, 'told', 1, readings(20, 30));
  assert.equal((await run(config)).code, 0);
  configOf({ name: 'told', where: 'value > 1', more: 'score: {detector: range, max: 100}\n' });
  const added = await run(config);
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stderr, /told\/0 goes on with score added, which begins empty/);
});

test('state get shows an open window once, count windows that are not full, fields by name and times as such', async () => {
  const config = await begun({ name: 'shown' });
  const { stdout, stderr } = await world.run(['state', 'get', 'pump', '--config', config, '-o', 'json']);
  const { operators } = JSON.parse(stdout || stderr);
  const windows = (id: string) =>
    operators[id].map((each: { field: string; start: number; count: number }) => [each.field, each.start, each.count]);
  assert.deepEqual(windows('window/w1m').slice(-2), [
    ['value', START + 180_000, 2],
    ['flow', START + 180_000, 2],
  ]);
  assert.equal(new Set(windows('window/w1m').map(String)).size, operators['window/w1m'].length);
  assert.deepEqual(windows('window/c'), [
    ['value', START, 20],
    ['flow', START, 20],
  ]);
  assert.deepEqual(
    operators['feature/trend'].map(({ field }: { field: string }) => field),
    ['value', 'flow'],
  );
  const exported = await world.run(['checkpoint', 'export', 'latest', '--to', '-', '--config', config]);
  const rows = JSON.parse(exported.stdout).open_windows as { window: string }[];
  assert.deepEqual(
    rows.map(({ window }) => window).sort(),
    [...operators['window/w1m'].map(() => 'w1m'), 'c', 'c'].sort(),
  );
  const text = await world.run(['state', 'get', 'pump', '--config', config]);
  assert.match(text.stdout, /span 30s/);
  assert.doesNotMatch(text.stdout, / \d{12,}/);
});

test('of several groups that of anomaly.yaml is meant, and a rescaled state is never latest', async () => {
  const config = await begun({ name: 'several' });
  const latest = async () => {
    const { code, stdout, stderr } = await world.run(['state', 'get', 'pump', '--config', config, '-o', 'json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const former = await latest();
  const rescaled = await world.run(['checkpoint', 'rescale', 'latest', '--partitions', '2', '--config', config]);
  assert.equal(rescaled.code, 0, rescaled.stderr);
  assert.equal((await latest()).checkpoint, former.checkpoint);
  const named = await world.run(['checkpoint', 'show', 'latest-by-2', '--config', config]);
  assert.equal(named.code, 0, named.stderr);
});
