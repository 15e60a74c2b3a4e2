import type { BookBounds } from './bookBounds.ts';
import type { Evidence } from './evidence.ts';
import { compare, type Incident, type Member } from './incident.ts';

export interface GroupRules {
  readonly kind: 'anomaly' | 'breach';
  readonly groupBy: string;
  readonly groupWithinMs: number;
}

/** The incidents that are known, and of which of them each series and rule is. */
export class IncidentIndex {
  readonly open = new Map<string, Incident>();
  /** The one that ended last is the last. */
  readonly closed = new Map<string, Incident>();
  readonly #bounds: Pick<BookBounds, 'open' | 'closed'>;
  /** Of open incidents, by series and rule; the newest exceedance is the last, and nearly always the only one. */
  readonly #members = new Map<string, Place[]>();

  constructor(bounds: Pick<BookBounds, 'open' | 'closed'>) {
    this.#bounds = bounds;
  }

  get(id: string): Incident | undefined {
    return this.open.get(id) ?? this.closed.get(id);
  }

  /** Those that are open in an order that a restart does not change, as records come back by when they were written. */
  openByStart(): Incident[] {
    return [...this.open.values()].sort((a, b) => a.startedMs - b.startedMs || compare(a.id, b.id));
  }

  /** The newest exceedance of a series and rule in an open incident. */
  find(of: SeriesRule): Place | undefined {
    return this.#members.get(keyOf(of))?.at(-1);
  }

  join(incident: Incident, member: Member): void {
    incident.members.push(member);
    this.#add(incident, member);
  }

  /** Takes a member out of its incident. */
  leave(incident: Incident, member: Member): void {
    incident.members.splice(incident.members.indexOf(member), 1);
    this.#remove(member);
  }

  /**
   * The open incident that a new exceedance belongs to, the earliest of several; `make` where there is none. At most one
   * that is open has what opens beyond the bound.
   */
  place(evidence: Evidence, rules: GroupRules, make: (group: string, isOverflow: boolean) => Incident): Incident {
    const group = groupOf(evidence, rules);
    let found: Incident | undefined;
    let overflow: Incident | undefined;
    for (const incident of this.open.values()) {
      if (incident.isOverflow) {
        overflow = incident;
        continue;
      }
      const isNear = Math.abs(evidence.startMs - incident.startedMs) <= rules.groupWithinMs;
      if (incident.group !== group || !isNear) continue;
      if (found === undefined || incident.startedMs < found.startedMs) found = incident;
    }
    if (found !== undefined) return found;
    const isFull = this.open.size - (overflow === undefined ? 0 : 1) >= this.#bounds.open;
    if (isFull && overflow !== undefined) return overflow;
    const incident = make(group, isFull);
    this.open.set(incident.id, incident);
    return incident;
  }

  close(incident: Incident): void {
    for (const member of incident.members) this.#remove(member);
    this.open.delete(incident.id);
    this.closed.set(incident.id, incident);
  }

  restore(incident: Incident): void {
    (incident.status === 'open' ? this.open : this.closed).set(incident.id, incident);
    if (incident.status !== 'open') return;
    for (const member of incident.members) this.#add(incident, member);
  }

  /** Drops the oldest of those that ended, as many as are too many; returns their ids. */
  forget(canForget: (id: string) => boolean): string[] {
    const gone: string[] = [];
    for (const id of this.closed.keys()) {
      if (this.closed.size <= this.#bounds.closed) break;
      if (!canForget(id)) continue;
      this.closed.delete(id);
      gone.push(id);
    }
    return gone;
  }

  /** In the order of their starts, so that records find the same one in whatever order they come back. */
  #add(incident: Incident, member: Member): void {
    const places = this.#members.get(keyOf(member));
    if (places === undefined) {
      this.#members.set(keyOf(member), [{ incident, member }]);
      return;
    }
    const after = places.findLastIndex((each) => each.member.startMs <= member.startMs);
    places.splice(after + 1, 0, { incident, member });
  }

  #remove(member: Member): void {
    const places = this.#members.get(keyOf(member));
    const at = places?.findIndex((each) => each.member === member) ?? -1;
    if (places === undefined || at < 0) return;
    if (places.length === 1) this.#members.delete(keyOf(member));
    else places.splice(at, 1);
  }
}

interface Place {
  readonly incident: Incident;
  readonly member: Member;
}

type SeriesRule = Pick<Evidence, 'series' | 'rule'>;

function keyOf({ series, rule }: SeriesRule): string {
  return `${rule}\n${series}`;
}

/** Each breach is an incident of its own. */
function groupOf({ series, rule }: Evidence, { kind, groupBy }: GroupRules): string {
  if (kind === 'breach') return `${rule}\n${series}`;
  if (groupBy === '*') return '';
  const end = series.lastIndexOf(groupBy);
  return end < 0 ? series : series.slice(0, end);
}
