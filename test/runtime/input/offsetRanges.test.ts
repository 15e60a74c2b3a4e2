import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OffsetRanges } from '../../../src/runtime/input/offsetRanges.ts';

test('holds what a set of the same offsets holds, in ranges that lie apart', () => {
  const range = fc.tuple(fc.nat(60), fc.nat(8)).map(([start, length]) => [start, start + length] as const);
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (added) => {
      const ranges = new OffsetRanges();
      const set = new Set<number>();
      for (const [start, end] of added) {
        ranges.add(start, end);
        for (let offset = start; offset < end; offset++) set.add(offset);
      }
      for (let offset = 0; offset < 80; offset++) assert.equal(ranges.has(offset), set.has(offset), `${offset}`);
      const all = [...ranges];
      assert.equal(all.length, ranges.size);
      for (let i = 1; i < all.length; i++) assert.ok(all[i]![0] > all[i - 1]![1], JSON.stringify(all));
      assert.equal(
        all.reduce((sum, [start, end]) => sum + end - start, 0),
        set.size,
      );
    }),
  );
});
