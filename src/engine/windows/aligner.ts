/** Cuts event time into windows that touch each other: which one a time is in. Start inclusive, end exclusive. */
export interface Aligner {
  startOf(timeMs: number): number;
  /** End of the window that begins at `startMs`. */
  endOf(startMs: number): number;
}

/** Windows of one length, aligned to the epoch plus an offset, as Flink's TumblingEventTimeWindows. */
export class FixedAligner implements Aligner {
  readonly sizeMs: number;
  readonly offsetMs: number;

  constructor(sizeMs: number, offsetMs = 0) {
    this.sizeMs = sizeMs;
    this.offsetMs = offsetMs;
  }

  startOf(timeMs: number): number {
    return Math.floor((timeMs - this.offsetMs) / this.sizeMs) * this.sizeMs + this.offsetMs;
  }

  endOf(startMs: number): number {
    return startMs + this.sizeMs;
  }
}

/** UTC offsets of a time zone: offsetsMs[i] holds from fromMs[i] on, the first one also before. Ascending. */
export interface ZoneTable {
  readonly fromMs: readonly number[];
  readonly offsetsMs: readonly number[];
}

const DAY_MS = 86_400_000;

/**
 * Windows of whole days of a time zone, from local midnight (plus an offset) to local midnight, however many hours that
 * are. Windows of several days are counted from 1970-01-01. Where a midnight does not exist, the day begins at the first
 * time after it; where clocks go back across it, at the second one, so that a day is one piece.
 */
export class DayAligner implements Aligner {
  readonly #days: number;
  readonly #offsetMs: number;
  readonly #zone: ZoneTable;

  constructor(days: number, offsetMs: number, zone: ZoneTable) {
    this.#days = days;
    this.#offsetMs = offsetMs;
    this.#zone = zone;
  }

  startOf(timeMs: number): number {
    let window = this.#windowAt(timeMs + this.#zone.offsetsMs[this.#segmentOf(timeMs)]!);
    // Where local time goes back across midnight, the first time after it still belongs to the day before.
    while (this.#beginOf(window) > timeMs) window--;
    return this.#beginOf(window);
  }

  endOf(startMs: number): number {
    let window = this.#windowAt(startMs + this.#zone.offsetsMs[this.#segmentOf(startMs)]!);
    while (this.#beginOf(window) <= startMs) window++;
    return this.#beginOf(window);
  }

  #windowAt(localMs: number): number {
    return Math.floor((localMs - this.#offsetMs) / (this.#days * DAY_MS));
  }

  /** The instant from which on local time is never before the window's first midnight. */
  #beginOf(window: number): number {
    const { fromMs, offsetsMs } = this.#zone;
    const localMs = window * this.#days * DAY_MS + this.#offsetMs;
    // Offsets are less than a day and a half, so only the segments around can matter.
    let segment = this.#segmentOf(localMs + 2 * DAY_MS);
    for (;;) {
      const begin = localMs - offsetsMs[segment]!;
      if (segment === 0 || begin > fromMs[segment]!) {
        const next = fromMs[segment + 1] ?? Infinity;
        return Math.min(begin, next);
      }
      segment--;
    }
  }

  #segmentOf(timeMs: number): number {
    const { fromMs } = this.#zone;
    let low = 0;
    let high = fromMs.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (fromMs[middle]! <= timeMs) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
