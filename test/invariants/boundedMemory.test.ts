import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import type { Consumer, KafkaClient } from '../../src/clients/client.ts';
import type { Producer } from '../../src/clients/producer.ts';
import { type JobResult, runJob } from '../../src/runtime/job.ts';
import type { CheckpointStore } from '../../src/stores/checkpointStore.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { configOf, LogLines } from '../runtime/helpers/config.ts';
import { MemoryCheckpoints } from '../runtime/helpers/memoryCheckpoints.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { TopicReader } from './helpers/topicReader.ts';

const RECORDS = 40_000;
const RECORD_BYTES = 200;
const BUFFER_BYTES = 512 * 1024;
const FETCH_BYTES = 128 * 1024;
const HELD_MS = 200_000;
/** So that the leap over what was held is no silence of the member. */
const SESSION_MS = 300_000;
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
after(() => world.close());

/** The job's own client, with small buffers and its parts in sight; `full` resolves when a batch has to wait. */
function watched(client: KafkaClient) {
  let resolve!: () => void;
  const full = new Promise<void>((yes) => {
    resolve = yes;
  });
  const parts: { producer?: Producer; consumer?: Consumer } = {};
  const watch = (producer: Producer) => {
    const ready = producer.ready.bind(producer);
    producer.ready = () => {
      const room = ready();
      if (room !== null) resolve();
      return room;
    };
    parts.producer = producer;
  };
  const inSight: KafkaClient = {
    kind: client.kind,
    admin: client.admin,
    createProducer: async (options) => {
      const producer = await client.createProducer({ ...options, bufferBytes: BUFFER_BYTES });
      watch(producer);
      return producer;
    },
    createTransactionalProducer: async (options) => {
      const producer = await client.createTransactionalProducer({ ...options, bufferBytes: BUFFER_BYTES });
      watch(producer);
      return producer;
    },
    createConsumer: async (options) => {
      const consumer = await client.createConsumer({
        ...options,
        maxPartitionBytes: FETCH_BYTES,
        sessionTimeoutMs: SESSION_MS,
      });
      // The one without a group reads the journal.
      if (options?.groupId !== undefined) parts.consumer = consumer;
      return consumer;
    },
    close: () => client.close(),
  };
  return { inSight, full, parts };
}

/** A topic of records that all become dead letters, so as much has to go out as comes in. */
async function flood(topic: string): Promise<void> {
  // Its records are as old as the epoch, and the clock leaps past the checks of retention.
  await world.client.admin.createTopics([{ name: topic, partitions: 1, configs: { 'retention.ms': '-1' } }]);
  const source = await world.client.createProducer();
  const value = Buffer.alloc(RECORD_BYTES, 'x');
  for (let i = 0; i < RECORDS; i++) source.append(topic, 0, 0, null, -1, -1, value, 0, value.length);
  await source.close();
}

async function start(client: KafkaClient, topic: string, more: readonly string[], store: CheckpointStore) {
  const yaml = [
    `source: {topics: [${topic}], format: json}`,
    'windows: [{name: w1m, type: tumbling, size: 1m}]',
    'sinks: {format: json}',
    ...more,
  ];
  return runJob({
    ...{ client, registry: undefined, config: await configOf(`${yaml.join('\n')}\n`) },
    ...{ stage: 'run', groupId: topic, toolVersion: '0', localDir: tmpdir() },
    openCheckpoints: async () => store,
    recovery: { fresh: false, acceptGap: false, allow: [] },
    ...{ untilEnd: true, leaveOpen: false, maxBadRate: 1, logger: new LogLines(), now: Date.now },
    ticks: () => performance.now(),
    signal: new AbortController().signal,
  });
}

async function assertAllIsOut(topic: string, { totals }: JobResult): Promise<void> {
  assert.deepEqual([totals.records, totals.deadLetters], [RECORDS, RECORDS]);
  const letters = await (await TopicReader.open(world, `${topic}.dlq`, 1)).toEnd(world);
  assert.equal(letters.count, RECORDS);
  await letters.close();
}

/** A letter is its record and some two hundred bytes of headers; the batch that filled the buffer is in it whole. */
const MOST_HELD = (BUFFER_BYTES + 4 * FETCH_BYTES) / RECORD_BYTES;

test('a sink that does not answer stops the fetching: no more than the buffers is held, and all goes on after', async () => {
  await flood('flood');
  // The first is the owner's claim in the journal, before anything is read.
  world.broker.faults.inject({ api: 'Produce', delayMs: HELD_MS, count: 1e9, skip: 1 });
  const { inSight, full, parts } = watched(world.client);
  const job = start(inSight, 'flood', [], new MemoryCheckpoints());
  await full;
  const { producer, consumer } = parts as Required<typeof parts>;
  const position = consumer.position('flood', 0);
  const waiting = producer.stats.recordsAppended - producer.stats.recordsAcknowledged;
  assert.ok(waiting > 0 && waiting < MOST_HELD, `${waiting} of at most ${MOST_HELD} letters wait`);
  assert.ok(position < RECORDS / 2, `it read up to ${position}`);
  // As many round trips as it likes: it must not read on.
  for (let i = 0; i < 50; i++) await world.client.admin.topics(['flood']);
  assert.equal(consumer.position('flood', 0), position);
  assert.equal(producer.stats.recordsAppended - producer.stats.recordsAcknowledged, waiting);
  assert.deepEqual(await world.client.admin.groupOffsets('flood'), [], 'nothing is committed before it is out');

  world.broker.faults.clear();
  clock.leap(HELD_MS);
  await assertAllIsOut('flood', await job);
});

test('a transaction whose end is not answered stops the fetching, and all is there once after', async () => {
  await flood('held');
  world.broker.faults.inject({ api: 'EndTxn', delayMs: HELD_MS, count: 1e9 });
  const { inSight, full, parts } = watched(world.client);
  const job = start(inSight, 'held', ['guarantee: exactly-once'], new MemoryCheckpoints());
  await full;
  const { consumer } = parts as Required<typeof parts>;
  const position = consumer.position('held', 0);
  // Nothing is committed, so every record that was read is held as a letter.
  assert.ok(position > 0 && position < MOST_HELD, `it read ${position} records, and may hold ${MOST_HELD}`);
  for (let i = 0; i < 50; i++) await world.client.admin.topics(['held']);
  assert.equal(consumer.position('held', 0), position);
  assert.deepEqual(await world.client.admin.groupOffsets('held'), []);

  // The broker aborts what was open for longer than transaction_timeout; what was held is sent again.
  world.broker.faults.clear();
  clock.leap(HELD_MS);
  await assertAllIsOut('held', await job);
});

test('a store that does not answer holds one snapshot of a partition, and the records go on', async () => {
  await flood('stored');
  const store = new MemoryCheckpoints();
  let saves = 0;
  let release!: () => void;
  const answered = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.onSave = () => {
    saves++;
    return answered;
  };
  const { inSight, parts } = watched(world.client);
  const pace = ['guarantee: exactly-once', 'commit_every: 5ms', 'checkpoint: {every: 5ms}'];
  const job = start(inSight, 'stored', pace, store);
  const committed = async () => (await world.client.admin.groupOffsets('stored'))[0]?.offset ?? 0;
  while ((await committed()) < RECORDS);
  assert.equal(parts.consumer!.position('stored', 0), RECORDS);
  assert.equal(saves, 1, 'the others wait for the first');
  assert.equal(store.snapshots.size, 0);
  release();
  await assertAllIsOut('stored', await job);
  assert.ok(store.snapshots.size > 0);
});
