import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RobustLevel } from '../../../src/engine/detectors/robustLevel.ts';
import { bells } from '../../helpers/statistics.ts';

test('values far from the first one keep the digits in which they differ', () => {
  const bell = bells(5);
  const level = new RobustLevel(100);
  level.reserve(1);
  let before = NaN;
  const learn = (value: number) => {
    level.learn(0, value, value - before);
    before = value;
  };
  for (let i = 0; i < 150; i++) learn(bell());
  // Until the former level has left the window, the range is what counts.
  for (let i = 0; i < 200; i++) learn(1e9 + 3 * bell());
  assert.ok(Math.abs(level.median(0) - 1e9) < 2, `median ${level.median(0)}`);
  assert.ok(level.scale(0) > 1.5 && level.scale(0) < 5, `scale ${level.scale(0)}`);
});
