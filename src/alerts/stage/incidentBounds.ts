import type { BookState } from './bookState.ts';
import type { Evidence } from './evidence.ts';
import { holdOf } from './holds.ts';
import {
  compare,
  type Exceedance,
  exceedanceOf,
  type Incident,
  isLasting,
  type Member,
  type Rest,
  type SeverityRule,
  sideOf,
} from './incident.ts';
import { quietEnd, type TimeRules } from './incidentTimes.ts';
import type { RestSeries } from './restStore.ts';
import { notePast } from './seasonalGate.ts';

/** Takes a member into an incident. Where that has no place left, the mildest of them all is only counted from then on. */
export function admit(state: BookState, incident: Incident, member: Member): void {
  if (incident.members.length < state.bounds.members) {
    join(state, incident, member);
    return;
  }
  // Who has no place cannot be waited for, so that so many alert at once is told however long they last.
  if (member.hold?.outcome === 'held_short') member.hold = null;
  const mildest = mildestOf([...incident.members, member], state.rules.severity);
  if (mildest !== member) {
    state.index.leave(incident, mildest);
    join(state, incident, member);
  }
  toRest(state, incident, mildest);
}

/** The open incident whose rest has an exceedance that this alert goes on with; undefined where there is none. */
export function restIncidentOf(state: BookState, { series, rule, startMs }: Evidence): Incident | undefined {
  const { rules } = state;
  for (const incident of state.index.open.values()) {
    const known = incident.rest === null ? undefined : state.rest.get(incident.id, series)?.rules[rule];
    if (known === undefined) continue;
    const isNear = startMs <= incident.startedMs + rules.groupWithinMs;
    const goesOn = isLasting(known) || startMs <= quietOf(rule, known, rules);
    if (isNear || goesOn) return incident;
  }
  return undefined;
}

/** The value that ended an exceedance of a rest. */
export function endInRest(state: BookState, { series, rule, startMs }: Evidence): void {
  for (const incident of state.index.open.values()) {
    const { rest } = incident;
    const known = rest === null ? undefined : state.rest.get(incident.id, series)?.rules[rule];
    if (rest === null || known === undefined || !isLasting(known)) continue;
    const ended = { series, rule, ...known, endMs: Math.max(known.startMs, startMs) };
    state.rest.change(incident.id, series).rules[rule] = exceedanceOf(ended);
    learn(state, { ...ended, hold: holdOf(ended, state.profiles.of(series, rule), startMs, state.rules) });
    rest.lasting--;
    rest.lastMs = Math.max(rest.lastMs, startMs);
    rest.quietMs = Math.max(rest.quietMs, startMs);
    state.touch(incident);
  }
}

/** Asks anew whether a rest is held: who goes on and is held no more is told. What people hold stays so. */
export function askRest(state: BookState, incident: Incident): void {
  const { rest } = incident;
  if (rest === null || rest.heldUntilMs === null) return;
  const isDue = rest.heldUntilMs <= state.clockMs;
  rest.heldUntilMs = null;
  for (const each of state.rest.of(incident.id)) {
    if (!each.isHeld || each.heldUntilMs === null) continue;
    // What has ended waits for the last of them.
    const isWaiting = !isDue && each.heldUntilMs <= state.clockMs;
    const untilMs = isWaiting ? each.heldUntilMs : restHeldUntil(state, each);
    if (untilMs !== each.heldUntilMs) {
      const changes = { isHeld: untilMs !== undefined, heldUntilMs: untilMs ?? null };
      recount(rest, state.rest.change(incident.id, each.series), changes);
    }
    rest.heldUntilMs = laterOf(rest.heldUntilMs, untilMs ?? null);
  }
}

/** When a series is to be asked again; null: never, as it ended while it was held; undefined: it is held no more. */
function restHeldUntil(state: BookState, { series, rules: known }: RestSeries): number | null | undefined {
  const { profiles, rules, clockMs } = state;
  let latestMs: number | null = null;
  for (const [rule, each] of Object.entries(known)) {
    const isOver = each.endMs !== null || quietEnd({ rule, ...each }, rules) < clockMs;
    if (isOver) continue;
    const hold = holdOf({ series, rule, ...each }, profiles.of(series, rule), state.timeOf(each), rules);
    // See `admit`: nothing here can be waited for.
    if (hold === null || hold.untilMs === null || hold.outcome === 'held_short') return undefined;
    latestMs = Math.max(latestMs ?? hold.untilMs, hold.untilMs);
  }
  return latestMs;
}

/** What people decided holds for all of a rest. */
export function decideRest(state: BookState, incident: Incident, isHeld: boolean): void {
  const { rest } = incident;
  if (rest === null) return;
  for (const each of state.rest.of(incident.id)) {
    recount(rest, state.rest.change(incident.id, each.series), { isHeld, heldUntilMs: null });
  }
  const all = rest.told + rest.held;
  [rest.told, rest.held, rest.heldUntilMs] = isHeld ? [0, all, null] : [all, 0, null];
}

/** An exceedance that is over, or that is only counted from now on, is one that the gate knows later. */
export function learn(state: BookState, member: Exceedance & Pick<Member, 'series' | 'rule' | 'hold'>): void {
  const { series, rule, startMs, endMs, lastMs, score, hold } = member;
  // What happens while people work on a machine teaches nothing of its usual peaks.
  if (score === null || hold?.outcome === 'maintenance') return;
  notePast(state.profiles.change(series, rule), { startMs, endMs: endMs ?? lastMs, score, side: sideOf(member) });
}

