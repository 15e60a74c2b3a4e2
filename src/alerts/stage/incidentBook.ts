import type { Notification, Outcome } from '../../observe/notification.ts';
import type { BookRules, BookTotals, Drained, ReviewOrder } from './bookRules.ts';
import type { Evidence } from './evidence.ts';
import { holdOf, silenceOf } from './holds.ts';
import {
  addTo,
  type Incident,
  incidentSeverity,
  isLasting,
  KEPT_MEMBERS,
  type Member,
  MOST_MEMBERS,
  memberOf,
  newIncident,
  notificationOf,
  sideOf,
} from './incident.ts';
import { IncidentIndex } from './incidentIndex.ts';
import { closesAt, dueOf, isOver, quietEnd } from './incidentTimes.ts';
import { encodeGone, encodeIncident, encodeState, type OutboxRecord } from './outbox.ts';
import { ProfileStore } from './profileStore.ts';
import { noteOpen, notePast, teach } from './seasonalGate.ts';

/** Event time between two records of the clock while nothing is due: what was not written no restart would know. */
const STEP_MS = 60_000;

/**
 * Alerts to incidents: which belong together, what is held and why, who is told of what and when it is over. Pure: its clock
 * is event time, which alerts and watermarks move; `nowMs` decides only what is too old to be told. All of its state is in
 * the records that `drain` returns, so a book that has them goes on as this one would.
 */
export class IncidentBook {
  readonly #rules: BookRules;
  readonly #profiles: ProfileStore;
  readonly #index = new IncidentIndex();
  readonly #dirty = new Set<string>();
  #told: Notification[] = [];
  #clockMs = -Infinity;
  #dueMs = Infinity;
  #counts: Partial<Record<Outcome, number>> = {};
  #alerts = 0;
  #isMoved = false;

  constructor(rules: BookRules) {
    this.#rules = rules;
    this.#profiles = new ProfileStore(rules.kind);
  }

  /** Alerts taken, and what became of them. */
  get alerts(): number {
    return this.#alerts;
  }

  get counts(): Readonly<Partial<Record<Outcome, number>>> {
    return this.#counts;
  }

  /** Those that are open and those that ended, the oldest first. */
  *incidents(): IterableIterator<Incident> {
    yield* this.#index.closed.values();
    yield* this.#index.open.values();
  }

  get openCount(): number {
    return this.#index.open.size;
  }

