import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { startWorld, type World } from '../helpers/world.ts';
import { type Child, killTheRest, startAnomaly } from './helpers/child.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Readings } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
afterEach(() => {
  killTheRest();
  world.broker.faults.clear();
  // What is still held by a fault happens now, to nobody.
  clock.leap(HELD_MS);
});
after(() => world.close());

const HELD_MS = 600_000;
/** The clock leaps past the retention checks, and the readings bear old times. */
const FOREVER = { 'retention.ms': '-1' };

/** Starts a pipeline on a topic of its own, and waits until its first windows are out. */
async function startPipeline(topic: string, ...more: string[]): Promise<{ child: Child; windows: TopicReader }> {
  const topics = [topic, `${topic}.windows`].map((name) => ({ name, partitions: 2, configs: FOREVER }));
  await world.client.admin.createTopics(topics);
  const producer = await world.client.createProducer();
  new Readings(producer, topic, 2, 10, 3).append(20_000);
  await producer.close();
  const child = startAnomaly(world, ['run', '--topic', topic, '--time', 'ts', '--window', '1m', ...more]);
  const windows = await TopicReader.open(world, `${topic}.windows`, 2);
  while (windows.count < 100) await windows.poll(100);
  return { child, windows };
}

const SHAPE = ['--max-ahead', 'off', '-o', 'json'];
/** No commit but those of the end. */
const NEVER = ['--commit-every', '1h', '--checkpoint-every', '1h'];
const offsetSum = async (group: string) =>
  (await world.client.admin.groupOffsets(group)).reduce((sum, { offset }) => sum + offset, 0);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: drains, commits what it processed, says so, and exits with 0`, async () => {
    const topic = `drained-${signal}`;
    const { child, windows } = await startPipeline(topic, ...SHAPE, ...NEVER);
    child.kill(signal);
    const { stdout, stderr, code } = await child.ended;
    assert.match(stderr, new RegExp(`${signal}: finishing what is in flight; once more to stop at once`));
    // One of what was processed, one that names the checkpoints.
    const { ended, records, windows: rows, commits } = JSON.parse(stdout);
    // The drain alone, as nothing was committed for an hour: the offsets, then the journal's word of the snapshots there.
    assert.deepEqual([code, ended, commits], [0, 'stopped', 2], stderr);
    assert.equal(await offsetSum(topic), records);
    await windows.toEnd(world);
    assert.deepEqual([windows.count, windows.distinctCount], [rows, rows]);
    await windows.close();
  });

  const exit = signal === 'SIGTERM' ? 143 : 130;
  test(`${signal} before the end that was asked for: drains, and exits with ${exit}`, async () => {
    const topic = `short-${signal}`;
    await world.client.admin.createTopics([{ name: topic, partitions: 1, configs: FOREVER }]);
    const producer = await world.client.createProducer();
    new Readings(producer, topic, 1, 10, 3).append(1000);
    await producer.close();
    // Its records never come.
    world.broker.faults.inject({ api: 'Fetch', delayMs: HELD_MS, probability: 1 });
    const child = startAnomaly(world, ['run', '--topic', topic, '--window', '1m', '--until', 'end', ...SHAPE]);
    await child.says(/assigned/);
    child.kill(signal);
    const { stdout, stderr, code } = await child.ended;
    assert.deepEqual([code, JSON.parse(stdout).ended], [exit, 'stopped'], stderr);
  });

  test(`${signal} twice: ends at once with 130`, async () => {
    const topic = `cut-${signal}`;
    const { child, windows } = await startPipeline(topic, ...SHAPE, ...NEVER);
    // The drain waits for the commit, which the broker holds.
    world.broker.faults.inject({ api: 'OffsetCommit', delayMs: HELD_MS });
    child.kill(signal);
    while (world.broker.faults.armedCount > 0) await windows.poll(20);
    child.kill(signal);
    const { stdout, code } = await child.ended;
    assert.deepEqual([code, stdout], [130, '']);
    assert.equal(await offsetSum(topic), 0);
    await windows.close();
  });
}
