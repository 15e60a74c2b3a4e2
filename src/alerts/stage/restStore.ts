import type { Exceedance } from './incident.ts';
import { encodeGone, encodeState, type OutboxKeyValue, type StateRecord } from './outbox.ts';

/** A series of an open incident that has rules without a member. Plain data. */
export interface RestSeries {
  readonly incident: string;
  readonly series: string;
  /** Its exceedances by rule. */
  readonly rules: Record<string, Exceedance>;
  /** Whether the incident counts it; not while a member is of the same series. */
  isCounted: boolean;
  /** Whether nobody is told of it. */
  isHeld: boolean;
  /** Event time at which that is asked anew, the last of its holds; null where only people change it. */
  heldUntilMs: number | null;
}

/**
 * Who is in the rest of which incident, so that no series is counted twice and its end is known. Where there are too many
 * `beyond` has the one that is to go.
 */
export class RestStore {
  readonly #prefix: string;
  readonly #byKey = new Map<string, RestSeries>();
  readonly #dirty = new Set<string>();
  readonly #gone = new Set<string>();

  readonly #most: number;

  /** @param kind of the book that they are of: part of their names */
  constructor(kind: string, most: number) {
    this.#most = most;
    this.#prefix = `rest/${kind}/`;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(incident: string, series: string): RestSeries | undefined {
    return this.#byKey.get(keyOf(incident, series));
  }

  of(incident: string): RestSeries[] {
    return [...this.#byKey.values()].filter((each) => each.incident === incident);
  }

  /** The one that has changed least recently where there are more than may be; undefined where there are not. */
  get beyond(): RestSeries | undefined {
    return this.#byKey.size > this.#most ? this.#byKey.values().next().value : undefined;
  }

  /** The series, which is made where there is none, and will be written. */
  change(incident: string, series: string): RestSeries {
    const key = keyOf(incident, series);
    const known = this.#byKey.get(key) ?? {
      ...{ incident, series, rules: {}, isCounted: false, isHeld: true, heldUntilMs: null },
    };
    this.#byKey.delete(key);
    this.#byKey.set(key, known);
    // Records come back in the order in which they were written.
    this.#dirty.delete(key);
    this.#dirty.add(key);
    this.#gone.delete(key);
    return known;
  }

  remove({ incident, series }: Pick<RestSeries, 'incident' | 'series'>): void {
    const key = keyOf(incident, series);
    this.#byKey.delete(key);
    this.#dirty.delete(key);
    this.#gone.add(key);
  }

  drain(): OutboxKeyValue[] {
    const records = [...this.#dirty].map((key) =>
      encodeState({ name: this.#prefix + key, state: this.#byKey.get(key) }),
    );
    for (const key of this.#gone) records.push(encodeGone({ name: this.#prefix + key }));
    this.#dirty.clear();
    this.#gone.clear();
    return records;
  }

  restore({ name, state }: StateRecord): void {
    if (name.startsWith(this.#prefix)) {
      this.#byKey.set(name.slice(this.#prefix.length), structuredClone(state) as RestSeries);
    }
  }
}

function keyOf(incident: string, series: string): string {
  return `${incident}\n${series}`;
}
