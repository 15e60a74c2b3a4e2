import { quoted, type Target } from '../generated.ts';

/** What the pipeline promises, and how much traffic a verdict on it needs. */
export interface Objectives {
  /** Share of alerts that are there within 100 ms and within 1 s of ingestion. */
  readonly within100ms: number;
  readonly within1s: number;
  /** Share of the values for which the model gives a score. */
  readonly availability: number;
  /** Share of the time in which no partition is further behind than the bound. */
  readonly lag: number;
  readonly lagBoundSeconds: number;
  /** Fewer events than this in the long window fire nothing. */
  readonly minEvents: number;
  /** Divides every window and every wait: to try the rules in minutes. */
  readonly speedUp: number;
}

/** One promise, as PromQL. */
export interface Objective {
  /** Value of the label slo. */
  readonly slo: string;
  /** Begin of its alerts' names. */
  readonly alert: string;
  /** Heading in docs/monitoring.md. */
  readonly runbook: string;
  readonly objective: number;
  /** Share of bad events in a window: 0 to 1. */
  readonly errors: (window: string) => string;
  /** Events in a window; absent where it is time that counts, which passes without traffic, too. */
  readonly events?: (window: string) => string;
  readonly what: string;
}

/** The pairs of the SRE workbook: both windows have to exceed the factor. */
export const BURN_PAIRS = [
  { severity: 'page', factor: 14.4, long: '1h', short: '5m' },
  { severity: 'page', factor: 6, long: '6h', short: '30m' },
  { severity: 'ticket', factor: 1, long: '3d', short: '6h' },
] as const;

export const WINDOWS = ['5m', '30m', '1h', '6h', '3d'] as const;

export const LAG_OVER = 'pipeline:anomaly_lag_over:bool';

/** Labels of this pipeline, for a selector. */
export function selector(target: Pick<Target, 'pipeline'>, ...more: readonly string[]): string {
  return `{${[`pipeline=${quoted(target.pipeline)}`, ...more].join(', ')}}`;
}

export function objectivesOf(target: Target, given: Objectives): Objective[] {
  const of = (...more: readonly string[]) => selector(target, ...more);
  const latency = (slo: string, alert: string, objective: number, bound: string, le: string): Objective => ({
    ...{ slo, alert, objective, runbook: 'alerts-come-late', what: `alerts later than ${bound} after ingestion` },
    errors: (window) =>
      `1 - sum by (pipeline, group) (rate(anomaly_ingestion_to_alert_seconds_bucket${of(le)}[${window}]))\n` +
      `  / sum by (pipeline, group) (rate(anomaly_ingestion_to_alert_seconds_count${of()}[${window}]))`,
    events: (window) =>
      `sum by (pipeline, group) (increase(anomaly_ingestion_to_alert_seconds_count${of()}[${window}]))`,
  });
  const inference: Objective = {
    ...{ slo: 'inference', alert: 'AnomalyInferenceAvailability', objective: given.availability },
    ...{ runbook: 'the-model-does-not-answer', what: 'values without a score of the model' },
    errors: (window) =>
      `1 - sum by (pipeline, group) (rate(anomaly_model_scored_total${of()}[${window}]))\n` +
      `  / sum by (pipeline, group) (rate(anomaly_model_asked_total${of()}[${window}]))`,
    events: (window) => `sum by (pipeline, group) (increase(anomaly_model_asked_total${of()}[${window}]))`,
  };
  const lag: Objective = {
    ...{ slo: 'lag', alert: 'AnomalyLag', objective: given.lag, runbook: 'the-pipeline-is-behind' },
    what: `time in which a partition is more than ${given.lagBoundSeconds} s behind`,
    errors: (window) => `avg_over_time(${LAG_OVER}${of()}[${window}])`,
  };
  return [
    latency('latency-100ms', 'AnomalyLatency100ms', given.within100ms, '100 ms', 'le="0.1"'),
    // Prometheus 3 writes whole bounds with a decimal point.
    latency('latency-1s', 'AnomalyLatency1s', given.within1s, '1 s', 'le=~"1(\\\\.0)?"'),
    ...(target.hasModel ? [inference] : []),
    lag,
  ];
}

/** A duration of PromQL, divided; at least a millisecond. */
export function scaled(window: string, speedUp: number): string {
  if (speedUp === 1) return window;
  const unit = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[window.at(-1)!]!;
  return `${Math.max(1, Math.round((Number.parseInt(window, 10) * unit) / speedUp))}ms`;
}
