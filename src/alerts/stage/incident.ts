import { createHash } from 'node:crypto';
import { deedOf, isSilence, spanWords } from '../../observe/alertWords.ts';
import { type Notification, type Outcome, SEVERITIES, type Severity } from '../../observe/notification.ts';
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
  /** Alerts of series beyond MOST_MEMBERS, which have no member. */
  extra: number;
  kpi: KpiVerdict | null;
  /** Event time at which it is asked again whether to tell; null: with the next evidence. */
  askMs: number | null;
  /** When a person decided, epoch milliseconds, and for what. */
  review: { readonly atMs: number; readonly verb: 'deliver' | 'hold'; readonly by: string } | null;
}

/** Members that an incident remembers one by one. */
export const MOST_MEMBERS = 300;
/** Of them after its end. */
export const KEPT_MEMBERS = 50;
export const NAMED_SERIES = 50;
const NAMED_ALERTS = 50;
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

export function newIncident(pipeline: string, group: string, evidence: Evidence): Incident {
  return {
    ...{ id: incidentId(pipeline, evidence), group, startedMs: evidence.startMs, endedMs: null },
    ...{
      status: 'open',
      revision: 0,
      told: null,
      openSeverity: null,
      outcome: null,
      members: [],
      extra: 0,
      kpi: null,
      askMs: null,
      review: null,
    },
  };
}

