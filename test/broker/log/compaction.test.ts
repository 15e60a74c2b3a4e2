import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { startBroker } from '../../../src/broker/broker.ts';
import { ManualClock, systemClock } from '../../../src/broker/clock.ts';
import { compactInSteps } from '../../../src/broker/log/compaction.ts';
import { PartitionLog } from '../../../src/broker/log/partitionLog.ts';
import { PartitionTransactions } from '../../../src/broker/log/partitionTransactions.ts';
import { MemorySegments } from '../../../src/broker/log/segmentStore.ts';
import { TopicConfigs } from '../../../src/broker/topicConfigs.ts';
import { prepareCodecs } from '../../../src/wire/compression.ts';
import { appendTo, keyedBatch, recordsOf } from '../helpers/diskLog.ts';

// Goal: a compaction lets others work in between, whatever they do to its log.

before(prepareCodecs);

const clock = new ManualClock();
const batchOfKeys = (keys: readonly string[], value: string) =>
  keyedBatch(keys.map((key) => ({ key, value, timestampMs: clock.now() })));

test('the event loop turns while a large log is compacted', async (t) => {
  let turns = 0;
  let turnsBefore = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  // The last time is asked for when the compaction of the log begins.
  const now = () => {
    turnsBefore = turns;
    return Date.now();
  };
  const broker = await startBroker({ clock: { ...systemClock, now } });
  t.after(() => broker.close());
  const log = broker.context.topics.create('t', 1, [['cleanup.policy', 'compact']]).partitions[0]!;
  for (let i = 0; i < 60; i++) {
    const keys = Array.from({ length: 1000 }, (_, j) => `key-${(i * 1000 + j) % 40_000}`);
    appendTo(log, batchOfKeys(keys, `${i}`));
  }
  log.roll();
  const before = log.sizeBytes;
  count();
  await broker.housekeeper.compact();
  isOver = true;
  assert.ok(log.sizeBytes < before);
  assert.ok(turns - turnsBefore >= 3, `${turns - turnsBefore} turns`);
});

test('records that come and segments that go during a compaction leave a log that is whole', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.nat(60), fc.boolean(), (steps, deleteTo, appends) => {
      const configs = new TopicConfigs([
        ['cleanup.policy', 'compact'],
        ['segment.bytes', '400'],
      ]);
      const log = new PartitionLog('t', 0, { clock, configs, store: new MemorySegments() });
      for (let i = 0; i < 30; i++) appendTo(log, batchOfKeys([`${i % 3}`, `only-${i}`], `${i}`));
      log.roll();
      const pass = compactInSteps(log, clock.now());
      let isDone = false;
      for (let i = 0; i < steps && !isDone; i++) isDone = pass.next().done === true;
      log.deleteBefore(deleteTo);
      if (appends) for (let i = 30; i < 40; i++) appendTo(log, batchOfKeys([`${i % 3}`, `only-${i}`], `${i}`));
      while (!isDone) isDone = pass.next().done === true;
      const end = appends ? 80 : 60;
      assert.deepEqual([log.logStartOffset, log.highWatermark], [deleteTo, end]);
      const found = recordsOf(log).filter(({ offset }) => offset >= deleteTo);
      // Every odd offset has a key of its own; of the others the last three stay at the least.
      const odd = Array.from({ length: end }, (_, offset) => offset).filter((o) => o % 2 === 1 && o >= deleteTo);
      assert.deepEqual(
        found.filter(({ offset }) => offset % 2 === 1).map(({ offset }) => offset),
        odd,
      );
      for (const last of [end - 6, end - 4, end - 2]) {
        assert.equal(
          found.some(({ offset }) => offset === last),
          last >= deleteTo,
        );
      }
    }),
    { numRuns: 100 },
  );
});

test('whether a batch is aborted is found as by looking at every range', () => {
  const step = fc.record({ producerId: fc.nat(3), isEnd: fc.boolean(), isCommit: fc.boolean(), gap: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(80), fc.boolean(), (all, from, isRestored) => {
      let transactions = new PartitionTransactions();
      let offset = 0;
      for (const { producerId, isEnd, isCommit, gap } of all) {
        offset += gap + 1;
        if (isEnd) transactions.end(producerId, offset, isCommit);
        else transactions.appended(producerId, 0, offset);
      }
      transactions.forgetBefore(from);
      const { aborted } = transactions.toState();
      if (isRestored) {
        const state = transactions.toState();
        transactions = new PartitionTransactions();
        transactions.restore(state);
      }
      for (let producerId = 0; producerId < 4; producerId++) {
        for (let baseOffset = from; baseOffset <= offset; baseOffset++) {
          const expected = aborted.some(
            (range) =>
              range.producerId === producerId && range.firstOffset <= baseOffset && baseOffset < range.lastOffset,
          );
          assert.equal(transactions.isAborted({ producerId, baseOffset }), expected);
        }
      }
    }),
  );
});
