import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Broker, startBroker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/broker/clock.ts';
import { BatchHeader, readBatchHeader } from '../../../src/wire/batchHeader.ts';
import { ABORT_MARKER, COMMIT_MARKER, markerType } from '../../../src/wire/controlBatch.ts';
import { batchOf, RawClient } from '../helpers/rawClient.ts';
import { RawProducer } from '../helpers/rawProducer.ts';

// Goal: each transactional API answers as the protocol (KIP-98, KIP-360, KIP-447) and Redpanda have it, over TCP.

const clock = new ManualClock();
let broker: Broker;
let client: RawClient;
let names = 0;

before(async () => {
  broker = await startBroker({ clock });
  client = await RawClient.to(broker);
});
after(async () => {
  client.close();
  await broker.close();
});

async function newTopic(partitions = 1): Promise<string> {
  const topic = `topic-${names++}`;
  await client.createTopic(topic, partitions);
  return topic;
}
const newProducer = (timeoutMs?: number) =>
  new RawProducer(client, `id-${names++}`, {
    timestampMs: clock.now(),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
const logOf = (topic: string, partition = 0) => broker.context.topics.partition(topic, partition)!;

/** Each batch as [base offset, records, or the marker's kind]. */
function batchesOf(records: Buffer | null): (readonly [number, number | 'commit' | 'abort'])[] {
  const found: (readonly [number, number | 'commit' | 'abort'])[] = [];
  const header = new BatchHeader();
  for (let at = 0; records !== null && at < records.length; at = header.end) {
    assert.ok(readBatchHeader(records, at, header));
    const marker = header.isControl ? markerType(records, header) : -1;
    const what = { [COMMIT_MARKER]: 'commit', [ABORT_MARKER]: 'abort' }[marker] as 'commit' | 'abort' | undefined;
    found.push([header.baseOffset, what ?? header.recordCount]);
  }
  return found;
}

test('a transaction takes an offset for its fence and one for its marker; the fence is never fetched', async () => {
  const topic = await newTopic();
  const producer = await newProducer().ready();
  assert.equal(await producer.add(topic), 0);
  assert.equal(await producer.add(topic), 0, 'added again it is there already');
  assert.equal((await producer.send(topic, ['a', 'b'])).baseOffset, 1);
  assert.equal(await producer.end(true), 0);
  assert.equal(await producer.add(topic), 0);
  assert.equal((await producer.send(topic, ['c'])).baseOffset, 5);
  assert.equal(await producer.end(false), 0);
  const fetched = await client.fetch(topic, 0, 0);
  assert.equal(fetched.highWatermark, 7);
  assert.deepEqual(batchesOf(fetched.records), [
    [1, 2],
    [3, 'commit'],
    [5, 1],
    [6, 'abort'],
  ]);
  for (const hole of [0, 4]) {
    const { records } = await client.fetch(topic, 0, hole);
    assert.equal(batchesOf(records)[0]![0], hole + 1, 'a fetch at a fence begins with what follows it');
  }
  const { highWatermark, recordsProduced } = broker.topics().find(({ name }) => name === topic)!.partitions[0]!;
  assert.deepEqual({ highWatermark, recordsProduced }, { highWatermark: 7, recordsProduced: 3 }, 'for /public_metrics');
});

test('a fetch at a fence that is the newest entry is empty, and the long poll ends with what follows', async () => {
  const topic = await newTopic();
  const producer = await newProducer().ready();
  await producer.add(topic);
  const at = await client.fetch(topic, 0, 0);
  assert.deepEqual([at.errorCode, at.highWatermark, at.lastStableOffset, at.records!.length], [0, 1, 0, 0]);
  const other = await RawClient.to(broker);
  const waiting = other.fetch(topic, 0, 0, { maxWaitMs: 10_000 });
  while (logOf(topic).listeners.size === 0) await client.send('ApiVersions', 0, {});
  await producer.send(topic, ['a']);
  assert.deepEqual(batchesOf((await waiting).records), [[1, 1]]);
  other.close();
});

test('read_committed in every version: up to the last stable offset, with the aborted ranges', async () => {
  const topic = await newTopic();
  const { id } = broker.context.topics.get(topic)!;
  const [first, second, third] = [
    await newProducer().ready(),
    await newProducer().ready(),
    await newProducer().ready(),
  ];
  await first.add(topic); // fence 0
  await first.send(topic, ['a', 'b']); // 1, 2
  await second.add(topic); // fence 3
  await second.send(topic, ['c']); // 4
  await first.end(false); // 5
  await third.add(topic); // fence 6
  await third.send(topic, ['d']); // 7
  const [from, to] = broker.context.profile.apis.Fetch!;
  for (let version = from; version <= to; version++) {
    const options = { version, topicId: id };
    const open = await client.fetch(topic, 0, 0, { ...options, isCommitted: true });
    assert.deepEqual([open.highWatermark, open.lastStableOffset], [8, 3]);
    assert.deepEqual(batchesOf(open.records), [[1, 2]]);
    assert.deepEqual(open.abortedTransactions, [{ producerId: first.producerId, firstOffset: 0 }]);
    const all = await client.fetch(topic, 0, 0, options);
    assert.equal(all.abortedTransactions, null);
    assert.equal(batchesOf(all.records).length, 4);
    const beyond = await client.fetch(topic, 0, 5, { ...options, isCommitted: true });
    assert.deepEqual([beyond.errorCode, beyond.records!.length], [0, 0]);
  }
  await second.end(true); // 8
  assert.equal((await client.fetch(topic, 0, 0, { isCommitted: true })).lastStableOffset, 6);
  await third.end(false); // 9
  const done = await client.fetch(topic, 0, 0, { isCommitted: true });
  assert.equal(done.lastStableOffset, 10);
  assert.deepEqual(done.abortedTransactions, [
    { producerId: first.producerId, firstOffset: 0 },
    { producerId: third.producerId, firstOffset: 6 },
  ]);
  const later = await client.fetch(topic, 0, 6, { isCommitted: true });
  assert.deepEqual(later.abortedTransactions, [{ producerId: third.producerId, firstOffset: 6 }]);
  const part = await client.fetch(topic, 0, 0, { isCommitted: true, partitionMaxBytes: 1 });
  assert.deepEqual(batchesOf(part.records), [[1, 2]]);
  assert.equal(part.abortedTransactions!.length, 1, 'only those that reach into what is sent');
});

test('a read_committed long poll sleeps through an open transaction and wakes with its end', async () => {
  const topic = await newTopic();
  const producer = await newProducer().ready();
  await producer.add(topic);
  const other = await RawClient.to(broker);
  let answered = false;
  const waiting = other.fetch(topic, 0, 0, { isCommitted: true, maxWaitMs: 10_000 }).then((fetched) => {
    answered = true;
    return fetched;
  });
  while (logOf(topic).listeners.size === 0) await client.send('ApiVersions', 0, {});
  for (let i = 0; i < 3; i++) await producer.send(topic, ['x']);
  assert.equal(answered, false);
  await producer.end(true);
  assert.deepEqual(
    batchesOf((await waiting).records).map(([, what]) => what),
    [1, 1, 1, 'commit'],
  );
  other.close();
});

test('ListOffsets: latest is the last stable offset for read_committed, and no marker is found by its time', async () => {
  const topic = await newTopic();
  const producer = await newProducer().ready();
  await producer.add(topic);
  await producer.send(topic, ['a']);
  const find = async (timestamp: number, isolationLevel: number, version = 6) => {
    const { topics } = await client.send('ListOffsets', version, {
      isolationLevel,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
    });
    return topics[0]!.partitions[0]!.offset;
  };
  const [, newest] = broker.context.profile.apis.ListOffsets!;
  for (let version = 2; version <= newest; version++) {
    assert.equal(await find(-1, 1, version), 0);
    assert.equal(await find(-1, 0, version), 2);
    assert.equal(await find(0, 1, version), -1, 'the record is not committed yet');
    assert.equal(await find(0, 0, version), 1);
  }
  clock.advance(1000);
  await producer.end(true);
  assert.equal(await find(-1, 1), 3);
  assert.equal(await find(0, 1), 1);
  assert.equal(await find(-3, 1), 1);
  assert.equal(await find(clock.now(), 0), -1, 'the marker is as late, and no record');
});

test('InitProducerId: timeouts, and identities that are none', async () => {
  const tooLong = newProducer(900_001);
  assert.equal(await tooLong.init(), 50);
  assert.equal(await newProducer(0).init(), 50);
  assert.equal(await newProducer(900_000).init(), 0);
  const half = { producerId: 5, producerEpoch: -1 };
  assert.equal(await newProducer().init(3, half), 42);
  assert.equal(await new RawProducer(client, '').init(), 42);
});

test('a second producer of the same id fences the first everywhere, in the words of each version', async () => {
  const topic = await newTopic();
  const first = await newProducer().ready();
  await first.add(topic);
  await first.send(topic, ['lost']);
  const second = new RawProducer(client, first.transactionalId, { timestampMs: clock.now() });
  assert.equal(await second.init(), 51, 'what the first left is aborted meanwhile');
  assert.equal(logOf(topic).lastStableOffset, logOf(topic).highWatermark);
  assert.equal(await second.init(), 0);
  assert.deepEqual([second.producerId, second.producerEpoch], [first.producerId, first.producerEpoch + 1]);
  for (const [version, fenced] of [
    [0, 47],
    [1, 47],
    [2, 90],
    [3, 90],
  ] as const) {
    assert.equal(await first.add(topic, [0], version), fenced);
    assert.equal(await first.end(true, version), fenced);
    if (version < 2) assert.equal(await first.addOffsets('g', version), fenced);
    assert.equal(await first.commitOffset('g', topic, 1, { version }), 47);
  }
  assert.equal((await first.send(topic, ['zombie'])).errorCode, 47);
  assert.equal(await first.init(3, { producerId: first.producerId, producerEpoch: first.producerEpoch }), 47);
  await second.add(topic);
  assert.equal((await first.send(topic, ['zombie'])).errorCode, 47);
  assert.equal((await second.send(topic, ['kept'])).errorCode, 0);
  assert.equal(await second.end(true), 0);
});

test('a producer that bumps its own epoch goes on, and finds its answer again when that was lost (KIP-360)', async () => {
  const producer = await newProducer().ready();
  const before = { producerId: producer.producerId, producerEpoch: producer.producerEpoch };
  assert.equal(await producer.init(3, before), 0);
  assert.equal(producer.producerEpoch, before.producerEpoch + 1);
  assert.equal(await producer.init(3, before), 0, 'the same request again');
  assert.equal(producer.producerEpoch, before.producerEpoch + 1);
  assert.equal(await producer.init(3, { ...before, producerId: 999 }), 47);
});

test('EndTxn: repeated it says the same, the other way round it is refused, and nothing open cannot end', async () => {
  const topic = await newTopic();
  const producer = await newProducer().ready();
  assert.equal(await producer.end(true), 48);
  await producer.add(topic);
  await producer.send(topic, ['a']);
  assert.equal(await producer.end(true), 0);
  const end = logOf(topic).highWatermark;
  assert.equal(await producer.end(true), 0);
  assert.equal(await producer.end(false), 48);
  assert.equal(logOf(topic).highWatermark, end, 'one marker for one end');
  await producer.add(topic);
  assert.equal(await producer.end(false), 0);
  assert.equal(await producer.end(false), 0);
  assert.equal(await producer.end(true), 48);
  const stranger = newProducer();
  assert.equal(await stranger.end(true), 49);
  assert.equal(await stranger.add(topic), 49);
  assert.equal(await stranger.addOffsets('g'), 49);
});

test('AddPartitionsToTxn adds all or none', async () => {
  const topic = await newTopic(2);
  const producer = await newProducer().ready();
  const { results } = await client.send('AddPartitionsToTxn', 3, {
    transactionalId: producer.transactionalId,
    producerId: producer.producerId,
    producerEpoch: producer.producerEpoch,
    topics: [
      { name: topic, partitions: [0, 1, 2] },
      { name: 'absent', partitions: [0] },
    ],
  });
  const codes = results.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
  assert.deepEqual(codes, [[55, 55, 3], [3]]);
  assert.equal(logOf(topic).highWatermark, 0);
  assert.equal(await producer.end(true), 48, 'nothing was begun');
});

test('produce in a transaction: only with its id, in its partitions, while it is open, in sequence', async () => {
  const topic = await newTopic(2);
  const producer = await newProducer().ready();
  assert.equal((await producer.send(topic, ['early'])).errorCode, 48);
  await producer.add(topic, [0]);
  assert.equal((await producer.send(topic, ['a'])).errorCode, 0);
  assert.equal((await producer.send(topic, ['other partition'], 1)).errorCode, 48);
  assert.equal((await producer.send(topic, ['outside'], 0, false)).errorCode, 48);
  const anonymous = new RawProducer(client, 'unknown', { timestampMs: clock.now() });
  anonymous.producerId = producer.producerId;
  anonymous.producerEpoch = producer.producerEpoch;
  assert.equal((await anonymous.send(topic, ['a'])).errorCode, 49);
  const { producerId, producerEpoch } = producer;
  const batch = (baseSequence: number) =>
    batchOf(['b'], clock.now(), { producerId, producerEpoch, baseSequence, transactional: true });
  assert.equal((await client.produce(topic, 0, batch(1))).errorCode, 53, 'no transactional id in the request');
  const sent = (baseSequence: number) => client.produce(topic, 0, batch(baseSequence), -1, 7, producer.transactionalId);
  assert.equal((await sent(5)).errorCode, 45);
  const once = await sent(1);
  const again = await sent(1);
  assert.deepEqual([once.errorCode, again.errorCode, again.baseOffset], [0, 0, once.baseOffset]);
  await producer.end(true);
  assert.equal((await sent(2)).errorCode, 48);
  await producer.add(topic, [0]);
  assert.equal((await sent(17)).errorCode, 0, 'the first batch of a transaction may have any sequence');
});

test('a transaction that is open too long is aborted by the clock, and its producer fenced', async () => {
  const topic = await newTopic();
  const producer = await newProducer(5000).ready();
  await producer.add(topic);
  clock.advance(4000);
  assert.equal((await producer.send(topic, ['slow'])).errorCode, 0);
  clock.advance(999);
  assert.equal(logOf(topic).lastStableOffset, 0);
  clock.advance(1);
  const { records, abortedTransactions } = await client.fetch(topic, 0, 0, { isCommitted: true });
  assert.deepEqual(batchesOf(records), [
    [1, 1],
    [2, 'abort'],
  ]);
  assert.equal(abortedTransactions!.length, 1);
  assert.equal(await producer.end(true), 90);
  assert.equal(await producer.add(topic), 90);
  assert.equal((await producer.send(topic, ['later'])).errorCode, 47);
  const again = await new RawProducer(client, producer.transactionalId).ready();
  assert.ok(again.producerEpoch > producer.producerEpoch);
});

test('a deleted topic takes its part of a transaction with it; the rest ends as decided', async () => {
  const [gone, kept] = [await newTopic(), await newTopic()];
  const producer = await newProducer().ready();
  await producer.add(gone);
  await producer.add(kept);
  await producer.send(kept, ['a']);
  await client.send('DeleteTopics', 5, { topicNames: [gone] });
  await client.createTopic(gone);
  assert.equal((await producer.send(gone, ['into another topic'])).errorCode, 48);
  assert.equal(await producer.end(true), 0);
  assert.equal(logOf(gone).highWatermark, 0);
  assert.equal(logOf(kept).lastStableOffset, 3);
});

test('DeleteRecords past an open transaction: nothing before the log start holds readers up', async () => {
  const topic = await newTopic();
  const producer = await newProducer().ready();
  await producer.add(topic);
  await producer.send(topic, ['a']);
  await client.send('DeleteRecords', 2, { topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: -1 }] }] });
  assert.equal(logOf(topic).lastStableOffset, 2);
  await producer.end(false);
  const { records, abortedTransactions } = await client.fetch(topic, 0, 2, { isCommitted: true });
  assert.deepEqual(batchesOf(records), [[2, 'abort']]);
  assert.equal(abortedTransactions!.length, 1);
});

