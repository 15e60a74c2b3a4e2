import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { type Broker, startBroker } from '../../../src/broker/broker.ts';
import { PROFILES } from '../../../src/broker/profiles.ts';
import { call } from '../../../src/clients/librdkafka/binding.ts';
import {
  type GroupReader,
  nativeBinding,
  openProducer,
  openReader,
  readAll,
  type TransactionalProducer,
} from '../helpers/native.ts';

// Goal: clients that nobody here wrote do transactions against the broker: librdkafka, which checks what it is told
// strictly, and @platformatic/kafka.

const TIMEOUT_MS = 10_000;
const { binding, missing } = await nativeBinding();
let broker: Broker;
let names = 0;

before(async () => {
  broker = await startBroker({ minSessionTimeoutMs: 100 });
});
after(() => broker.close());

const committed = (topic: string) => readAll(binding!, broker.address, topic, 'read_committed');
const uncommitted = (topic: string) => readAll(binding!, broker.address, topic, 'read_uncommitted');
const newName = (what: string) => `${what}-${names++}`;

async function newTopic(): Promise<string> {
  const topic = newName('topic');
  broker.context.topics.create(topic, 1);
  return topic;
}

async function transactional(id = newName('id'), conf: object = {}): Promise<TransactionalProducer> {
  const producer = await openProducer(binding!, {
    'bootstrap.servers': broker.address,
    'transactional.id': id,
    ...conf,
  });
  await call((done) => producer.initTransactions(TIMEOUT_MS, done));
  return producer;
}

const begin = (producer: TransactionalProducer) => call((done) => producer.beginTransaction(done));
const commit = (producer: TransactionalProducer) => call((done) => producer.commitTransaction(TIMEOUT_MS, done));
const abort = (producer: TransactionalProducer) => call((done) => producer.abortTransaction(TIMEOUT_MS, done));
const close = (producer: TransactionalProducer) => call((done) => producer.disconnect(done));

async function send(producer: TransactionalProducer, topic: string, ...values: string[]): Promise<void> {
  for (const value of values) producer.produce(topic, 0, Buffer.from(value));
  await call((done) => producer.flush(TIMEOUT_MS, done));
}

/** A member of a group that has its partition, and stays silent from then on. */
async function memberOf(groupId: string, topic: string): Promise<GroupReader> {
  const reader = await openReader(binding!, {
    'bootstrap.servers': broker.address,
    'group.id': groupId,
    'enable.auto.commit': false,
    'session.timeout.ms': 6000,
  });
  reader.subscribe([topic]);
  while (reader.assignments().length === 0) await call((done) => reader.consume(10, done));
  return reader;
}

const errorCode = (pattern: RegExp) => (error: Error & { code: number }) =>
  pattern.test(`${error.code} ${error.message}`);

