import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { startWorld, type World } from '../helpers/world.ts';
import { type Child, killTheRest, startAnomaly } from './helpers/child.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Readings } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const PARTITIONS = 4;
/** Longer than a session of ten seconds, shorter by far than the transaction's. */
const LEAP_MS = 12_000;
const LONG = ['--transaction-timeout', '15m'];
/** For what takes one to three seconds here; the transaction that was left open would take fifteen minutes. */
const SOON_MS = 200_000;
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
afterEach(killTheRest);
after(() => world.close());

const start = (pipeline: string, ...more: string[]): Child =>
  startAnomaly(world, [
    'run',
    ...['--topic', pipeline, '--pipeline', pipeline, '--time', 'ts', '--window', '1m', '--max-ahead', 'off'],
    ...['--guarantee', 'exactly-once', '--commit-every', '50ms', '-X', `sinks.windows=${pipeline}.windows`],
    ...more,
  ]);

const slots = (pipeline: string): string[] =>
  readdirSync(join(world.dir, 'state', 'anomaly', 'members', pipeline, hostname())).sort();

async function prepare(pipeline: string): Promise<{ readings: Readings; windows: TopicReader }> {
  const configs = { 'retention.ms': '-1' };
  const topics = [pipeline, `${pipeline}.windows`].map((name) => ({ name, partitions: PARTITIONS, configs }));
  await world.client.admin.createTopics(topics);
  const readings = new Readings(await world.client.createProducer(), pipeline, PARTITIONS, 20, 3);
  return { readings, windows: await TopicReader.open(world, `${pipeline}.windows`, PARTITIONS) };
}

/** Feeds the pipeline until so many more windows are committed. @returns milliseconds that it took */
async function untilMore(rows: number, readings: Readings, windows: TopicReader, child: Child): Promise<number> {
  const target = windows.count + rows;
  return await until(() => windows.count >= target, readings, windows, child);
}

async function until(isThere: () => boolean, readings: Readings, windows: TopicReader, child: Child): Promise<number> {
  const begun = performance.now();
  while (!isThere()) {
    readings.append(200);
    await windows.poll(20);
    assert.doesNotMatch(child.stderr(), /error\[/);
    assert.ok(performance.now() - begun < SOON_MS, `not there after ${SOON_MS} ms:\n${child.stderr()}`);
  }
  return performance.now() - begun;
}

/** Dies with a transaction that has outputs and offsets, and whose end never comes to the broker. */
async function dieInTransaction(child: Child, readings: Readings, windows: TopicReader): Promise<void> {
  await untilMore(50, readings, windows, child);
  world.broker.faults.inject({ api: 'EndTxn', delayMs: 3_600_000 });
  await until(() => world.broker.faults.armedCount === 0, readings, windows, child);
  child.kill('SIGKILL');
  assert.equal((await child.ended).signal, 'SIGKILL');
  clock.leap(LEAP_MS);
}

test('killed in the middle of a transaction and started again, it waits for the session, not for the transaction', async (t) => {
  const { readings, windows } = await prepare('heir');
  await dieInTransaction(start('heir', ...LONG), readings, windows);
  const heir = start('heir', ...LONG);
  t.diagnostic(`goes on after ${Math.round(await untilMore(50, readings, windows, heir))} ms`);
  assert.deepEqual(slots('heir'), ['0']);
  heir.kill('SIGTERM');
  assert.equal((await heir.ended).code, 0, heir.stderr());
  await windows.close();
  // What was open when it died is aborted, and put out once by its heir.
  const all = await (await TopicReader.open(world, 'heir.windows', PARTITIONS)).toEnd(world);
  assert.equal(all.distinctCount, all.count);
  await all.close();
});

test('two members at once have ids of their own: neither fences the other', async () => {
  const { readings, windows } = await prepare('pair');
  const pair = [start('pair'), start('pair')] as const;
  for (;;) {
    await untilMore(20, readings, windows, pair[0]);
    const { members, state } = await world.client.admin.describeGroup('pair');
    if (state === 'Stable' && members.length === 2 && members.every((each) => each.partitions.length > 0)) break;
  }
  for (let round = 0; round < 5; round++) await untilMore(50, readings, windows, pair[1]);
  assert.deepEqual(slots('pair'), ['0', '1']);
  for (const child of pair) child.kill('SIGTERM');
  for (const child of pair) {
    const { code, stderr } = await child.ended;
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /fenced|taken (it )?over|restart/i);
  }
  await windows.close();
});

test('where no name can be kept, it says what that costs and runs', async () => {
  const { readings, windows } = await prepare('nameless');
  const file = join(world.dir, 'file');
  writeFileSync(file, '');
  const checkpoints = join(world.dir, 'checkpoints');
  const child = start('nameless', '--state-dir', file, '--checkpoint-store', checkpoints);
  await untilMore(20, readings, windows, child);
  child.kill('SIGTERM');
  const { code, stderr } = await child.ended;
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /cannot keep this member's name in .*file \(state_dir\): ENOTDIR.*transaction_timeout \(10000 ms\)/,
  );
  await windows.close();
});