  take(evidence: Evidence, nowMs: number): void {
    // Other partitions may be behind by as much.
    this.advance(evidence.startMs - this.#rules.groupWithinMs, nowMs);
    const at = this.#index.find(evidence);
    if (evidence.state === 'resolved') {
      if (at !== undefined && at.member.endMs === null) this.#end(at.incident, at.member, evidence, nowMs);
      return;
    }
    this.#alerts++;
    this.#isMoved = true;
    if (at !== undefined && this.#continues(at.incident, at.member, evidence)) {
      this.#add(at.incident, at.member, evidence, nowMs);
      return;
    }
    if (at !== undefined) at.member.endMs ??= at.member.lastMs;
    this.#begin(evidence, nowMs);
  }

  /** Event time is here: what ends by it ends, and what is held until then is asked anew. */
  advance(clockMs: number, nowMs: number): void {
    if (!(clockMs > this.#clockMs)) return;
    const due =
      clockMs < this.#dueMs ? [] : this.#index.openByStart().filter((each) => dueOf(each, this.#rules) <= clockMs);
    if (due.length === 0 && clockMs < this.#clockMs + STEP_MS) return;
    this.#clockMs = clockMs;
    this.#isMoved = true;
    for (const incident of due) this.#turn(incident, nowMs);
    this.#dueMs = Math.min(...[...this.#index.open.values()].map((each) => dueOf(each, this.#rules)));
  }

  /** Silences have changed: what they hold is asked anew. */
  reconsider(nowMs: number): void {
    for (const incident of this.#index.openByStart()) {
      for (const member of incident.members) {
        if (member.hold?.outcome === 'silenced') this.#release(incident, member);
      }
      this.#settle(incident, nowMs);
    }
  }

  /** What an operator decided. False where the incident is not known; the same order again changes nothing. */
  review({ incident: id, verb, by, atMs }: ReviewOrder, nowMs: number): boolean {
    const incident = this.#index.get(id);
    if (incident === undefined) return false;
    if (incident.review !== null && incident.review.atMs >= atMs) return true;
    incident.review = { atMs, verb, by };
    for (const member of incident.members) {
      this.#teach(member, verb, by);
      // That somebody wants it told is the newest evidence.
      if (verb === 'deliver') member.recordMs = Math.max(member.recordMs, atMs);
    }
    this.#dirty.add(id);
    if (verb === 'hold') {
      if (incident.told !== null && incident.status === 'open') this.#tell(incident, 'resolved');
      incident.told = null;
      incident.outcome = 'held_seasonal';
      return true;
    }
    if (incident.told === null) {
      this.#tell(incident, 'open');
      if (incident.status === 'resolved') this.#tell(incident, 'resolved');
    } else this.#settle(incident, nowMs);
    return true;
  }

  /**
   * What has changed since the last call: records for the outbox, and what is to be told once they are there.
   *
   * @param canForget whether an incident that ended long ago may go
   */
  drain(canForget: (id: string) => boolean = () => true): Drained {
    const told = this.#told;
    this.#told = [];
    // What is told by this very call is known to nobody else yet.
    const ids = new Set(told.map(({ id }) => id));
    const gone = this.#index.forget((id) => !ids.has(id) && canForget(id));
    for (const id of gone) this.#dirty.delete(id);
    const records = [...this.#dirty].map((id) => {
      const incident = this.#index.get(id)!;
      return encodeIncident({ notification: this.describe(incident), isTold: incident.revision > 0, state: incident });
    });
    records.push(...this.#profiles.drain());
    for (const id of gone) records.push(encodeGone({ id }));
    if (this.#isMoved || records.length > 0) {
      const state = { alerts: this.#alerts, counts: this.#counts, clockMs: this.#clockMs };
      records.push(encodeState({ name: `book/${this.#rules.kind}`, state }));
    }
    this.#isMoved = false;
    this.#dirty.clear();
    return { records, told };
  }

  /** Takes a record of an earlier book; others than its own are left. Before the first evidence. */
  restore(record: OutboxRecord): void {
    const { kind } = this.#rules;
    if (record.type === 'state') {
      if (record.name !== `book/${kind}`) this.#profiles.restore(record);
      else this.#restoreTotals(record.state as BookTotals);
      return;
    }
    if (record.type !== 'incident' || record.notification.kind !== kind) return;
    const incident = structuredClone(record.state) as Incident;
    this.#index.restore(incident);
    if (incident.status === 'open') this.#dueMs = Math.min(this.#dueMs, dueOf(incident, this.#rules));
  }

  #restoreTotals({ alerts, counts, clockMs }: BookTotals): void {
    this.#alerts = alerts;
    this.#counts = { ...counts };
    // JSON has no infinity.
    this.#clockMs = clockMs ?? -Infinity;
  }

  /** An incident as it would be told now. */
  describe(incident: Incident, status = this.#statusOf(incident)): Notification {
    const { pipeline, kind, severity: rule } = this.#rules;
    const free = incident.members.filter(({ hold }) => hold === null);
    const severity = incidentSeverity(incident, free.length > 0 ? free : incident.members, rule);
    const lastMs = Math.max(...incident.members.map((each) => each.lastMs));
    return notificationOf(incident, { pipeline, kind, severity, status, atMs: incident.endedMs ?? lastMs });
  }

  #statusOf(incident: Incident): Notification['status'] {
    // What was taken back is over for those who were told, whatever lasts.
    if (incident.status === 'resolved' || (incident.told === null && incident.revision > 0)) return 'resolved';
    return incident.revision > 1 ? 'update' : 'open';
  }

  #continues(incident: Incident, member: Member, { startMs }: Evidence): boolean {
    const { groupWithinMs, flapping } = this.#rules;
    if (member.endMs === null) return startMs <= quietEnd(member, this.#rules);
    if (member.isFlapping) return startMs <= member.endMs + flapping.withinMs;
    return startMs <= incident.startedMs + groupWithinMs;
  }

  #add(incident: Incident, member: Member, evidence: Evidence, nowMs: number): void {
    addTo(member, evidence);
    member.endMs = null;
    incident.startedMs = Math.min(incident.startedMs, member.startMs);
    if (member.hold !== null) this.#release(incident, member, evidence.startMs);
    this.#count(member.hold?.outcome ?? (member.isFlapping ? 'flapping' : 'grouped'));
    this.#settle(incident, nowMs);
  }

  #begin(evidence: Evidence, nowMs: number): void {
    const { flapping } = this.#rules;
    const profile = this.#profiles.change(evidence.series, evidence.rule);
    const member = memberOf(evidence);
    member.isFlapping = noteOpen(profile, evidence.startMs, flapping.withinMs) > flapping.count;
    member.hold = holdOf(member, profile, evidence.startMs, this.#rules);
    const incident = this.#index.place(evidence, this.#rules, (group) =>
      newIncident(this.#rules.pipeline, group, evidence),
    );
    const wasTold = incident.told !== null;
    if (incident.members.length < MOST_MEMBERS) this.#index.join(incident, member);
    else incident.extra++;
    incident.startedMs = Math.min(incident.startedMs, evidence.startMs);
    this.#settle(incident, nowMs);
    if (member.hold !== null) this.#count(member.hold.outcome);
    else this.#count(wasTold ? 'grouped' : incident.told === null ? 'too_old' : 'delivered');
  }

  /** The value that ended it. */
  #end(incident: Incident, member: Member, { startMs, recordMs }: Evidence, nowMs: number): void {
    member.endMs = Math.max(member.startMs, startMs);
    member.recordMs = Math.max(member.recordMs, recordMs);
    if (member.hold?.outcome === 'held_short') this.#release(incident, member, member.endMs);
    this.#settle(incident, nowMs);
  }

  /** Ends what is over, asks holds anew, closes or tells. */
  #turn(incident: Incident, nowMs: number): void {
    for (const member of incident.members) {
      if (member.endMs === null && quietEnd(member, this.#rules) < this.#clockMs) member.endMs = member.lastMs;
      const untilMs = member.hold?.untilMs ?? Infinity;
      if (untilMs <= this.#clockMs) this.#release(incident, member);
    }
    this.#settle(incident, nowMs);
    const isDone = incident.members.every((member) => isOver(member, this.#clockMs, this.#rules));
    if (isDone && closesAt(incident, this.#rules) <= this.#clockMs) this.#close(incident);
  }

  /** Asks anew whether a member is held. One that ended while it was stays so. */
  #release(incident: Incident, member: Member, atMs = this.#clockMs): void {
    this.#dirty.add(incident.id);
    const { hold } = member;
    if (hold === null) return;
    if (member.endMs !== null && member.endMs < atMs) {
      member.hold = { ...hold, untilMs: null };
      return;
    }
    member.hold = holdOf(member, this.#profiles.of(member.series, member.rule), atMs, this.#rules);
  }

  /** Record time of its newest evidence. That it still lasts is evidence, too, as old as that is by event time. */
  #evidenceMs(member: Member): number {
    return member.recordMs + (isLasting(member) ? Math.max(0, this.#clockMs - member.lastMs) : 0);
  }

  /** Tells what is to be told of an incident as it stands. */
  #settle(incident: Incident, nowMs: number): void {
    this.#dirty.add(incident.id);
    const { severity: rule, maxAgeMs, updateEveryMs } = this.#rules;
    const free = incident.members.filter(({ hold }) => hold === null);
    incident.askMs = null;
    if (free.length === 0) incident.outcome = incident.members.at(-1)?.hold?.outcome ?? incident.outcome;
    else if (incident.told === null) {
      const overMs = nowMs - Math.max(...free.map((member) => this.#evidenceMs(member))) - maxAgeMs;
      if (overMs > 0 && incident.review?.verb !== 'deliver') {
        incident.outcome = 'too_old';
        // What is as it was when event time is here again is told then.
        if (free.some(isLasting)) incident.askMs = this.#clockMs + overMs;
      } else {
        this.#correlate(incident, free);
        this.#tell(incident, 'open');
      }
    } else {
      this.#correlate(incident, free);
      const { severity, seriesCount, atMs } = incident.told;
      // It rises with the score; lower it is only by what user traffic says, which is once.
      const severityNow = incidentSeverity(incident, free, rule);
      const isWider = new Set(free.map(({ series }) => series)).size > seriesCount;
      const isDue = severityNow !== severity || (isWider && this.#clockMs >= atMs + updateEveryMs);
      const silences = free.map((member) => silenceOf(member, this.#clockMs, this.#rules)?.endsMs ?? -Infinity);
      const silentToMs = Math.min(...silences);
      if (isDue && silentToMs > this.#clockMs) incident.askMs = silentToMs;
      else if (isDue) this.#tell(incident, 'update');
    }
    this.#dueMs = Math.min(this.#dueMs, dueOf(incident, this.#rules));
  }

  /** By the first mover: at once, and again when the windows around the event are closed. */
  #correlate(incident: Incident, free: readonly Member[]): void {
    const { kpi } = this.#rules;
    const againMs = incident.kpi === null ? -Infinity : (incident.kpi.againMs ?? Infinity);
    if (kpi === undefined || againMs > this.#clockMs) return;
    const first = free.reduce((least, each) => (each.startMs < least.startMs ? each : least));
    const verdict = kpi(first.series, first.startMs);
    incident.kpi = incident.kpi === null ? verdict : { ...verdict, againMs: null };
  }

  #tell(incident: Incident, status: Notification['status']): void {
    incident.revision++;
    incident.outcome = 'delivered';
    incident.openSeverity ??= this.describe(incident, status).severity;
    const told = this.describe(incident, status);
    const { severity, seriesCount, updatedMs } = told;
    incident.told = { severity, seriesCount, atMs: Math.max(updatedMs, this.#clockMs) };
    this.#told.push(told);
    this.#dirty.add(incident.id);
  }

  #close(incident: Incident): void {
    incident.status = 'resolved';
    incident.endedMs = Math.max(...incident.members.map(({ endMs, lastMs }) => endMs ?? lastMs));
    if (incident.told !== null) this.#tell(incident, 'resolved');
    for (const member of incident.members) {
      const { startMs, endMs, lastMs, score, hold } = member;
      // What happens while people work on a machine teaches nothing of its usual peaks.
      if (score === null || hold?.outcome === 'maintenance') continue;
      const peak = { startMs, endMs: endMs ?? lastMs, score, side: sideOf(member) };
      notePast(this.#profiles.change(member.series, member.rule), peak);
    }
    this.#index.close(incident);
    incident.members.splice(KEPT_MEMBERS);
    this.#dirty.add(incident.id);
  }

  #teach(member: Member, verb: ReviewOrder['verb'], by: string): void {
    const { series, rule, startMs, score, hold } = member;
    const isSeasonal = hold?.outcome === 'held_seasonal';
    const peak = { startMs, score: score ?? 0, side: sideOf(member) };
    if (score !== null && (verb === 'hold' || isSeasonal)) teach(this.#profiles.change(series, rule), verb, peak);
    member.hold =
      verb === 'deliver' ? null : (hold ?? { outcome: 'held_seasonal', reason: `held by ${by}`, untilMs: null });
  }

  #count(outcome: Outcome): void {
    this.#counts[outcome] = (this.#counts[outcome] ?? 0) + 1;
  }
}
