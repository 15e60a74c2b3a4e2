import type { Evidence } from './evidence.ts';
import type { Incident } from './incident.ts';

/** Clocks may differ by this without one of them being wrong: `time.max_ahead` as it is where nobody sets it. */
const AHEAD_MS = 600_000;

/** An alert from the future is taken as one of now: event time comes no further, so its incident would never end. */
export function evidenceAsOf(evidence: Evidence, nowMs: number): Evidence {
  const { startMs, endMs } = evidence;
  return startMs <= nowMs + AHEAD_MS ? evidence : { ...evidence, startMs: nowMs, endMs: nowMs + endMs - startMs };
}

/** Of an incident that versions before this one took from the future, or told when their clock was there. */
export function bringBack(incident: Incident, nowMs: number): void {
  const back = (timeMs: number) => (timeMs <= nowMs + AHEAD_MS ? timeMs : nowMs);
  incident.startedMs = back(incident.startedMs);
  if (incident.told !== null) incident.told.atMs = back(incident.told.atMs);
  for (const member of incident.members) {
    const { hold } = member;
    // What holds it is asked anew.
    if (hold?.untilMs != null && back(member.startMs) !== member.startMs) member.hold = { ...hold, untilMs: nowMs };
    member.startMs = back(member.startMs);
    member.lastMs = back(member.lastMs);
    if (member.endMs !== null) member.endMs = back(member.endMs);
  }
}
