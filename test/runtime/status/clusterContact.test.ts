import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterContact } from '../../../src/runtime/status/clusterContact.ts';

const START_MS = Date.UTC(2026, 0, 1);

/** A contact at a clock that is set. */
function contactAt(): { at: (timeMs: number) => ClusterContact } {
  let ticks = 0;
  const contact = new ClusterContact({ now: () => START_MS + ticks, ticks: () => ticks });
  return {
    at: (timeMs) => {
      ticks = timeMs;
      return contact;
    },
  };
}

test('an outage is three seconds without an answer to what was asked, counted from the last answer', () => {
  const { at } = contactAt();
  at(10_000).answered();
  at(10_400).failed('a:1: the broker closed the connection', 500);
  assert.equal(at(12_999).outage(), null);
  at(12_900).failed('a:1: connection refused', 0);
  assert.deepEqual(at(13_000).outage(), { sinceMs: START_MS + 10_000, problem: 'a:1: connection refused' });
  assert.deepEqual(at(99_000).outage()!.sinceMs, START_MS + 10_000, 'it stays that of the last answer');
  at(99_001).answered();
  assert.equal(at(99_001).outage(), null);
});

test('silence is no outage: nobody may have asked, as in the wait between two restarts', () => {
  const { at } = contactAt();
  at(1000).answered();
  assert.equal(at(600_000).outage(), null);
});

test('who asked for nothing for long counts from what it asked at last, not from the answer before', () => {
  const { at } = contactAt();
  at(1000).answered();
  // Asked at 600 000.
  at(602_000).failed('a:1: no answer', 2000);
  assert.equal(at(602_999).outage(), null);
  assert.deepEqual(at(603_000).outage(), { sinceMs: START_MS + 600_000, problem: 'a:1: no answer' });
  at(604_000).failed('a:1: connection refused', 10);
  assert.equal(at(604_000).outage()!.sinceMs, START_MS + 600_000);
});

test('a broker of several that fails while others answer is no outage', () => {
  const { at } = contactAt();
  for (let timeMs = 0; timeMs < 20_000; timeMs += 500) {
    at(timeMs).failed('a:1: connection refused', 0);
    at(timeMs + 400).answered();
    assert.equal(at(timeMs + 499).outage(), null);
  }
});

test('after a pause of this process the answers that wait are read before an outage is told', () => {
  const { at } = contactAt();
  at(1000).answered();
  // Sixty seconds in which nothing ran: the timers of the requests come first, then the sockets.
  at(61_000).failed('a:1: no answer', 60_000);
  assert.equal(at(61_000).outage(), null);
  at(61_001).answered();
  assert.equal(at(62_000).outage(), null);
  at(62_000).failed('a:1: no answer', 60_000);
  assert.notEqual(at(64_001).outage(), null, 'one that stands is told');
});
