import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Silence } from '../../../src/alerts/stage/silences.ts';
import { defaultAlerts } from '../../../src/config/alerts.ts';
import { StageBooks } from '../../../src/runtime/alerts/stageBooks.ts';
import { alert, DAY, HOUR, MINUTE, MONDAY } from '../../alerts/stage/fixtures.ts';

const matchers: Silence['matchers'] = [{ name: 'series', value: 'a', isRegex: false, isEqual: true }];

function silence(id: string, startsMs: number): { readonly type: 'silence'; readonly silence: Silence } {
  return {
    type: 'silence',
    silence: { id, matchers, startsMs, endsMs: startsMs + HOUR, by: 'ada@plant', comment: '' },
  };
}

const OPTIONS = { pipeline: 'pump-room', checkpointEveryMs: 10_000, refractoryMs: () => 0 };

test('a silence that ended holds for alerts that come late, and is forgotten after a week', () => {
  const outcomes = (laterMs: number) => {
    const alerts = { ...defaultAlerts(), maxAgeMs: Infinity };
    const books = new StageBooks({ ...OPTIONS, alerts });
    books.order([silence('old', MONDAY)], MONDAY);
    books.order([silence('new', MONDAY + 30 * DAY)], MONDAY + laterMs);
    books.take(alert('a', MONDAY + HOUR / 2), MONDAY + laterMs);
    return books.outcomes;
  };
  assert.deepEqual(outcomes(DAY), { silenced: 1 });
  assert.deepEqual(outcomes(8 * DAY), { delivered: 1 });
});

test('an alert from the future ends nothing, and is over as one of now is', () => {
  const books = new StageBooks({ ...OPTIONS, alerts: defaultAlerts() });
  const told = () =>
    books.drain(() => true).told.map(({ status, series, startedMs }) => `${status} ${series} ${startedMs - MONDAY}`);
  books.take(alert('a', MONDAY), MONDAY);
  assert.deepEqual(told(), ['open a 0']);
  const nowMs = MONDAY + 11 * MINUTE;
  books.take(alert('b', Date.UTC(2036, 0, 1), { recordMs: Date.UTC(2036, 0, 1) }), nowMs);
  assert.deepEqual(told(), [`open b ${11 * MINUTE}`]);
  books.take(alert('a', MONDAY + 9 * MINUTE), nowMs);
  books.advance(MONDAY + 18 * MINUTE, MONDAY + 18 * MINUTE);
  assert.deepEqual(told(), [], 'both last');
  books.advance(MONDAY + 30 * MINUTE, MONDAY + 30 * MINUTE);
  assert.deepEqual(told(), ['resolved a 0', `resolved b ${11 * MINUTE}`]);
  // A clock that is ahead by no more than time.max_ahead lets is no wrong one.
  books.take(alert('a', MONDAY + HOUR + 9 * MINUTE), MONDAY + HOUR);
  assert.deepEqual(told(), [`open a ${69 * MINUTE}`]);
});