test('DescribeProducers, DescribeTransactions and ListTransactions show what is open', async () => {
  const topic = await newTopic(2);
  const producer = await newProducer(7000).ready();
  const { transactionalId, producerId, producerEpoch } = producer;
  const describe = async () =>
    (await client.send('DescribeTransactions', 0, { transactionalIds: [transactionalId] })).transactionStates[0]!;
  assert.equal((await describe()).transactionState, 'Empty');
  await producer.add(topic, [1]);
  await producer.send(topic, ['a', 'b'], 1);
  const startMs = clock.now();
  clock.advance(10);
  assert.deepEqual(await describe(), {
    errorCode: 0,
    transactionalId,
    transactionState: 'Ongoing',
    transactionTimeoutMs: 7000,
    transactionStartTimeMs: startMs,
    producerId,
    producerEpoch,
    topics: [{ topic, partitions: [1] }],
  });
  const { topics } = await client.send('DescribeProducers', 0, { topics: [{ name: topic, partitionIndexes: [0, 1] }] });
  const [none, one] = topics[0]!.partitions.map(({ activeProducers }) => activeProducers);
  assert.deepEqual(none, []);
  assert.deepEqual(
    one!.map((shown) => [shown.producerId, shown.producerEpoch, shown.lastSequence, shown.currentTxnStartOffset]),
    [[producerId, producerEpoch, 1, 0]],
  );
  const list = async (stateFilters: string[], producerIdFilters: number[] = []) =>
    client.send('ListTransactions', 0, { stateFilters, producerIdFilters });
  const mine = { transactionalId, producerId, transactionState: 'Ongoing' };
  assert.deepEqual((await list(['Ongoing'], [producerId])).transactionStates, [mine]);
  assert.deepEqual((await list(['CompleteCommit'], [producerId])).transactionStates, []);
  assert.deepEqual((await list(['Ongoing', 'Odd'])).unknownStateFilters, ['Odd']);
  const view = broker.transactions().find(({ transactional_id }) => transactional_id === transactionalId)!;
  assert.deepEqual([view.status, view.tx_seq, view.staleness_ms], ['ongoing', 0, 10]);
  assert.deepEqual(view.partitions, [{ ns: 'kafka', topic, partition_id: 1, etag: 1 }]);
  await producer.end(false);
  assert.equal((await describe()).transactionState, 'CompleteAbort');
});

test('FindCoordinator finds the one of transactions, in every version that can ask', async () => {
  const [, newest] = broker.context.profile.apis.FindCoordinator!;
  for (let version = 1; version <= newest; version++) {
    const answer = await client.send('FindCoordinator', version, { key: 'a', keyType: 1, coordinatorKeys: ['a'] });
    const found = version < 4 ? answer : answer.coordinators[0]!;
    assert.deepEqual([found.errorCode, found.port], [0, broker.port]);
    const none = await client.send('FindCoordinator', version, { key: 'a', keyType: 7, coordinatorKeys: ['a'] });
    assert.equal(version < 4 ? none.errorCode : none.coordinators[0]!.errorCode, 42);
  }
});
