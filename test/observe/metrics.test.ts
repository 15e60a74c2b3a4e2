import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SketchData, sketchBucket } from '../../src/observe/latencySketch.ts';
import { NOTIFICATION_OUTCOMES } from '../../src/observe/metrics/alerts.ts';
import { isAlive, LATENCY_BOUNDS_MS, METRICS, metricFamilies } from '../../src/observe/metrics.ts';
import { OUTCOMES } from '../../src/observe/notification.ts';
import { SeriesGroups } from '../../src/observe/seriesGroups.ts';
import type { MemberStatus, SinkStatus } from '../../src/observe/status.ts';
import { statusOf } from '../helpers/status.ts';

const NO_SKETCH: SketchData = { buckets: [], count: 0, sumMs: 0, maxMs: 0 };

function sketchOf(values: readonly number[]): SketchData {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(sketchBucket(value), (counts.get(sketchBucket(value)) ?? 0) + 1);
  return {
    buckets: [...counts].flat(),
    count: values.length,
    sumMs: values.reduce((sum, each) => sum + each, 0),
    maxMs: Math.max(0, ...values),
  };
}

function valuesOf(status: MemberStatus, name: string) {
  const own = ({ pipeline: _, group: __, member: ___, ...rest }: Readonly<Record<string, string>>) => rest;
  const family = metricFamilies([status]).find((each) => each.name === name)!;
  return family.values.map(({ labels, value, metricName }) => ({
    part: metricName?.slice(name.length) ?? '',
    labels: own(labels),
    value,
  }));
}

test('what is above 100 ms and above 1 s is counted exactly, whatever the sketch has between', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.integer({ min: 0, max: 3000 }),
          fc.constantFrom(99.99, 100, 100.01, 1000, 1000.1),
          fc.double({ min: 0, max: 1e5, noNaN: true }),
        ),
      ),
      (values) => {
        const latency = { hops: {}, toAlert: sketchOf(values), windowWait: NO_SKETCH, clockSkewMs: null };
        const found = valuesOf(statusOf({ latency }), 'anomaly_ingestion_to_alert_seconds');
        const at = (le: string) => found.find(({ labels }) => labels['le'] === le)!.value;
        assert.equal(at('0.1'), values.filter((each) => each <= 100).length);
        assert.equal(at('1'), values.filter((each) => each <= 1000).length);
        assert.equal(at('+Inf'), values.length);
        const cumulative = found.filter(({ part }) => part === '_bucket').map(({ value }) => value);
        assert.deepEqual(
          cumulative,
          cumulative.toSorted((a, b) => a - b),
        );
      },
    ),
  );
});

test('the latency of a hop is in seconds and names its hop; what nothing has passed is absent', () => {
  const latency = {
    hops: { fetchWait: sketchOf([40, 300]) },
    toAlert: NO_SKETCH,
    windowWait: sketchOf([70_000]),
    clockSkewMs: -20,
  };
  const status = statusOf({ latency });
  const hops = valuesOf(status, 'anomaly_hop_latency_seconds');
  assert.deepEqual(
    hops.filter(({ part }) => part !== '_bucket'),
    [
      { part: '_sum', labels: { hop: 'fetch_wait' }, value: 0.34 },
      { part: '_count', labels: { hop: 'fetch_wait' }, value: 2 },
    ],
  );
  assert.equal(hops.filter(({ part }) => part === '_bucket').length, LATENCY_BOUNDS_MS.length + 1);
  const waits = valuesOf(status, 'anomaly_window_wait_seconds').filter(({ labels }) => labels['le'] === '300');
  assert.deepEqual(waits, [{ part: '_bucket', labels: { le: '300' }, value: 1 }]);
  assert.deepEqual(valuesOf(status, 'anomaly_clock_skew_seconds'), [{ part: '', labels: {}, value: -0.02 }]);
  for (const name of [
    'anomaly_hop_latency_seconds',
    'anomaly_ingestion_to_alert_seconds',
    'anomaly_clock_skew_seconds',
  ])
    assert.deepEqual(valuesOf(statusOf({}), name), [], name);
});

