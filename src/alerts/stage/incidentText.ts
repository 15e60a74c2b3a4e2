import { deedOf, isSilence, spanWords } from '../../observe/alertWords.ts';
import type { Notification, Severity } from '../../observe/notification.ts';
import {
  compare,
  freeMembers,
  type Incident,
  isLasting,
  isTold,
  type Member,
  namesOf,
  toldSeries,
} from './incident.ts';

const NAMED_SERIES = 50;
const NAMED_ALERTS = 50;
const MOST_REASONS = 5;

export interface NotificationFacts {
  readonly pipeline: string;
  readonly kind: Notification['kind'];
  readonly severity: Severity;
  readonly status: Notification['status'];
  /** Event time of the change. */
  readonly atMs: number;
}

/**
 * The incident as it stands, of the members that are told; of all of them where nobody is told. Where only the rest is told
 * its numbers are those of the members that are held, and nothing is named.
 */
export function notificationOf(incident: Incident, facts: NotificationFacts): Notification {
  const free = freeMembers(incident);
  const { rest, isOverflow } = incident;
  const members = [...(free.length > 0 ? free : incident.members)].sort(
    (a, b) => a.startMs - b.startMs || compare(a.series, b.series) || compare(a.rule, b.rule),
  );
  const first = members[0]!;
  const highest = members.reduce((high, each) => ((each.score ?? 0) > (high.score ?? 0) ? each : high));
  const isNamed = free.length > 0 || !isTold(incident);
  const names = isNamed ? namesOf(members) : [];
  const seriesCount = isTold(incident) ? toldSeries(incident) : names.length + (rest?.held ?? 0);
  const what = isNamed ? summaryOf(first, seriesCount) : `${seriesCount} series, which are only counted`;
  const { pipeline, kind, severity, status, atMs } = facts;
  const { value, expected, lower, upper } = first;
  const alerts = members.flatMap((member) => member.alerts).slice(0, NAMED_ALERTS);
  return {
    ...{ id: incident.id, revision: incident.revision, status, severity, kind, pipeline },
    ...(incident.openSeverity !== null && { openSeverity: incident.openSeverity }),
    summary: `${isOverflow ? 'more open incidents than are told one by one: ' : ''}${what}`,
    reasons: [...(isNamed ? firstReasons(first, highest, seriesCount) : []), ...reasonsOf(incident)],
    rule: first.rule,
    series: names.slice(0, NAMED_SERIES),
    seriesCount,
    ...{ value, expected, lower, upper, score: highest.score, alerts },
    startedMs: Math.min(...members.map(({ startMs }) => startMs)),
    updatedMs: atMs,
    endedMs: incident.endedMs,
    evidenceMs: Math.max(...members.map(({ recordMs }) => recordMs)),
    ...(status !== 'resolved' && (members.some(isLasting) || (rest?.lasting ?? 0) > 0) && { isLasting: true }),
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

/** Of the first mover, and of the highest where that is another. */
function firstReasons(first: Member, highest: Member, seriesCount: number): string[] {
  const reasons: string[] = [...(first.reasons ?? [])];
  if (first.text === undefined) {
    reasons.push(firstReason(first));
    if (seriesCount > 1) reasons.push(`first mover of ${seriesCount} series`);
    if (highest !== first)
      reasons.push(`highest was ${highest.series} with ${short(highest.score)} of ${highest.rule}`);
    if (first.parts.length > 0) {
      reasons.push(`parts: ${first.parts.map(([name, score]) => `${name} ${short(score)}`).join(', ')}`);
    }
  }
  return reasons;
}

/** Of all of it, named or not. */
function reasonsOf(incident: Incident): string[] {
  const reasons: string[] = [];
  if (incident.isOverflow) reasons.push('as many incidents are open as may be: all that opens beyond them is one');
  const { rest } = incident;
  if (rest !== null && rest.told + rest.held > 0) {
    const held = rest.held > 0 ? `, and nobody is told of ${rest.held} of them` : '';
    reasons.push(`the worst are known one by one, ${rest.told + rest.held} more series are counted${held}`);
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

function short(value: number | null): string {
  return value === null ? '-' : String(Number(value.toPrecision(4)));
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
