import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IncidentBook } from '../../../src/alerts/stage/incidentBook.ts';
import { Silences } from '../../../src/alerts/stage/silences.ts';
import { alert, drainInto, HOUR, MINUTE, MONDAY, reborn, rulesOf } from './fixtures.ts';

const SECOND = 1000;

function silenceOf(id: string, value: string, startsMs: number) {
  const matchers = [{ name: 'series', value, isRegex: true, isEqual: true }] as const;
  return { id, startsMs, endsMs: startsMs + HOUR, by: 'ada@plant', comment: '', matchers };
}

/** A book whose clock is at five seconds before the silence of pump-7 begins. */
function begun() {
  const silences = new Silences();
  const rules = rulesOf({ silences, groupBy: '/', minDurationMs: 0, updateEveryMs: 0 });
  const book = new IncidentBook(rules, { members: 2, kept: 2, open: 9, closed: 9, rest: 9 });
  book.advance(MONDAY - 5 * SECOND, MONDAY);
  const told = () => book.drain().told.map(({ status, severity, series }) => `${status} ${severity} ${series}`);
  return { silences, rules, book, told };
}

test('another order tells nothing that a silence holds which began after the clock', () => {
  const { silences, rules, book, told } = begun();
  silences.set(silenceOf('a', 'x/.*', MONDAY));
  // Beyond two they are only counted.
  for (let i = 0; i < 4; i++) book.take(alert(`x/${i}`, MONDAY + SECOND, { state: 'open' }), MONDAY + SECOND);
  silences.set(silenceOf('b', 'pump-8', MONDAY));
  book.reconsider(MONDAY + 2 * SECOND);
  assert.deepEqual(told(), []);
  silences.remove('a');
  book.reconsider(MONDAY + 3 * SECOND);
  const records = new Map<string, Uint8Array>();
  const [open, ...more] = drainInto(records, book);
  assert.deepEqual([open?.status, open?.seriesCount, more], ['open', 4, []]);
  assert.equal(reborn(records, rules).openCount, 1);
});

test('a rise in a silence that began after the clock is told at its end', () => {
  const { silences, book, told } = begun();
  book.take(alert('a', MONDAY - 5 * SECOND, { state: 'open' }), MONDAY);
  assert.deepEqual(told(), ['open warning a']);
  silences.set(silenceOf('s', 'a', MONDAY));
  book.reconsider(MONDAY);
  book.take(alert('a', MONDAY + 40 * SECOND, { state: 'open', score: 9 }), MONDAY + 40 * SECOND);
  assert.deepEqual(told(), []);
  book.advance(MONDAY + HOUR - 1, MONDAY + HOUR);
  assert.deepEqual(told(), []);
  book.advance(MONDAY + HOUR, MONDAY + HOUR);
  assert.deepEqual(told(), ['update critical a']);
});

test('an alert that comes late, of before the silence, does not let go of what that holds', () => {
  const { silences, book, told } = begun();
  silences.set(silenceOf('s', 'a', MONDAY));
  book.take(alert('a', MONDAY + SECOND), MONDAY + SECOND);
  book.take(alert('a', MONDAY - SECOND), MONDAY + SECOND);
  assert.deepEqual(told(), []);
});

test('what lasts and is too old is asked again when it would be young enough, wherever the clock is', () => {
  const { rules, book } = begun();
  const nowMs = MONDAY + HOUR;
  book.take(alert('a', MONDAY + 20 * MINUTE, { state: 'open' }), nowMs);
  const records = new Map<string, Uint8Array>();
  drainInto(records, book);
  const [incident] = reborn(records, rules).incidents();
  assert.equal(incident?.askMs, nowMs - rules.maxAgeMs);
});
