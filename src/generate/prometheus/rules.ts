import type { GeneratedFile, Target } from '../generated.ts';
import type { AlertRule } from './alertRule.ts';
import { faultAlerts } from './faultAlerts.ts';
import {
  BURN_PAIRS,
  LAG_OVER,
  type Objective,
  type Objectives,
  objectivesOf,
  scaled,
  selector,
  WINDOWS,
} from './objectives.ts';
import { rulesTest } from './rulesTest.ts';

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly (RecordingRule | AlertRule)[];
}

/** Recording rules and alerts for Prometheus, and on demand their unit tests for promtool. */
export function prometheusRules(target: Target, given: Objectives, withTests: boolean): GeneratedFile[] {
  const path = `anomaly-${target.slug}.rules.yaml`;
  const rules: GeneratedFile = {
    path,
    about: [
      `Rules of pipeline ${target.pipeline}. promtool check rules ${path} checks them; rule_files: [${path}] loads them.`,
      'severity: page wakes somebody, ticket waits for the day. What to do is in docs/monitoring.md.',
      ...(given.speedUp === 1
        ? []
        : [`For trying only: all windows are a ${given.speedUp}th of what their names say.`]),
    ],
    content: { yaml: [{ groups: ruleGroups(target, given) }] },
  };
  return withTests ? [rules, rulesTest(target, given, path)] : [rules];
}

export function ruleGroups(target: Target, given: Objectives): RuleGroup[] {
  const name = (noun: string) => `anomaly-${target.slug}-${noun}`;
  const objectives = objectivesOf(target, given);
  return [
    { name: name('rates'), rules: rates(target, given) },
    { name: name('objectives'), rules: objectives.flatMap((each) => recordings(each, given)) },
    { name: name('burn'), rules: objectives.flatMap((each) => burnAlerts(target, each, given)) },
    { name: name('faults'), rules: faultAlerts(target, given) },
  ];
}

/** What dashboards and people look at again and again. */
function rates(target: Target, { lagBoundSeconds, speedUp }: Objectives): RecordingRule[] {
  const of = selector(target);
  const window = scaled('5m', speedUp);
  const rate = (name: string, metric: string): RecordingRule => ({
    record: `pipeline:anomaly_${name}:rate5m`,
    expr: `sum by (pipeline, group) (rate(anomaly_${metric}${of}[${window}]))`,
  });
  return [
    rate('records_in', 'records_in_total'),
    rate('bytes_in', 'bytes_in_total'),
    rate('alerts_out', 'alerts_out_total'),
    rate('late_records', 'late_records_total'),
    rate('dead_letters', 'dead_letters_total'),
    {
      record: 'pipeline:anomaly_lag_records:sum',
      expr: `sum by (pipeline, group) (anomaly_lag_records${of})`,
    },
    {
      record: 'pipeline:anomaly_lag_seconds:max',
      expr: `max by (pipeline, group) (anomaly_lag_seconds${of})`,
    },
    {
      record: LAG_OVER,
      expr: `max by (pipeline, group) (anomaly_lag_seconds${of}) > bool ${lagBoundSeconds}`,
    },
    {
      record: 'pipeline:anomaly_ingestion_to_alert_seconds:p99_5m',
      expr: `histogram_quantile(0.99, sum by (pipeline, group, le) (rate(anomaly_ingestion_to_alert_seconds_bucket${of}[${window}])))`,
    },
  ];
}

const errorsOf = (window: string): string => `pipeline:anomaly_slo_errors:ratio${window}`;
const eventsOf = (window: string): string => `pipeline:anomaly_slo_events:increase${window}`;

/** Long windows are looked at anew by every rule that names them, so each is recorded once. */
function recordings({ slo, errors, events }: Objective, { speedUp }: Objectives): RecordingRule[] {
  const labels = { slo };
  return [
    ...WINDOWS.map((window) => ({ record: errorsOf(window), expr: errors(scaled(window, speedUp)), labels })),
    ...(events === undefined
      ? []
      : BURN_PAIRS.map(({ long }) => ({ record: eventsOf(long), expr: events(scaled(long, speedUp)), labels }))),
  ];
}

function burnAlerts(target: Target, objective: Objective, { minEvents }: Objectives): AlertRule[] {
  const { slo, alert, what, runbook, events } = objective;
  const of = selector(target, `slo="${slo}"`);
  const percent = Number((100 * objective.objective).toFixed(3));
  return BURN_PAIRS.map(({ severity, factor, long, short }) => {
    // Rounded, as 1 - 0.99 is not 0.01.
    const threshold = Number((factor * (1 - objective.objective)).toPrecision(6));
    const both = [long, short].map((window) => `${errorsOf(window)}${of} > ${threshold}`);
    const guard = events === undefined ? [] : [`${eventsOf(long)}${of} >= ${minEvents}`];
    return {
      alert: `${alert}Burn${severity === 'ticket' ? 'Slow' : ''}`,
      expr: [...both, ...guard].join('\nand '),
      labels: { severity, slo, window: long },
      annotations: {
        summary: `{{ $labels.pipeline }}: the error budget of ${slo} burns ${factor} times too fast`,
        description: `{{ $value | humanizePercentage }} of the last ${long} were ${what}, and it goes on in the last ${short}; group {{ $labels.group }} may have ${Number((100 - percent).toFixed(3))} %.`,
        runbook_url: `${target.runbooks}#${runbook}`,
      },
    };
  });
}
