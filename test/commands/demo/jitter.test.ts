import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jittered, randomOf } from '../../../src/commands/demo/jitter.ts';
import { MergedRows } from '../../../src/inputs/mergedRows.ts';
import { RowChunk } from '../../../src/inputs/rowChunk.ts';
import type { RowReader } from '../../../src/inputs/rowReader.ts';

/** Rows of one file with these event times, in parts of at most `part` rows. */
async function* rowsOf(times: readonly number[], part: number): AsyncGenerator<MergedRows, void, void> {
  const chunk = new RowChunk('csv', 1, Math.max(1, times.length));
  chunk.times.set(times);
  const merged = new MergedRows(1, part);
  merged.readers[0] = { chunk } as RowReader;
  for (let row = 0; row < times.length; ) {
    merged.count = Math.min(part, times.length - row);
    for (let i = 0; i < merged.count; i++) merged.rows[i] = row++;
    yield merged;
  }
}

async function orderOf(times: readonly number[], part: number, seed: number, spanMs: number): Promise<number[]> {
  const order: number[] = [];
  for await (const merged of jittered(rowsOf(times, part), seed, spanMs)) {
    order.push(...merged.rows.subarray(0, merged.count));
  }
  return order;
}

test('every row comes once, none of sorted ones further behind the highest time than the span', async () => {
  const gap = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8000 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(gap, { maxLength: 60 }),
      fc.integer(),
      fc.integer({ min: 1, max: 20 }),
      async (gaps, seed, part) => {
        let at = 0;
        const times = gaps.map((step) => (at += step));
        const order = await orderOf(times, part, seed, 5000);
        assert.deepEqual(
          [...order].sort((a, b) => a - b),
          times.map((_, row) => row),
        );
        let highest = Number.NEGATIVE_INFINITY;
        for (const row of order) {
          assert.ok(times[row]! >= highest - 5000);
          highest = Math.max(highest, times[row]!);
        }
      },
    ),
  );
});

test('a seed gives one order, another seed another', async () => {
  const times = Array.from({ length: 50 }, () => 1000);
  const order = await orderOf(times, 50, 1, 5000);
  assert.deepEqual(await orderOf(times, 50, 1, 5000), order);
  assert.notDeepEqual(await orderOf(times, 50, 2, 5000), order);
});

test('mulberry32 gives its known sequence', () => {
  const random = randomOf(0);
  // The first values of the published algorithm for seed 0, times 2^32.
  assert.deepEqual(
    [random(), random(), random()].map((value) => value * 2 ** 32),
    [1144304738, 1416247, 958946056],
  );
});
