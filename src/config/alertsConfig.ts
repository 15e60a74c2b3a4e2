import { ALERT_KEYS } from './alertKeys.ts';
import { parseText } from './check.ts';
import type { PipelineValues } from './pipeline.ts';
import type { Problem } from './settings.ts';

/** The alert stage: what becomes of alerts before anybody is told. Durations are milliseconds. */
export interface AlertsConfig {
  /** Whether `run` has the stage beside it; else `anomaly alerts run` is it. */
  readonly stage: 'beside' | 'alone';
  /** Evidence that is older by record time is kept and never told. */
  readonly maxAgeMs: number;
  /** Event time for which something has to last before it is told. */
  readonly minDurationMs: number;
  /** Event time without another alert after which one ends whose rule tells no end. */
  readonly resolveAfterMs: number;
  /** Event time from the first mover within which alerts of other series are of the same incident. */
  readonly groupWithinMs: number;
  /** The sign before whose last place in a key the group of a series stands, or *. */
  readonly groupBy: string;
  /** Least event time between two updates that tell only of more series. */
  readonly updateEveryMs: number;
  /** Whether peaks that are expected for their hour are held. */
  readonly seasonal: boolean;
  /** Score over threshold from which an incident is of that severity; below all it is info. */
  readonly severity: { readonly warning: number; readonly error: number; readonly critical: number };
  /** Patterns of the series that stand for user traffic, and topics of windows all of whose series do. */
  readonly kpis: readonly string[];
  readonly kpiTopics: readonly string[];
  /** Windows up to the event over which it is correlated. */
  readonly kpiWindows: number;
  readonly kpiCorrelation: number;
  /** Names of the calendars in whose events nothing is told. */
  readonly maintenance: readonly string[];
  /** Start and end of their spans in turn, epoch milliseconds, one array a calendar. */
  readonly maintenanceSpans: readonly Float64Array[];
  readonly flapping: { readonly count: number; readonly withinMs: number };
  readonly breaches: BreachConfig;
}

/** When the pipeline itself is in breach; Infinity is off. */
export interface BreachConfig {
  /** p95 from ingestion to alert. */
  readonly latencyMs: number;
  /** Share of the values asked that the model scored, 0 to 1. */
  readonly inference: number;
  /** Age of the newest checkpoint in intervals of checkpoint.every. */
  readonly checkpoint: number;
  /** Time for which lag has to stand still or grow. */
  readonly lagMs: number;
  readonly members: boolean;
  /** How long a breach has to last before it is one, and be over before it is none. */
  readonly afterMs: number;
}

/** Puts the keys of alerts together; undefined where nobody asks for the stage. */
export function alertsOf(values: PipelineValues, problems: Problem[]): AlertsConfig | undefined {
  const sinks = (values.get('alerts.sinks') as readonly unknown[] | undefined) ?? [];
  // What is said of it counts: sinks may stand there while it is off.
  if (!((values.get('alerts.enabled') as boolean | undefined) ?? sinks.length > 0)) return undefined;
  const get = (key: string) => values.get(`alerts.${key}`);
  const number = (key: string) => get(key) as number;
  const list = (key: string) => (get(key) as readonly string[] | undefined) ?? [];
  const maintenance = list('maintenance');
  const problem = (key: string, message: string) =>
    problems.push({ place: values.place(`alerts.${key}`), key: `alerts.${key}`, message, later: false });
  const known = Object.keys((values.get('calendars') as Record<string, string> | undefined) ?? {});
  const unknown = maintenance.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const all = known.length === 0 ? 'there are no calendars' : `calendars has ${known.join(', ')}`;
    problem('maintenance', `names ${unknown}, and ${all}`);
  }
  const severity = {
    warning: number('severity.warning'),
    error: number('severity.error'),
    critical: number('severity.critical'),
  };
  if (severity.warning > severity.error || severity.error > severity.critical) {
    const text = `${severity.warning}, ${severity.error}, ${severity.critical}`;
    problem('severity.warning', `has to be at most severity.error, and that at most severity.critical, got ${text}`);
  }
  return {
    stage: get('stage') as AlertsConfig['stage'],
    maxAgeMs: number('max_age'),
    minDurationMs: number('min_duration'),
    resolveAfterMs: number('resolve_after'),
    groupWithinMs: number('group_within'),
    groupBy: get('group_by') as string,
    updateEveryMs: number('update_every'),
    seasonal: get('seasonal') as boolean,
    severity,
    ...{ kpis: list('kpis'), kpiTopics: list('kpi_topics') },
    ...{ kpiWindows: number('kpi_windows'), kpiCorrelation: number('kpi_correlation') },
    maintenance,
    maintenanceSpans: maintenance.flatMap((name) => values.calendars?.[name]?.spans ?? []),
    flapping: { count: number('flapping.count'), withinMs: number('flapping.within') },
    breaches: {
      latencyMs: number('breaches.latency'),
      inference: number('breaches.inference'),
      checkpoint: number('breaches.checkpoint'),
      lagMs: number('breaches.lag'),
      members: get('breaches.members') as boolean,
      afterMs: number('breaches.after'),
    },
  };
}

/** What holds where no key is set. */
export function defaultAlerts(): AlertsConfig {
  const defaults = new Map(
    ALERT_KEYS.map((row) => [row.key, row.default === undefined ? undefined : parseText(row, row.default).value]),
  );
  defaults.set('alerts.enabled', true);
  return alertsOf({ get: (key) => defaults.get(key), place: () => 'default', scoring: false }, [])!;
}
