import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CalendarMask, mergedSpans } from '../../src/engine/calendar.ts';

const spans = fc
  .array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 12 })), { maxLength: 6 })
  .map((list) => Float64Array.from(list.flatMap(([start, length]) => [start, start + length])));

function isIn(list: Float64Array, from: number, to: number): boolean {
  for (let i = 0; i < list.length; i += 2) {
    const [start, end] = [list[i]!, list[i + 1]!];
    if (from >= start && from < end) return true;
    if (start > from && start < to && start < end) return true;
  }
  return false;
}

test('a mask holds exactly what one of the spans holds, in whatever order it is asked', () => {
  fc.assert(
    fc.property(
      fc.array(spans, { maxLength: 3 }),
      fc.array(fc.tuple(fc.integer({ min: -60, max: 70 }), fc.nat(15)), { minLength: 1, maxLength: 30 }),
      (lists, asked) => {
        const all = Float64Array.from(lists.flatMap((list) => [...list]));
        const mask = new CalendarMask(mergedSpans(lists));
        for (const [from, length] of asked) {
          assert.equal(mask.holds(from, from + length), isIn(all, from, from + length), `${from} +${length} of ${all}`);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('merged spans ascend, and no two of them touch', () => {
  assert.deepEqual([...mergedSpans([Float64Array.of(5, 9, 1, 3), Float64Array.of(3, 4, 8, 12)])], [1, 4, 5, 12]);
  assert.deepEqual([...mergedSpans([Float64Array.of(5, 5)])], []);
});
