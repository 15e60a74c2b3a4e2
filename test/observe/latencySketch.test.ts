import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LatencySketch, sketchBucket, sketchBucketUpTo } from '../../src/observe/latencySketch.ts';

test('a power of ten is the bound of a bucket and belongs to the one below', () => {
  for (const boundMs of [0.1, 1, 10, 100, 1000, 10_000]) {
    const last = sketchBucketUpTo(boundMs);
    assert.equal(sketchBucket(boundMs), last, `${boundMs} ms`);
    assert.equal(sketchBucket(boundMs * (1 + 1e-6)), last + 1, `just above ${boundMs} ms`);
  }
  assert.equal(sketchBucket(0), 0);
  assert.equal(sketchBucket(1e12), 1199);
});

test('a quantile is within one percent', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.02, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
      const sketch = new LatencySketch();
      for (const value of values) sketch.add(value);
      const exact = values.toSorted((a, b) => a - b)[Math.floor(0.5 * (values.length - 1))]!;
      const told = sketch.quantileMs(0.5)!;
      assert.ok(Math.abs(told / exact - 1) < 0.011, `${told} for ${exact}`);
    }),
  );
});
