import type { BookState } from './bookState.ts';
import type { Evidence } from './evidence.ts';
import { holdOf } from './holds.ts';
import { addTo, type Hold, heldByPeople, type Incident, type Member, memberOf } from './incident.ts';
import { admit } from './incidentBounds.ts';
import { settle } from './incidentTell.ts';
import { quietEnd } from './incidentTimes.ts';
import { isHeldByWord, taughtAt, teach } from './seasonalGate.ts';

/** Whether an alert is of an exceedance that is known. */
export function goesOn({ rules }: BookState, incident: Incident, member: Member, { startMs }: Evidence): boolean {
  if (member.endMs === null) return startMs <= quietEnd(member, rules);
  if (member.isFlapping) return startMs <= member.endMs + rules.flapping.withinMs;
  return startMs <= incident.startedMs + rules.groupWithinMs;
}

/** Another alert of a member. */
export function addAlert(
  state: BookState,
  incident: Incident,
  member: Member,
  evidence: Evidence,
  nowMs: number,
): void {
  // What comes late says nothing of what has begun since.
  const atMs = Math.max(evidence.startMs, member.lastMs);
  addTo(member, evidence);
  member.endMs = null;
  incident.startedMs = Math.min(incident.startedMs, member.startMs);
  if (member.hold !== null) askHold(state, incident, member, atMs);
  state.count(member.hold?.outcome ?? (member.isFlapping ? 'flapping' : 'grouped'));
  settle(state, incident, nowMs);
}

/** Another alert of an exceedance that has no member: it has one where it is worse than the mildest. */
export function addToRest(state: BookState, incident: Incident, evidence: Evidence, nowMs: number): void {
  const { series, rule, startMs } = evidence;
  const member = memberOf(evidence, state.rest.get(incident.id, series)?.rules[rule]);
  member.hold =
    holdByPeople(state, incident, member) ?? holdOf(member, state.profiles.of(series, rule), startMs, state.rules);
  admit(state, incident, member);
  state.count(member.hold?.outcome ?? 'grouped');
  settle(state, incident, nowMs);
}

/**
 * The hold of what people decided, where that holds for an exceedance of the rest. The gate is taught by it when it comes
 * again, up to the height that it had, as it is by members at once.
 */
function holdByPeople(
  state: BookState,
  { id, review }: Incident,
  { series, rule, startMs, score }: Member,
): Hold | null {
  const known = state.rest.get(id, series);
  const before = known?.rules[rule];
  if (review?.verb !== 'hold' || before === undefined || !known?.isHeld || known.heldUntilMs !== null) return null;
  if (score === null || before.score === null) return heldByPeople(review);
  const profile = state.profiles.change(series, rule);
  if ((taughtAt(profile, startMs)?.atMs ?? -Infinity) < review.atMs) {
    teach(profile, 'hold', { startMs, score: before.score }, review.atMs);
  }
  return isHeldByWord(profile, { startMs, score }) ? heldByPeople(review) : null;
}

/** Asks anew whether a member is held. One that ended while it was stays so. */
export function askHold(state: BookState, incident: Incident, member: Member, atMs = state.timeOf(member)): void {
  state.dirty.add(incident.id);
  const { hold } = member;
  if (hold === null) return;
  if (member.endMs !== null && member.endMs < atMs) {
    member.hold = { ...hold, untilMs: null };
    return;
  }
  const { startMs, score } = member;
  const profile = state.profiles.of(member.series, member.rule);
  const isByPeople = incident.review?.verb === 'hold' && hold.untilMs === null;
  // Their word holds also where the gate is off.
  if (isByPeople && score !== null && isHeldByWord(profile, { startMs, score })) return;
  member.hold = holdOf(member, profile, atMs, state.rules);
}
