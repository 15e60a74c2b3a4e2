import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { startWorld, type World } from '../helpers/world.ts';
import { type Child, killTheRest, startAnomaly } from './helpers/child.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Readings, seeded } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const PARTITIONS = 4;
const SERIES_EACH = 50;
const SLICE_RECORDS = 20_000;
/** Longer than a session, which the run sets to ten seconds. */
const SESSION_MS = 15_000;
/** What is held at death happens after all when the clock leaps. */
const HELD_MS = 14_000;
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
afterEach(killTheRest);
after(() => world.close());

/** The moments of death: somewhere among the outputs, with outputs that never arrive, or between snapshot and commit. */
const DEATHS = ['rows', 'commit', 'output', 'rows', 'commit'] as const;
const SINKS = ['windows', 'anomalies', 'late', 'dlq'] as const;

const flags = (pipeline: string, ...more: string[]) => [
  'run',
  ...['--topic', 'readings', '--pipeline', pipeline, '--time', 'ts', '--window', '1m', '--max-ahead', 'off'],
  ...['--detector', 'rolling-z', '--commit-every', '100ms'],
  ...SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${pipeline}.${sink}`]),
  ...more,
];

test('a pipeline killed again and again puts out what an undisturbed one does; repeats are exact copies', async (t) => {
  const random = seeded(20_261);
  // The clock leaps towards the retention checks, a slow machine comes to them, and the readings bear old times.
  const configs = { 'retention.ms': '-1' };
  const topics = ['readings', ...SINKS.map((sink) => `killed.${sink}`)];
  await world.client.admin.createTopics(topics.map((name) => ({ name, partitions: PARTITIONS, configs })));
  const producer = await world.client.createProducer();
  const readings = new Readings(producer, 'readings', PARTITIONS, SERIES_EACH, 7);
  const windows = await TopicReader.open(world, 'killed.windows', PARTITIONS);
  for (const death of DEATHS) {
    const child = startAnomaly(world, flags('killed'));
    readings.append(SLICE_RECORDS);
    if (death === 'output') {
      await readings.flush();
      // What it puts out never arrives. It gets time for a commit, which it must not make.
      world.broker.faults.inject({ api: 'Produce', delayMs: HELD_MS, drop: 'before' });
      while (world.broker.faults.armedCount > 0) await pollOf(windows, child);
      for (let polls = 0; polls < 20; polls++) await pollOf(windows, child);
    } else {
      await liveOn(death, random, readings, windows, child);
    }
    child.kill('SIGKILL');
    assert.equal((await child.ended).signal, 'SIGKILL');
    // So the broker takes note of the death.
    clock.leap(SESSION_MS);
  }
  await producer.flush();
  await windows.close();

  const last = await world.run(flags('killed', '--until', 'end', '-o', 'json'));
  assert.equal(last.code, 0, last.stderr);
  const whole = await world.run(flags('whole', '--until', 'end', '-o', 'json'));
  assert.equal(whole.code, 0, whole.stderr);
  assert.equal(JSON.parse(whole.stdout).records, readings.count);
  for (const sink of SINKS) await assertSameRows(sink, (line) => t.diagnostic(line));

  const sources = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 'readings', partition }));
  const ends = await world.client.admin.listOffsets(sources, 'latest');
  assert.deepEqual(await world.client.admin.groupOffsets('killed', sources), ends);
});

/** It lives for some commits, or until the broker holds the one after those, and then for some more rows. */
async function liveOn(
  death: 'rows' | 'commit',
  random: () => number,
  readings: Readings,
  windows: TopicReader,
  child: Child,
): Promise<void> {
  const { faults } = world.broker;
  faults.inject({ api: 'OffsetCommit', delayMs: 0, count: 1 + Math.floor(random() * 2) });
  if (death === 'commit') faults.inject({ api: 'OffsetCommit', delayMs: HELD_MS });
  const rows = death === 'rows' ? Math.floor(random() * 500) : 0;
  for (let target = Infinity; windows.count < target; ) {
    // Only a pipeline that moves sends requests.
    readings.append(200);
    await pollOf(windows, child);
    if (faults.armedCount === 0 && target === Infinity) target = windows.count + rows;
  }
}

async function pollOf(windows: TopicReader, child: Child): Promise<void> {
  await windows.poll(20);
  assert.doesNotMatch(child.stderr(), /error\[/);
}

/** By partition: the same rows in the same order, once repeats are taken out; and the undisturbed run has no repeats. */
async function assertSameRows(sink: string, say: (line: string) => void): Promise<void> {
  const whole = await (await TopicReader.open(world, `whole.${sink}`, PARTITIONS)).toEnd(world);
  const killed = await (await TopicReader.open(world, `killed.${sink}`, PARTITIONS)).toEnd(world);
  say(`${sink}: ${whole.count} rows, and ${killed.count - killed.distinctCount} repeats by kills`);
  assert.ok(whole.count > 20, `${whole.count} ${sink}`);
  assert.equal(whole.distinctCount, whole.count);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    assert.deepEqual([...killed.distinct[partition]!], whole.values[partition], `${sink} of partition ${partition}`);
  }
  await Promise.all([whole.close(), killed.close()]);
}
