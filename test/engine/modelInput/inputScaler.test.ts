import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  InputScaler,
  type InputScaling,
  SCALED_MAX,
  SCALING_MIN_COUNT,
} from '../../../src/engine/modelInput/inputScaler.ts';
import { StateRow } from '../../../src/engine/stateRow.ts';
import { bells } from '../../helpers/statistics.ts';

const STEP_MS = 300_000;
const MONDAY_MS = Date.UTC(2024, 0, 1);

function normals(count: number, seed: number): number[] {
  return Array.from({ length: count }, bells(seed));
}

function scalerOf(scaling: InputScaling, slots = 1): InputScaler {
  const scaler = new InputScaler(scaling, STEP_MS);
  scaler.reserve(slots);
  return scaler;
}

test('none gives values as they are, and none that is not finite', () => {
  const scaler = scalerOf('none');
  assert.equal(scaler.scale(0, 0, 12.5), 12.5);
  for (const bad of [NaN, Infinity, -Infinity]) assert.ok(Number.isNaN(scaler.scale(0, 0, bad)));
});

test('standard is the z-score to the values before, by a formula of its own', () => {
  const values = normals(500, 3).map((each) => 1e8 + 5 * each);
  const scaler = scalerOf('standard');
  values.forEach((value, i) => {
    const seen = values.slice(0, i);
    const actual = scaler.scale(0, i, value);
    if (i < SCALING_MIN_COUNT) {
      assert.ok(Number.isNaN(actual));
      return;
    }
    const mean = seen.reduce((sum, each) => sum + each, 0) / i;
    const variance = seen.reduce((sum, each) => sum + (each - mean) ** 2, 0) / i;
    const expected = Math.max(-SCALED_MAX, Math.min(SCALED_MAX, (value - mean) / Math.sqrt(variance)));
    assert.ok(Math.abs(actual - expected) < 1e-4, `value ${i}: ${actual}, not ${expected}`);
  });
});

test('residual takes the daily rhythm away, so that one scale serves series of any size', () => {
  const noise = normals(288 * 10, 4);
  const scaler = scalerOf('residual', 2);
  const small: number[] = [];
  const large: number[] = [];
  noise.forEach((each, i) => {
    const timeMs = MONDAY_MS + i * STEP_MS;
    const rhythm = 50 * Math.sin((2 * Math.PI * i) / 288);
    small.push(scaler.scale(0, timeMs, rhythm + each));
    large.push(scaler.scale(1, timeMs, 1000 * (rhythm + each)));
  });
  const tail = small.slice(288 * 6);
  const spread = Math.sqrt(tail.reduce((sum, each) => sum + each * each, 0) / tail.length);
  // An interquartile range is 1.35 deviations, and the median of few days adds its own error.
  assert.ok(spread > 0.5 && spread < 1.2, `deviation ${spread}`);
  for (let i = 288 * 6; i < noise.length; i++) assert.ok(Math.abs(small[i]! - large[i]!) < 1e-2);
});

test('an outlier is clipped, and does not widen the measure', () => {
  for (const scaling of ['standard', 'residual'] as const) {
    const scaler = scalerOf(scaling);
    const noise = normals(400, 5);
    for (let i = 0; i < 300; i++) scaler.scale(0, MONDAY_MS + i * STEP_MS, noise[i]!);
    assert.equal(scaler.scale(0, MONDAY_MS + 300 * STEP_MS, 1e9), SCALED_MAX);
    const after = noise.slice(300).map((value, i) => scaler.scale(0, MONDAY_MS + (301 + i) * STEP_MS, value));
    assert.ok(
      after.some((each) => Math.abs(each) > 0.8),
      scaling,
    );
  }
});

test('a constant series is 0, and what leaves it is far away', () => {
  for (const scaling of ['standard', 'residual'] as const) {
    const scaler = scalerOf(scaling);
    for (let i = 0; i < 100; i++) {
      const actual = scaler.scale(0, MONDAY_MS + i * STEP_MS, 7);
      assert.equal(actual, i < SCALING_MIN_COUNT ? NaN : 0);
    }
    assert.equal(scaler.scale(0, MONDAY_MS + 100 * STEP_MS, 6), -SCALED_MAX);
  }
});

test('goes on as before from a row, whichever value it was cut at', () => {
  const noise = normals(600, 6);
  const at = (i: number) => MONDAY_MS + i * STEP_MS * 7;
  fc.assert(
    fc.property(fc.constantFrom('standard', 'residual'), fc.nat(599), (scaling, cut) => {
      const whole = scalerOf(scaling);
      const expected = noise.map((value, i) => whole.scale(0, at(i), value));
      const first = scalerOf(scaling);
      for (let i = 0; i < cut; i++) first.scale(0, at(i), noise[i]!);
      const row = new StateRow();
      first.pack(0, row);
      const unpacked = scalerOf(scaling, 3);
      unpacked.unpack(2, row);
      for (let i = cut; i < noise.length; i++) {
        assert.equal(unpacked.scale(2, at(i), noise[i]!), expected[i]);
      }
    }),
    { numRuns: 20 },
  );
});

test('a slot that was reset begins anew', () => {
  const noise = normals(200, 8);
  for (const scaling of ['standard', 'residual'] as const) {
    const scaler = scalerOf(scaling);
    const first = noise.map((value, i) => scaler.scale(0, MONDAY_MS + i * STEP_MS, value));
    scaler.reset(0);
    const second = noise.map((value, i) => scaler.scale(0, MONDAY_MS + i * STEP_MS, value));
    assert.deepEqual(second, first);
  }
});
