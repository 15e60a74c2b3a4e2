import type { StateReader, StateWriter } from '../state.ts';
import type { AlertHandler, Detector, Verdict } from './detector.ts';

/** Valid values are min <= value <= max; -Infinity and Infinity where there is no bound. */
export interface Limits {
  readonly min: number;
  readonly max: number;
}

/** Largest score that is reported. */
export const MAX_RANGE_SCORE = 1e6;

/**
 * Alerts on values outside a range that is given, not learnt. The score is the distance outside over the width of the
 * range; with one bound only, or a range without width, over that bound's size (1 for the bound 0).
 */
export class RangeCheck implements Detector {
  readonly name = 'range';
  readonly partNames = ['range'];
  readonly current: Verdict = {
    score: NaN,
    threshold: 0,
    expected: NaN,
    lower: NaN,
    upper: NaN,
    parts: new Float64Array(1),
  };
  readonly #limits: SlotLimits;

  constructor(limits: (slot: number) => Limits) {
    this.#limits = new SlotLimits(limits);
  }

  reserve(count: number): void {
    this.#limits.reserve(count);
  }

  score(
    slots: Int32Array,
    _times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    alert: AlertHandler,
  ): void {
    const { bounds } = this.#limits;
    const { current } = this;
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      if (slot < 0) continue;
      const value = values[i]!;
      const min = bounds[2 * slot]!;
      const max = bounds[2 * slot + 1]!;
      // False for NaN.
      if (!(value < min || value > max)) continue;
      current.score = distanceOutside(value, min, max);
      current.parts[0] = current.score;
      current.lower = finiteOrNaN(min);
      current.upper = finiteOrNaN(max);
      alert.onAlert(i, this);
    }
  }

  /** Limits come from the configuration, so there is nothing to keep. */
  snapshot(_state: StateWriter): void {}

  restore(_state: StateReader): void {}
}

/** The limits of each slot, asked for once, when the slot appears. */
export class SlotLimits {
  /** Interleaved min and max. */
  bounds = new Float64Array(0);
  readonly #limits: (slot: number) => Limits;
  #reserved = 0;

  constructor(limits: (slot: number) => Limits) {
    this.#limits = limits;
  }

  reserve(count: number): void {
    if (2 * count > this.bounds.length) {
      const bounds = new Float64Array(2 * Math.max(count, this.bounds.length, 16));
      bounds.set(this.bounds);
      this.bounds = bounds;
    }
    for (let slot = this.#reserved; slot < count; slot++) {
      const { min, max } = this.#limits(slot);
      this.bounds[2 * slot] = min;
      this.bounds[2 * slot + 1] = max;
    }
    this.#reserved = Math.max(this.#reserved, count);
  }
}

function distanceOutside(value: number, min: number, max: number): number {
  const [distance, bound] = value < min ? [min - value, min] : [value - max, max];
  const width = max - min;
  const scale = width > 0 && width < Infinity ? width : Math.abs(bound) || 1;
  return Math.min(MAX_RANGE_SCORE, distance / scale);
}

function finiteOrNaN(bound: number): number {
  return Number.isFinite(bound) ? bound : NaN;
}
