import type { BookState } from './bookState.ts';
import type { Evidence } from './evidence.ts';
import { compare, type Incident, isLasting, type Member, type Rest, type SeverityRule } from './incident.ts';
import { quietEnd } from './incidentTimes.ts';
import type { RestSeries } from './restStore.ts';

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
  const { resolveAfterMs, refractoryMs, groupWithinMs } = state.rules;
  for (const incident of state.index.open.values()) {
    const known = incident.rest === null ? undefined : state.rest.get(incident.id, series)?.rules[rule];
    if (known === undefined) continue;
    const { lastMs, isLasting: tellsEnd } = known;
    const isNear = startMs <= incident.startedMs + groupWithinMs;
    const goesOn = tellsEnd || startMs <= lastMs + Math.max(resolveAfterMs, refractoryMs(rule));
    if (isNear || goesOn) return incident;
  }
  return undefined;
}

/** The value that ended an exceedance of a rest. */
export function endInRest(state: BookState, { series, rule, startMs }: Evidence): void {
  for (const incident of state.index.open.values()) {
    const { rest } = incident;
    const known = rest === null ? undefined : state.rest.get(incident.id, series);
    if (rest === null || known?.rules[rule]?.isLasting !== true) continue;
    state.rest.change(incident.id, series).rules[rule] = { lastMs: startMs, isLasting: false };
    rest.lasting--;
    rest.lastMs = Math.max(rest.lastMs, startMs);
    rest.quietMs = Math.max(rest.quietMs, startMs);
    state.touch(incident);
  }
}

/** The last hold of a rest has ended: who lasts is told. */
export function releaseRest(state: BookState, incident: Incident): void {
  const { rest } = incident;
  if (rest === null || rest.heldUntilMs === null || rest.heldUntilMs > state.clockMs) return;
  rest.heldUntilMs = null;
  for (const each of state.rest.of(incident.id)) {
    if (each.isHeld && Object.values(each.rules).some((rule) => rule.isLasting)) {
      setHeld(rest, state.rest.change(incident.id, each.series), false);
    }
  }
}

/** What people decided holds for all of a rest. */
export function decideRest(state: BookState, incident: Incident, isHeld: boolean): void {
  const { rest } = incident;
  if (rest === null) return;
  for (const each of state.rest.of(incident.id)) setHeld(rest, state.rest.change(incident.id, each.series), isHeld);
  const all = rest.told + rest.held;
  [rest.told, rest.held, rest.heldUntilMs] = isHeld ? [0, all, null] : [all, 0, null];
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
  const known = incident.rest === null ? undefined : state.rest.get(incident.id, member.series);
  if (known === undefined) return;
  const { rest } = incident;
  uncount(rest!, state.rest.change(incident.id, member.series));
  if (known.rules[member.rule]?.isLasting) rest!.lasting--;
  delete known.rules[member.rule];
  if (Object.keys(known.rules).length === 0) state.rest.remove(known);
}

function toRest(state: BookState, incident: Incident, member: Member): void {
  const { series, rule, lastMs, endMs, hold } = member;
  incident.rest ??= emptyRest(lastMs);
  const { rest } = incident;
  const isHeld = hold !== null && (hold.outcome !== 'held_short' || endMs !== null);
  const known = state.rest.change(incident.id, series);
  uncount(rest, known);
  known.isHeld &&= isHeld;
  if (!incident.members.some((each) => each.series === series)) {
    known.isCounted = true;
    if (known.isHeld) rest.held++;
    else rest.told++;
  }
  if (known.rules[rule]?.isLasting) rest.lasting--;
  known.rules[rule] = { lastMs, isLasting: isLasting(member) };
  rest.lastMs = Math.max(rest.lastMs, endMs ?? lastMs);
  if (isHeld && hold.untilMs !== null) rest.heldUntilMs = Math.max(rest.heldUntilMs ?? hold.untilMs, hold.untilMs);
  if (isLasting(member)) {
    rest.lasting++;
    rest.lastingUntilMs = Math.max(rest.lastingUntilMs, quietEnd(member, state.rules));
  } else rest.quietMs = Math.max(rest.quietMs, endMs ?? quietEnd(member, state.rules));
}

function emptyRest(atMs: number): Rest {
  return { told: 0, held: 0, heldUntilMs: null, lasting: 0, lastingUntilMs: atMs, quietMs: atMs, lastMs: atMs };
}

function uncount(rest: Rest, known: RestSeries): void {
  if (!known.isCounted) return;
  known.isCounted = false;
  if (known.isHeld) rest.held--;
  else rest.told--;
}

function setHeld(rest: Rest, known: RestSeries, isHeld: boolean): void {
  const { isCounted } = known;
  uncount(rest, known);
  known.isHeld = isHeld;
  if (!isCounted) return;
  known.isCounted = true;
  if (isHeld) rest.held++;
  else rest.told++;
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
