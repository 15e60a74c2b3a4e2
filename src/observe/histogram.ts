/** Counts by fixed upper bounds, as plain data: what crosses a thread, goes onto a topic and into /metrics. */
export interface Histogram {
  /** Upper bounds, ascending; a last bucket without a bound follows. */
  readonly boundsMs: readonly number[];
  /** One count a bound and one for what is above all; not cumulative. */
  readonly counts: readonly number[];
  readonly sumMs: number;
  readonly count: number;
}

/** From a commit in one broker's memory to one that waits for a slow store. */
export const COMMIT_BOUNDS_MS: readonly number[] = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/** A histogram that is added to. */
export class HistogramBuilder {
  readonly #boundsMs: readonly number[];
  readonly #counts: number[];
  #sumMs = 0;
  #count = 0;

  constructor(boundsMs: readonly number[] = COMMIT_BOUNDS_MS) {
    this.#boundsMs = boundsMs;
    this.#counts = new Array<number>(boundsMs.length + 1).fill(0);
  }

  add(valueMs: number): void {
    const found = this.#boundsMs.findIndex((bound) => valueMs <= bound);
    const at = found < 0 ? this.#boundsMs.length : found;
    this.#counts[at] = this.#counts[at]! + 1;
    this.#sumMs += valueMs;
    this.#count++;
  }

  /** Adds what another has counted over the same bounds. */
  merge(other: Histogram): void {
    other.counts.forEach((count, i) => {
      this.#counts[i] = this.#counts[i]! + count;
    });
    this.#sumMs += other.sumMs;
    this.#count += other.count;
  }

  plain(): Histogram {
    return { boundsMs: this.#boundsMs, counts: [...this.#counts], sumMs: this.#sumMs, count: this.#count };
  }
}

/**
 * Quantile with even values within a bucket, as Prometheus' histogram_quantile: of what is above all bounds only the
 * highest bound is known. Null before the first value. `q` in [0, 1].
 */
export function histogramQuantileMs({ boundsMs, counts, count }: Histogram, q: number): number | null {
  if (count === 0) return null;
  let left = q * count;
  for (let i = 0; i < boundsMs.length; i++) {
    const inside = counts[i]!;
    const lower = i === 0 ? 0 : boundsMs[i - 1]!;
    if (inside > 0 && left <= inside) return lower + (boundsMs[i]! - lower) * (left / inside);
    left -= inside;
  }
  return boundsMs.at(-1) ?? null;
}
