import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBroker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/broker/clock.ts';
import type { Group } from '../../../src/broker/groups/group.ts';
import { GroupOffsets } from '../../../src/broker/groups/offsets.ts';
import { PartitionLog } from '../../../src/broker/log/partitionLog.ts';
import { PartitionTransactions } from '../../../src/broker/log/partitionTransactions.ts';
import { StorageError } from '../../../src/broker/log/segmentBytes.ts';
import { TransactionCoordinator, type TransactionJournal } from '../../../src/broker/transactions/coordinator.ts';
import { NO_PRODUCER, Transaction } from '../../../src/broker/transactions/transaction.ts';
import { RawClient } from '../helpers/rawClient.ts';
import { RawProducer } from '../helpers/rawProducer.ts';

// Goal: what the coordinator does over time: markers that come late, epochs that run out, a memory that moves to
// another coordinator, a load that takes its time.

interface Setup {
  readonly clock: ManualClock;
  readonly log: PartitionLog;
  readonly offsets: GroupOffsets;
  readonly newCoordinator: () => TransactionCoordinator;
}

function setUp(options: { markerDelayMs?: number; hasFences?: boolean; journal?: TransactionJournal } = {}): Setup {
  const clock = new ManualClock();
  const log = new PartitionLog('t', 0);
  const offsets = new GroupOffsets();
  let ids = 0;
  const newCoordinator = () =>
    new TransactionCoordinator({
      clock,
      nextProducerId: () => ++ids,
      partition: (topic, partition) => (topic === 't' && partition === 0 ? log : undefined),
      group: () => ({ offsets, state: 'Empty' }) as unknown as Group,
      maxTimeoutMs: 900_000,
      idExpirationMs: 3_600_000,
      hasFences: options.hasFences ?? true,
      markerDelayMs: options.markerDelayMs ?? 0,
      ...(options.journal !== undefined && { journal: options.journal }),
    });
  return { clock, log, offsets, newCoordinator };
}

const T = [{ name: 't', partitions: [0] }];

test('between the decision and its markers everybody is told to wait, readers included', () => {
  const { clock, log, offsets, newCoordinator } = setUp({ markerDelayMs: 100 });
  const coordinator = newCoordinator();
  const me = coordinator.initProducerId('a', 60_000, NO_PRODUCER);
  coordinator.addPartitions('a', me, T);
  coordinator.addOffsets('a', me, 'g');
  offsets.putPending(me.producerId, 't', 0, { offset: 5, leaderEpoch: -1, metadata: '' });
  assert.equal(coordinator.end('a', me, true), 0);
  assert.deepEqual(coordinator.addPartitions('a', me, T), [[51]]);
  assert.equal(coordinator.addOffsets('a', me, 'g'), 51);
  assert.equal(coordinator.offsetsError('a', me, 'g'), 51);
  assert.equal(coordinator.produceError('a', me, log), 48);
  assert.equal(coordinator.end('a', me, true), 51);
  assert.equal(coordinator.end('a', me, false), 48);
  assert.equal(coordinator.initProducerId('a', 60_000, NO_PRODUCER).errorCode, 51);
  assert.equal(log.lastStableOffset, 0);
  assert.ok(offsets.isUnstable('t', 0));
  clock.advance(100);
  assert.deepEqual([log.lastStableOffset, log.highWatermark], [2, 2]);
  assert.equal(offsets.get('t', 0)!.offset, 5);
  assert.equal(coordinator.end('a', me, true), 0);
  assert.deepEqual(coordinator.addPartitions('a', me, T), [[0]]);
});

test('without fences a transaction begins with its first batch, as in Apache Kafka', () => {
  const { log, newCoordinator } = setUp({ hasFences: false });
  const coordinator = newCoordinator();
  const me = coordinator.initProducerId('a', 60_000, NO_PRODUCER);
  coordinator.addPartitions('a', me, T);
  assert.equal(log.highWatermark, 0);
  assert.equal(coordinator.produceError('a', me, log), 0);
  coordinator.end('a', me, true);
  assert.equal(log.highWatermark, 1, 'the marker alone');
});

test('epochs that run out give a new producer id, and the last one stays a fence', () => {
  const { clock, newCoordinator } = setUp();
  const coordinator = newCoordinator();
  let me = coordinator.initProducerId('a', 1000, NO_PRODUCER);
  const { producerId } = me;
  for (let epoch = 1; epoch <= 32766; epoch++) me = coordinator.initProducerId('a', 1000, NO_PRODUCER);
  assert.deepEqual([me.producerId, me.producerEpoch], [producerId, 32766]);
  coordinator.addPartitions('a', me, T);
  clock.advance(1000);
  assert.equal(coordinator.get('a')!.producerEpoch, 32767);
  const fresh = coordinator.initProducerId('a', 1000, NO_PRODUCER);
  assert.equal(fresh.errorCode, 0);
  assert.notEqual(fresh.producerId, producerId);
  assert.equal(fresh.producerEpoch, 0);
  assert.equal(coordinator.end('a', me, true), 49);
});

test('a producer at its last epoch gets a new id by its own wish, and again when the answer was lost', () => {
  const transaction = new Transaction('a', 1, 1000, 0);
  transaction.producerEpoch = 32766;
  const before = { producerId: 1, producerEpoch: 32766 };
  assert.equal(transaction.initVerdict(before), 'new producer id');
  transaction.initialize(before, 1000, 0, 2);
  assert.deepEqual([transaction.producerId, transaction.producerEpoch], [2, 0]);
  assert.equal(transaction.initVerdict(before), 'repeat');
});

