import { log10 } from '../engine/math.ts';

const WINDOW = 2000;
const LEAST = 60;
const QUANTILE = 0.98;
const MOST_EXCESS = 60;
const EXCESS_FLOOR = 1e-3;

/**
 * The plainest calibrated tail: rank among the last 2,000 magnitudes up to their 98 % quantile, beyond it an exponential
 * tail with their mean excess. It stays as it is while the detectors' own tails change, or the baseline would move.
 */
export class BaselineTail {
  readonly #sorted = new Float64Array(WINDOW);
  readonly #ring = new Float64Array(WINDOW);
  #count = 0;
  #next = 0;

  /** -log10 p of a magnitude; NaN before 60 of them. */
  score(magnitude: number): number {
    const count = this.#count;
    if (count < LEAST) return NaN;
    const place = Math.floor(QUANTILE * (count - 1));
    const quantile = this.#sorted[place]!;
    if (magnitude <= quantile) return 0 - log10(1 - this.#rank(magnitude) / (count + 1));
    let excess = 0;
    let exceeding = 0;
    for (let rank = count - 1; rank > place && this.#sorted[rank]! > quantile; rank--) {
      excess += this.#sorted[rank]! - quantile;
      exceeding++;
    }
    const range = this.#sorted[count - 1]! - this.#sorted[0]!;
    const mean = Math.max(EXCESS_FLOOR * range, exceeding === 0 ? 0 : excess / exceeding);
    return -log10(1 - QUANTILE) + Math.min(MOST_EXCESS, (magnitude - quantile) / mean / Math.LN10);
  }

  learn(magnitude: number): void {
    const sorted = this.#sorted;
    if (this.#count === WINDOW) {
      const from = this.#rank(this.#ring[this.#next]!);
      sorted.copyWithin(from, from + 1, this.#count--);
    }
    const at = this.#rank(magnitude);
    sorted.copyWithin(at + 1, at, this.#count++);
    sorted[at] = magnitude;
    this.#ring[this.#next] = magnitude;
    this.#next = (this.#next + 1) % WINDOW;
  }

  /** How many are smaller. */
  #rank(magnitude: number): number {
    let [from, to] = [0, this.#count];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#sorted[middle]! < magnitude) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
