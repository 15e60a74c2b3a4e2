import { type Incident, type Member, type Rest, toldSeries } from './incident.ts';

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
export function quietEnd(
  { rule, lastMs, tellsEnd }: Pick<Member, 'rule' | 'lastMs' | 'tellsEnd'>,
  { resolveAfterMs, refractoryMs }: TimeRules,
): number {
  return lastMs + Math.max(resolveAfterMs, tellsEnd ? LATEST_END_MS : refractoryMs(rule));
}

/** Whether an exceedance has ended, and where it flaps also has been calm. */
export function isOver(member: Member, clockMs: number, rules: TimeRules): boolean {
  return overAt(member, rules) <= clockMs;
}

/** When an incident closes, all of whose members have ended. */
export function closesAt(incident: Incident, rules: TimeRules): number {
  const { startedMs, members, rest } = incident;
  const restMs = rest === null ? -Infinity : restOverAt(rest);
  return Math.max(startedMs + rules.groupWithinMs, restMs, ...members.map((member) => overAt(member, rules)));
}

function restOverAt({ lasting, lastingUntilMs, quietMs }: Rest): number {
  return lasting > 0 ? Math.max(lastingUntilMs, quietMs) : quietMs;
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
  if (incident.rest !== null && incident.rest.held > 0) due = Math.min(due, incident.rest.heldUntilMs ?? Infinity);
  due = Math.min(due, incident.kpi?.againMs ?? Infinity, incident.askMs ?? Infinity);
  // What is asked again at a time of its own waits for that.
  if (incident.told === null || incident.askMs !== null) return due;
  return Math.min(due, updateAt(incident, incident.told, rules));
}

/** When more series than were told are due. */
function updateAt(incident: Incident, told: NonNullable<Incident['told']>, { updateEveryMs }: TimeRules): number {
  return toldSeries(incident) > told.seriesCount ? told.atMs + updateEveryMs : Infinity;
}

function overAt({ endMs, isFlapping }: Member, { flapping }: TimeRules): number {
  return endMs === null ? Infinity : endMs + (isFlapping ? flapping.withinMs : 0);
}
