import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProbeResult, ProbeTally } from '../../../src/runtime/probe/probeTally.ts';

const SLAS = { ackMs: 50, roundtripMs: 100, commitMs: 30 };

function tallyOf() {
  const results: ProbeResult[] = [];
  const tally = new ProbeTally(SLAS, (result) => results.push(result));
  const outcomes = () => results.map(({ number, outcome }) => `${number} ${outcome}`);
  return { tally, results, outcomes };
}

test('a probe is told once it is acknowledged and back, in either order', () => {
  const { tally, results, outcomes } = tallyOf();
  tally.sent(1, 0, 7, 1000);
  tally.acknowledged(1, 0, 1004);
  assert.deepEqual(outcomes(), []);
  tally.received(1, 0, 1010);
  tally.sent(2, 0, 7, 2000);
  tally.received(2, 0, 2003);
  tally.acknowledged(2, 0, 2008);
  assert.deepEqual(outcomes(), ['1 ok', '2 ok']);
  assert.deepEqual([results[1]!.ackMs, results[1]!.roundtripMs, results[1]!.broker], [8, 3, 7]);
  assert.equal(tally.inFlight, 0);
});

test('one that is not back in time is lost, acknowledged or not, and may come late', () => {
  const { tally, results, outcomes } = tallyOf();
  tally.sent(1, 0, 0, 0);
  tally.acknowledged(1, 0, 5);
  tally.sent(1, 1, 1, 0);
  tally.expire(100);
  assert.deepEqual(outcomes(), []);
  tally.expire(101);
  assert.deepEqual(outcomes(), ['1 lost', '1 lost']);
  assert.match(results[0]!.problem!, /the broker had acknowledged it/);
  assert.match(results[1]!.problem!, /not acknowledged either/);
  tally.received(1, 0, 150);
  const { lost, received, cameLate, duplicates } = tally.counts();
  assert.deepEqual([lost, received, cameLate, duplicates], [2, 0, 1, 0]);
  // Nobody looked between the end of its time and its return.
  tally.sent(2, 0, 0, 1000);
  tally.acknowledged(2, 0, 1001);
  tally.received(2, 0, 1200);
  assert.deepEqual([tally.counts().lost, tally.counts().cameLate], [3, 2]);
  assert.equal(tally.counts().roundtrip.count, 0);
});

test('one that comes twice is a duplicate, whichever state it is in', () => {
  const { tally } = tallyOf();
  tally.sent(1, 0, 0, 0);
  tally.received(1, 0, 3);
  tally.received(1, 0, 4);
  tally.acknowledged(1, 0, 5);
  tally.received(1, 0, 6);
  assert.deepEqual([tally.counts().duplicates, tally.counts().received], [2, 1]);
  tally.sent(2, 0, 0, 0);
  tally.expire(200);
  tally.received(2, 0, 201);
  tally.received(2, 0, 202);
  assert.deepEqual([tally.counts().cameLate, tally.counts().duplicates], [1, 3]);
  // Of another run.
  tally.received(99, 0, 300);
  assert.equal(tally.counts().duplicates, 3);
});

test('one that failed, and is there after all, is a duplicate only the second time', () => {
  const { tally, outcomes } = tallyOf();
  tally.sent(1, 0, 0, 0);
  tally.failed(1, 0, 'no answer');
  tally.received(1, 0, 20);
  assert.deepEqual([tally.counts().failed, tally.counts().duplicates], [1, 0]);
  tally.received(1, 0, 21);
  assert.equal(tally.counts().duplicates, 1);
  // It was read before its failure was told.
  tally.sent(2, 0, 0, 100);
  tally.received(2, 0, 110);
  tally.failed(2, 0, 'no answer');
  tally.received(2, 0, 120);
  assert.equal(tally.counts().duplicates, 2);
  assert.deepEqual(outcomes(), ['1 failed', '2 failed']);
});

test('slow acknowledgements and commits miss their SLA, and a refused probe is failed, not lost', () => {
  const { tally, outcomes } = tallyOf();
  tally.sent(1, 0, 0, 0);
  tally.acknowledged(1, 0, 51);
  tally.received(1, 0, 52);
  tally.sent(2, 0, 0, 0);
  tally.failed(2, 0, 'no leader');
  tally.sent(3, 0, 0, 0);
  tally.received(3, 0, 10);
  tally.expire(101);
  tally.committed(0, 29);
  tally.committed(0, 31);
  tally.commitFailed(0);
  assert.deepEqual(outcomes(), ['1 late', '2 failed', '3 late']);
  const { acksMissed, commitsMissed, failed, lost, commit } = tally.counts();
  assert.deepEqual([acksMissed, commitsMissed, failed, lost, commit.count], [2, 2, 1, 0, 2]);
});

test('counts are kept by broker, too', () => {
  const { tally } = tallyOf();
  tally.sent(1, 0, 2, 0);
  tally.sent(1, 1, 1, 0);
  tally.received(1, 1, 9);
  const sent = tally.byBroker().map(({ broker, counts }) => [broker, counts.sent, counts.received]);
  assert.deepEqual(sent, [
    [1, 1, 1],
    [2, 1, 0],
  ]);
});
