import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StateRow } from '../../../src/engine/stateRow.ts';
import type { Sketch } from '../../../src/engine/windows/accumulator.ts';
import { binOf, DdSketch, exactBinOf } from '../../../src/engine/windows/ddSketch.ts';
import { HyperLogLog } from '../../../src/engine/windows/hyperLogLog.ts';

const QUANTILES = [0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999];

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 4294967296;
  };
}

/** The value of rank floor(q (n - 1)), which the sketch estimates. */
function exact(sorted: readonly number[], q: number): number {
  return sorted[Math.floor(q * (sorted.length - 1))]!;
}

function sketchOf(values: Iterable<number>): DdSketch {
  const sketch = new DdSketch();
  for (const value of values) sketch.add(value);
  return sketch;
}

/** All that can be seen of a sketch, as bytes. */
function bytesOf(sketch: Sketch): Uint8Array {
  const row = new StateRow();
  sketch.pack(row);
  return row.bytes.slice(0, row.length);
}

test('quantiles are within 1 % of the value, whatever the distribution', () => {
  const draw = generator(7);
  const distributions: Record<string, () => number> = {
    uniform: () => draw() * 1000,
    'long tail': () => 1 / (draw() + 1e-9),
    exponential: () => -Math.log(draw() + 1e-12),
    'around zero': () => draw() - draw(),
    'near 1e8': () => 1e8 + draw(),
    'few values': () => Math.floor(draw() * 4) - 1,
    negative: () => -Math.exp(10 * draw()),
  };
  for (const [name, next] of Object.entries(distributions)) {
    const values = Array.from({ length: 20_000 }, next);
    const sketch = sketchOf(values);
    const sorted = values.toSorted((a, b) => a - b);
    for (const q of QUANTILES) {
      const want = exact(sorted, q);
      const got = sketch.quantile(q);
      assert.ok(Math.abs(got - want) <= 0.01 * Math.abs(want) * (1 + 1e-9), `${name}, ${q}: ${got}, not ${want}`);
    }
    assert.deepEqual([sketch.quantile(0), sketch.quantile(1)], [sorted[0], sorted.at(-1)]);
  }
});

test('a merge is the sketch of all values, and packing keeps it, with any values in any order', () => {
  const value = fc.oneof(
    fc.double({ noNaN: true }),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(Infinity, -Infinity, 5e-324, 1.7e308, -1.7e308, 0, -0),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 60, size: 'max' }), fc.nat(60), (values, cut) => {
      const whole = sketchOf(values);
      const merged = sketchOf(values.slice(cut));
      merged.merge(sketchOf(values.slice(0, cut)));
      assert.deepEqual(bytesOf(merged), bytesOf(whole));
      assert.deepEqual(bytesOf(sketchOf(values.toReversed())), bytesOf(whole));
      const copy = new DdSketch();
      copy.add(3);
      const row = new StateRow();
      whole.pack(row);
      copy.unpack(row);
      for (const q of QUANTILES) assert.ok(Object.is(copy.quantile(q), whole.quantile(q)));
      copy.reset();
      copy.merge(whole);
      assert.deepEqual(bytesOf(copy), bytesOf(whole));
    }),
    { numRuns: 300 },
  );
});

test('the bin told by the leading bits is the one of the logarithm, at the edges of bins, too', () => {
  const gamma = 1.01 / 0.99;
  const edge = fc.integer({ min: -35_000, max: 35_000 }).map((bin) => gamma ** bin);
  const magnitude = fc.oneof(
    fc.double({ noNaN: true, min: 5e-324 }),
    fc.tuple(edge, fc.integer({ min: -3, max: 3 })).map(([x, ulps]) => x * (1 + ulps * Number.EPSILON)),
    fc.tuple(fc.integer({ min: -1074, max: 1023 }), fc.nat(2048)).map(([e, k]) => (1 + k / 2048) * 2 ** e),
  );
  fc.assert(
    fc.property(
      magnitude.filter((x) => x > 0),
      (x) => binOf(x) === exactBinOf(x),
    ),
    { numRuns: 20_000 },
  );
});

test('bins are bounded: where values span more than 17 decades, the smallest magnitudes share a bin', () => {
  const values = Array.from({ length: 600 }, (_, i) => 10 ** (i - 300));
  const sketch = sketchOf(values);
  assert.ok(bytesOf(sketch).length < 2048 * 8 + 64);
  for (const q of [0.98, 0.99, 1]) assert.ok(Math.abs(sketch.quantile(q) / exact(values, q) - 1) <= 0.01);
  assert.ok(Number.isFinite(sketch.quantile(0.5)));
  assert.ok(Number.isNaN(new DdSketch().quantile(0.5)));
});

test('distinct values: exact up to 64, then within the standard error of 1024 registers', () => {
  for (const count of [0, 1, 2, 63, 64]) {
    const log = new HyperLogLog();
    for (let i = 0; i < 3 * count; i++) log.add((i % count) * 0.1);
    assert.equal(log.estimate(), count);
  }
  for (const count of [65, 100, 500, 1000, 3000, 10_000, 100_000, 1_000_000]) {
    let squares = 0;
    let bias = 0;
    const runs = count > 10_000 ? 8 : 40;
    for (let run = 0; run < runs; run++) {
      const log = new HyperLogLog();
      for (let i = 0; i < count; i++) log.add(run * 1e9 + i * 1.25);
      const error = log.estimate() / count - 1;
      squares += error * error;
      bias += error;
    }
    // 1.04 / sqrt(1024) = 3.25 %; the mean of the runs has a smaller one, or there is a bias.
    assert.ok(Math.sqrt(squares / runs) < 0.05, `${count}: ${Math.sqrt(squares / runs)}`);
    assert.ok(Math.abs(bias / runs) < (3.5 * 0.0325) / Math.sqrt(runs), `${count}: ${bias / runs}`);
  }
});

test('0 and -0 are one value, and a merge counts what both have once', () => {
  const [left, right, whole] = [new HyperLogLog(), new HyperLogLog(), new HyperLogLog()];
  left.add(0);
  left.add(-0);
  assert.equal(left.estimate(), 1);
  for (let i = 0; i < 5000; i++) {
    (i % 3 === 0 ? left : right).add(i);
    if (i % 7 === 0) right.add(i);
    whole.add(i);
  }
  left.merge(right);
  assert.deepEqual(bytesOf(left), bytesOf(whole));
  const few = new HyperLogLog();
  few.add(12_345);
  left.merge(few);
  whole.add(12_345);
  assert.equal(left.estimate(), whole.estimate());
  few.merge(whole);
  assert.deepEqual(bytesOf(few), bytesOf(whole));
  const row = new StateRow();
  whole.pack(row);
  const copy = new HyperLogLog();
  copy.add(1);
  copy.unpack(row);
  assert.equal(copy.estimate(), whole.estimate());
  copy.reset();
  assert.equal(copy.estimate(), 0);
});
