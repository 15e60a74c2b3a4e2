import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';

/**
 * A feature as an operator, column in and column out. A slot is one series and field; state lives in typed arrays by
 * slot, and what a slot gives depends on its own values and their order alone.
 */
export interface FeatureOperator {
  /** Values that left a window early, as it held MAX_VALUES of its slot. */
  readonly shortenedCount: number;
  /** Makes room for slots below `slots`. */
  reserve(slots: number): void;
  /**
   * Fills out[i] for from <= i < to, in order. NaN where slots[i] < 0 or values[i] is NaN; those are not taken in.
   *
   * @param times event times, epoch milliseconds
   */
  compute(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    out: Float64Array,
  ): void;
  /** One slot's share of the state; the words of stateRow.ts hold, for slots. */
  pack(slot: number, out: StateRow): void;
  unpack(slot: number, from: StateRow): void;
  reset(slot: number): void;
  /** What the slot goes on from, for people. */
  describe(slot: number): Json;
}

/**
 * Values of one slot that a window over event time, or the history behind same_time, holds at most: 16 MB. What is
 * older leaves early, and is counted.
 */
export const MAX_VALUES = 1_000_000;

/** A few doubles a slot, 0 at first. */
export class Cells {
  readonly width: number;
  values: Float64Array = new Float64Array(0);

  constructor(width: number) {
    this.width = width;
  }

  reserve(slots: number): void {
    if (slots * this.width <= this.values.length) return;
    const grown = new Float64Array(Math.max(slots * this.width, 2 * this.values.length, 16));
    grown.set(this.values);
    this.values = grown;
  }

  pack(slot: number, out: StateRow): void {
    out.putDoubles(this.values, slot * this.width, (slot + 1) * this.width);
  }

  unpack(slot: number, from: StateRow): void {
    from.doubles(this.values, slot * this.width, (slot + 1) * this.width);
  }

  reset(slot: number): void {
    this.values.fill(0, slot * this.width, (slot + 1) * this.width);
  }
}
