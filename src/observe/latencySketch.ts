/** A LatencySketch as plain data: counts of the buckets that have any. */
export interface SketchData {
  /** Bucket and count, by turns, ascending. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
}

/**
 * Latencies as counts in logarithmic buckets of 2 %: mergeable, of fixed size, no allocation per value. A quantile is
 * the middle of its bucket, so within 1 % of the true one (DDSketch, arXiv 1908.10693, with a fixed range).
 */
export class LatencySketch {
  readonly #counts = new Float64Array(BUCKETS);
  count = 0;
  sumMs = 0;
  maxMs = 0;

  /** Less than nothing counts as nothing: clocks of two machines may disagree. */
  add(latencyMs: number): void {
    const bucket = sketchBucket(latencyMs);
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.count++;
    if (latencyMs > 0) this.sumMs += latencyMs;
    if (latencyMs > this.maxMs) this.maxMs = latencyMs;
  }

  /** Adds what another has counted, here or in another process. */
  merge({ buckets, count, sumMs, maxMs }: SketchData): void {
    for (let i = 0; i + 1 < buckets.length; i += 2) {
      const bucket = Math.min(BUCKETS - 1, Math.max(0, buckets[i]!));
      this.#counts[bucket] = this.#counts[bucket]! + buckets[i + 1]!;
    }
    this.count += count;
    this.sumMs += sumMs;
    this.maxMs = Math.max(this.maxMs, maxMs);
  }

  /** Milliseconds; null before the first value. `q` in [0, 1]. */
  quantileMs(q: number): number | null {
    return sketchQuantileMs(this.plain(), q);
  }

  plain(): SketchData {
    const buckets: number[] = [];
    for (let i = 0; i < BUCKETS; i++) if (this.#counts[i]! > 0) buckets.push(i, this.#counts[i]!);
    return { buckets, count: this.count, sumMs: this.sumMs, maxMs: this.maxMs };
  }
}

/** Quantile of a sketch as plain data, milliseconds; null where it has no value. `q` in [0, 1]. */
export function sketchQuantileMs({ buckets, count, maxMs }: SketchData, q: number): number | null {
  if (count === 0) return null;
  // Nearest rank: with few values a high percentile is the largest of them, as a budget wants it.
  let left = Math.max(0, Math.ceil(q * count - 1e-9) - 1);
  for (let i = 0; i + 1 < buckets.length; i += 2) {
    left -= buckets[i + 1]!;
    if (left < 0) return Math.min(maxMs, bucketMs(buckets[i]!));
  }
  return maxMs;
}

export function mergeSketches(a: SketchData, b: SketchData): SketchData {
  const buckets: number[] = [];
  for (let i = 0, k = 0; i < a.buckets.length || k < b.buckets.length; ) {
    const [left, right] = [a.buckets[i] ?? Infinity, b.buckets[k] ?? Infinity];
    let counted = 0;
    if (left <= right) {
      counted += a.buckets[i + 1]!;
      i += 2;
    }
    if (right <= left) {
      counted += b.buckets[k + 1]!;
      k += 2;
    }
    buckets.push(Math.min(left, right), counted);
  }
  return { buckets, count: a.count + b.count, sumMs: a.sumMs + b.sumMs, maxMs: Math.max(a.maxMs, b.maxMs) };
}

/**
 * What came to a sketch since an earlier look at it: for percentiles over time. Its largest value is not known, so it is
 * that of the whole. Where the sketch has begun anew since, all of it.
 */
export function sketchSince(now: SketchData, before: SketchData): SketchData {
  if (before.count > now.count) return now;
  const had = new Map<number, number>();
  for (let i = 0; i + 1 < before.buckets.length; i += 2) had.set(before.buckets[i]!, before.buckets[i + 1]!);
  const buckets: number[] = [];
  for (let i = 0; i + 1 < now.buckets.length; i += 2) {
    const counted = now.buckets[i + 1]! - (had.get(now.buckets[i]!) ?? 0);
    if (counted > 0) buckets.push(now.buckets[i]!, counted);
  }
  return { buckets, count: now.count - before.count, sumMs: Math.max(0, now.sumMs - before.sumMs), maxMs: now.maxMs };
}

/** The bucket of a latency: a bound belongs to the bucket below it, as in Prometheus. */
export function sketchBucket(latencyMs: number): number {
  // Logarithms differ in their last digit between engines: a bound must not move for that.
  const above = Math.log10(Math.max(latencyMs, LOWEST_MS) / LOWEST_MS) * PER_DECADE - 1e-6;
  return Math.min(BUCKETS - 1, Math.max(0, Math.ceil(above) - 1));
}

/** The sketch's last bucket that holds nothing above a bound; exact for powers of ten, else within half a bucket. */
export function sketchBucketUpTo(boundMs: number): number {
  return Math.round(Math.log10(boundMs / LOWEST_MS) * PER_DECADE) - 1;
}

/** Middle of a bucket, milliseconds. */
export function bucketMs(bucket: number): number {
  return LOWEST_MS * 10 ** ((bucket + 0.5) / PER_DECADE);
}

/** 0.01 ms to about 28 hours. */
const LOWEST_MS = 0.01;
/** Powers of ten are bounds of buckets, so that what is above 100 ms or 1 s is counted exactly; 2 and 5 are within 0.3 %. */
const PER_DECADE = 120;
const BUCKETS = 1200;
