import { createHash } from 'node:crypto';
import { type Outcome, SEVERITIES, type Severity } from '../../observe/notification.ts';
import type { Evidence } from './evidence.ts';

/** One exceedance: a series and rule from its first alert to its end. Plain data, as it lies in the outbox. */
export interface Member {
  readonly series: string;
  readonly rule: string;
  /** Event time of its first alert, of its last one, and of its end; null while it lasts. */
  startMs: number;
  lastMs: number;
  endMs: number | null;
  readonly tellsEnd: boolean;
  /** Of its highest alert. */
  score: number | null;
  threshold: number | null;
  value: number | null;
  expected: number | null;
  lower: number | null;
  upper: number | null;
  parts: Evidence['parts'];
  /** Record time of the newest evidence. */
  recordMs: number;
  /** Ids of its alerts, the first ones, and how many there were. */
  readonly alerts: string[];
  count: number;
  /** Why nobody is told of it; null where nothing keeps it. */
  hold: Hold | null;
  isFlapping: boolean;
  /** Of a breach: the highest so far, and the newest text and reasons. */
  severity?: Severity;
  text?: string;
  reasons?: readonly string[];
}

export interface Hold {
  readonly outcome: Outcome;
  readonly reason: string;
  /** Event time at which it is asked anew; null: only people change it. */
  readonly untilMs: number | null;
}

/** What moves with user traffic, or why that is not known. */
export interface KpiVerdict {
  readonly kpi: string | null;
  readonly correlation: number | null;
  /** Severities up (1) or down (-1). */
  readonly step: 1 | 0 | -1;
  readonly reason: string;
  /** Event time at which it is asked again, once, as its windows are closed by then; null: it stays. */
  readonly againMs: number | null;
}

/**
 * What is known of the series of an incident that have no member: how many, and until when they last. While the incident is
 * open it is the sum of what restStore.ts has of it. Plain data.
 */
export interface Rest {
  /** Series that are told with the incident, and those of which nobody is told; none that has a member is in either. */
  told: number;
  held: number;
  /**
   * Event time at which all that is held is asked anew; null: only people change it. Never before the end of any hold that
   * ends by time, so each of them has ended by then, or been made longer.
   */
  heldUntilMs: number | null;
  /** Exceedances that tell their end, which has not come, and when they are taken to be over without it. */
  lasting: number;
  lastingUntilMs: number;
  /** When those that tell no end are over. */
  quietMs: number;
  /** Of their newest alert or end. */
  lastMs: number;
}

/** What of an exceedance says how high it is and whether it is held: all that is kept of one that has no member. */
export type Exceedance = Pick<Member, (typeof EXCEEDANCE)[number]>;
const EXCEEDANCE = [
  ...(['startMs', 'lastMs', 'endMs', 'tellsEnd', 'count', 'score', 'threshold'] as const),
  ...(['value', 'expected', 'lower', 'upper', 'severity'] as const),
] as const;

/** Members that belong together, under one id. Plain data. */
export interface Incident {
  readonly id: string;
  readonly group: string;
  /** Event time of the first mover. */
  startedMs: number;
  endedMs: number | null;
  status: 'open' | 'resolved';
  revision: number;
  /** What the sinks know; null while they know nothing. */
  told: { severity: Severity; seriesCount: number; atMs: number } | null;
  /** Of its first revision. */
  openSeverity: Severity | null;
  /** Why they know nothing: of the member that came last. */
  outcome: Outcome | null;
  readonly members: Member[];
  /** Of series that have no member (bookBounds.ts); null where there are none. */
  rest: Rest | null;
  /** What opened while as many incidents were open as may be: see incidentIndex.ts. */
  readonly isOverflow?: true;
  kpi: KpiVerdict | null;
  /** Event time at which it is asked again whether to tell; null: with the next evidence. */
  askMs: number | null;
  /** When a person decided, epoch milliseconds, and for what. */
  review: { readonly atMs: number; readonly verb: 'deliver' | 'hold'; readonly by: string } | null;
}

export const MEMBER_ALERTS = 8;

/**
 * The id of the incident that this evidence begins: its time, then a digest of what makes it that evidence and no other.
 * Equal at every run; without spaces, whatever the series is called.
 */
export function incidentId(pipeline: string, { series, rule, startMs, id }: Evidence): string {
  const text = JSON.stringify([pipeline, rule, series, startMs, id]);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const time = new Date(startMs).toISOString().replace(/[-:]|\.\d+/g, '');
  return `${time}-${digest}`;
}

export function newIncident(pipeline: string, group: string, evidence: Evidence, isOverflow = false): Incident {
  return {
    ...(isOverflow && { isOverflow }),
    ...{ id: incidentId(pipeline, evidence), group, startedMs: evidence.startMs, endedMs: null },
    ...{
      status: 'open',
      revision: 0,
      told: null,
      openSeverity: null,
      outcome: null,
      members: [],
      rest: null,
      kpi: null,
      askMs: null,
      review: null,
    },
  };
}

