import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IncidentBook } from '../../../src/alerts/stage/incidentBook.ts';
import { evidenceAsOf } from '../../../src/alerts/stage/wrongClocks.ts';
import { alert, drainInto, HOUR, MINUTE, MONDAY, reborn, rulesOf } from './fixtures.ts';

const FUTURE = Date.UTC(2036, 0, 1);

test('an alert moves no clock: what other series have open stays so', () => {
  const book = new IncidentBook(rulesOf());
  book.take(alert('a', MONDAY), MONDAY);
  book.take(alert('b', MONDAY + 29 * MINUTE), MONDAY + 30 * MINUTE);
  // Of a partition that is read after that of b.
  for (let minute = 5; minute < 30; minute += 5) book.take(alert('a', MONDAY + minute * MINUTE), MONDAY + 30 * MINUTE);
  book.take(alert('c', FUTURE), MONDAY + 30 * MINUTE);
  const { told } = book.drain();
  assert.deepEqual(
    told.map(({ status, series }) => `${status} ${series}`),
    ['open a', 'open b', 'open c'],
  );
});

test('what an outbox has from the future is of now after a restart: all goes on, and ends', () => {
  for (const minDurationMs of [0, 2 * MINUTE]) {
    const rules = rulesOf({ minDurationMs, groupBy: '/' });
    const records = new Map<string, Uint8Array>();
    const first = new IncidentBook(rules);
    first.advance(FUTURE, MONDAY);
    first.take(alert('x/b', FUTURE, { state: 'open' }), MONDAY);
    first.take(alert('y/a', MONDAY, { state: 'open' }), MONDAY);
    drainInto(records, first);
    const nowMs = MONDAY + MINUTE;
    const book = reborn(records, rules, undefined, nowMs);
    book.advance(nowMs + 5 * MINUTE, nowMs + 5 * MINUTE);
    book.take(alert('y/c', nowMs + 5 * MINUTE, { state: 'open' }), nowMs + 5 * MINUTE);
    book.advance(nowMs + 12 * MINUTE, nowMs + 12 * MINUTE);
    const known = () => [...book.incidents()].map(({ status, told }) => `${status} ${told?.seriesCount}`).sort();
    assert.deepEqual(known(), ['open 1', 'open 2'], 'one of x and one of y, which has become wider');
    for (const series of ['x/b', 'y/a', 'y/c']) {
      book.take(alert(series, nowMs + 20 * MINUTE, { state: 'resolved' }), nowMs + 20 * MINUTE);
    }
    book.advance(nowMs + HOUR, nowMs + HOUR);
    assert.deepEqual(known(), ['resolved 1', 'resolved 2']);
  }
});

test('an alert that is ahead by no more than clocks may differ stays as it is', () => {
  const near = alert('a', MONDAY + 10 * MINUTE);
  assert.equal(evidenceAsOf(near, MONDAY), near);
  const far = alert('a', MONDAY + 11 * MINUTE, { endMs: MONDAY + 12 * MINUTE });
  assert.deepEqual(evidenceAsOf(far, MONDAY), { ...far, startMs: MONDAY, endMs: MONDAY + MINUTE });
});
