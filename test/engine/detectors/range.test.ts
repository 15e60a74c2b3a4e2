import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDetector } from '../../../src/engine/detectors/create.ts';
import { MAX_RANGE_SCORE, RangeCheck } from '../../../src/engine/detectors/range.ts';
import { regular, scoreAll } from '../../helpers/scoring.ts';

test('alerts outside of the range only, with the distance in widths', () => {
  const detector = new RangeCheck(() => ({ min: 0, max: 90 }));
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
  const alerts = scoreAll(new RangeCheck(() => ({ min: -Infinity, max: 50 })), regular([-1e9, 60]));
  assert.deepEqual(
    alerts.map(({ index, score, lower, upper }) => [index, score, lower, upper]),
    [[1, 0.2, NaN, 50]],
  );
  assert.equal(scoreAll(new RangeCheck(() => ({ min: 0, max: Infinity })), regular([-3]))[0]!.score, 3);
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
