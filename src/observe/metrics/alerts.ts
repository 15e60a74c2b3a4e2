import type { AlertStatus, MemberStatus, SinkStatus } from '../status.ts';
import { counter, gauge, labelled, type MetricRow, type MetricValue } from './row.ts';

/** The names of OUTCOMES in src/alerts/notification.ts, which this room may not import; a test holds them equal. */
export const NOTIFICATION_OUTCOMES: readonly string[] = [
  ...['delivered', 'held_seasonal', 'held_short', 'silenced', 'maintenance', 'flapping', 'grouped', 'too_old'],
  ...['rate_limited', 'failed'],
];
const SINK_OUTCOMES: readonly string[] = ['delivered', 'too_old', 'rate_limited', 'failed'];

/** What alerts, how often, and what becomes of it. Families of notifications are of the member that brings them to people. */
export const ALERT_METRICS: readonly MetricRow[] = [
  counter('alerts_out_total', 'Alerts put out.', (s) => s.totals.alerts),
  labelled(
    'counter',
    'alerts_by_group_total',
    'The same by group of series (metrics.group_by); the first metrics.max_groups to alert have names, the rest is other.',
    ['series_group'],
    ({ seriesGroups }) =>
      (seriesGroups ?? []).map(({ group, alerts }) => ({ labels: { series_group: group }, value: alerts })),
  ),
  counter(
    'true_alerts_total',
    'Alerts that operators called true: precision is their part of true and false ones.',
    (s) => s.totals.trueAlerts,
  ),
  counter('false_alerts_total', 'Alerts that operators called false.', (s) => s.totals.falseAlerts),
  labelled(
    'counter',
    'notifications_total',
    'Notifications by what became of them: delivered, held, silenced, grouped, failed and the like.',
    ['outcome'],
    ({ alerts }) => (alerts ? byOutcome({}, NOTIFICATION_OUTCOMES, alerts.outcomes) : []),
  ),
  gauge('open_incidents', 'Incidents that are open.', (s) => s.alerts?.open ?? null),
  labelled(
    'counter',
    'sink_notifications_total',
    'Notifications by sink and what became of them there: delivered, too_old, rate_limited, failed.',
    ['sink', 'outcome'],
    (status) => sinks(status).flatMap(({ name, outcomes }) => byOutcome({ sink: name }, SINK_OUTCOMES, outcomes)),
  ),
  sink('counter', 'sink_retries_total', 'Requests to a sink that failed and are repeated.', ({ retries }) => retries),
  sink('gauge', 'sink_queue', 'Incidents that wait for a sink or are on their way.', ({ queue }) => queue),
  sink('gauge', 'sink_waiting_seconds', 'For how long the incident that waits longest has waited.', (each, status) =>
    each.waitingSinceMs === null ? 0 : Math.max(0, status.atMs - each.waitingSinceMs) / 1000,
  ),
  sink(
    'gauge',
    'sink_circuit_open',
    '1 while a sink is only probed, as it failed five times in a row.',
    ({ circuit }) => (circuit === 'open' ? 1 : 0),
  ),
];

function sink(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (sink: SinkStatus, status: MemberStatus) => number,
): MetricRow {
  return labelled(type, name, help, ['sink'], (status) =>
    sinks(status).map((each) => ({ labels: { sink: each.name }, value: value(each, status) })),
  );
}

function sinks({ alerts }: MemberStatus): AlertStatus['sinks'] {
  return alerts?.sinks ?? [];
}

/** With a zero for what never happened yet: a rate needs to see the first one. */
function byOutcome(
  labels: MetricValue['labels'],
  names: readonly string[],
  outcomes: AlertStatus['outcomes'],
): MetricValue[] {
  const all = { ...Object.fromEntries(names.map((name) => [name, 0])), ...outcomes };
  return Object.entries(all).map(([outcome, value]) => ({ labels: { ...labels, outcome }, value }));
}
