import { ALERT_KEYS } from './alertKeys.ts';
import type { AlertsConfig } from './alertsConfig.ts';
import { parseText } from './check.ts';
import type { PipelineValues } from './pipelineValues.ts';
import type { Problem } from './problem.ts';

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
