import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sparkline } from '../../src/output/sparkline.ts';

test('sparklines are scaled to their highest value', () => {
  assert.equal(sparkline([0, 50, 100], 5), '  ▁▅█');
  assert.equal(sparkline([1, 2, 3, 4], 2), '▇█');
  assert.equal(sparkline([], 3), '   ');
  assert.equal(sparkline([4, null, 8], 3), '▅ █');
  assert.equal(sparkline([4, 8], 2, false, 16), '▃▅');
  assert.equal(sparkline([0, 50, 100], 4, true), ' .+@');
});
