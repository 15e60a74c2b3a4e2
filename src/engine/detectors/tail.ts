import { log10 } from '../math.ts';
import type { StateReader, StateWriter } from '../state.ts';
import { SortedWindow } from './sortedWindow.ts';

/** A tail says nothing before it has seen this many values. */
export const TAIL_MIN_COUNT = 60;

const QUANTILE = 0.98;
/** Score at the quantile, -log10(0.02): from there on the exponential tail speaks. */
const QUANTILE_SCORE = -log10(1 - QUANTILE);
const MAX_EXCESS_SCORE = 60;
/** The mean excess is at least this part of the range of the window. */
const EXCESS_FLOOR = 1e-3;

/**
 * Turns a magnitude of any unit into -log10 of the probability of one as large, estimated from the slot's own last
 * values: by its rank up to the 98 % quantile, beyond it by an exponential tail with the mean excess of the window.
 * That is peaks over threshold (SPOT, Siffer et al. 2017) with the shape fixed at 0. So one threshold serves every
 * series.
 */
export class TailScores {
  readonly #window: SortedWindow;

  constructor(size: number) {
    this.#window = new SortedWindow(size);
  }

  get slotBytes(): number {
    return this.#window.slotBytes;
  }

  reserve(slots: number): void {
    this.#window.reserve(slots);
  }

  /** -log10 p of `magnitude` (>= 0); NaN while the slot is learning. */
  score(slot: number, magnitude: number): number {
    const window = this.#window;
    const count = window.count(slot);
    if (count < TAIL_MIN_COUNT) return NaN;
    const x = Math.fround(magnitude);
    const quantile = window.at(slot, quantileRank(count));
    // 0 - ... and not -..., which makes a negative zero of the smallest value's score.
    if (x <= quantile) return 0 - log10(1 - window.rank(slot, x) / (count + 1));
    const excess = this.#meanExcess(slot, count, quantile);
    return QUANTILE_SCORE + Math.min(MAX_EXCESS_SCORE, (x - quantile) / excess / Math.LN10);
  }

  /** The magnitude beyond the quantile that has this score; Infinity while learning, or where nothing exceeded yet. */
  magnitudeAt(slot: number, score: number): number {
    const count = this.#window.count(slot);
    if (count < TAIL_MIN_COUNT) return Infinity;
    const quantile = this.#window.at(slot, quantileRank(count));
    const excess = this.#meanExcess(slot, count, quantile);
    return excess === 0 ? Infinity : quantile + (score - QUANTILE_SCORE) * Math.LN10 * excess;
  }

  /** `magnitude`, but no more than the one that has this score. */
  bounded(slot: number, magnitude: number, score: number): number {
    const count = this.#window.count(slot);
    // The mean excess is only worked out for the few values beyond the quantile.
    if (count < TAIL_MIN_COUNT || magnitude <= this.#window.at(slot, quantileRank(count))) return magnitude;
    return Math.min(magnitude, this.magnitudeAt(slot, score));
  }

  /** Takes a magnitude in, whose size the caller has bounded. Learn after scoring. */
  learn(slot: number, magnitude: number): void {
    this.#window.push(slot, Math.min(magnitude, MAX_FLOAT));
  }

  clear(slot: number): void {
    this.#window.clear(slot);
  }

  snapshot(state: StateWriter): void {
    this.#window.snapshot(state);
  }

  restore(state: StateReader): void {
    this.#window.restore(state);
  }

  /** Mean of what the values beyond the quantile exceed it by; 0 where all values are equal. */
  #meanExcess(slot: number, count: number, quantile: number): number {
    const window = this.#window;
    let sum = 0;
    let exceeding = 0;
    for (let rank = count - 1; rank >= 0; rank--) {
      const value = window.at(slot, rank);
      if (value <= quantile) break;
      sum += value - quantile;
      exceeding++;
    }
    const floor = EXCESS_FLOOR * (window.at(slot, count - 1) - window.at(slot, 0));
    return Math.max(floor, exceeding === 0 ? 0 : sum / exceeding);
  }
}

const MAX_FLOAT = 3.4028234663852886e38;

function quantileRank(count: number): number {
  return Math.floor(QUANTILE * (count - 1));
}