describe('librdkafka', { skip: binding === null ? missing : false, timeout: 600_000 }, () => {
  test('commit, abort, commit: read_committed sees the committed ones, read_uncommitted all', async () => {
    const topic = await newTopic();
    const producer = await transactional();
    for (const [value, end] of [
      ['first', commit],
      ['aborted', abort],
      ['second', commit],
    ] as const) {
      await begin(producer);
      await send(producer, topic, `${value} a`, `${value} b`);
      await end(producer);
    }
    await begin(producer);
    await send(producer, topic, 'open');
    assert.deepEqual(await committed(topic), ['first a', 'first b', 'second a', 'second b']);
    assert.equal((await uncommitted(topic)).length, 7);
    await commit(producer);
    assert.equal((await committed(topic)).length, 5);
    await close(producer);
  });

  test('an abort with records still queued, then more transactions by the same producer', async () => {
    const topic = await newTopic();
    const producer = await transactional(undefined, { 'linger.ms': 5 });
    for (let round = 0; round < 5; round++) {
      await begin(producer);
      for (let i = 0; i < 50; i++) producer.produce(topic, 0, Buffer.from(`${round}`));
      if (round % 2 === 0) await commit(producer);
      else await abort(producer);
    }
    const expected = [0, 2, 4].flatMap((round) => Array.from({ length: 50 }, () => `${round}`));
    assert.deepEqual(await committed(topic), expected);
    await close(producer);
  });

  test('a second producer of the same id fences the first, whose records never show', async () => {
    const topic = await newTopic();
    const id = newName('id');
    const zombie = await transactional(id);
    await begin(zombie);
    await send(zombie, topic, 'zombie');
    const heir = await transactional(id);
    await begin(heir);
    await send(heir, topic, 'heir');
    await commit(heir);
    await assert.rejects(commit(zombie), errorCode(/fenced|-144/i));
    assert.deepEqual(await committed(topic), ['heir']);
    await close(heir);
    await close(zombie);
  });

  test('offsets go with the transaction, and a member that the group put out cannot commit them', async () => {
    const [source, target, groupId] = [await newTopic(), await newTopic(), newName('group')];
    const plain = await transactional();
    await begin(plain);
    await send(plain, source, 'a', 'b', 'c');
    await commit(plain);
    await close(plain);
    const reader = await memberOf(groupId, source);
    const producer = await transactional();
    const group = broker.context.groups.get(groupId)!;
    const process = async (offset: number, value: string) => {
      await begin(producer);
      await send(producer, target, value);
      const offsets = [{ topic: source, partition: 0, offset }];
      await call((done) => producer.sendOffsetsToTransaction(offsets, reader, TIMEOUT_MS, done));
    };
    await process(2, 'kept');
    assert.equal(group.offsets.get(source, 0), undefined);
    assert.ok(group.offsets.isUnstable(source, 0));
    await commit(producer);
    assert.equal(group.offsets.get(source, 0)!.offset, 2);
    await process(3, 'aborted');
    await abort(producer);
    assert.equal(group.offsets.get(source, 0)!.offset, 2);
    group.leave([...group.members.keys()][0]!, null);
    await assert.rejects(process(4, 'zombie'), errorCode(/unknown member|generation|25|22/i));
    await abort(producer);
    assert.equal(group.offsets.get(source, 0)!.offset, 2);
    assert.deepEqual(await committed(target), ['kept']);
    await call((done) => reader.disconnect(done));
    await close(producer);
  });

  test('a consumer that asks for stable offsets waits for the end of the transaction', async () => {
    const [source, groupId] = [await newTopic(), newName('group')];
    const reader = await memberOf(groupId, source);
    const producer = await transactional();
    await begin(producer);
    const offsets = [{ topic: source, partition: 0, offset: 7 }];
    await call((done) => producer.sendOffsetsToTransaction(offsets, reader, TIMEOUT_MS, done));
    let found: number | undefined;
    const asked = call<{ offset?: number }[]>((done) =>
      reader.committed([{ topic: source, partition: 0 }], TIMEOUT_MS, done as never),
    ).then(([first]) => {
      found = first!.offset;
    });
    // librdkafka asks again while it is told UNSTABLE_OFFSET_COMMIT.
    await send(producer, source, 'meanwhile');
    assert.equal(found, undefined);
    await commit(producer);
    await asked;
    assert.equal(found, 7);
    await call((done) => reader.disconnect(done));
    await close(producer);
  });

  test('a transaction that is open too long is aborted by the broker, and its producer fenced', async () => {
    const topic = await newTopic();
    const producer = await transactional(undefined, { 'transaction.timeout.ms': 1000, 'message.timeout.ms': 1000 });
    await begin(producer);
    await send(producer, topic, 'slow');
    const log = broker.context.topics.partition(topic, 0)!;
    while (log.transactions.openCount > 0)
      await new Promise((resolve) => broker.context.clock.after(20, () => resolve(0)));
    await assert.rejects(commit(producer), errorCode(/fenced|epoch|-144/i));
    assert.deepEqual(await committed(topic), []);
    await close(producer);
  });

  test('passing errors and lost answers of every transactional API are lived through, and nothing doubles', async () => {
    const [source, target, groupId] = [await newTopic(), await newTopic(), newName('group')];
    const reader = await memberOf(groupId, source);
    let offset = 0;
    for (const fault of [
      { api: 'InitProducerId', errorCode: 14, count: 2 },
      { api: 'InitProducerId', errorCode: 51, count: 2 },
      { api: 'InitProducerId', drop: 'after' },
      { api: 'AddPartitionsToTxn', errorCode: 51, count: 2 },
      { api: 'AddPartitionsToTxn', errorCode: 14 },
      { api: 'AddPartitionsToTxn', drop: 'after' },
      { api: 'AddOffsetsToTxn', errorCode: 51, count: 2 },
      { api: 'AddOffsetsToTxn', drop: 'after' },
      { api: 'TxnOffsetCommit', errorCode: 14, count: 2 },
      { api: 'TxnOffsetCommit', errorCode: 51, count: 2 },
      { api: 'TxnOffsetCommit', drop: 'after' },
      { api: 'EndTxn', errorCode: 14 },
      { api: 'EndTxn', drop: 'before' },
      { api: 'EndTxn', drop: 'after' },
      { api: 'Produce', drop: 'after' },
    ] as const) {
      broker.faults.inject(fault);
      const value = JSON.stringify(fault);
      const producer = await transactional();
      await begin(producer);
      await send(producer, target, value);
      offset++;
      const offsets = [{ topic: source, partition: 0, offset }];
      await call((done) => producer.sendOffsetsToTransaction(offsets, reader, TIMEOUT_MS, done));
      await commit(producer);
      await close(producer);
      assert.equal(broker.faults.armedCount, 0, value);
      assert.equal(broker.context.groups.get(groupId)!.offsets.get(source, 0)!.offset, offset, value);
      assert.equal((await committed(target)).filter((found) => found === value).length, 1, value);
    }
    await call((done) => reader.disconnect(done));
  });

  for (const { name } of PROFILES) {
    test(`--like ${name}: its versions are enough for transactions and read_committed`, async () => {
      const [own, topic] = [broker, 'like'];
      broker = await startBroker({ profile: name });
      try {
        const producer = await transactional();
        for (const end of [commit, abort]) {
          await begin(producer);
          await send(producer, topic, end === commit ? 'kept' : 'aborted');
          await end(producer);
        }
        await close(producer);
        assert.deepEqual(await committed(topic), ['kept']);
      } finally {
        await broker.close();
        broker = own;
      }
    });
  }

  test('without fences, as Apache Kafka writes its log, and with markers that come late, all is the same', async () => {
    const [own, topic] = [broker, 'plain'];
    broker = await startBroker({ transactionFences: false, markerDelayMs: 50 });
    try {
      const producer = await transactional();
      for (const [value, end] of [
        ['kept', commit],
        ['aborted', abort],
        ['kept too', commit],
      ] as const) {
        await begin(producer);
        await send(producer, topic, value);
        await end(producer);
      }
      await close(producer);
      const log = broker.context.topics.partition(topic, 0)!;
      while (log.transactions.openCount > 0) {
        await new Promise((resolve) => broker.context.clock.after(10, () => resolve(0)));
      }
      assert.deepEqual(await committed(topic), ['kept', 'kept too']);
      assert.equal(log.highWatermark, 6);
    } finally {
      await broker.close();
      broker = own;
    }
  });
});

