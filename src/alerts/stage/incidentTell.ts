import type { Notification } from '../../observe/notification.ts';
import type { BookState } from './bookState.ts';
import { silenceOf } from './holds.ts';
import {
  freeMembers,
  type Incident,
  incidentSeverity,
  isLasting,
  isTold,
  type Member,
  toldSeries,
} from './incident.ts';
import { notificationOf } from './incidentText.ts';

/** An incident as it would be told now. */
export function describe(state: BookState, incident: Incident, status = statusOf(incident)): Notification {
  const { pipeline, kind, severity: rule } = state.rules;
  const severity = incidentSeverity(incident, shownMembers(incident), rule);
  const lastMs = Math.max(...incident.members.map((each) => each.lastMs));
  return notificationOf(incident, { pipeline, kind, severity, status, atMs: incident.endedMs ?? lastMs });
}

/** Tells what is to be told of an incident as it stands. */
export function settle(state: BookState, incident: Incident, nowMs: number): void {
  incident.askMs = null;
  if (!isTold(incident)) {
    incident.outcome = incident.members.at(-1)?.hold?.outcome ?? incident.outcome;
  } else if (incident.told === null) open(state, incident, nowMs);
  else update(state, incident, incident.told);
  state.touch(incident);
}

/** Tells it, as it stands. */
export function tell(state: BookState, incident: Incident, status: Notification['status']): void {
  incident.revision++;
  incident.outcome = 'delivered';
  incident.openSeverity ??= describe(state, incident, status).severity;
  const told = describe(state, incident, status);
  incident.told = {
    severity: told.severity,
    seriesCount: toldSeries(incident),
    atMs: Math.max(told.updatedMs, state.clockMs),
  };
  state.told.push(told);
  state.touch(incident);
}

function open(state: BookState, incident: Incident, nowMs: number): void {
  const shown = shownMembers(incident);
  const overMs = nowMs - Math.max(...shown.map((member) => evidenceMs(state, member))) - state.rules.maxAgeMs;
  if (overMs > 0 && incident.review?.verb !== 'deliver') {
    incident.outcome = 'too_old';
    // What is as it was when event time is here again is told then.
    const asks = shown
      .filter(isLasting)
      .map(({ recordMs, lastMs }) => lastMs + nowMs - recordMs - state.rules.maxAgeMs);
    if (asks.length > 0) incident.askMs = Math.min(...asks);
    return;
  }
  correlate(state, incident);
  tell(state, incident, 'open');
}

function update(state: BookState, incident: Incident, told: NonNullable<Incident['told']>): void {
  const { rules, clockMs } = state;
  correlate(state, incident);
  const shown = shownMembers(incident);
  // It rises with the score; lower it is only by what user traffic says, which is once.
  const severityNow = incidentSeverity(incident, shown, rules.severity);
  const isWider = toldSeries(incident) > told.seriesCount;
  const isDue = severityNow !== told.severity || (isWider && clockMs >= told.atMs + rules.updateEveryMs);
  if (!isDue) return;
  const silentToMs = Math.min(
    ...shown.map((member) => silenceOf(member, state.timeOf(member), rules)?.endsMs ?? -Infinity),
  );
  if (silentToMs > clockMs) incident.askMs = silentToMs;
  else tell(state, incident, 'update');
}

/** By the first mover: at once, and again when the windows around the event are closed. */
function correlate({ rules: { kpi }, clockMs }: BookState, incident: Incident): void {
  const againMs = incident.kpi === null ? -Infinity : (incident.kpi.againMs ?? Infinity);
  if (kpi === undefined || againMs > clockMs) return;
  const first = shownMembers(incident).reduce((least, each) => (each.startMs < least.startMs ? each : least));
  const verdict = kpi(first.series, first.startMs);
  incident.kpi = incident.kpi === null ? verdict : { ...verdict, againMs: null };
}

/** Record time of its newest evidence. That it still lasts is evidence, too, as old as that is by event time. */
function evidenceMs({ clockMs }: BookState, member: Member): number {
  return member.recordMs + (isLasting(member) ? Math.max(0, clockMs - member.lastMs) : 0);
}

/** Those that are told; all where nobody is. */
function shownMembers(incident: Incident): readonly Member[] {
  const free = freeMembers(incident);
  return free.length > 0 ? free : incident.members;
}

function statusOf(incident: Incident): Notification['status'] {
  // What was taken back is over for those who were told, whatever lasts.
  if (incident.status === 'resolved' || (incident.told === null && incident.revision > 0)) return 'resolved';
  return incident.revision > 1 ? 'update' : 'open';
}
