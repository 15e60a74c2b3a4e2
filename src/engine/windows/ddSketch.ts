import { exp, log } from '../math.ts';
import type { StateRow } from '../stateRow.ts';
import type { Sketch } from './accumulator.ts';

const ACCURACY = 0.01;
const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);
const LOG_GAMMA = log(GAMMA);
/** Bins of one sign. 2048 of them span 17 decades of values; beyond that the smallest magnitudes share a bin. */
const MOST_BINS = 2048;
const FEW_BINS = 32;

/**
 * Quantiles within 1 % of their value: DDSketch (Masson, Rim, Lee, PVLDB 12(12), 2019), with dense bins that collapse at
 * the lowest. Bin i counts magnitudes in (gamma^(i-1), gamma^i]. What it holds does not depend on the order of values or
 * merges.
 */
export class DdSketch implements Sketch {
  count = 0;
  #zeros = 0;
  #min = Infinity;
  #max = -Infinity;
  readonly #positive = new Bins();
  readonly #negative = new Bins();

  reset(): void {
    this.count = 0;
    this.#zeros = 0;
    this.#min = Infinity;
    this.#max = -Infinity;
    this.#positive.reset();
    this.#negative.reset();
  }

  add(given: number): void {
    // -0 is 0.
    const value = given + 0;
    this.count++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (value > 0) this.#positive.add(binOf(value), 1);
    else if (value < 0) this.#negative.add(binOf(-value), 1);
    else this.#zeros++;
  }

  merge(other: DdSketch): void {
    this.count += other.count;
    this.#zeros += other.#zeros;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
    this.#positive.merge(other.#positive);
    this.#negative.merge(other.#negative);
  }

