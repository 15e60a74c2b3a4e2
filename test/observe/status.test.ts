import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HistogramBuilder } from '../../src/observe/histogram.ts';
import { isReady, METRICS, metricFamilies } from '../../src/observe/metrics.ts';
import { addTotals, isLive, NO_TOTALS, statusChange } from '../../src/observe/status.ts';
import { decodeStatus, encodeStatus, statusKey } from '../../src/observe/statusRecord.ts';
import { statusOf } from '../helpers/status.ts';

test('a status is the same after it was a record, and its names are in snake_case', () => {
  const status = statusOf({ member: 'a', watermark: 5 });
  const bytes = encodeStatus(status);
  assert.deepEqual(decodeStatus(bytes), status);
  const text = new TextDecoder().decode(bytes);
  assert.match(text, /"tool_version":"0"/);
  assert.doesNotMatch(text, /[a-z][A-Z]\w*":/);
});

test('outcomes of notifications keep their names in the record', () => {
  const sink = {
    ...{ name: 'pager', type: 'pagerduty', outcomes: { delivered: 2, too_old: 1 }, retries: 3, queue: 4 },
    ...{
      waitingSinceMs: 5,
      circuit: 'open' as const,
      retryMs: 6,
      lastSuccessMs: 7,
      lastFailureMs: 8,
      problem: 'answered 500',
    },
  } as const;
  const status = statusOf({ alerts: { outcomes: { held_seasonal: 1, rate_limited: 2 }, open: 3, sinks: [sink] } });
  assert.deepEqual(decodeStatus(encodeStatus(status)), status);
});

test('what is no status of this version is none', () => {
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const whole = JSON.parse(new TextDecoder().decode(encodeStatus(statusOf({})))) as Record<string, unknown>;
  assert.notEqual(decodeStatus(encode(whole)), null);
  for (const broken of [
    null,
    1,
    [],
    {},
    { ...whole, version: 2 },
    { ...whole, state: 'odd' },
    { ...whole, member: '' },
  ]) {
    assert.equal(decodeStatus(encode(broken)), null);
  }
  assert.equal(decodeStatus(new Uint8Array([0xff, 0xfe])), null);
});

test('time alone is no change, anything else is', () => {
  const status = statusOf({});
  const later = { ...status, atMs: status.atMs + 1000, rates: { records: 9, bytes: 9, outputs: 9 }, backPressure: 1 };
  assert.equal(statusChange(later), statusChange(status));
  assert.notEqual(statusChange({ ...status, state: 'paused' }), statusChange(status));
  assert.notEqual(
    statusChange({ ...status, totals: addTotals(NO_TOTALS, { ...NO_TOTALS, records: 1 }) }),
    statusChange(status),
  );
});

test('a member lives until it ends or is silent for longer than the session', () => {
  const status = statusOf({ atMs: 1000 });
  assert.equal(isLive(status, 1000 + 10_000, 10_000), true);
  assert.equal(isLive(status, 1000 + 10_001, 10_000), false);
  assert.equal(isLive(statusOf({ atMs: 1000, state: 'stopped' }), 1000, 10_000), false);
  assert.equal(isLive(statusOf({ atMs: 1000, state: 'failed' }), 1000, 10_000), false);
});

test('keys tell groups apart that share a pipeline', () => {
  assert.equal(statusKey(statusOf({ group: 'p.score', member: 'm' })), 'p.score/m');
});

test('histograms add up, and a bound belongs to its bucket', () => {
  const one = new HistogramBuilder([1, 10]);
  for (const value of [1, 1.5, 10, 11]) one.add(value);
  const two = new HistogramBuilder([1, 10]);
  two.add(0.5);
  two.merge(one.plain());
  assert.deepEqual(two.plain(), { boundsMs: [1, 10], counts: [2, 2, 1], sumMs: 24, count: 5 });
});

test('families have units in their names, and values for what is known only', () => {
  for (const { name, type } of METRICS) {
    assert.match(name, /^anomaly_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.doesNotMatch(name, /_(ms|millis)\b/);
  }
  const status = statusOf({ watermark: null, atMs: 10_000 });
  const families = new Map(
    metricFamilies([status, statusOf({ member: 'b', watermark: 4000, atMs: 10_000 })]).map((each) => [each.name, each]),
  );
  const delays = families.get('anomaly_watermark_delay_seconds')!.values;
  assert.deepEqual(delays, [
    { labels: { pipeline: 'p', group: 'p', member: 'b', topic: 't', partition: '0' }, value: 6 },
  ]);
  assert.equal(families.get('anomaly_records_in_total')!.values.length, 2);
});

test('buckets of a histogram are cumulative and in seconds', () => {
  const builder = new HistogramBuilder([100, 1000]);
  for (const value of [50, 60, 500, 5000]) builder.add(value);
  const status = { ...statusOf({}), commitMs: builder.plain() };
  const family = metricFamilies([status]).find(({ name }) => name === 'anomaly_commit_duration_seconds')!;
  const parts = family.values.map(({ metricName, labels, value }) => [metricName?.slice(31), labels['le'], value]);
  assert.deepEqual(parts, [
    ['_bucket', '0.1', 2],
    ['_bucket', '1', 3],
    ['_bucket', '+Inf', 4],
    ['_sum', undefined, 5.61],
    ['_count', undefined, 4],
  ]);
});

test('ready is every member at work or told to pause', () => {
  assert.equal(isReady([]), false);
  assert.equal(isReady([statusOf({}), statusOf({ state: 'paused' })]), true);
  assert.equal(isReady([statusOf({}), statusOf({ state: 'restoring' })]), false);
});
