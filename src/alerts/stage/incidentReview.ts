import type { ReviewOrder, VerdictOrder } from './bookRules.ts';
import type { BookState } from './bookState.ts';
import type { Evidence } from './evidence.ts';
import { heldByPeople, type Member, sideOf } from './incident.ts';
import { decideRest } from './incidentBounds.ts';
import { settle, tell } from './incidentTell.ts';
import { isHeldByWord, taughtAt, teach } from './seasonalGate.ts';

/** What an operator decided. False where the incident is not known; the same order again changes nothing. */
export function review(state: BookState, { incident: id, verb, by, atMs }: ReviewOrder, nowMs: number): boolean {
  const incident = state.index.get(id);
  if (incident === undefined) return false;
  if (incident.review !== null && incident.review.atMs >= atMs) return true;
  incident.review = { atMs, verb, by };
  for (const member of incident.members) {
    decide(state, member, { verb, by, atMs });
    // That somebody wants it told is the newest evidence.
    if (verb === 'deliver') member.recordMs = Math.max(member.recordMs, atMs);
  }
  decideRest(state, incident, verb === 'hold');
  state.dirty.add(id);
  if (verb === 'hold') {
    if (incident.told !== null && incident.status === 'open') tell(state, incident, 'resolved');
    incident.told = null;
    incident.outcome = 'held_seasonal';
    return true;
  }
  if (incident.told === null) {
    tell(state, incident, 'open');
    if (incident.status === 'resolved') tell(state, incident, 'resolved');
  } else settle(state, incident, nowMs);
  return true;
}

/** Verdicts on alerts that are not known: of old ones as well, which are not known any more. The oldest goes first. */
const MOST_VERDICTS = 1000;

/**
 * What an operator said of one alert, where the gate had a part in what became of it. A true one that the gate held will be
 * told at that hour; a false one that is told only because somebody wanted that hour told will be held. Others say nothing
 * of the hour. One of an alert that has not been read yet waits for it.
 */
export function takeVerdict(state: BookState, order: VerdictOrder): void {
  const { series, rule, startMs, score, isTrue, atMs } = order;
  const known = state.profiles.of(series, rule);
  const taught = taughtAt(known, startMs);
  // Orders come again after a restart.
  if (taught !== undefined && (taught.atMs ?? 0) >= atMs) return;
  const isOfGate = isTrue
    ? isHeldByWord(known, { startMs, score }) || wasHeld(state, { series, rule, startMs })
    : taught?.verb === 'deliver';
  if (taught === undefined && membersAt(state, order).next().done) {
    state.verdicts.delete(order.alert);
    state.verdicts.set(order.alert, order);
    if (state.verdicts.size > MOST_VERDICTS) state.verdicts.delete(state.verdicts.keys().next().value!);
  }
  if (isOfGate) teach(state.profiles.change(series, rule), isTrue ? 'deliver' : 'hold', { startMs, score }, atMs);
}

/** An alert has been taken: what was said of it before counts now. */
export function takeVerdictOf(state: BookState, { id }: Pick<Evidence, 'id'>): void {
  const order = state.verdicts.get(id);
  if (order === undefined) return;
  state.verdicts.delete(id);
  takeVerdict(state, order);
}

function wasHeld(state: BookState, order: SeriesAt): boolean {
  for (const { hold } of membersAt(state, order)) if (hold?.outcome === 'held_seasonal') return true;
  return false;
}

type SeriesAt = Pick<VerdictOrder, 'series' | 'rule' | 'startMs'>;

/** The members that are of this series and rule at the time. */
function* membersAt({ index }: BookState, { series, rule, startMs }: SeriesAt): IterableIterator<Member> {
  for (const incidents of [index.open, index.closed]) {
    for (const { members } of incidents.values()) {
      for (const each of members) {
        const isOf = each.series === series && each.rule === rule;
        if (isOf && each.startMs <= startMs && startMs <= each.lastMs) yield each;
      }
    }
  }
}

function decide(state: BookState, member: Member, { verb, by, atMs }: Pick<ReviewOrder, 'verb' | 'by' | 'atMs'>): void {
  const { series, rule, startMs, score, hold } = member;
  const isSeasonal = hold?.outcome === 'held_seasonal';
  const peak = { startMs, score: score ?? 0, side: sideOf(member) };
  if (score !== null && (verb === 'hold' || isSeasonal)) {
    teach(state.profiles.change(series, rule), verb, peak, atMs);
  }
  member.hold = verb === 'deliver' ? null : (hold ?? heldByPeople({ by }));
}
