import type { Notification, Outcome } from '../../observe/notification.ts';
import { BOOK_BOUNDS } from './bookBounds.ts';
import type { BookRules, BookTotals, Drained, ReviewOrder, VerdictOrder } from './bookRules.ts';
import { BookState } from './bookState.ts';
import type { Evidence } from './evidence.ts';
import type { Incident } from './incident.ts';
import { askRest, endInRest, restIncidentOf } from './incidentBounds.ts';
import { beginExceedance } from './incidentOpen.ts';
import { endMember, turn } from './incidentResolve.ts';
import { review, takeVerdict, takeVerdictOf } from './incidentReview.ts';
import { describe, settle } from './incidentTell.ts';
import { dueOf } from './incidentTimes.ts';
import { addAlert, addToRest, askHold, goesOn } from './incidentUpdate.ts';
import { encodeGone, encodeIncident, encodeState, type OutboxRecord } from './outbox.ts';
import { bringBack } from './wrongClocks.ts';

/** Event time between two records of the clock while nothing is due: what was not written no restart would know. */
const STEP_MS = 60_000;

/**
 * Alerts to incidents: which belong together, what is held and why, who is told of what and when it is over. Pure: its clock
 * is event time, which only `advance` moves, as an alert knows nothing of other series; `nowMs` decides only what is too old
 * to be told. All of its state is in the records that `drain` returns, so a book that has them goes on as this one would.
 *
 * What happens to an incident is in the files beside: incidentOpen, incidentUpdate, incidentTell, incidentResolve,
 * incidentReview, and incidentBounds for what is too many.
 */
export class IncidentBook {
  readonly #state: BookState;
  #isMoved = false;

  constructor(rules: BookRules, bounds = BOOK_BOUNDS) {
    this.#state = new BookState(rules, bounds);
  }

  /** Alerts taken, and what became of them. */
  get alerts(): number {
    return this.#state.alerts;
  }

  get counts(): Readonly<Partial<Record<Outcome, number>>> {
    return this.#state.counts;
  }

  /** Those that are open and those that ended, the oldest first. */
  *incidents(): IterableIterator<Incident> {
    yield* this.#state.index.closed.values();
    yield* this.#state.index.open.values();
  }

  get openCount(): number {
    return this.#state.index.open.size;
  }

  /** Series that are known by name without a member. */
  get restCount(): number {
    return this.#state.rest.size;
  }

  take(evidence: Evidence, nowMs: number): void {
    const state = this.#state;
    const at = state.index.find(evidence);
    if (evidence.state === 'resolved') {
      if (at?.member.endMs === null) endMember(state, at.incident, at.member, evidence, nowMs);
      else endInRest(state, evidence);
      return;
    }
    state.alerts++;
    this.#isMoved = true;
    if (at !== undefined && goesOn(state, at.incident, at.member, evidence)) {
      addAlert(state, at.incident, at.member, evidence, nowMs);
    } else {
      if (at !== undefined) at.member.endMs ??= at.member.lastMs;
      const incident = restIncidentOf(state, evidence);
      if (incident !== undefined) addToRest(state, incident, evidence, nowMs);
      else beginExceedance(state, evidence, nowMs);
    }
    takeVerdictOf(state, evidence);
  }

  /** Event time is here: what ends by it ends, and what is held until then is asked anew. */
  advance(clockMs: number, nowMs: number): void {
    const state = this.#state;
    if (!(clockMs > state.clockMs)) return;
    const due =
      clockMs < state.dueMs ? [] : state.index.openByStart().filter((each) => dueOf(each, state.rules) <= clockMs);
    if (due.length > 0 || clockMs >= state.clockMs + STEP_MS) {
      state.clockMs = clockMs;
      this.#isMoved = true;
      for (const incident of due) turn(state, incident, nowMs);
    } else if (clockMs < state.dueMs) return;
    // Also where nothing was: what was due then has moved on.
    state.dueMs = Math.min(...[...state.index.open.values()].map((each) => dueOf(each, state.rules)));
  }

  /** Silences have changed: what they hold is asked anew. */
  reconsider(nowMs: number): void {
    const state = this.#state;
    for (const incident of state.index.openByStart()) {
      for (const member of incident.members) {
        if (member.hold?.outcome === 'silenced') askHold(state, incident, member);
      }
      askRest(state, incident);
      settle(state, incident, nowMs);
    }
  }

  /** What an operator decided. False where the incident is not known; the same order again changes nothing. */
  review(order: ReviewOrder, nowMs: number): boolean {
    return review(this.#state, order, nowMs);
  }

  /** What an operator said of one alert. */
  verdict(order: VerdictOrder): void {
    takeVerdict(this.#state, order);
  }

  /** An incident as it would be told now. */
  describe(incident: Incident): Notification {
    return describe(this.#state, incident);
  }

  /**
   * What has changed since the last call: records for the outbox, and what is to be told once they are there.
   *
   * @param canForget whether an incident that ended long ago may go
   */
  drain(canForget: (id: string) => boolean = () => true): Drained {
    const { index, dirty, profiles, rest, rules, alerts, counts, clockMs, told } = this.#state;
    this.#state.told = [];
    // What is told by this very call is known to nobody else yet.
    const ids = new Set(told.map(({ id }) => id));
    const gone = index.forget((id) => !ids.has(id) && canForget(id));
    for (const id of gone) dirty.delete(id);
    const records = [...dirty].map((id) => {
      const incident = index.get(id)!;
      return encodeIncident({ notification: this.describe(incident), isTold: incident.revision > 0, state: incident });
    });
    records.push(...profiles.drain(), ...rest.drain());
    for (const id of gone) records.push(encodeGone({ id }));
    if (this.#isMoved || records.length > 0) {
      records.push(encodeState({ name: `book/${rules.kind}`, state: { alerts, counts, clockMs } }));
    }
    this.#isMoved = false;
    dirty.clear();
    return { records, told };
  }

  /** Takes a record of an earlier book; others than its own are left. Before the first evidence. */
  restore(record: OutboxRecord, nowMs: number): void {
    const { rules, profiles, rest, index } = this.#state;
    if (record.type === 'state') {
      if (record.name === `book/${rules.kind}`) this.#restoreTotals(record.state as BookTotals, nowMs);
      for (const store of [profiles, rest]) store.restore(record);
      return;
    }
    if (record.type !== 'incident' || record.notification.kind !== rules.kind) return;
    const incident = structuredClone(record.state) as Incident;
    // Of a version that did not count them by series.
    incident.rest ??= null;
    if (incident.status === 'open') bringBack(incident, nowMs);
    index.restore(incident);
    if (incident.status === 'open') this.#state.dueMs = Math.min(this.#state.dueMs, dueOf(incident, rules));
  }

  #restoreTotals({ alerts, counts, clockMs }: BookTotals, nowMs: number): void {
    this.#state.alerts = alerts;
    this.#state.counts = { ...counts };
    // JSON has no infinity. One that is ahead would hold for as long all that waits for event time.
    this.#state.clockMs = Math.min(clockMs ?? -Infinity, nowMs);
  }
}
