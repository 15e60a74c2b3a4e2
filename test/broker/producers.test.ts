import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/broker/clock.ts';
import { call } from '../../src/clients/librdkafka/binding.ts';
import { nativeBinding, openProducer, readAll } from './helpers/native.ts';
import { batchOf, RawClient } from './helpers/rawClient.ts';
import { RawProducer } from './helpers/rawProducer.ts';

// Goal: a producer with several batches under way loses none of them when the first is refused, and one whose past is
// forgotten goes on all the same. The numbers: 6 NOT_LEADER_OR_FOLLOWER, 45 OUT_OF_ORDER_SEQUENCE_NUMBER.

const WEEK_MS = 604_800_000;
const { binding, missing } = await nativeBinding();
const clock = new ManualClock();
let broker: Broker;
let client: RawClient;
let topics = 0;

before(async () => {
  broker = await startBroker({ clock });
  client = await RawClient.to(broker);
});
after(async () => {
  client.close();
  await broker.close();
});

async function newTopic(): Promise<string> {
  const name = `producers-${topics++}`;
  await client.createTopic(name);
  return name;
}

async function newProducer() {
  const { producerId } = await client.send('InitProducerId', 3, { transactionalId: null });
  return async (topic: string, baseSequence: number) => {
    const batch = batchOf(['v'], clock.now(), { producerId, producerEpoch: 0, baseSequence });
    return (await client.produce(topic, 0, batch)).errorCode;
  };
}

test('what follows a refused first batch is refused too, so that all of them come again in order', async () => {
  const topic = await newTopic();
  const send = await newProducer();
  broker.faults.inject({ api: 'Produce', errorCode: 6 });
  assert.deepEqual([await send(topic, 0), await send(topic, 1), await send(topic, 2)], [6, 45, 45]);
  assert.deepEqual([await send(topic, 0), await send(topic, 1), await send(topic, 2)], [0, 0, 0]);
  assert.equal(broker.context.topics.partition(topic, 0)!.highWatermark, 3);
});

test('so it is in a topic that is younger than the producer', async () => {
  const send = await newProducer();
  const topic = await newTopic();
  assert.deepEqual([await send(topic, 1), await send(topic, 0), await send(topic, 1)], [45, 0, 0]);
});

test('in a topic that was made anew a producer goes on where it was, and a younger one begins at 0', async () => {
  const topic = await newTopic();
  const send = await newProducer();
  for (const sequence of [0, 1]) assert.equal(await send(topic, sequence), 0);
  await client.send('DeleteTopics', 5, { topicNames: [topic] });
  await client.createTopic(topic);
  assert.equal(await send(topic, 2), 0);
  const younger = await newProducer();
  assert.deepEqual([await younger(topic, 1), await younger(topic, 0)], [45, 0]);
});

test('a producer that was forgotten goes on, and so does one whose records are deleted', async () => {
  const topic = await newTopic();
  const send = await newProducer();
  assert.equal(await send(topic, 0), 0);
  clock.advance(WEEK_MS + 1);
  broker.housekeeper.retain();
  assert.deepEqual([...broker.context.topics.partition(topic, 0)!.producers.all()], []);
  assert.equal(await send(topic, 1), 0);
  await client.send('DeleteRecords', 2, {
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: -1 }] }],
  });
  assert.deepEqual([await send(topic, 3), await send(topic, 2)], [45, 0]);
});

test('a transaction begins at any sequence', async () => {
  const topic = await newTopic();
  const producer = await new RawProducer(client, 'any').ready();
  assert.equal(await producer.add(topic), 0);
  const { producerId, producerEpoch } = producer;
  const options = { producerId, producerEpoch, baseSequence: 9, transactional: true };
  const answer = await client.produce(topic, 0, batchOf(['v'], clock.now(), options), -1, 7, 'any');
  assert.equal(answer.errorCode, 0);
});

test('librdkafka loses nothing when the first of five requests under way is refused', {
  skip: binding === null && missing,
}, async (t) => {
  // By the real time, as fetches wait.
  const own = await startBroker({ faults: [{ api: 'Produce', errorCode: 6 }] });
  t.after(() => own.close());
  const topic = 'made-by-use';
  const producer = await openProducer(binding!, {
    'bootstrap.servers': own.address,
    'enable.idempotence': true,
    'linger.ms': 0,
    'batch.num.messages': 5,
    'retry.backoff.ms': 10,
  });
  const values = Array.from({ length: 200 }, (_, i) => `${i}`);
  for (const value of values) producer.produce(topic, 0, Buffer.from(value));
  await call((done) => producer.flush(20_000, done));
  await call((done) => producer.disconnect(done));
  assert.deepEqual(await readAll(binding!, own.address, topic, 'read_uncommitted'), values);
});
