/**
 * Latencies as counts in logarithmic buckets of 2 %: mergeable, of fixed size, no allocation per value. A quantile is
 * the middle of its bucket, so within 1 % of the true one (DDSketch, arXiv 1908.10693, with a fixed range).
 */
export class LatencySketch {
  readonly #counts = new Float64Array(BUCKETS);
  count = 0;
  maxMs = 0;

  add(latencyMs: number): void {
    const clamped = Math.max(latencyMs, LOWEST_MS);
    const bucket = Math.min(BUCKETS - 1, Math.floor(Math.log(clamped / LOWEST_MS) / LOG_GROWTH));
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.count++;
    if (latencyMs > this.maxMs) this.maxMs = latencyMs;
  }

  merge(other: LatencySketch): void {
    for (let i = 0; i < BUCKETS; i++) this.#counts[i] = this.#counts[i]! + other.#counts[i]!;
    this.count += other.count;
    this.maxMs = Math.max(this.maxMs, other.maxMs);
  }

  /** Milliseconds; null before the first value. `q` in [0, 1]. */
  quantileMs(q: number): number | null {
    if (this.count === 0) return null;
    let left = q * (this.count - 1);
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#counts[i]!;
      if (left < 0) return Math.min(this.maxMs, LOWEST_MS * Math.exp((i + 0.5) * LOG_GROWTH));
    }
    return this.maxMs;
  }
}

/** 0.01 ms to about 28 hours. */
const LOWEST_MS = 0.01;
const LOG_GROWTH = Math.log(1.02);
const BUCKETS = 1165;
