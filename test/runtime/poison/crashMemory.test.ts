import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import { AnomalyError } from '../../../src/errors.ts';
import { type Crash, CrashMemory, crashFrom } from '../../../src/runtime/poison/crashMemory.ts';
import { PoisonGuard } from '../../../src/runtime/poison/poisonGuard.ts';

/** A batch of these offsets with one byte a value: the offset's last digit. */
function batchOf(offsets: readonly number[]): ColumnBatch {
  const batch = new ColumnBatch(1, Math.max(1, offsets.length));
  batch.topic = 't';
  batch.partition = 2;
  batch.count = offsets.length;
  batch.firstOffset = offsets[0] ?? 0;
  batch.nextOffset = (offsets.at(-1) ?? -1) + 1;
  batch.bytes = Uint8Array.from(offsets, (offset) => 48 + (offset % 10));
  offsets.forEach((offset, i) => {
    batch.offsets[i] = offset;
    batch.recordTimes[i] = offset * 10;
    batch.keyStart[i] = -1;
    batch.valueStart[i] = i;
    batch.valueEnd[i] = i + 1;
  });
  return batch;
}

interface Fates {
  /** What processing the record at an offset throws. */
  readonly errors: ReadonlyMap<number, () => unknown>;
  readonly poisonAfter: number;
}

/** Runs a batch until it passes, as restarts do; the offsets processed in the last run, those put aside, the crashes. */
async function runs(batch: ColumnBatch, { errors, poisonAfter }: Fates, most = 50) {
  const memory = new CrashMemory(poisonAfter);
  const crashes: Crash[] = [];
  for (let run = 1; run <= most; run++) {
    const done: number[] = [];
    const aside: { offset: number; times: number; value: string }[] = [];
    const guard = new PoisonGuard(memory, {
      process: async (piece) => {
        for (let i = 0; i < piece.count; i++) {
          const fate = errors.get(piece.offsets[i]!);
          if (fate !== undefined) throw fate();
          done.push(piece.offsets[i]!);
        }
      },
      putAside: (one, _, times) => {
        const value = new TextDecoder().decode(one.bytes.subarray(one.valueStart[0], one.valueEnd[0]));
        aside.push({ offset: one.firstOffset, times, value });
      },
    });
    try {
      await guard.take(batch);
      return { done, aside, crashes, memory };
    } catch (error) {
      const crash = crashFrom(error);
      if (crash === undefined) throw error;
      crashes.push(crash);
      memory.add(crash);
    }
  }
  return { done: [], aside: [], crashes, memory };
}

const boom = () => new TypeError('boom');

test('a record that crashes three times in the same way is put aside, the others are processed', async () => {
  const { done, aside, crashes } = await runs(batchOf([10, 11, 12, 15]), {
    errors: new Map([[12, boom]]),
    poisonAfter: 3,
  });
  assert.deepEqual(done, [10, 11, 15]);
  assert.deepEqual(aside, [{ offset: 12, times: 3, value: '2' }]);
  // The first crash knows the batch, the next two the record.
  const ranges = crashes.map(({ from, to, error }) => [from, to, error]);
  assert.deepEqual(ranges, [
    [10, 16, 'TypeError: boom'],
    [12, 13, 'TypeError: boom'],
    [12, 13, 'TypeError: boom'],
  ]);
  assert.match(crashes[2]!.stack, /TypeError: boom\n +at /);
});

test('another error each time is not the same crash', async () => {
  let n = 0;
  const { done, crashes } = await runs(
    batchOf([1, 2]),
    { errors: new Map([[2, () => new Error(`${n++}`)]]), poisonAfter: 2 },
    9,
  );
  assert.deepEqual([done, crashes.length], [[], 9]);
});

test('off puts nothing aside', async () => {
  const { done, crashes } = await runs(batchOf([1]), { errors: new Map([[1, boom]]), poisonAfter: Infinity }, 20);
  assert.deepEqual([done, crashes.length], [[], 20]);
});

test('errors that the tool reports are no crashes of a record, a broken invariant is', async () => {
  const failing = (code: 'ANM_TIMEOUT' | 'ANM_INTERNAL') => ({
    errors: new Map([[1, () => new AnomalyError(code, 'x')]]),
    poisonAfter: 1,
  });
  await assert.rejects(runs(batchOf([1]), failing('ANM_TIMEOUT')), { code: 'ANM_TIMEOUT' });
  assert.deepEqual((await runs(batchOf([1]), failing('ANM_INTERNAL'))).aside.length, 1);
});

test('what is behind the commit is forgotten, and the journal is not counted twice', async () => {
  const crash: Crash = { topic: 't', partition: 2, from: 5, to: 6, error: 'E: x', stack: '' };
  const memory = new CrashMemory(2);
  memory.add(crash);
  memory.learn('t', 2, [crash]);
  assert.equal(memory.poison('t', 2, 5), undefined);
  memory.learn('t', 2, [crash, crash]);
  assert.equal(memory.poison('t', 2, 5)?.times, 2);
  assert.equal(memory.poison('t', 1, 5), undefined);
  memory.committed('t', 2, 5);
  assert.equal(memory.isSuspect(batchOf([5])), true);
  memory.committed('t', 2, 6);
  assert.equal(memory.isSuspect(batchOf([5])), false);
});

test('whatever records are poison: exactly they are put aside, each after that many crashes, all others processed once', async () => {
  const offsets = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(offsets, fc.integer({ min: 1, max: 4 }), fc.func(fc.boolean()), async (list, poisonAfter, bad) => {
      const sorted = list.sort((a, b) => a - b);
      const poison = sorted.filter((offset) => bad(offset));
      const errors = new Map(poison.map((offset) => [offset, () => new Error(`at ${offset}`)]));
      const { done, aside, crashes } = await runs(batchOf(sorted), { errors, poisonAfter }, 200);
      assert.deepEqual(
        done,
        sorted.filter((offset) => !poison.includes(offset)),
      );
      assert.deepEqual(
        aside.map(({ offset }) => offset),
        poison,
      );
      assert.ok(aside.every(({ times }) => times >= poisonAfter));
      // One more where a single crash would do, as the first tells only the batch.
      const least = poison.length * poisonAfter;
      assert.ok(crashes.length >= least && crashes.length <= least + (poison.length > 0 ? 1 : 0));
    }),
  );
});
