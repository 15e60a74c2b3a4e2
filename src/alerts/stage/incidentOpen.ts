import type { BookState } from './bookState.ts';
import type { Evidence } from './evidence.ts';
import { holdOf } from './holds.ts';
import { memberOf, newIncident } from './incident.ts';
import { admit } from './incidentBounds.ts';
import { settle } from './incidentTell.ts';
import { noteOpen } from './seasonalGate.ts';

/** An exceedance begins: it joins the incident that it belongs to, or opens one. */
export function beginExceedance(state: BookState, evidence: Evidence, nowMs: number): void {
  const { rules, profiles, index } = state;
  const profile = profiles.change(evidence.series, evidence.rule);
  const member = memberOf(evidence);
  member.isFlapping = noteOpen(profile, evidence.startMs, rules.flapping.withinMs) > rules.flapping.count;
  member.hold = holdOf(member, profile, evidence.startMs, rules);
  const incident = index.place(evidence, rules, (group, isOverflow) =>
    newIncident(rules.pipeline, group, evidence, isOverflow),
  );
  const wasTold = incident.told !== null;
  admit(state, incident, member);
  incident.startedMs = Math.min(incident.startedMs, evidence.startMs);
  settle(state, incident, nowMs);
  if (member.hold !== null) state.count(member.hold.outcome);
  else state.count(wasTold ? 'grouped' : incident.told === null ? 'too_old' : 'delivered');
}
