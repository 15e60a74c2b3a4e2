import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDetector } from '../../../src/engine/detectors/create.ts';
import { MAX_RANGE_SCORE, RangeCheck } from '../../../src/engine/detectors/range.ts';
import { regular, scoreAcrossSnapshot, scoreAll } from '../../helpers/scoring.ts';

test('alerts outside of the range only, with the distance in widths', () => {
  const detector = new RangeCheck(() => ({ min: 0, max: 90 }), 'threshold');
  const alerts = scoreAll(detector, regular([0, 90, -9, 135, NaN, 45, Infinity]));
  assert.deepEqual(
    alerts.map(({ index, score, lower, upper }) => [index, score, lower, upper]),
    [
      [2, 0.1, 0, 90],
      [3, 0.5, 0, 90],
      [6, MAX_RANGE_SCORE, 0, 90],
    ],
  );
});

test('with one bound, the distance is in sizes of the bound; an open side has no band', () => {
  const alerts = scoreAll(new RangeCheck(() => ({ min: -Infinity, max: 50 }), 'threshold'), regular([-1e9, 60]));
  assert.deepEqual(
    alerts.map(({ index, score, lower, upper }) => [index, score, lower, upper]),
    [[1, 0.2, NaN, 50]],
  );
  assert.equal(scoreAll(new RangeCheck(() => ({ min: 0, max: Infinity }), 'threshold'), regular([-3]))[0]!.score, 3);
});

test('the limits of a slot are asked for once, when it appears', () => {
  const asked: number[] = [];
  const detector = createDetector(
    { detector: 'range', sensitivity: 'medium', window: 64, minCount: 8, stepMs: 300_000 },
    (slot) => {
      asked.push(slot);
      return { min: 0, max: slot };
    },
  );
  detector.reserve(2);
  detector.reserve(2);
  detector.reserve(1);
  detector.reserve(4);
  const alerts = scoreAll(detector, { slots: [0, 1, 2, 3, -1], times: [0, 0, 0, 0, 0], values: [2, 2, 2, 2, 2] });
  assert.deepEqual(asked, [0, 1, 2, 3]);
  assert.deepEqual(
    alerts.map((alert) => alert.index),
    [0, 1],
  );
});

test('without a given range, range takes what was seen and a twentieth of it on both sides, from 60 values on', () => {
  const values = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 0 : 100));
  const columns = regular([...values, 105, 104, -12, 1e9, Infinity, 1e8]);
  const detector = new RangeCheck(() => ({ min: -Infinity, max: Infinity }), 'range');
  const alerts = scoreAll(detector, columns, 0);
  // 105 is on the edge, and seen from there on: the range is 105 wide, and its lower edge at -5.25.
  assert.deepEqual(
    alerts.map(({ index, lower }) => [index, lower]),
    [
      [62, -5.25],
      [63, -12 - 0.05 * 117],
      [64, -12 - 0.05 * (1e9 + 12)],
    ],
  );
  assert.ok(Math.abs(alerts[0]!.score - 6.75 / 115.5) < 1e-12);
  assert.deepEqual(scoreAll(new RangeCheck(() => ({ min: -Infinity, max: Infinity }), 'threshold'), columns, 0), []);
  const given = new RangeCheck(() => ({ min: -Infinity, max: 1e9 }), 'range');
  assert.deepEqual(
    scoreAll(given, columns, 0).map(({ index }) => index),
    [64],
  );
});

test('a learnt range goes on from a row', () => {
  const make = () => new RangeCheck(() => ({ min: -Infinity, max: Infinity }), 'range');
  const columns = regular(Array.from({ length: 200 }, (_, i) => ((i * i) % 97) + (i % 50 === 49 ? 40 * i : 0)));
  const whole = scoreAll(make(), columns, 0);
  assert.ok(whole.length >= 3);
  for (const cut of [1, 59, 60, 120]) assert.deepEqual(scoreAcrossSnapshot(make, columns, cut, 0), whole);
});