/** @param known of an exceedance that goes on by this alert and had no member: what is kept of it */
export function memberOf(evidence: Evidence, known?: Exceedance): Member {
  const { series, rule, startMs, state, severity, text } = evidence;
  const member: Member = {
    ...{ series, rule, startMs, lastMs: startMs, endMs: null, tellsEnd: state === 'open' },
    ...{ score: null, threshold: null, value: null, expected: null, lower: null, upper: null, parts: [] },
    ...{ recordMs: evidence.recordMs, alerts: [], count: 0, hold: null, isFlapping: false },
    ...(severity !== undefined && { severity }),
    ...(text !== undefined && { text }),
    ...(known !== undefined && { ...known, endMs: null }),
  };
  addTo(member, evidence);
  return member;
}

export function exceedanceOf(member: Exceedance): Exceedance {
  const known = EXCEEDANCE.filter((name) => member[name] !== undefined).map((name) => [name, member[name]]);
  return Object.fromEntries(known) as Exceedance;
}

/** The hold of what somebody decided nobody is to be told of. */
export function heldByPeople({ by }: { readonly by: string }): Hold {
  return { outcome: 'held_seasonal', reason: `held by ${by}`, untilMs: null };
}

/** Takes another alert of the same exceedance. */
export function addTo(member: Member, evidence: Evidence): void {
  const { startMs, endMs, recordMs, score, id } = evidence;
  const isHigher = member.count === 0 || (score ?? 0) > (member.score ?? 0) || evidence.text !== undefined;
  member.count++;
  if (member.alerts.length < MEMBER_ALERTS) member.alerts.push(id);
  member.startMs = Math.min(member.startMs, startMs);
  member.lastMs = Math.max(member.lastMs, startMs, endMs);
  member.recordMs = Math.max(member.recordMs, recordMs);
  if (!isHigher) return;
  const { threshold, value, expected, lower, upper, parts, severity, text } = evidence;
  if (text !== undefined) member.text = text;
  if (evidence.reasons !== undefined) member.reasons = evidence.reasons;
  if (severity !== undefined && SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(member.severity ?? 'info')) {
    member.severity = severity;
  }
  Object.assign(member, { score, threshold, value, expected, lower, upper, parts });
}

/** Those of which somebody is told. */
export function freeMembers({ members }: Incident): readonly Member[] {
  return members.filter(({ hold }) => hold === null);
}

/** Series of which somebody is told, with those that are only counted. The pipeline itself, which has no name, is none. */
export function toldSeries(incident: Incident): number {
  return namesOf(freeMembers(incident)).length + (incident.rest?.told ?? 0);
}

/** Whether somebody is told of any of it. */
export function isTold(incident: Incident): boolean {
  return (incident.rest?.told ?? 0) > 0 || incident.members.some(({ hold }) => hold === null);
}

/** Each once, in the order of the members. */
export function namesOf(members: readonly Member[]): string[] {
  return [...new Set(members.map(({ series }) => series))].filter((name) => name !== '');
}

/** Whether it is known to go on: it tells its end, which has not come. */
export function isLasting({ tellsEnd, endMs }: Pick<Member, 'tellsEnd' | 'endMs'>): boolean {
  return tellsEnd && endMs === null;
}

/** 1 above what was expected, -1 below; 0 where that is not known. */
export function sideOf({
  value,
  expected,
  lower,
  upper,
}: Pick<Member, 'value' | 'expected' | 'lower' | 'upper'>): number {
  if (value === null) return 0;
  if (expected !== null) return Math.sign(value - expected);
  if (upper !== null && value > upper) return 1;
  return lower !== null && value < lower ? -1 : 0;
}

export interface SeverityRule {
  readonly warning: number;
  readonly error: number;
  readonly critical: number;
}

/** By score over threshold. A rule without a threshold is a limit that people have set: to cross it is an error. */
export function memberSeverity({ score, threshold, severity }: Exceedance, rule: SeverityRule): Severity {
  if (severity !== undefined) return severity;
  if (score === null || threshold === null || threshold <= 0) return 'error';
  const ratio = score / threshold;
  if (ratio >= rule.critical) return 'critical';
  if (ratio >= rule.error) return 'error';
  return ratio >= rule.warning ? 'warning' : 'info';
}

/** Of the highest of the members that are told, with what user traffic makes of it. */
export function incidentSeverity(incident: Incident, members: readonly Member[], rule: SeverityRule): Severity {
  let highest = 0;
  for (const member of members) highest = Math.max(highest, SEVERITIES.indexOf(memberSeverity(member, rule)));
  const rank = highest + (incident.kpi?.step ?? 0);
  return SEVERITIES[Math.max(0, Math.min(SEVERITIES.length - 1, rank))]!;
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
