import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Consumer, KafkaClient, Producer } from '../../src/clients/client.ts';
import { runJob } from '../../src/runtime/job.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { configOf, LogLines } from '../runtime/helpers/config.ts';
import { LeapClock } from './helpers/leapClock.ts';

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
  const inSight: KafkaClient = {
    kind: client.kind,
    admin: client.admin,
    createProducer: async (options) => {
      const producer = await client.createProducer({ ...options, bufferBytes: BUFFER_BYTES });
      const ready = producer.ready.bind(producer);
      producer.ready = () => {
        const room = ready();
        if (room !== null) resolve();
        return room;
      };
      parts.producer = producer;
      return producer;
    },
    createConsumer: async (options) => {
      parts.consumer = await client.createConsumer({
        ...options,
        maxPartitionBytes: FETCH_BYTES,
        sessionTimeoutMs: SESSION_MS,
      });
      return parts.consumer;
    },
    close: () => client.close(),
  };
  return { inSight, full, parts };
}

test('a sink that does not answer stops the fetching: no more than the buffers is held, and all goes on after', async () => {
  await world.client.admin.createTopics([{ name: 'flood', partitions: 1 }]);
  const source = await world.client.createProducer();
  // Each record is a dead letter, so as much has to go out as comes in.
  const value = Buffer.alloc(RECORD_BYTES, 'x');
  for (let i = 0; i < RECORDS; i++) source.append('flood', 0, 0, null, -1, -1, value, 0, value.length);
  await source.close();

  world.broker.faults.inject({ api: 'Produce', delayMs: HELD_MS, count: 1e9 });
  const { inSight, full, parts } = watched(world.client);
  const job = runJob({
    client: inSight,
    registry: undefined,
    config: await configOf(
      'source: {topics: [flood], format: json}\nwindows: [{name: w1m, type: tumbling, size: 1m}]\nsinks: {format: json}\n',
    ),
    stage: 'run',
    groupId: 'flood',
    stateDir: join(world.dir, 'flood'),
    startEmpty: false,
    untilEnd: true,
    leaveOpen: false,
    maxBadRate: 1,
    logger: new LogLines(),
    now: Date.now,
    signal: new AbortController().signal,
  });
  await full;
  const { producer, consumer } = parts as Required<typeof parts>;
  const position = consumer.position('flood', 0);
  const waiting = producer.stats.recordsAppended - producer.stats.recordsAcknowledged;
  // A letter is its record and some two hundred bytes of headers; the batch that filled the buffer is in it whole.
  const largest = (BUFFER_BYTES + 4 * FETCH_BYTES) / RECORD_BYTES;
  assert.ok(waiting > 0 && waiting < largest, `${waiting} of at most ${largest} letters wait`);
  assert.ok(position < RECORDS / 2, `it read up to ${position}`);
  // As many round trips as it likes: it must not read on.
  for (let i = 0; i < 50; i++) await world.client.admin.topics(['flood']);
  assert.equal(consumer.position('flood', 0), position);
  assert.equal(producer.stats.recordsAppended - producer.stats.recordsAcknowledged, waiting);
  assert.deepEqual(await world.client.admin.groupOffsets('flood'), [], 'nothing is committed before it is out');

  world.broker.faults.clear();
  clock.leap(HELD_MS);
  const { totals } = await job;
  assert.deepEqual([totals.records, totals.deadLetters], [RECORDS, RECORDS]);
  const [end] = await world.client.admin.listOffsets([{ topic: 'flood.dlq', partition: 0 }], 'latest');
  assert.equal(end!.offset, RECORDS);
});
