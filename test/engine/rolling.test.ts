import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RollingByCount } from '../../src/engine/features/rollingByCount.ts';
import { RollingWindow } from '../../src/engine/rolling.ts';
import { SnapshotReader, SnapshotWriter } from '../../src/engine/state.ts';
import { twoPass, uniforms } from '../helpers/statistics.ts';
import { writeAsFormatOne } from './helpers/formerRollingWindow.ts';

/** Values of very different sizes, with runs of equal ones, as they come from sensors that are stuck or broken. */
const value = fc
  .oneof(
    fc.double({ min: -10, max: 10, noNaN: true }),
    fc.double({ min: 1e8 - 0.5, max: 1e8 + 0.5, noNaN: true }),
    fc.double({ min: -1e20, max: 1e20, noNaN: true }),
    fc.constantFrom(0, 5, 5, 1e8, 1e20, -1e150, 0.1),
  )
  // Squares of differences below 1e-154 are 0: the window does not see them.
  .map((each) => (Math.abs(each) < 1e-100 ? 0 : each));

test('mean and variance are those of two passes over the last values, for values of any size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.array(value, { maxLength: 300 }), (size, values) => {
      const window = new RollingWindow(size);
      window.reserve(3);
      values.forEach((entering, i) => {
        window.push(1, entering);
        const last = values.slice(Math.max(0, i + 1 - size), i + 1);
        const expected = twoPass(last);
        assert.equal(window.count(1), last.length);
        const largest = Math.max(...last.map(Math.abs));
        assert.ok(Math.abs(window.mean(1) - expected.mean) <= 1e-12 * largest, `mean after ${i}`);
        assertClose(window.variance(1), expected.variance, 1e-9, `variance after ${i}`);
      });
      assert.equal(window.count(0) + window.count(2), 0);
    }),
    { numRuns: 300 },
  );
});

test('a million steps of 1e8 +- 0.5 stay within 1e-9 of two passes, also after 1e20 has left', () => {
  const size = 64;
  const window = new RollingWindow(size);
  window.reserve(1);
  const uniform = uniforms(7);
  const last: number[] = [];
  let checks = 0;
  for (let i = 0; i < 1_000_000; i++) {
    const entering = i % 100_000 === 50_000 ? 1e20 : 1e8 - 0.5 + uniform();
    window.push(0, entering);
    last.push(entering);
    if (last.length > size) last.shift();
    // Prime, so that every place of the ring is looked at; and each step right after an outlier has left.
    if (i % 997 !== 0 && ((i % 100_000) - 50_000 - size) >>> 0 > 70) continue;
    const { mean, variance, deviation } = twoPass(last);
    assertClose(window.variance(0), variance, 1e-9, `variance after ${i}`);
    assertClose(window.mean(0), mean, 1e-15, `mean after ${i}`);
    assertClose(window.deviation(0, entering), deviation(entering), 1e-9, `deviation after ${i}`);
    checks++;
  }
  assert.ok(checks > 1600);
});

test('equal values have the variance 0 exactly, also after others have left', () => {
  const window = new RollingWindow(8);
  window.reserve(1);
  for (const entering of [1e16, -3, 0.7, 1e-3]) window.push(0, entering);
  for (let i = 0; i < 8; i++) window.push(0, 0.1);
  assert.equal(window.variance(0), 0);
  assert.equal(window.mean(0), 0.1);
});

test('an infinite value makes the window unknown for as long as it is in it, and no longer', () => {
  const window = new RollingWindow(4);
  window.reserve(1);
  for (const entering of [1, 2, Infinity, 3]) window.push(0, entering);
  assert.ok(Number.isNaN(window.variance(0)));
  for (const entering of [4, 5, 6]) window.push(0, entering);
  assert.equal(window.mean(0), 4.5);
  assert.equal(window.variance(0), 1.25);
});

test('slots do not see each other, however they are interleaved and whenever room is made', () => {
  const uniform = uniforms(3);
  const together = new RollingWindow(16);
  const alone = Array.from({ length: 40 }, () => new RollingWindow(16));
  for (const window of alone) window.reserve(1);
  for (let i = 0; i < 5000; i++) {
    const slot = Math.floor(uniform() * Math.min(40, 1 + i / 100));
    const entering = 1e6 * uniform();
    together.reserve(slot + 1);
    together.push(slot, entering);
    alone[slot]!.push(0, entering);
  }
  alone.forEach((window, slot) => {
    assert.ok(Object.is(together.mean(slot), window.mean(0)));
    assert.ok(Object.is(together.variance(slot), window.variance(0)));
  });
});

test('a snapshot of version 0.1 taken anywhere goes on to the same bits', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 200 }), fc.nat(200), (values, cut) => {
      const straight = new RollingWindow(16);
      let broken = new RollingWindow(16);
      straight.reserve(2);
      broken.reserve(2);
      values.forEach((entering, i) => {
        if (i === cut) {
          const writer = new SnapshotWriter();
          writeAsFormatOne(broken, 2, writer);
          broken = new RollingWindow(16);
          broken.restore(new SnapshotReader(writer.encode()));
        }
        straight.push(i % 2, entering);
        broken.push(i % 2, entering);
        assert.ok(Object.is(straight.variance(i % 2), broken.variance(i % 2)));
        assert.ok(Object.is(straight.mean(i % 2), broken.mean(i % 2)));
      });
    }),
  );
});

test('rolling features hold the current value, and pass over nulls and rejected records', () => {
  const slots = Int32Array.of(0, 0, -1, 0, 0, 0);
  const values = Float64Array.of(1, 3, 99, NaN, 5, 5);
  const column = (statistic: 'mean' | 'stddev' | 'z') => {
    const feature = new RollingByCount(2, statistic);
    feature.reserve(1);
    const out = new Float64Array(6);
    // In two pieces, as batches come.
    feature.compute(slots, values, values, 0, 2, out);
    feature.compute(slots, values, values, 2, 6, out);
    return [...out];
  };
  assert.deepEqual(column('mean'), [1, 2, NaN, NaN, 4, 5]);
  assert.deepEqual(column('stddev'), [0, 1, NaN, NaN, 1, 0]);
  assert.deepEqual(column('z'), [0, 1, NaN, NaN, 1, 0]);
});

function assertClose(actual: number, expected: number, tolerance: number, what: string): void {
  const error = Math.abs(actual - expected);
  assert.ok(
    error <= tolerance * Math.max(Math.abs(expected), tolerance),
    `${what}: ${actual} is not ${expected} (off by ${error})`,
  );
}

test('reading ahead among many slots changes nothing', () => {
  const slots = Int32Array.from({ length: 50_000 }, (_, i) => (i % 7 === 0 ? -1 : (i * 7919) % 40_000));
  const [ahead, plain] = [new RollingWindow(12), new RollingWindow(12)];
  for (const window of [ahead, plain]) window.reserve(40_000);
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < slots.length; i++) {
      if (i % 128 === 0) ahead.readAhead(slots, i, Math.min(slots.length, i + 128));
      if (slots[i]! < 0) continue;
      ahead.push(slots[i]!, Math.sin(i) * round);
      plain.push(slots[i]!, Math.sin(i) * round);
    }
  }
  assert.deepEqual(ahead.cells, plain.cells);
});