  /** The value of rank q * (count - 1), rounded down; 0 <= q <= 1. The first and the last are exact. NaN when there is none. */
  quantile(q: number): number {
    if (this.count === 0) return NaN;
    const rank = Math.floor(q * (this.count - 1));
    if (rank === 0) return this.#min;
    if (rank === this.count - 1) return this.#max;
    const below = this.#negative.total;
    // The largest magnitude of the negative ones is the least value.
    if (rank < below) return this.#within(-magnitudeOf(this.#negative.binOfRank(below - 1 - rank)));
    if (rank < below + this.#zeros) return 0;
    return this.#within(magnitudeOf(this.#positive.binOfRank(rank - below - this.#zeros)));
  }

  pack(out: StateRow): void {
    out.putF64(this.#zeros);
    out.putF64(this.#min);
    out.putF64(this.#max);
    this.#positive.pack(out);
    this.#negative.pack(out);
  }

  unpack(from: StateRow): void {
    this.#zeros = from.f64();
    this.#min = from.f64();
    this.#max = from.f64();
    this.#positive.unpack(from);
    this.#negative.unpack(from);
    this.count = this.#zeros + this.#positive.total + this.#negative.total;
  }

  #within(value: number): number {
    return Math.min(this.#max, Math.max(this.#min, value));
  }
}

/** Counts by bin from `low` to `high`. */
class Bins {
  total = 0;
  low = 0;
  high = -1;
  #counts: Float64Array = EMPTY;
  /** Bin of counts[0]. */
  #base = 0;

  reset(): void {
    if (this.total > 0) this.#counts.fill(0, this.low - this.#base, this.high - this.#base + 1);
    this.total = 0;
    this.low = 0;
    this.high = -1;
  }

  add(bin: number, count: number): void {
    if (this.total === 0) {
      this.#reach(bin, bin);
    } else if (bin > this.high) {
      this.#reach(Math.max(this.low, bin - MOST_BINS + 1), bin);
    } else if (bin < this.low) {
      this.#reach(Math.max(bin, this.high - MOST_BINS + 1), this.high);
    }
    const at = Math.max(bin, this.low) - this.#base;
    this.#counts[at] = this.#counts[at]! + count;
    this.total += count;
  }

  merge(other: Bins): void {
    for (let bin = other.high; bin >= other.low; bin--) {
      const count = other.#counts[bin - other.#base]!;
      if (count > 0) this.add(bin, count);
    }
  }

  /** The bin of the value of rank `rank` by ascending magnitude, from 0. */
  binOfRank(rank: number): number {
    let left = rank;
    for (let bin = this.low; bin < this.high; bin++) {
      left -= this.#counts[bin - this.#base]!;
      if (left < 0) return bin;
    }
    return this.high;
  }

  pack(out: StateRow): void {
    out.putI32(this.low);
    out.putI32(this.high);
    if (this.total > 0) out.putDoubles(this.#counts, this.low - this.#base, this.high - this.#base + 1);
  }

  unpack(from: StateRow): void {
    this.reset();
    const [low, high] = [from.i32(), from.i32()];
    if (high < low) return;
    this.#reach(low, high);
    for (let bin = low; bin <= high; bin++) {
      const count = from.f64();
      this.#counts[bin - this.#base] = count;
      this.total += count;
    }
  }

  /** Makes `low` and `high` the ends; what is below the new low end is counted there. */
  #reach(low: number, high: number): void {
    const before = this.total > 0;
    if (before && low > this.low) this.#collapse(low);
    if (low < this.#base || high >= this.#base + this.#counts.length) {
      const span = high - low + 1;
      const room = Math.min(MOST_BINS, Math.max(FEW_BINS, 2 * span));
      const counts = new Float64Array(room);
      // Room on both sides, as values may come to lie on either.
      const base = low - Math.floor((room - span) / 2);
      if (before) {
        const kept = Math.max(low, this.low);
        counts.set(this.#counts.subarray(kept - this.#base, this.high - this.#base + 1), kept - base);
      }
      this.#counts = counts;
      this.#base = base;
    }
    this.low = low;
    this.high = high;
  }

  #collapse(low: number): void {
    const kept = Math.min(low, this.high);
    let sum = 0;
    for (let bin = this.low; bin < kept; bin++) {
      sum += this.#counts[bin - this.#base]!;
      this.#counts[bin - this.#base] = 0;
    }
    this.low = kept;
    const at = kept - this.#base;
    if (low <= this.high) {
      this.#counts[at] = this.#counts[at]! + sum;
      return;
    }
    // All of it is below the new low end, which the array may not have yet.
    sum += this.#counts[at]!;
    this.#counts = new Float64Array(FEW_BINS);
    this.#base = low;
    this.#counts[0] = sum;
    this.low = low;
    this.high = low;
  }
}

const EMPTY = new Float64Array(0);

/** ln(1 + k / 2048) in bins: where a double's leading bits put it. */
const EDGES = Float64Array.from({ length: 2049 }, (_, k) => log(1 + k / 2048) / LOG_GAMMA);
const OCTAVE = Math.LN2 / LOG_GAMMA;
/** Far more than rounding can make of a bin's number, far less than a bin. */
const SLACK = 1e-8;
const bits = new DataView(new ArrayBuffer(8));

/**
 * The bin of a positive number. The leading 11 bits of the mantissa nearly always tell it; only where an edge of bins is
 * between such neighbours its logarithm has to be computed.
 */
export function binOf(magnitude: number): number {
  bits.setFloat64(0, magnitude);
  const high = bits.getInt32(0);
  const exponent = (high >>> 20) - 1023;
  // Subnormal numbers have no leading bit, and infinity has no logarithm.
  if (exponent === -1023 || exponent === 1024) return exactBinOf(magnitude);
  const edge = (high & 0xfffff) >>> 9;
  const bin = Math.ceil(exponent * OCTAVE + EDGES[edge]! - SLACK);
  return bin === Math.ceil(exponent * OCTAVE + EDGES[edge + 1]! + SLACK) ? bin : exactBinOf(magnitude);
}

export function exactBinOf(magnitude: number): number {
  return Math.ceil(log(Math.min(magnitude, Number.MAX_VALUE)) / LOG_GAMMA);
}

function magnitudeOf(bin: number): number {
  return (2 * exp(bin * LOG_GAMMA)) / (GAMMA + 1);
}
