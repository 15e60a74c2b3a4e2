import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertShaper, type AlertShaping } from '../../src/engine/alertShaper.ts';
import { StateRow } from '../../src/engine/stateRow.ts';

const MINUTE_MS = 60_000;
const T = 2;

function shaperOf(slots: number, shaping: AlertShaping = { refractoryMs: 10 * MINUTE_MS }): AlertShaper {
  const shaper = new AlertShaper(shaping);
  shaper.reserve(slots);
  return shaper;
}

test('holds back the same slot for the refractory time, unless the score is higher', () => {
  const shaper = shaperOf(2);
  assert.equal(shaper.next(0, 0, 3, T), true);
  assert.equal(shaper.next(0, MINUTE_MS, 3, T), false);
  assert.equal(shaper.next(1, MINUTE_MS, 3, T), true);
  assert.equal(shaper.next(0, 2 * MINUTE_MS, 3.1, T), true);
  // The time runs from the last alert that went out.
  assert.equal(shaper.next(0, 11 * MINUTE_MS, 3.1, T), false);
  assert.equal(shaper.next(0, 12 * MINUTE_MS, 2.5, T), true);
});

test('a score at the threshold is no alert', () => {
  assert.equal(shaperOf(1).next(0, 0, T, T), false);
});

test('a late alert is held back when it is near the last one, else goes out without moving it', () => {
  const shaper = shaperOf(1);
  assert.equal(shaper.next(0, 60 * MINUTE_MS, 3, T), true);
  assert.equal(shaper.next(0, 55 * MINUTE_MS, 3, T), false);
  assert.equal(shaper.next(0, 10 * MINUTE_MS, 3, T), true);
  assert.equal(shaper.next(0, 61 * MINUTE_MS, 3, T), false);
});

test('a refractory time of 0 lets every alert out', () => {
  const shaper = shaperOf(1, { refractoryMs: 0 });
  assert.deepEqual([shaper.next(0, 5, 3, T), shaper.next(0, 5, 3, T), shaper.next(0, 6, 2.5, T)], [true, true, true]);
});

test('n of m: so many of the last values have to be above the threshold, the last one among them', () => {
  const shaper = shaperOf(1, { refractoryMs: 0, atLeast: 2, of: 3 });
  assert.equal(shaper.seesAll, true);
  const alerts = [3, 0, 0, 3, 0, 3, 3, 0, 3].map((score, i) => shaper.next(0, i, score, T));
  assert.deepEqual(alerts, [false, false, false, false, false, true, true, false, true]);
});

test('hysteresis: one alert until a score falls below the given part of the threshold, or is higher', () => {
  const shaper = shaperOf(1, { refractoryMs: 0, closeBelow: 0.5 });
  const alerts = [3, 3, 1.5, 3, 0.9, 3, 4, 4].map((score, i) => shaper.next(0, i, score, T));
  assert.deepEqual(alerts, [true, false, false, false, false, true, true, false]);
});

test('the value that ends an alert is told where that is asked for, once, and only of an alert that was told', () => {
  const ends = (shaping: AlertShaping) => {
    const shaper = shaperOf(1, shaping);
    return [3, 1.5, 0.9, 0.8, 3, 0, 5, 0].map((score, i) => {
      assert.equal(shaper.next(0, i * MINUTE_MS, score, T) && shaper.hasEnded, false, 'never both');
      return shaper.hasEnded;
    });
  };
  const shaping = { refractoryMs: 10 * MINUTE_MS, closeBelow: 0.5 };
  // The second 3 is within the refractory time; the 5 is higher.
  const told = [false, false, true, false, false, false, false, true];
  assert.deepEqual(ends({ ...shaping, tellsEnd: true }), told);
  assert.ok(
    ends(shaping).every((ended) => !ended),
    'nobody asked',
  );
  assert.ok(
    ends({ refractoryMs: 0, tellsEnd: true }).every((ended) => !ended),
    'without hysteresis there is no end',
  );
});

test('a packed row goes on where it was, and more slots begin anew', () => {
  const shaping = { refractoryMs: 10 * MINUTE_MS, atLeast: 2, of: 32, closeBelow: 0.5 };
  const shaper = shaperOf(3, shaping);
  shaper.next(2, 0, 5, T);
  shaper.next(2, 0, 5, T);
  const row = new StateRow();
  shaper.pack(2, row);
  const restored = shaperOf(1, shaping);
  restored.reserve(100);
  restored.unpack(0, row);
  assert.deepEqual(restored.describe(0), { time_ms: 0, score: 5 });
  assert.equal(restored.next(0, 60 * MINUTE_MS, 5, T), false);
  assert.equal(restored.describe(99), null);
  assert.deepEqual([restored.next(99, MINUTE_MS, 3, T), restored.next(99, MINUTE_MS, 3, T)], [false, true]);
});
