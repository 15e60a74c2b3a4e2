// Results depend on a partition's records and their order only: not on where a batch, a commit or a checkpoint ends.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startWorld, type World } from '../helpers/world.ts';
import { brokenPromises } from './helpers/brokenPromises.ts';
import { Member, runFlags, SINKS } from './helpers/member.ts';
import { Readings, seeded } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 6);
const PARTITIONS = 4;
const RECORDS = 12_000;
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** The same readings, in batches as they come: `batches` draws how many records are sent at a time. */
async function load(topic: string, batches: () => number): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: PARTITIONS, configs: { 'retention.ms': '-1' } }]);
  const producer = await world.client.createProducer();
  const readings = new Readings(producer, topic, PARTITIONS, 20, SEED);
  while (readings.count < RECORDS) {
    readings.append(Math.min(batches(), RECORDS - readings.count));
    await readings.flush();
  }
  await producer.close();
}

/** How many record batches a topic has, by the offsets that polls give. */
async function batchesOf(topic: string): Promise<number> {
  const consumer = await world.client.createConsumer({ maxWaitMs: 50 });
  const places = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 0 }));
  const ends = await world.client.admin.listOffsets(places, 'latest');
  await consumer.assign(places);
  let batches = 0;
  while (ends.some(({ partition, offset }) => consumer.position(topic, partition) < offset)) {
    if ((await consumer.poll(100)) !== null) batches++;
  }
  await consumer.close();
  return batches;
}

test('batches of any size, commits and checkpoints at any pace give the same outputs, record for record', async (t) => {
  t.diagnostic(`seed ${SEED} (ANOMALY_TEST_SEED)`);
  const random = seeded(SEED);
  await load('large', () => RECORDS / 2);
  await load('small', () => 1 + Math.floor(random() ** 2 * 200));
  const [large, small] = [await batchesOf('large'), await batchesOf('small')];
  assert.ok(small > 10 * large, `${small} batches against ${large}`);
  const runs = [
    { pipeline: 'whole', topic: 'large', commit: '20s', checkpoint: '1h' },
    { pipeline: 'eager', topic: 'large', commit: '1ms', checkpoint: '1ms' },
    { pipeline: 'mixed', topic: 'small', commit: '10ms', checkpoint: '35ms' },
    { pipeline: 'lazy', topic: 'small', commit: '20s', checkpoint: '1h' },
  ];
  for (const { pipeline, topic, commit, checkpoint } of runs) {
    const pace = ['--commit-every', commit, '--checkpoint-every', checkpoint, '--transaction-timeout', '60s'];
    const { code, stderr, stdout } = await new Member(world, runFlags(topic, pipeline, ...pace, '--until', 'end'))
      .ended;
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).records, RECORDS);
  }
  // Rows and the headers of dead letters name the source.
  const alike = (row: string) => row.replaceAll(/"topic":"[^"]*"/g, '').replaceAll(/large|small/g, '');
  for (const { pipeline } of runs.slice(1)) {
    assert.deepEqual(await brokenPromises(world, PARTITIONS, SINKS, pipeline, 'whole', alike), [], pipeline);
  }
  const windows = await (await TopicReader.open(world, 'whole.windows', PARTITIONS)).toEnd(world);
  assert.ok(windows.count > 500, `${windows.count} windows`);
  await windows.close();
});
