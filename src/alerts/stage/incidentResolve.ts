import type { BookState } from './bookState.ts';
import type { Evidence } from './evidence.ts';
import type { Incident, Member } from './incident.ts';
import { askRest, learn, shrink } from './incidentBounds.ts';
import { settle, tell } from './incidentTell.ts';
import { closesAt, isOver, quietEnd } from './incidentTimes.ts';
import { askHold } from './incidentUpdate.ts';

/** The value that ended a member. */
export function endMember(
  state: BookState,
  incident: Incident,
  member: Member,
  { startMs, recordMs }: Evidence,
  nowMs: number,
): void {
  member.endMs = Math.max(member.startMs, startMs);
  member.recordMs = Math.max(member.recordMs, recordMs);
  if (member.hold?.outcome === 'held_short') askHold(state, incident, member, member.endMs);
  settle(state, incident, nowMs);
}

/** Event time has come at which an incident is due: ends what is over, asks holds anew, closes or tells. */
export function turn(state: BookState, incident: Incident, nowMs: number): void {
  const { rules, clockMs } = state;
  for (const member of incident.members) {
    if (member.endMs === null && quietEnd(member, rules) < clockMs) member.endMs = member.lastMs;
    const untilMs = member.hold?.untilMs ?? Infinity;
    if (untilMs <= clockMs) askHold(state, incident, member);
  }
  if ((incident.rest?.heldUntilMs ?? Infinity) <= clockMs) askRest(state, incident);
  settle(state, incident, nowMs);
  const isDone = incident.members.every((member) => isOver(member, clockMs, rules));
  if (isDone && closesAt(incident, rules) <= clockMs) close(state, incident);
}

function close(state: BookState, incident: Incident): void {
  const { members, rest } = incident;
  incident.status = 'resolved';
  incident.endedMs = Math.max(...members.map(({ endMs, lastMs }) => endMs ?? lastMs), rest?.lastMs ?? -Infinity);
  if (incident.told !== null) tell(state, incident, 'resolved');
  for (const member of members) learn(state, member);
  state.index.close(incident);
  shrink(state, incident);
  state.touch(incident);
}
