import type { BookState } from './bookState.ts';
import type { Evidence } from './evidence.ts';
import { holdOf } from './holds.ts';
import { addTo, type Incident, type Member, memberOf } from './incident.ts';
import { admit } from './incidentBounds.ts';
import { settle } from './incidentTell.ts';
import { quietEnd } from './incidentTimes.ts';

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
  addTo(member, evidence);
  member.endMs = null;
  incident.startedMs = Math.min(incident.startedMs, member.startMs);
  if (member.hold !== null) askHold(state, incident, member, evidence.startMs);
  state.count(member.hold?.outcome ?? (member.isFlapping ? 'flapping' : 'grouped'));
  settle(state, incident, nowMs);
}

/** Another alert of an exceedance that has no member: it has one where it is worse than the mildest. */
export function addToRest(state: BookState, incident: Incident, evidence: Evidence, nowMs: number): void {
  const { rules, profiles } = state;
  const member = memberOf(evidence);
  member.hold = holdOf(member, profiles.of(evidence.series, evidence.rule), evidence.startMs, rules);
  admit(state, incident, member);
  state.count(member.hold?.outcome ?? 'grouped');
  settle(state, incident, nowMs);
}

/** Asks anew whether a member is held. One that ended while it was stays so. */
export function askHold(state: BookState, incident: Incident, member: Member, atMs = state.clockMs): void {
  state.dirty.add(incident.id);
  const { hold } = member;
  if (hold === null) return;
  if (member.endMs !== null && member.endMs < atMs) {
    member.hold = { ...hold, untilMs: null };
    return;
  }
  member.hold = holdOf(member, state.profiles.of(member.series, member.rule), atMs, state.rules);
}
