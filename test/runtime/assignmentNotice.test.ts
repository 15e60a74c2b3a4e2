import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssignmentNotice } from '../../src/runtime/assignmentNotice.ts';

function notice() {
  const said: string[] = [];
  const log = (text: string) => said.push(text);
  const clock = { ms: 5000 };
  const logger = { debug: log, info: log, warn: log, error: log };
  return { said, clock, notice: new AssignmentNotice(logger, () => clock.ms) };
}

test('a group that is slow to assign is explained once, and again after the next rebalance', () => {
  const { said, clock, notice: waiting } = notice();
  clock.ms += 1999;
  waiting.check();
  assert.deepEqual(said, []);
  clock.ms += 1;
  waiting.check();
  waiting.check();
  assert.equal(said.length, 1);
  assert.match(said[0]!, /waiting for the group.*session timeout/);
  waiting.assigned(2);
  waiting.waits();
  clock.ms += 2000;
  waiting.check();
  assert.equal(said.length, 2);
});

test('a quick assignment says nothing; one without partitions says why', () => {
  const { said, clock, notice: waiting } = notice();
  waiting.assigned(4);
  clock.ms += 60_000;
  waiting.check();
  assert.deepEqual(said, []);
  waiting.waits();
  waiting.assigned(0);
  waiting.check();
  assert.equal(said.length, 1);
  assert.match(said[0]!, /more members than partitions/);
});
