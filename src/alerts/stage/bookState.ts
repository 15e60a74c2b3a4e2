import type { Notification, Outcome } from '../../observe/notification.ts';
import type { BookBounds } from './bookBounds.ts';
import type { BookRules, VerdictOrder } from './bookRules.ts';
import type { Incident, Member } from './incident.ts';
import { IncidentIndex } from './incidentIndex.ts';
import { dueOf } from './incidentTimes.ts';
import { ProfileStore } from './profileStore.ts';
import { RestStore } from './restStore.ts';

/** What a book knows, for all that happens to its incidents: they open, go on, are told, end, and are bounded. */
export class BookState {
  readonly rules: BookRules;
  readonly profiles: ProfileStore;
  readonly rest: RestStore;
  readonly index: IncidentIndex;
  readonly bounds: BookBounds;
  /** Ids of incidents whose records are to be written. */
  readonly dirty = new Set<string>();
  /** Since the last drain. */
  told: Notification[] = [];
  /** Event time. */
  clockMs = -Infinity;
  /** No open incident is due before this event time: at most the least `dueOf` of them, and earlier where that moved on. */
  dueMs = Infinity;
  /** Alerts taken, and what became of them. */
  alerts = 0;
  counts: Partial<Record<Outcome, number>> = {};
  /** By alert, verdicts on alerts that have not been taken yet. Not on the outbox, as orders come again after a restart. */
  readonly verdicts = new Map<string, VerdictOrder>();

  constructor(rules: BookRules, bounds: BookBounds) {
    this.bounds = bounds;
    this.index = new IncidentIndex(bounds);
    this.rules = rules;
    this.profiles = new ProfileStore(rules.kind);
    this.rest = new RestStore(rules.kind, bounds.rest);
  }

  /**
   * Event time as far as it is known of a series, at which it is judged whether anything holds it: its own alerts may be
   * ahead of the clock, which waits for all of them.
   */
  timeOf({ lastMs }: Pick<Member, 'lastMs'>): number {
    return Math.max(this.clockMs, lastMs);
  }

  count(outcome: Outcome): void {
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
  }

  /** It has changed: it is written, and looked at when it is due. */
  touch(incident: Incident): void {
    this.dirty.add(incident.id);
    if (incident.status === 'open') this.dueMs = Math.min(this.dueMs, dueOf(incident, this.rules));
  }
}
