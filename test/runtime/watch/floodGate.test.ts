import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FloodGate } from '../../../src/runtime/watch/floodGate.ts';

/** A partition as the gate sees it: what rests, and how far was stepped. */
function gateOf() {
  const calls: string[] = [];
  let nowMs = 0;
  const gate = new FloodGate(
    {
      pause: (partitions) => calls.push(...partitions.map(({ topic, partition }) => `pause ${topic}/${partition}`)),
      resume: (partitions) => calls.push(...partitions.map(({ topic, partition }) => `resume ${topic}/${partition}`)),
      skip: ({ topic, partition }, records) => calls.push(`skip ${topic}/${partition} to ${records}`),
    },
    () => nowMs,
  );
  return {
    calls,
    /** Polls at a time, and takes a batch of a partition. */
    take: (atMs: number, partition: number, count: number) => {
      nowMs = atMs;
      gate.turn();
      return gate.share({ topic: 't', partition }, count);
    },
  };
}

test('what comes slowly is taken whole', () => {
  const { take, calls } = gateOf();
  for (let second = 0; second < 10; second++) assert.equal(take(second * 1000, 0, 900), 900);
  assert.deepEqual(calls, []);
});

test('of a flood a thousand records a second are taken; the rest is stepped over when the second is done', () => {
  const { take, calls } = gateOf();
  assert.deepEqual([take(0, 0, 400), take(100, 1, 5000), take(200, 0, 400)], [400, 600, 0]);
  assert.deepEqual(calls, ['pause t/1', 'pause t/0']);
  assert.equal(take(1000, 0, 50), 50);
  assert.deepEqual(calls.slice(2), ['skip t/1 to 50', 'skip t/0 to 50', 'resume t/1', 'resume t/0']);
});

test('a clock that is set back does not close the gate for good', () => {
  const { take } = gateOf();
  assert.equal(take(1_000_000, 0, 5000), 1000);
  assert.equal(take(10, 0, 5000), 1000);
});