test('groups of series are bounded, and what comes later is counted as other', () => {
  const groups = new SeriesGroups({ groupBy: '/', maxGroups: 2 });
  for (const series of ['pump-7/a', 'pump-7/b', 'fan-1/a', 'valve/a', 'plain', 'pump-7/c']) groups.add(series);
  assert.deepEqual(groups.plain(), [
    { group: 'pump-7', alerts: 3 },
    { group: 'fan-1', alerts: 1 },
    { group: 'other', alerts: 2 },
  ]);
  fc.assert(
    fc.property(
      fc.array(fc.string()),
      fc.integer({ min: 0, max: 5 }),
      fc.constantFrom('', '*', '-'),
      (names, most, by) => {
        const any = new SeriesGroups({ groupBy: by, maxGroups: most });
        for (const name of names) any.add(name);
        const plain = any.plain();
        assert.ok(plain.length <= most + 1, `${plain.length} groups of at most ${most}`);
        assert.equal(
          plain.reduce((sum, { alerts }) => sum + alerts, 0),
          names.length,
        );
      },
    ),
  );
});

test('alerts have their group as label', () => {
  const seriesGroups = [{ group: 'pump', alerts: 4 }];
  assert.deepEqual(valuesOf(statusOf({ seriesGroups }), 'anomaly_alerts_by_group_total'), [
    { part: '', labels: { series_group: 'pump' }, value: 4 },
  ]);
});

test('lag in seconds is the age of the newest record, 0 with nothing left, absent where it is unknown', () => {
  const { partitions, ...rest } = statusOf({ atMs: 10_000 });
  const lagOf = (lag: number | null, recordMs: number | null) => {
    const status = { ...rest, partitions: [{ ...partitions[0]!, lag, recordMs }] };
    return valuesOf(status, 'anomaly_lag_seconds').map(({ value }) => value);
  };
  assert.deepEqual(lagOf(5, 4000), [6]);
  assert.deepEqual(lagOf(0, 4000), [0]);
  assert.deepEqual(lagOf(0, null), [0]);
  assert.deepEqual(lagOf(5, null), []);
  assert.deepEqual(lagOf(null, 4000), []);
  // Clocks of producers may be ahead.
  assert.deepEqual(lagOf(5, 12_000), [0]);
});

test('notifications show every outcome from the start, as a rate has to see the first one', () => {
  assert.deepEqual(NOTIFICATION_OUTCOMES, OUTCOMES);
  const sink: SinkStatus = {
    ...{ name: 'pager', type: 'pagerduty', outcomes: { failed: 1 }, retries: 3, queue: 2, waitingSinceMs: 500 },
    ...{ circuit: 'open', retryMs: null, lastSuccessMs: null, lastFailureMs: null, problem: null },
  };
  const status = statusOf({ atMs: 1000, alerts: { outcomes: { delivered: 7 }, open: 2, sinks: [sink] } });
  const notifications = valuesOf(status, 'anomaly_notifications_total');
  assert.equal(notifications.length, OUTCOMES.length);
  assert.deepEqual(
    notifications.filter(({ value }) => value > 0),
    [{ part: '', labels: { outcome: 'delivered' }, value: 7 }],
  );
  assert.equal(valuesOf(status, 'anomaly_sink_notifications_total').length, 4);
  assert.equal(valuesOf(status, 'anomaly_sink_waiting_seconds')[0]!.value, 0.5);
  assert.equal(valuesOf(status, 'anomaly_sink_circuit_open')[0]!.value, 1);
  assert.deepEqual(valuesOf(statusOf({}), 'anomaly_notifications_total'), []);
});

test('names are unique, of Prometheus, and every label that comes out is documented', () => {
  const latency = { hops: { score: sketchOf([1]) }, toAlert: sketchOf([1]), windowWait: sketchOf([1]), clockSkewMs: 0 };
  const families = metricFamilies([statusOf({ latency, seriesGroups: [{ group: 'a', alerts: 1 }] })]);
  assert.equal(new Set(METRICS.map(({ name }) => name)).size, METRICS.length);
  for (const [i, { name, values, type }] of families.entries()) {
    const documented = new Set(['pipeline', 'group', 'member', ...METRICS[i]!.labels]);
    assert.ok(METRICS[i]!.help.endsWith('.'), `${name} is documented by a sentence`);
    for (const { labels, metricName } of values) {
      for (const label of Object.keys(labels)) assert.ok(documented.has(label), `${name} has label ${label}`);
      assert.equal(metricName !== undefined, type === 'histogram', name);
    }
  }
});

test('live is every process in which a member may still work', () => {
  assert.equal(isAlive([]), true);
  assert.equal(isAlive([statusOf({ state: 'restarting' })]), true);
  assert.equal(isAlive([statusOf({ state: 'failed' }), statusOf({})]), true);
  assert.equal(isAlive([statusOf({ state: 'failed' })]), false);
});
