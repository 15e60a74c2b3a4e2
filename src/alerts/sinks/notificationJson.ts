import type { Outgoing } from '../delivery/sink.ts';

/** A notification as JSON for programs: names in snake_case, times as RFC 3339, `id` to tell repeats by. */
export interface NotificationJson extends Readonly<Record<string, unknown>> {
  readonly version: 1;
  readonly id: string;
  readonly revision: number;
  readonly status: string;
}

export function notificationJson({ told, notification }: Outgoing, test: boolean): NotificationJson {
  const { id, revision, severity, kind, pipeline, summary, reasons, rule, series, seriesCount } = notification;
  const { value, expected, lower, upper, score, alerts, startedMs, updatedMs, endedMs, look } = notification;
  return {
    version: 1,
    id,
    revision,
    status: told,
    severity,
    kind,
    pipeline,
    summary,
    reasons,
    rule,
    series,
    series_count: seriesCount,
    value,
    expected,
    lower,
    upper,
    score,
    alerts,
    started_at: rfc3339(startedMs),
    updated_at: rfc3339(updatedMs),
    ended_at: endedMs === null ? null : rfc3339(endedMs),
    look,
    ...(test && { test: true }),
  };
}

/** Years above 9999 and times that are none come from bad event times; a receiver would refuse them. */
export function rfc3339(ms: number): string {
  const isPlain = Number.isFinite(ms) && ms >= 0 && ms < 253_402_300_800_000;
  return new Date(isPlain ? ms : 0).toISOString();
}

/** At most so many UTF-16 units, with a sign that something is cut, and no half of a character. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = most - 1;
  const isHalf = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return `${text.slice(0, isHalf ? end - 1 : end)}…`;
}
