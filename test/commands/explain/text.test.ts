import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainedInWords, explainedParts, seasonText } from '../../../src/commands/explain/text.ts';
import { scoredBy } from '../../../src/commands/explain/values.ts';
import type { AnomalyObject } from '../../../src/runtime/output/rowObjects.ts';

const TIME = Date.UTC(2026, 0, 5, 10, 20);
const ALERT: AnomalyObject = {
  ...{ id: 'kpi@value/pump-7/1/2', series: 'pump-7', field: 'value', rule: 'kpi@value', start: TIME, end: TIME },
  ...{ value: 92.4, score: 4.1, threshold: 2.75, expected: 80, lower: 77, upper: 83 },
  parts: [
    { name: 'diff', score: 1 },
    { name: 'seasonal', score: 6.2 },
    { name: 'range', score: null },
  ],
  ...{ topic: 't', partition: 0, offset: 2, record_time: TIME, detector: 'kpi', model: null, state: null },
  ...{ threshold_origin: 'override pump-*: sensitivity medium', configured_threshold: 2.5 },
  season_ms: 10.25 * 3_600_000,
  model: null,
  state: null,
  past: [
    { time: TIME - 1, value: 91, score: 3, verdict: false },
    { time: TIME - 2, value: 99, score: 3, verdict: null },
  ],
};

test('an alert in words', () => {
  assert.equal(
    explainedInWords(ALERT),
    'pump-7: value was 92.4 at 2026-01-05T10:20:00.000Z. That is 12.4 (16 %) above what was expected, 80; a value from 77 to 83 would not have alerted. ' +
      'The score of kpi@value by kpi was 4.1, above the threshold of 2.75 (override pump-*: sensitivity medium; moved from 2.5 by verdicts). ' +
      'seasonal says most, 6.2, the distance to what is usual at this time. It was compared with the season slot of Monday 10:15 UTC. ' +
      'Of the alerts before it 2 are named, of which operators called 1 of 1 false.',
  );
});

test('what an alert does not have is not spoken of: one of an earlier version, one of a range', () => {
  const { detector: _, threshold_origin: __, configured_threshold: ___, season_ms: ____, past: _____, ...old } = ALERT;
  const range = {
    ...old,
    rule: 'range@value',
    expected: null,
    lower: null,
    upper: 90,
    parts: [{ name: 'range', score: 4.1 }],
  };
  assert.equal(
    explainedInWords(range as unknown as AnomalyObject),
    'pump-7: value was 92.4 at 2026-01-05T10:20:00.000Z. A value up to 90 would not have alerted. ' +
      'The score of range@value was 4.1, above the threshold of 2.75.',
  );
});

test('of a silence the span is told, of late values their pace; of a record what its field was', () => {
  const plain = {
    ...ALERT,
    detector: null,
    threshold_origin: null,
    configured_threshold: null,
    season_ms: null,
    past: [],
  };
  const missing: AnomalyObject = {
    ...plain,
    ...{ rule: 'missing@value', start: TIME - 600_000, value: 600_000, score: 1, threshold: 1 },
    ...{ expected: 60_000, lower: null, upper: 600_000 },
    parts: [
      { name: 'silence', score: 10 },
      { name: 'late', score: null },
    ],
  };
  assert.equal(
    explainedInWords(missing),
    'pump-7: no value of value from 2026-01-05T10:10:00.000Z to 2026-01-05T10:20:00.000Z, 10m00s, where one usually comes every 1m00s. ' +
      '10m00s are told. silence says most, 10, how many usual intervals the series was silent for.',
  );
  assert.deepEqual(scoredBy(missing), { kind: 'field' });
  assert.match(
    explainedInWords({ ...missing, start: TIME, value: 90_000 }),
    /^pump-7: values of value came every 1m30s at /,
  );
  assert.deepEqual(scoredBy({ ...plain, rule: 'multivariate@record' }), { kind: 'field' });
});

test('parts come by their scores, those that said nothing last', () => {
  assert.deepEqual(
    explainedParts(ALERT).map(({ name }) => name),
    ['seasonal', 'diff', 'range'],
  );
});

test('a season slot is a day and a time of it', () => {
  assert.equal(seasonText({ ...ALERT, season_ms: 6 * 86_400_000 + 23.75 * 3_600_000 }), 'Sunday 23:45 UTC');
  assert.equal(seasonText({ ...ALERT, season_ms: null }), null);
});

test('the rule tells what was scored', () => {
  const of = (rule: string, isOfWindow = true) => scoredBy({ ...ALERT, rule, end: isOfWindow ? TIME + 1 : TIME });
  assert.deepEqual(of('kpi@value', false), { kind: 'field' });
  assert.deepEqual(of('missing@value'), { kind: 'field' });
  assert.deepEqual(of('multivariate@record', false), { kind: 'field' });
  assert.deepEqual(of('kpi@mean_1h', false), { kind: 'feature', name: 'mean_1h' });
  assert.deepEqual(of('kpi@w5m.mean'), { kind: 'window', window: 'w5m', of: 'mean' });
  assert.deepEqual(of('kpi@w5m.value.p99.9'), { kind: 'window', window: 'w5m', of: 'p99.9' });
  assert.deepEqual(of('kpi@mean_1h'), { kind: 'feature', name: 'mean_1h' });
});

test('a value within its band says which part alerted in place of a band that would not have', () => {
  const parts = [
    { name: 'seasonal', score: 0.8 },
    { name: 'diff', score: 7 },
  ];
  const text = explainedInWords({ ...ALERT, value: 82, parts });
  assert.match(text, /it lies within the band of that, a value from 77 to 83: another part made it alert\. /);
  assert.match(text, /diff says most, 7, the step from the value before/);
  assert.doesNotMatch(text, /would not have alerted/);
});