/** Of an incident that is over fewer members are kept: its first mover, and the worst. */
export function shrink(state: BookState, incident: Incident): void {
  if (incident.rest !== null) for (const each of state.rest.of(incident.id)) state.rest.remove(each);
  const { members } = incident;
  while (members.length > state.bounds.kept) {
    const mildest = mildestOf(members, state.rules.severity);
    members.splice(members.indexOf(mildest), 1);
    if (members.some(({ series }) => series === mildest.series)) continue;
    incident.rest ??= emptyRest(mildest.lastMs);
    if (mildest.hold === null) incident.rest.told++;
    else incident.rest.held++;
  }
}

function join(state: BookState, incident: Incident, member: Member): void {
  state.index.join(incident, member);
  const { rest } = incident;
  if (rest === null || state.rest.get(incident.id, member.series) === undefined) return;
  const known = state.rest.change(incident.id, member.series);
  recount(rest, known, { isCounted: false });
  leaveRest(rest, known, member.rule);
  if (Object.keys(known.rules).length === 0) state.rest.remove(known);
}

function toRest(state: BookState, incident: Incident, member: Member): void {
  const { series, rule, lastMs, endMs, hold } = member;
  incident.rest ??= emptyRest(lastMs);
  const { rest } = incident;
  const isHeld = hold !== null && (hold.outcome !== 'held_short' || endMs !== null);
  const known = state.rest.change(incident.id, series);
  // Once, and again at its end: a profile is a record, and who is here may alert often.
  if (known.rules[rule] === undefined) learn(state, member);
  const untilMs = isHeld ? hold.untilMs : null;
  recount(rest, known, {
    isCounted: !incident.members.some((each) => each.series === series),
    isHeld: known.isHeld && isHeld,
    heldUntilMs: isHeld ? laterOf(known.heldUntilMs, untilMs) : null,
  });
  leaveRest(rest, known, rule);
  known.rules[rule] = exceedanceOf(member);
  rest.lastMs = Math.max(rest.lastMs, endMs ?? lastMs);
  rest.heldUntilMs = laterOf(rest.heldUntilMs, untilMs);
  if (isLasting(member)) {
    rest.lasting++;
    rest.lastingUntilMs = Math.max(rest.lastingUntilMs, quietEnd(member, state.rules));
  } else rest.quietMs = Math.max(rest.quietMs, endMs ?? quietEnd(member, state.rules));
  const { beyond } = state.rest;
  if (beyond !== undefined) forget(state, beyond);
}

/** Names are bounded: one that is forgotten is not counted, and taken to be over as one that tells no end. */
function forget(state: BookState, series: RestSeries): void {
  state.rest.remove(series);
  const incident = state.index.open.get(series.incident);
  const rest = incident?.rest;
  if (incident === undefined || rest == null) return;
  recount(rest, series, { isCounted: false });
  for (const [rule, each] of Object.entries(series.rules)) {
    rest.quietMs = Math.max(rest.quietMs, quietOf(rule, each, state.rules));
    leaveRest(rest, series, rule);
  }
  state.touch(incident);
}

function leaveRest(rest: Rest, { rules }: RestSeries, rule: string): void {
  if (rules[rule] !== undefined && isLasting(rules[rule])) rest.lasting--;
  delete rules[rule];
}

/** When an exceedance is over whose end is not waited for. */
function quietOf(rule: string, { lastMs, endMs }: Exceedance, rules: TimeRules): number {
  return quietEnd({ rule, lastMs: endMs ?? lastMs, tellsEnd: false }, rules);
}

function laterOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

function emptyRest(atMs: number): Rest {
  return { told: 0, held: 0, heldUntilMs: null, lasting: 0, lastingUntilMs: atMs, quietMs: atMs, lastMs: atMs };
}

/** Changes how a series is counted, and its count with it. */
function recount(
  rest: Rest,
  known: RestSeries,
  changes: Partial<Pick<RestSeries, 'isCounted' | 'isHeld' | 'heldUntilMs'>>,
): void {
  if (known.isCounted) rest[known.isHeld ? 'held' : 'told']--;
  Object.assign(known, changes);
  if (known.isCounted) rest[known.isHeld ? 'held' : 'told']++;
}

/** Never the first mover of those that are told. Who is held is milder than who is told, and who came later than who was before. */
function mildestOf(members: readonly Member[], rule: SeverityRule): Member {
  let [first, mildest] = [members[0]!, members[0]!];
  for (const each of members) {
    const isFreer = each.hold === null && first.hold !== null;
    if (isFreer || ((each.hold === null) === (first.hold === null) && isBefore(each, first))) first = each;
  }
  for (const each of members) {
    if (each !== first && (mildest === first || isMilder(each, mildest, rule))) mildest = each;
  }
  return mildest;
}

function isMilder(a: Member, b: Member, rule: SeverityRule): boolean {
  if ((a.hold === null) !== (b.hold === null)) return a.hold !== null;
  const [heightA, heightB] = [heightOf(a, rule), heightOf(b, rule)];
  return heightA === heightB ? isBefore(b, a) : heightA < heightB;
}

/** Score over threshold; a limit that people have set, which has neither, is as high as an error. */
function heightOf({ score, threshold }: Member, rule: SeverityRule): number {
  return score === null || threshold === null || threshold <= 0 ? rule.error : score / threshold;
}

function isBefore(a: Member, b: Member): boolean {
  return (a.startMs - b.startMs || compare(a.series, b.series) || compare(a.rule, b.rule)) < 0;
}
