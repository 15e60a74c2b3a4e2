import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { halfToNumber, numbersOf, numberToHalf } from '../../../src/models/runtime/tensorData.ts';

test('every float16 goes to a number and back', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = halfToNumber(bits);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(halfToNumber(numberToHalf(value))));
    else assert.equal(numberToHalf(value), bits);
  }
});

test('property: a number becomes the nearest float16, ties to even', () => {
  fc.assert(
    fc.property(fc.float({ min: Math.fround(-70000), max: Math.fround(70000), noNaN: true }), (value) => {
      const bits = numberToHalf(value);
      const kept = Math.abs(halfToNumber(bits));
      if (Math.abs(value) >= 65520) return assert.equal(kept, Number.POSITIVE_INFINITY);
      const error = Math.abs(kept - Math.abs(value));
      const magnitude = bits & 0x7fff;
      for (const neighbour of [magnitude - 1, magnitude + 1]) {
        if (neighbour < 0 || neighbour >= 0x7c00) continue;
        const other = Math.abs(halfToNumber(neighbour) - Math.abs(value));
        assert.ok(error < other || (error === other && bits % 2 === 0));
      }
    }),
    { numRuns: 2000 },
  );
});

test('int64 becomes numbers, strings do not', () => {
  const int64 = { type: 'int64', dims: [2], data: BigInt64Array.of(-1n, 2n ** 40n) } as const;
  assert.deepEqual(numbersOf(int64), Float64Array.of(-1, 2 ** 40));
  assert.deepEqual(numbersOf({ type: 'bool', dims: [2], data: Uint8Array.of(0, 1) }), Float64Array.of(0, 1));
  assert.equal(numbersOf({ type: 'string', dims: [1], data: ['a'] }), undefined);
});