describe('@platformatic/kafka', { timeout: 600_000 }, () => {
  const base = () => ({ clientId: 'test', bootstrapBrokers: [broker.address], strict: true });
  const producerOf = (transactionalId: string) =>
    new Producer({ ...base(), serializers: stringSerializers, idempotent: true, transactionalId });

  test('commit, abort, offsets of a group in the transaction', async () => {
    const [topic, groupId] = [await newTopic(), newName('group')];
    const producer = producerOf(newName('id'));
    const message = (value: string) => ({ topic, partition: 0, value });
    const first = await producer.beginTransaction();
    await first.send({ messages: [message('a'), message('b')] });
    await first.commit();
    const second = await producer.beginTransaction();
    await second.send({ messages: [message('aborted')] });
    await second.abort();
    const log = broker.context.topics.partition(topic, 0)!;
    assert.deepEqual(
      log.transactions.abortedWithin(0, 100).map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset]),
      [[4, 6]],
    );
    const consumer = new Consumer({ ...base(), groupId, deserializers: stringDeserializers });
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST, autocommit: false });
    const third = await producer.beginTransaction();
    await third.addConsumer(consumer);
    for await (const read of stream) {
      await third.addOffset(read);
      if (read.value === 'b') break;
    }
    const { offsets } = broker.context.groups.get(groupId)!;
    assert.ok(offsets.isUnstable(topic, 0));
    await third.commit();
    assert.equal(offsets.isUnstable(topic, 0), false);
    assert.ok(offsets.get(topic, 0)!.offset >= 2);
    await stream.close();
    await consumer.close(true);
    await producer.close();
    if (binding !== null) assert.deepEqual(await committed(topic), ['a', 'b']);
  });

  // It claims producer id 0, epoch 0 in its first InitProducerId, which fences nobody: so another client is the heir.
  test('a producer of another client with its id fences it', { skip: binding === null ? missing : false }, async () => {
    const [topic, id] = [await newTopic(), newName('id')];
    const zombie = producerOf(id);
    const lost = await zombie.beginTransaction();
    await lost.send({ messages: [{ topic, partition: 0, value: 'zombie' }] });
    const heir = await transactional(id);
    await begin(heir);
    await send(heir, topic, 'heir');
    await commit(heir);
    await assert.rejects(lost.commit(), (error: AggregateError) => error.errors[0].apiId === 'PRODUCER_FENCED');
    await zombie.close();
    await close(heir);
    assert.deepEqual(await committed(topic), ['heir']);
  });
});
