import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VerdictOrder } from '../../../src/alerts/stage/bookRules.ts';
import { IncidentBook } from '../../../src/alerts/stage/incidentBook.ts';
import { alert, drainInto, HOUR, MINUTE, MONDAY, reborn, rulesOf, WEEK } from './fixtures.ts';

const at = (week: number) => MONDAY + week * WEEK;

function verdict(week: number, isTrue: boolean, changes: Partial<VerdictOrder> = {}): VerdictOrder {
  const peak = { alert: `a${week}`, series: 'a', rule: 'kpi@value', startMs: at(week), score: 3 };
  return { ...peak, isTrue, atMs: at(week) + HOUR, ...changes };
}

/** A book whose gate has held the peak of the fourth week. */
function gated(): IncidentBook {
  const book = new IncidentBook(rulesOf());
  for (let week = 0; week < 4; week++) peakOf(book, week);
  assert.equal(book.counts.held_seasonal, 1);
  return book;
}

/** Whether anybody is told of the peak of a week. */
function peakOf(book: IncidentBook, week: number): boolean {
  book.take(alert('a', at(week)), at(week));
  book.advance(at(week) + HOUR, at(week) + HOUR);
  return book.drain().told.some(({ status }) => status === 'open');
}

test('what the gate held and is called true is told from then on, and not after all', () => {
  const book = gated();
  book.verdict(verdict(3, true));
  assert.deepEqual(book.drain().told, []);
  assert.equal(peakOf(book, 4), true);
});

test('a verdict on what the gate had no part in teaches it nothing', () => {
  const book = gated();
  book.verdict(verdict(3, false));
  assert.equal(peakOf(book, 4), false, 'it was held, and is');
  const fresh = new IncidentBook(rulesOf());
  assert.equal(peakOf(fresh, 0), true);
  fresh.verdict(verdict(0, false));
  assert.equal(peakOf(fresh, 1), true, 'a false alert is no peak of its hour');
  fresh.verdict(verdict(1, true));
  assert.equal(peakOf(fresh, 2), true);
  assert.equal(peakOf(fresh, 3), false, 'three weeks had it: nobody has said to tell that hour');
});

test('what is told as somebody wanted that hour told, and is called false, is held again; the last verdict counts', () => {
  const book = gated();
  book.verdict(verdict(3, true));
  assert.equal(peakOf(book, 4), true);
  book.verdict(verdict(4, false));
  assert.equal(peakOf(book, 5), false);
  book.verdict(verdict(5, true));
  assert.equal(peakOf(book, 6), true);
});

test('orders that come again after a restart change nothing', () => {
  const orders = [verdict(3, true), verdict(4, false)];
  const records = new Map<string, Uint8Array>();
  const book = new IncidentBook(rulesOf());
  for (let week = 0; week < 5; week++) {
    book.take(alert('a', at(week)), at(week));
    book.advance(at(week) + HOUR, at(week) + HOUR);
    for (const order of orders) if (order.alert === `a${week}`) book.verdict(order);
    drainInto(records, book);
  }
  const next = reborn(records, rulesOf());
  for (const order of orders) next.verdict(order);
  assert.deepEqual(next.drain().records, []);
  assert.equal(peakOf(next, 5), false);
});

test('a verdict on an alert that is not read yet holds once it is, also where the stage restarted between', () => {
  const order = verdict(4, true, { alert: alert('a', at(4)).id });
  const book = gated();
  book.verdict(order);
  assert.equal(peakOf(book, 4), false, 'it was held when somebody said so');
  assert.equal(peakOf(book, 5), true);
  const records = new Map<string, Uint8Array>();
  const first = new IncidentBook(rulesOf());
  for (let week = 0; week < 4; week++) {
    first.take(alert('a', at(week)), at(week));
    first.advance(at(week) + HOUR, at(week) + HOUR);
  }
  first.verdict(order);
  drainInto(records, first);
  const next = reborn(records, rulesOf());
  next.verdict(order);
  assert.equal(peakOf(next, 4), false);
  assert.equal(peakOf(next, 5), true);
});

test('who holds an incident holds all of it, also those that are only counted, until one is higher than it was', () => {
  const bounds = { members: 4, kept: 2, open: 3, closed: 500, rest: 1000 };
  for (const seasonal of [true, false]) {
    const rules = rulesOf({ seasonal });
    const records = new Map<string, Uint8Array>();
    const first = new IncidentBook(rules, bounds);
    for (let i = 0; i < 9; i++) first.take(alert(`s${i}`, MONDAY + i, { state: 'open' }), MONDAY);
    const [{ id } = { id: '' }] = first.incidents();
    first.review({ incident: id, verb: 'hold', by: 'ada@plant', atMs: MONDAY + 100 }, MONDAY);
    assert.equal(drainInto(records, first).at(-1)!.status, 'resolved');
    const book = reborn(records, rules, bounds);
    for (let round = 1; round < 4; round++) {
      for (let i = 0; i < 9; i++) {
        const atMs = MONDAY + 2 * round * MINUTE + i;
        book.take(alert(`s${i}`, atMs, { state: 'open' }), atMs);
      }
    }
    assert.deepEqual(drainInto(records, book), [], 'nobody is told');
    const incident = [...book.incidents()][0]!;
    assert.deepEqual([incident.rest!.told, incident.rest!.held], [0, 5]);
    book.take(alert('s8', MONDAY + 9 * MINUTE, { state: 'open', score: 9 }), MONDAY + 9 * MINUTE);
    assert.deepEqual(
      book.drain().told.map(({ status, series }) => [status, series]),
      [['open', ['s8']]],
    );
  }
});
