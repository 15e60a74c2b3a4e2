import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readings } from '../../../bench/readings.mjs';
import { MAX_Z, RollingZ } from '../../../src/engine/detectors/rollingZ.ts';
import { regular, scoreAcrossSnapshot, scoreAll } from '../../helpers/scoring.ts';
import { twoPass } from '../../helpers/statistics.ts';

const RULE = { window: 64, minCount: 8 };

test('flags what the stated rule flags, in two passes over the previous values of the sensor', () => {
  const slots: number[] = [];
  const times: number[] = [];
  const values: number[] = [];
  for (const { key, tsMs, value } of readings(200_000, 250, 1)) {
    slots.push(Number(key.slice(-5)));
    times.push(tsMs);
    values.push(value);
  }
  const expected: { index: number; score: number; mean: number; stddev: number }[] = [];
  const histories = new Map<number, number[]>();
  values.forEach((value, index) => {
    const history = histories.get(slots[index]!) ?? [];
    histories.set(slots[index]!, history);
    if (history.length >= 8) {
      const { mean, variance } = twoPass(history);
      const stddev = Math.sqrt(variance);
      if (Math.abs(value - mean) > 6 * stddev) {
        expected.push({ index, score: Math.abs(value - mean) / stddev, mean, stddev });
      }
    }
    history.push(value);
    if (history.length > 64) history.shift();
  });
  const alerts = scoreAll(new RollingZ(RULE), { slots, times, values }, 6);
  assert.ok(expected.length > 15);
  assert.deepEqual(
    alerts.map((alert) => alert.index),
    expected.map((each) => each.index),
  );
  alerts.forEach((alert, i) => {
    const { score, mean, stddev } = expected[i]!;
    assert.ok(Math.abs(alert.score - score) < 1e-9 * score);
    assert.ok(Math.abs(alert.expected - mean) < 1e-9);
    assert.ok(Math.abs(alert.upper - (mean + 6 * stddev)) < 1e-9);
    assert.ok(Math.abs(alert.lower - (mean - 6 * stddev)) < 1e-9);
    assert.equal(alert.parts[0], alert.score);
  });
});

test('no alert before minCount values, and an outlier is learnt as any value is', () => {
  const quiet = [1, 2, 1, 2, 1, 2, 1];
  assert.deepEqual(scoreAll(new RollingZ(RULE), regular([...quiet, 100]), 6), []);
  const alerts = scoreAll(new RollingZ(RULE), regular([...quiet, 2, 100, 100, 100]), 6);
  assert.deepEqual(
    alerts.map((alert) => alert.index),
    [8],
  );
});

test('any change after values without spread alerts, with a score that is finite', () => {
  const alerts = scoreAll(new RollingZ(RULE), regular([...new Array(10).fill(1e8), 1e8 + 1e-7]), 6);
  assert.deepEqual(
    alerts.map((alert) => [alert.index, alert.score, alert.expected, alert.lower]),
    [[10, MAX_Z, 1e8, 1e8]],
  );
});

test('nulls and rejected records are passed over', () => {
  const columns = regular([...new Array(10).fill(5), NaN, 9]);
  const slots = Int32Array.from(columns.slots);
  slots[11] = -1;
  assert.deepEqual(scoreAll(new RollingZ(RULE), { ...columns, slots }, 6), []);
});

test('a slot may have a threshold of its own', () => {
  const values = [...new Array(10).fill([1, 3]).flat(), 6.5];
  const columns = { slots: [...new Array(21).fill(0), ...new Array(21).fill(1)], times: new Array(42).fill(0) };
  const thresholdOf = (slot: number) => (slot === 1 ? 3 : 6);
  const alerts = scoreAll(new RollingZ(RULE), { ...columns, values: [...values, ...values] }, thresholdOf);
  assert.deepEqual(
    alerts.map((alert) => [alert.index, alert.score]),
    [[41, 4.5]],
  );
});

test('batches and snapshots may end anywhere', () => {
  const values = fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.double({ min: -1e9, max: 1e9, noNaN: true })), {
    minLength: 20,
    maxLength: 200,
  });
  const make = () => new RollingZ({ window: 16, minCount: 4 });
  fc.assert(
    fc.property(values, fc.nat(200), fc.nat(200), (list, cut, other) => {
      const whole = scoreAll(make(), regular(list), 2);
      assert.deepEqual(scoreAll(make(), regular(list), 2, [cut, other]), whole);
      assert.deepEqual(scoreAcrossSnapshot(make, regular(list), Math.min(cut, list.length), 2), whole);
    }),
  );
});
