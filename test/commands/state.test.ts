import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { send, startWorld, type World } from '../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 1);
const YAML = `
version: 1
pipeline: pumps
source: {topics: [pumps], time: ts}
time: {max_ahead: off, out_of_orderness: 0s}
windows: [{name: w1m, type: tumbling, size: 1m}]
features: [{name: mean_3, rolling: 3, of: value}]
score: {detector: rolling-z, window: 20, min_count: 3, threshold: 4}
`;
let world: World;
before(async () => {
  world = await startWorld();
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${world.dir}/anomaly.yaml`, YAML);
  const records = Array.from({ length: 90 }, (_, i) => ({
    partition: i % 3 === 2 ? 1 : 0,
    key: ['pump-1', 'pump-2', 'fan'][i % 3]!,
    value: { ts: START_MS + i * 1_000, value: i % 3 === 0 ? 10 + (i % 2) : 5 },
  }));
  await send(world.client, 'pumps', 2, [...records, { partition: 0, key: 'rare', value: { ts: START_MS, value: 1 } }]);
  const { code, stderr } = await world.run(['run', '--until', 'end', '--leave-open']);
  assert.equal(code, 0, stderr);
});
after(() => world.close());

async function json(...argv: string[]) {
  const { code, stdout, stderr } = await world.run([...argv, '-o', 'json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test('state get shows what each operator holds of a series, as it would go on', async () => {
  const found = await json('state', 'get', 'pump-1');
  assert.equal(found.series, 'pump-1');
  assert.equal(found.partition, 'pumps/0');
  assert.equal(found.records, 30);
  assert.equal(found.last_seen, '2026-01-01T00:01:27.000Z');
  assert.ok(found.age_ms >= 0);
  const values = Array.from({ length: 30 }, (_, k) => 10 + ((3 * k) % 2));
  const open = values.slice(20);
  assert.deepEqual(found.operators['window/w1m'], [
    {
      field: 'value',
      start: START_MS + 60_000,
      end: START_MS + 120_000,
      count: 10,
      mean: open.reduce((sum, value) => sum + value, 0) / 10,
      min: 10,
      max: 11,
      stddev: 0.5,
    },
  ]);
  const [mean] = found.operators['feature/mean_3'];
  assert.equal(mean.values, 3);
  assert.ok(Math.abs(mean.mean - (11 + 10 + 11) / 3) < 1e-12);
  const [score] = found.operators['score'];
  assert.deepEqual(
    [score.detector, score.of_last, score.values, score.threshold, score.last_alert],
    ['rolling-z', 20, 20, 4, null],
  );
  assert.ok(Math.abs(score.mean - 10.5) < 1e-12 && Math.abs(score.upper - (10.5 + 4 * 0.5)) < 1e-9);
  const { stdout } = await world.run(['state', 'get', 'pump-1']);
  assert.match(stdout, /pump-1 in pumps\/0 at offset \d+, checkpoint .* old\n/);
  assert.match(stdout, /window\/w1m\n {2}field value, start 2026-01-01T00:01:00\.000Z, .*count 10/);
});

test('state get names what is not there, and how a definition differs', async () => {
  const unknown = await world.run(['state', 'get', 'pump-9']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /ANM_SERIES_UNKNOWN.*no series pump-9 among the 4 of 2 partitions/);
  const other = await world.run(['state', 'get', 'fan', '-X', 'score.window=30']);
  assert.equal(other.code, 5);
  assert.match(other.stderr, /score: window was 20 and is 30/);
  const empty = await world.run(['state', 'top', '--checkpoint-store', `${world.dir}/nowhere`]);
  assert.notEqual(empty.code, 0);
});

test('state top ranks series and operators', async () => {
  const names = async (...argv: string[]) =>
    ((await json('state', 'top', ...argv)).top as { series: string }[]).map(({ series }) => series);
  assert.deepEqual(await names('--by', 'records'), ['fan', 'pump-1', 'pump-2', 'rare']);
  assert.deepEqual(await names('--by', 'last_seen', '-n', '2'), ['rare', 'pump-1']);
  assert.deepEqual((await names()).at(-1), 'rare', 'a series with one value has the smallest row');
  const top = await json('state', 'top');
  assert.deepEqual([top.series, top.top[0].records, top.top[3].last_seen], [4, 30, '2026-01-01T00:00:00.000Z']);
  assert.ok(top.operators.some(({ id, bytes }: { id: string; bytes: number }) => id === 'score' && bytes > 0));
  const { stdout } = await world.run(['state', 'top']);
  assert.match(stdout, /4 series in 2 partitions, by bytes; checkpoints .* old/);
});
