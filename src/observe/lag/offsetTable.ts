/** Points that a table keeps, as kafka-lag-exporter does. */
export const TABLE_SIZE = 60;

export type AddResult = 'Added' | 'OutOfOrder' | 'NonMonotonic';

/** Flat: the log has not grown over all that was seen, so an offset below has no time on the line. */
export type Lookup =
  | { readonly kind: 'LagIsZero' | 'TooFewPoints' | 'Flat' }
  | { readonly kind: 'Time'; readonly timeMs: number; readonly isExtrapolated: boolean };

/**
 * When the end of a partition's log was where: the time of an offset by interpolation, as in kafka-lag-exporter
 * (https://github.com/seglo/kafka-lag-exporter, LookupTable).
 */
export class OffsetTable {
  readonly #offsets: number[] = [];
  readonly #timesMs: number[] = [];

  get size(): number {
    return this.#offsets.length;
  }

  /** Of the newest point; NaN without one. */
  get newestMs(): number {
    return this.#timesMs.at(-1) ?? Number.NaN;
  }

  add(offset: number, timeMs: number): AddResult {
    const [offsets, times] = [this.#offsets, this.#timesMs];
    const last = offsets.length - 1;
    if (last >= 0 && timeMs <= times[last]!) return 'OutOfOrder';
    if (last >= 0 && offset < offsets[last]!) return 'NonMonotonic';
    if (last > 0 && offset === offsets[last] && offset === offsets[last - 1]) {
      // A flat run is its two ends.
      times[last] = timeMs;
      return 'Added';
    }
    offsets.push(offset);
    times.push(timeMs);
    if (offsets.length > TABLE_SIZE) {
      offsets.shift();
      times.shift();
    }
    return 'Added';
  }

  /** When the log's end was at the offset. */
  lookup(offset: number): Lookup {
    const [offsets, times] = [this.#offsets, this.#timesMs];
    const last = offsets.length - 1;
    if (last >= 0 && offset === offsets[last]) return { kind: 'LagIsZero' };
    if (last < 1) return { kind: 'TooFewPoints' };
    let [left, right] = [0, last];
    let isExtrapolated = true;
    for (let i = last; i > 0; i--) {
      if (offset < offsets[i - 1]! || offset > offsets[i]!) continue;
      [left, right, isExtrapolated] = [i - 1, i, false];
      break;
    }
    const grown = offsets[right]! - offsets[left]!;
    if (grown === 0) return { kind: 'Flat' };
    const timeMs = times[right]! - ((offsets[right]! - offset) * (times[right]! - times[left]!)) / grown;
    return { kind: 'Time', timeMs, isExtrapolated };
  }

  /** The topic was made anew. */
  clear(): void {
    this.#offsets.length = 0;
    this.#timesMs.length = 0;
  }
}
