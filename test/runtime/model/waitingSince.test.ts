import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaitingSince } from '../../../src/runtime/model/waitingSince.ts';

test('rows are overdue by the time at which they came, those that were handed over no more', () => {
  const since = new WaitingSince();
  since.arrived(10, 100);
  since.arrived(15, 100);
  since.arrived(40, 130);
  assert.equal(since.overdue(0, 100), 0);
  assert.equal(since.overdue(0, 101), 15);
  assert.equal(since.overdue(4, 101), 11);
  assert.equal(since.overdue(20, 101), 0);
  assert.equal(since.overdue(20, 131), 20);
  assert.equal(since.overdue(40, 131), 0);
  since.arrived(40, 150);
  assert.equal(since.overdue(40, 1000), 0);
});
