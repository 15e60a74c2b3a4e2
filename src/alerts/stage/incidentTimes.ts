import type { Incident, Member } from './incident.ts';

export interface TimeRules {
  readonly resolveAfterMs: number;
  /** Event time for which a rule alerts no second time, whatever lasts: its silence until then says nothing. */
  readonly refractoryMs: (rule: string) => number;
  readonly groupWithinMs: number;
  readonly updateEveryMs: number;
  readonly flapping: { readonly withinMs: number };
}

/** A series that comes no more tells no end. */
const LATEST_END_MS = 24 * 3_600_000;

/** Event time up to which an exceedance lasts without another alert. */
export function quietEnd({ rule, lastMs, tellsEnd }: Member, { resolveAfterMs, refractoryMs }: TimeRules): number {
  return lastMs + Math.max(resolveAfterMs, tellsEnd ? LATEST_END_MS : refractoryMs(rule));
}

/** Whether an exceedance has ended, and where it flaps also has been calm. */
export function isOver(member: Member, clockMs: number, rules: TimeRules): boolean {
  return overAt(member, rules) <= clockMs;
}

/** When an incident closes, all of whose members have ended. */
export function closesAt(incident: Incident, rules: TimeRules): number {
  return Math.max(incident.startedMs + rules.groupWithinMs, ...incident.members.map((member) => overAt(member, rules)));
}

/** The next event time at which something may become of an open incident without another alert. */
export function dueOf(incident: Incident, rules: TimeRules): number {
  let due = Infinity;
  let isLasting = false;
  for (const member of incident.members) {
    if (member.hold?.untilMs != null) due = Math.min(due, member.hold.untilMs);
    if (member.endMs !== null) continue;
    isLasting = true;
    due = Math.min(due, quietEnd(member, rules) + 1);
  }
  if (!isLasting) due = Math.min(due, closesAt(incident, rules));
  due = Math.min(due, incident.kpi?.againMs ?? Infinity, incident.askMs ?? Infinity);
  return incident.told === null ? due : Math.min(due, updateAt(incident, incident.told, rules));
}

/** When more series than were told are due. */
function updateAt(incident: Incident, told: NonNullable<Incident['told']>, { updateEveryMs }: TimeRules): number {
  const series = new Set(incident.members.filter(({ hold }) => hold === null).map((member) => member.series));
  return series.size > told.seriesCount ? told.atMs + updateEveryMs : Infinity;
}

function overAt({ endMs, isFlapping }: Member, { flapping }: TimeRules): number {
  return endMs === null ? Infinity : endMs + (isFlapping ? flapping.withinMs : 0);
}
