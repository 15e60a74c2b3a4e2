import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readTopic, send, startWorld, type World } from '../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 1);
const FLAGS = [
  '--time',
  'ts',
  '--window',
  '1m',
  '--detector',
  'rolling-z',
  '--max-ahead',
  'off',
  '--out-of-orderness',
  '0s',
];
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Readings a second apart of series in turn; some have spikes. */
async function fill(topic: string, records: number, series: (i: number) => string): Promise<void> {
  const list = Array.from({ length: records }, (_, i) => ({
    partition: 0,
    key: series(i),
    value: { ts: START_MS + i * 1_000, value: (i % 11) + (i % 997 === 996 ? 500 : 0) },
  }));
  await send(world.client, topic, 1, list);
}

async function run(topic: string, ...more: string[]): Promise<Record<string, number>> {
  const args = ['run', '--topic', topic, ...FLAGS, '--until', 'end', '-o', 'json', ...more];
  const { code, stdout, stderr } = await world.run(args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, number>;
}

async function outputsOf(topic: string): Promise<string> {
  const sinks = ['windows', 'anomalies'];
  const rows = await Promise.all(sinks.map(async (sink) => (await readTopic(world, `${topic}.${sink}`))[0] ?? []));
  assert.ok(rows.every((list) => list.length > 0));
  return JSON.stringify(rows.map((list) => list.map(({ value }) => value))).replaceAll(`"${topic}"`, '"t"');
}

test('records of a series too many go to dead letters with the reason, and count as no bad data', async () => {
  await fill('full', 600, (i) => `s${i % 5}`);
  const totals = await run('full', '--max-series', '2', '--max-bad-rate', '0.01');
  assert.deepEqual([totals['series'], totals['dead_letters']], [2, 360]);
  const letters = (await readTopic(world, 'full.dlq'))[0]!;
  assert.equal(letters.length, 360);
  const headers = letters[0]!['headers'] as Record<string, string>;
  assert.match(headers['__streams.errors.message']!, /ANM_SERIES_LIMIT: .* 2 series of state\.max_series/);
  assert.equal(headers['__streams.errors.offset'], '2');
});

test('the series seen least recently makes place, and a time to live lets the silent ones go, over a restart too', async () => {
  await fill('churn', 3_000, (i) => `session-${Math.floor(i / 30)}`);
  const evicted = await run('churn', '--max-series', '6', '--on-full', 'evict', '--leave-open');
  assert.deepEqual([evicted['dead_letters'], evicted['series']], [0, 6]);
  const ttl = await run('churn', '--pipeline', 'ttl', '--state-ttl', '5m', '--leave-open');
  assert.ok(ttl['series']! >= 10 && ttl['series']! <= 12, `${ttl['series']} series`);
  await fill('churn', 1, () => 'late-comer');
  assert.ok((await run('churn', '--pipeline', 'ttl', '--state-ttl', '5m', '--leave-open'))['series']! <= 12);
});

test('state in lmdb computes what state in memory does, over a restart too', async () => {
  for (const topic of ['memory', 'lmdb']) {
    const more = topic === 'lmdb' ? ['--state-backend', 'lmdb', '--hot-series', '1024'] : [];
    await fill(topic, 12_000, (i) => `s${(i * 7919) % 3_000}`);
    await run(topic, ...more, '--leave-open', '--min-count', '2', '--threshold', '2');
    await fill(topic, 12_000, (i) => `s${(i * 7907) % 3_000}`);
    await run(topic, ...more, '--min-count', '2', '--threshold', '2');
  }
  assert.equal(await outputsOf('lmdb'), await outputsOf('memory'));
});

test('the state of lmdb goes on in memory, and back', async () => {
  await fill('moved', 6_000, (i) => `s${i % 2_000}`);
  await run('moved', '--state-backend', 'lmdb', '--hot-series', '1024', '--leave-open');
  assert.equal((await run('moved', '--leave-open'))['series'], 2_000);
  await fill('moved', 2_000, (i) => `s${i % 2_000}`);
  assert.equal((await run('moved', '--state-backend', 'lmdb', '--leave-open'))['records'], 2_000);
});
