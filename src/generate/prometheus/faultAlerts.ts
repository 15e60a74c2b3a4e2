import { quoted, type Target } from '../generated.ts';
import type { AlertRule } from './alertRule.ts';
import { type Objectives, scaled, selector } from './objectives.ts';

/** What is wrong without any budget: members, the cluster, data, checkpoints, bad input, sinks. */
export function faultAlerts(target: Target, given: Objectives): AlertRule[] {
  return [
    ...memberAlerts(target, given),
    ...clusterAlerts(target, given),
    ...dataAlerts(target, given),
    ...checkpointAlerts(target, given),
    ...sinkAlerts(target, given),
  ];
}

interface Fault {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly severity: 'page' | 'ticket';
  readonly summary: string;
  readonly description: string;
  readonly runbook: string;
}

function rule(target: Target, { speedUp }: Objectives, fault: Fault): AlertRule {
  const { alert, expr, severity, summary, description, runbook } = fault;
  return {
    alert,
    expr,
    ...(fault.for !== undefined && { for: scaled(fault.for, speedUp) }),
    labels: { severity, pipeline: target.pipeline },
    annotations: {
      summary: `${target.pipeline}: ${summary}`,
      description,
      runbook_url: `${target.runbooks}#${runbook}`,
    },
  };
}

function memberAlerts(target: Target, given: Objectives): AlertRule[] {
  const of = selector(target);
  return [
    rule(target, given, {
      ...{ alert: 'AnomalyMemberDown', severity: 'page', for: '1m', runbook: 'a-member-is-down' },
      expr: `up{job=${quoted(target.job)}} == 0`,
      summary: '{{ $labels.instance }} does not answer',
      description: 'Prometheus cannot scrape {{ $labels.instance }} of job {{ $labels.job }}.',
    }),
    rule(target, given, {
      ...{ alert: 'AnomalyPipelineAbsent', severity: 'page', for: '5m', runbook: 'a-member-is-down' },
      expr: `absent(anomaly_member_info${of})`,
      summary: 'no member tells anything',
      description: 'No target that Prometheus scrapes has a member of this pipeline: none runs, or none is scraped.',
    }),
    rule(target, given, {
      ...{ alert: 'AnomalyMemberRestarting', severity: 'page', for: '2m', runbook: 'a-member-fails-again-and-again' },
      expr: `max by (pipeline, group, member) (anomaly_member_state${selector(target, 'state=~"restarting|failed"')}) == 1`,
      summary: '{{ $labels.member }} fails and is restarted',
      description:
        'Member {{ $labels.member }} of group {{ $labels.group }} has been restarting or failed for two minutes.',
    }),
  ];
}

/** What the pipeline itself cannot tell anybody: its own alerts go by a topic of the same cluster. */
function clusterAlerts(target: Target, given: Objectives): AlertRule[] {
  const bound = Number((30 / given.speedUp).toFixed(3));
  return [
    rule(target, given, {
      ...{ alert: 'AnomalyClusterAway', severity: 'page', runbook: 'the-cluster-is-away' },
      expr: `max by (pipeline, group) (anomaly_cluster_away_seconds${selector(target)}) > ${bound}`,
      summary: 'the cluster does not answer',
      description:
        'No request of group {{ $labels.group }} to Redpanda has succeeded for {{ $value | humanizeDuration }}: nothing is ' +
        'read, and none of its own alerts gets out.',
    }),
  ];
}

function dataAlerts(target: Target, given: Objectives): AlertRule[] {
  const of = selector(target);
  const window = (text: string) => scaled(text, given.speedUp);
  const sum = (metric: string, time: string) =>
    `sum by (pipeline, group) (increase(anomaly_${metric}${of}[${window(time)}]))`;
  const share = (metric: string) =>
    `${sum(metric, '15m')}\n  / ${sum('records_in_total', '15m')} > 0.01\nand ${sum(metric, '15m')} >= ${given.minEvents}`;
  return [
    rule(target, given, {
      ...{ alert: 'AnomalyStalled', severity: 'page', for: '5m', runbook: 'the-pipeline-is-behind' },
      expr: `sum by (pipeline, group) (anomaly_lag_records${of}) > 0\nand ${sum('records_in_total', '5m')} == 0`,
      summary: 'it reads nothing although there are records',
      description:
        '{{ $value | humanize }} records wait for group {{ $labels.group }}, and none was read for five minutes.',
    }),
    rule(target, given, {
      ...{ alert: 'AnomalyNoData', severity: 'ticket', for: '15m', runbook: 'no-data-comes' },
      expr: `${sum('records_in_total', '15m')} == 0\nand sum by (pipeline, group) (anomaly_lag_records${of}) == 0`,
      summary: 'no records come',
      description: `Nothing was written to ${target.topics.join(', ') || 'the source topics'} for half an hour.`,
    }),
    rule(target, given, {
      ...{ alert: 'AnomalyDeadLetters', severity: 'ticket', for: '5m', runbook: 'records-go-to-dead-letters' },
      expr: share('dead_letters_total'),
      summary: 'records cannot be read',
      description: '{{ $value | humanizePercentage }} of the last 15 minutes went to the dead letter topic.',
    }),
    rule(target, given, {
      ...{ alert: 'AnomalyLateRecords', severity: 'ticket', for: '15m', runbook: 'records-come-late' },
      expr: share('late_records_total'),
      summary: 'records come too late for their window',
      description: '{{ $value | humanizePercentage }} of the last 15 minutes went to the late topic.',
    }),
  ];
}

/** A partition in which nothing changes has no new checkpoint: only where records come is an old one a fault. */
function checkpointAlerts(target: Target, given: Objectives): AlertRule[] {
  const of = selector(target);
  const window = (text: string) => scaled(text, given.speedUp);
  const bound = Number((Math.max(300, (10 * target.checkpointEveryMs) / 1000) / given.speedUp).toFixed(3));
  const moving = `increase(anomaly_records_in_total${of}[${window('5m')}]) > 0`;
  return [
    rule(target, given, {
      ...{ alert: 'AnomalyCheckpointOld', severity: 'ticket', for: '2m', runbook: 'checkpoints-are-old' },
      expr: `(\n  anomaly_checkpoint_age_seconds${of} > ${bound}\n  or (time() - anomaly_start_time_seconds${of} > ${bound} unless anomaly_checkpoint_age_seconds${of})\n)\nand on (pipeline, group, member) ${moving}`,
      summary: '{{ $labels.member }} completes no checkpoint',
      description: 'The last one is {{ $value | humanizeDuration }} old: a restart would read again what came since.',
    }),
    rule(target, given, {
      ...{ alert: 'AnomalyCheckpointFailing', severity: 'ticket', runbook: 'checkpoints-are-old' },
      expr: `increase(anomaly_checkpoint_failures_total${of}[${window('15m')}]) >= 3`,
      summary: '{{ $labels.member }} cannot store its checkpoints',
      description: '{{ $value | humanize }} of the last 15 minutes failed; the log of the member says why.',
    }),
  ];
}

function sinkAlerts(target: Target, given: Objectives): AlertRule[] {
  const of = selector(target);
  const bound = Number((300 / given.speedUp).toFixed(3));
  return [
    rule(target, given, {
      ...{ alert: 'AnomalySinkFailing', severity: 'page', runbook: 'alerts-do-not-get-through' },
      expr: `anomaly_sink_waiting_seconds${of} > ${bound}`,
      summary: 'alerts do not reach {{ $labels.sink }}',
      description: 'The alert that waits longest for {{ $labels.sink }} has waited {{ $value | humanizeDuration }}.',
    }),
  ];
}
