// The promise of exactly once: whatever dies, errs or tears, each output is there once, in the order of an undisturbed run.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { startWorld, type World } from '../helpers/world.ts';
import { ACCESS_KEY, BUCKET, type FakeS3, SECRET_KEY, startFakeS3 } from '../stores/helpers/fakeS3.ts';
import { killTheRest } from './helpers/child.ts';
import { BESIDES, STEPS } from './helpers/deathPlace.ts';
import { readByForeign, wantsForeign } from './helpers/foreignReader.ts';
import { KilledPipeline } from './helpers/killedPipeline.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Readings, seeded } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';
import { TornS3 } from './helpers/tornS3.ts';

/** `npm run invariants` takes a hundred, see README.md. */
const KILLS = Number(process.env['ANOMALY_TEST_KILLS'] ?? 12);
const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 8_128);
/** From so many on every place has to have been hit. */
const KILLS_OF_ALL_PLACES = 100;
const PARTITIONS = 4;
const SERIES_EACH = 40;
const SINKS = ['windows', 'anomalies', 'late', 'dlq'] as const;

const clock = new LeapClock();
let world: World;
let s3: FakeS3;
before(async () => {
  s3 = await startFakeS3();
  const plain = await startWorld({ clock });
  const env = {
    ...plain.env,
    AWS_ENDPOINT_URL: s3.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: SECRET_KEY,
  };
  world = { ...plain, env };
});
afterEach(killTheRest);
after(async () => {
  await Promise.all([world.close(), s3.close()]);
});

const flags = (pipeline: string, ...more: string[]) => [
  'run',
  ...['--topic', 'readings', '--pipeline', pipeline, '--time', 'ts', '--window', '1m', '--max-ahead', 'off'],
  ...['--detector', 'rolling-z', '--guarantee', 'exactly-once', '--commit-every', '50ms'],
  ...['--checkpoint-store', `s3://${BUCKET}/${pipeline}`, '--checkpoint-every', '250ms'],
  ...['-X', 'checkpoint.retain=4', '-X', 'checkpoint.max_failures=1000', '--transaction-timeout', '5s'],
  ...SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${pipeline}.${sink}`]),
  ...more,
];

const told = (map: ReadonlyMap<string, number>) => [...map].map(([what, count]) => `${count} x ${what}`).join(', ');

test(`killed ${KILLS} times at random, with rebalances and faults: as an undisturbed run, record for record`, async (t) => {
  t.diagnostic(`seed ${SEED} (ANOMALY_TEST_SEED)`);
  // The clock leaps past the retention checks, and the readings bear old times.
  const configs = { 'retention.ms': '-1' };
  const topics = ['readings', ...SINKS.map((sink) => `killed.${sink}`)];
  await world.client.admin.createTopics(topics.map((name) => ({ name, partitions: PARTITIONS, configs })));
  const producer = await world.client.createProducer();
  const readings = new Readings(producer, 'readings', PARTITIONS, SERIES_EACH, SEED);
  const windows = await TopicReader.open(world, 'killed.windows', PARTITIONS);
  const store = new TornS3(s3, seeded(SEED + 1));
  const drawn = { random: seeded(SEED), requestRandom: seeded(SEED + 2) };
  const argv = flags('killed');
  const killed = new KilledPipeline({ world, clock, store, ...drawn, readings, windows, group: 'killed', argv });
  for (let kill = 0; kill < KILLS; kill++) await killed.live();
  await killed.calm();
  await producer.flush();
  await windows.close();
  t.diagnostic(`killed: ${told(killed.steps)}; meanwhile: ${told(killed.besides)}`);
  const { joined, left, killed: alsoKilled } = killed.second;
  t.diagnostic(`the second member joined ${joined} times, left ${left} times, was killed ${alsoKilled} times`);
  t.diagnostic(`the store: ${told(store.struck)}, ${store.tornCount} checkpoints torn`);
  if (KILLS >= KILLS_OF_ALL_PLACES) {
    for (const step of STEPS) assert.ok((killed.steps.get(step) ?? 0) > 0, `no kill ${step}`);
    for (const beside of BESIDES) assert.ok((killed.besides.get(beside) ?? 0) > 0, `no kill at a ${beside}`);
    assert.ok(left > 0 && alsoKilled > 0);
  }

  const last = await world.run(flags('killed', '--until', 'end', '-o', 'json'), { env: world.env });
  assert.equal(last.code, 0, last.stderr);
  const whole = await world.run(flags('whole', '--until', 'end', '-o', 'json'), { env: world.env });
  assert.equal(whole.code, 0, whole.stderr);
  // More where its session ran out on a busy machine, and it read again what it had not committed.
  assert.ok(JSON.parse(whole.stdout).records >= readings.count, whole.stdout);
  let rows = 0;
  for (const sink of SINKS) rows += await assertEqualRecords(sink);
  t.diagnostic(`${readings.count} records, ${rows} output records, none missing, doubled or out of order`);

  const sources = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 'readings', partition }));
  const ends = await world.client.admin.listOffsets(sources, 'latest');
  assert.deepEqual(await world.client.admin.groupOffsets('killed', sources), ends);
});

/** By partition: the same committed records in the same order, none missing and none twice. */
async function assertEqualRecords(sink: string): Promise<number> {
  const whole = await (await TopicReader.open(world, `whole.${sink}`, PARTITIONS)).toEnd(world);
  const killed = await (await TopicReader.open(world, `killed.${sink}`, PARTITIONS)).toEnd(world);
  const foreign = wantsForeign() ? await readByForeign(world, `killed.${sink}`, PARTITIONS) : killed.values;
  assert.ok(whole.count > 0, sink);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    assert.deepEqual(killed.values[partition], whole.values[partition], `${sink} of partition ${partition}`);
    assert.deepEqual(foreign[partition], whole.values[partition], `${sink} of partition ${partition}, by kafkajs`);
  }
  await Promise.all([whole.close(), killed.close()]);
  return killed.count;
}