export function memberOf(evidence: Evidence): Member {
  const { series, rule, startMs, state, severity, text } = evidence;
  const member: Member = {
    ...{ series, rule, startMs, lastMs: startMs, endMs: null, tellsEnd: state === 'open' },
    ...{ score: null, threshold: null, value: null, expected: null, lower: null, upper: null, parts: [] },
    ...{ recordMs: evidence.recordMs, alerts: [], count: 0, hold: null, isFlapping: false },
    ...(severity !== undefined && { severity }),
    ...(text !== undefined && { text }),
  };
  addTo(member, evidence);
  return member;
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

/** Whether it is known to go on: it tells its end, which has not come. */
export function isLasting({ tellsEnd, endMs }: Member): boolean {
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
export function memberSeverity({ score, threshold, severity }: Member, rule: SeverityRule): Severity {
  if (severity !== undefined) return severity;
  if (score === null || threshold === null || threshold <= 0) return 'error';
  const ratio = score / threshold;
  if (ratio >= rule.critical) return 'critical';
  if (ratio >= rule.error) return 'error';
  return ratio >= rule.warning ? 'warning' : 'info';
}

/** Of the highest of the members that are told, with what user traffic makes of it. */
export function incidentSeverity(incident: Incident, members: readonly Member[], rule: SeverityRule): Severity {
  const ranks = members.map((member) => SEVERITIES.indexOf(memberSeverity(member, rule)));
  const rank = Math.max(0, ...ranks) + (incident.kpi?.step ?? 0);
  return SEVERITIES[Math.max(0, Math.min(SEVERITIES.length - 1, rank))]!;
}

export interface NotificationFacts {
  readonly pipeline: string;
  readonly kind: Notification['kind'];
  readonly severity: Severity;
  readonly status: Notification['status'];
  /** Event time of the change. */
  readonly atMs: number;
}

/** The incident as it stands, of the members that are told; of all of them where nobody is told. */
export function notificationOf(incident: Incident, facts: NotificationFacts): Notification {
  const free = incident.members.filter(({ hold }) => hold === null);
  const members = (free.length > 0 ? free : [...incident.members]).sort(
    (a, b) => a.startMs - b.startMs || compare(a.series, b.series) || compare(a.rule, b.rule),
  );
  const first = members[0]!;
  const highest = members.reduce((high, each) => ((each.score ?? 0) > (high.score ?? 0) ? each : high));
  const names = [...new Set(members.map(({ series }) => series))].filter((name) => name !== '');
  const { pipeline, kind, severity, status, atMs } = facts;
  const { value, expected, lower, upper } = first;
  const alerts = members.flatMap((member) => member.alerts).slice(0, NAMED_ALERTS);
  return {
    ...{ id: incident.id, revision: incident.revision, status, severity, kind, pipeline },
    ...(incident.openSeverity !== null && { openSeverity: incident.openSeverity }),
    summary: summaryOf(first, names.length),
    reasons: reasonsOf(incident, first, highest, names.length),
    rule: first.rule,
    series: names.slice(0, NAMED_SERIES),
    seriesCount: names.length,
    ...{ value, expected, lower, upper, score: highest.score, alerts },
    startedMs: Math.min(...members.map(({ startMs }) => startMs)),
    updatedMs: atMs,
    endedMs: incident.endedMs,
    evidenceMs: Math.max(...members.map(({ recordMs }) => recordMs)),
    ...(status !== 'resolved' && members.some(isLasting) && { isLasting: true }),
    ...(incident.review?.verb === 'deliver' && { isOrdered: true }),
    look: kind === 'breach' ? breachLook(first.rule, pipeline) : `anomaly explain ${shellWord(first.alerts[0] ?? '')}`,
  };
}

/** Where the numbers behind a breach are. */
function breachLook(rule: string, pipeline: string): string {
  if (rule === 'breach@lag') return 'anomaly lag';
  return `anomaly control status ${shellWord(pipeline)}`;
}

function summaryOf(first: Member, seriesCount: number): string {
  if (first.text !== undefined) return first.text;
  const more = seriesCount > 1 ? ` and ${seriesCount - 1} more series` : '';
  const deed = deedOfMember(first);
  if (deed !== null) return `${first.series} ${deed}${seriesCount > 1 ? `, with ${seriesCount - 1} more series` : ''}`;
  const expected = first.expected === null ? '' : `, expected ${short(first.expected)}`;
  return `${first.series}${more}: ${first.rule} ${short(first.value)}${expected}`;
}

function reasonsOf(incident: Incident, first: Member, highest: Member, names: number): string[] {
  const reasons: string[] = [...(first.reasons ?? [])];
  if (first.text === undefined) {
    reasons.push(firstReason(first));
    if (names > 1) reasons.push(`first mover of ${names} series`);
    if (incident.extra > 0) reasons.push(`and ${incident.extra} alerts of further series`);
    if (highest !== first)
      reasons.push(`highest was ${highest.series} with ${short(highest.score)} of ${highest.rule}`);
    if (first.parts.length > 0) {
      reasons.push(`parts: ${first.parts.map(([name, score]) => `${name} ${short(score)}`).join(', ')}`);
    }
  }
  if (incident.kpi !== null) reasons.push(incident.kpi.reason);
  const flapping = incident.members.find(({ isFlapping }) => isFlapping);
  if (flapping !== undefined)
    reasons.push(`${flapping.series || flapping.rule} is flapping: one incident until it is calm`);
  reasons.push(...holdReasons(incident.members));
  if (incident.review !== null) reasons.push(`${incident.review.verb} by ${incident.review.by}`);
  return reasons;
}

/** The numbers behind the first mover; of silence they are times. */
function firstReason(first: Member): string {
  const { series, rule, value, expected, lower, upper, score, threshold } = first;
  const deed = deedOfMember(first);
  if (isSilence({ rule })) {
    const allowed = upper === null ? '' : `; ${spanWords(upper)} are told`;
    return `${series} ${deed ?? 'has sent nothing'}${allowed} by ${rule}`;
  }
  const numbers = `score ${short(score)} over threshold ${short(threshold)} of ${rule}`;
  const band = lower === null || upper === null ? '' : ` (${short(lower)} to ${short(upper)})`;
  if (deed !== null) return `${series} ${deed}${band}: ${numbers}`;
  const usual = expected === null ? '' : `, expected ${short(expected)}${band}`;
  return `${series} was ${short(value)}${usual}: ${numbers}`;
}

function deedOfMember({ rule, value, expected, parts }: Member): string | null {
  return deedOf({ rule, value, expected, part: parts[0]?.[0] ?? null });
}

/** Why nobody is told of some of the series, which are named: others of the incident may well be told. */
function holdReasons(members: readonly Member[]): string[] {
  const held = new Map<string, Set<string>>();
  for (const { series, rule, hold } of members) {
    if (hold === null) continue;
    const why = `${hold.outcome}: ${hold.reason}`;
    held.set(why, (held.get(why) ?? new Set()).add(series || rule));
  }
  return [...held].slice(0, MOST_REASONS).map(([why, series]) => {
    const names = [...series].slice(0, MOST_REASONS).join(', ');
    const more = series.size > MOST_REASONS ? ` and ${series.size - MOST_REASONS} more` : '';
    return `${names}${more} ${why}`;
  });
}

const MOST_REASONS = 5;

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function short(value: number | null): string {
  return value === null ? '-' : String(Number(value.toPrecision(4)));
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