test('another coordinator takes over: timeouts run on, what was decided is written, identities hold', () => {
  const { clock, log, offsets, newCoordinator } = setUp({ markerDelayMs: 100 });
  const first = newCoordinator();
  const [open, decided, idle] = ['open', 'decided', 'idle'].map((id) => first.initProducerId(id, 5000, NO_PRODUCER));
  first.addPartitions('open', open!, T);
  first.addPartitions('decided', decided!, T);
  first.addOffsets('decided', decided!, 'g');
  offsets.putPending(decided!.producerId, 't', 0, { offset: 9, leaderEpoch: -1, metadata: '' });
  clock.advance(4000);
  first.end('decided', decided!, true);
  const state = JSON.parse(JSON.stringify(first.toState()));
  first.close();
  const second = newCoordinator();
  second.fromState(state);
  assert.deepEqual(second.toState().transactions[0], state.transactions[0]);
  assert.equal(second.get('decided')!.status, 'CompleteCommit');
  assert.equal(offsets.get('t', 0)!.offset, 9);
  assert.equal(log.highWatermark, 3);
  assert.equal(log.lastStableOffset, 0);
  clock.advance(1100);
  assert.equal(log.lastStableOffset, 4);
  assert.equal(second.end('open', open!, true), 90);
  assert.equal(second.initProducerId('idle', 5000, idle!).producerEpoch, 1);
});

test('ids without a transaction are forgotten after their time', () => {
  const { clock, newCoordinator } = setUp();
  const coordinator = newCoordinator();
  const old = coordinator.initProducerId('old', 900_000, NO_PRODUCER);
  clock.advance(3_600_001);
  coordinator.initProducerId('new', 1000, NO_PRODUCER);
  assert.deepEqual(coordinator.addPartitions('old', old, T), [[49]]);
});

test('open transactions and aborted ranges outlive a restart as plain data', () => {
  const transactions = new PartitionTransactions();
  transactions.begin(1, 0, 4);
  transactions.appended(2, 0, 6);
  transactions.begin(3, 0, -1);
  transactions.end(2, 9, false);
  const copy = new PartitionTransactions();
  copy.restore(JSON.parse(JSON.stringify(transactions.toState())));
  assert.deepEqual(copy.toState(), transactions.toState());
  assert.equal(copy.lastStableOffset(0, 20), 4);
  assert.deepEqual(copy.abortedWithin(0, 20), [{ producerId: 2, firstOffset: 6, lastOffset: 9 }]);
  copy.forgetBefore(10);
  assert.deepEqual(copy.abortedWithin(0, 20), []);
});

test('pending offsets outlive a restart as plain data, in their order', () => {
  const offsets = new GroupOffsets();
  offsets.putPending(2, 't', 0, { offset: 5, leaderEpoch: 1, metadata: 'm' });
  offsets.putPending(1, 't', 0, { offset: 6, leaderEpoch: -1, metadata: '' });
  assert.deepEqual(offsets.pending(), [
    { producerId: 2, topic: 't', partition: 0, offset: 5, leaderEpoch: 1, metadata: 'm' },
    { producerId: 1, topic: 't', partition: 0, offset: 6, leaderEpoch: -1, metadata: '' },
  ]);
});

test('while the coordinator loads it says so, but hands out plain producer ids and takes heartbeats', async () => {
  const clock = new ManualClock();
  const broker = await startBroker({ clock, coordinatorLoadMs: 500 });
  const client = await RawClient.to(broker);
  await client.createTopic('t');
  const producer = new RawProducer(client, 'a');
  assert.equal(await producer.init(), 14);
  assert.equal(await producer.add('t'), 14);
  assert.equal(await producer.addOffsets('g'), 14);
  assert.equal(await producer.commitOffset('g', 't', 1), 14);
  assert.equal(await producer.end(true), 14);
  assert.equal((await client.send('InitProducerId', 3, { transactionalId: null })).errorCode, 0);
  assert.equal((await client.send('ListGroups', 4, {})).errorCode, 14);
  assert.equal((await client.send('OffsetFetch', 7, { groupId: 'g', topics: null })).errorCode, 14);
  assert.equal((await client.send('Heartbeat', 4, { groupId: 'g', memberId: 'm', generationId: 1 })).errorCode, 0);
  assert.equal(
    (await client.send('FindCoordinator', 4, { keyType: 1, coordinatorKeys: ['a'] })).coordinators[0]!.errorCode,
    0,
  );
  clock.advance(500);
  assert.equal(await producer.init(), 0);
  client.close();
  await broker.close();
});

for (const markerDelayMs of [0, 100]) {
  test(`an outcome stays what it is when only its end cannot be kept, markers after ${markerDelayMs} ms`, () => {
    const kept: string[] = [];
    const refused = new Set(['CompleteCommit']);
    const changed = ({ status }: { status: string }) => {
      if (refused.delete(status)) throw new StorageError('full');
      kept.push(status);
    };
    const { clock, log, newCoordinator } = setUp({ markerDelayMs, journal: { changed, decided() {}, forgotten() {} } });
    const coordinator = newCoordinator();
    const me = coordinator.initProducerId('a', 60_000, NO_PRODUCER);
    coordinator.addPartitions('a', me, T);
    const commit = () => coordinator.end('a', me, true);
    if (markerDelayMs === 0) assert.throws(commit, StorageError);
    else assert.equal(commit(), 0);
    clock.advance(markerDelayMs);
    assert.deepEqual([log.highWatermark, kept.at(-1)], [2, 'PrepareCommit']);
    clock.advance(1000);
    assert.deepEqual([coordinator.get('a')!.status, kept.at(-1)], ['CompleteCommit', 'CompleteCommit']);
    assert.deepEqual([commit(), log.highWatermark], [0, 2]);
    const count = kept.length;
    clock.advance(60_000);
    assert.equal(kept.length, count, 'and it is kept once');
  });
}
