import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Silence } from '../../../src/alerts/stage/silences.ts';
import { defaultAlerts } from '../../../src/config/alerts.ts';
import { StageBooks } from '../../../src/runtime/alerts/stageBooks.ts';
import { alert, DAY, HOUR, MONDAY } from '../../alerts/stage/fixtures.ts';

const matchers: Silence['matchers'] = [{ name: 'series', value: 'a', isRegex: false, isEqual: true }];

function silence(id: string, startsMs: number): { readonly type: 'silence'; readonly silence: Silence } {
  return {
    type: 'silence',
    silence: { id, matchers, startsMs, endsMs: startsMs + HOUR, by: 'ada@plant', comment: '' },
  };
}

test('a silence that ended holds for alerts that come late, and is forgotten after a week', () => {
  const outcomes = (laterMs: number) => {
    const alerts = { ...defaultAlerts(), maxAgeMs: Infinity };
    const options = { pipeline: 'pump-room', checkpointEveryMs: 10_000, refractoryMs: () => 0 };
    const books = new StageBooks({ ...options, alerts });
    books.order([silence('old', MONDAY)], MONDAY);
    books.order([silence('new', MONDAY + 30 * DAY)], MONDAY + laterMs);
    books.take(alert('a', MONDAY + HOUR / 2), MONDAY + laterMs);
    return books.outcomes;
  };
  assert.deepEqual(outcomes(DAY), { silenced: 1 });
  assert.deepEqual(outcomes(8 * DAY), { delivered: 1 });
});
