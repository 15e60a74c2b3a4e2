import { exp } from '../math.ts';
import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { Cells, type FeatureOperator } from './operator.ts';
import type { Rolling } from './rolling.ts';

const MEAN = 0;
const WEIGHT = 1;
const TIME = 2;
const CELL = 3;

/**
 * Exponentially weighted mean: each value weighs half of one that is a half life newer, be it a span of event time,
 * however unevenly values come, or a number of values. The weights are normalised, so the first values count in full
 * (pandas' ewm with adjust=True, and with times).
 *
 * A value that comes out of order weighs as much as its age says: with a half life in event time, the mean after a number
 * of values is the same for every order in which they came, but for rounding.
 */
export class Ewma implements FeatureOperator {
  readonly shortenedCount = 0;
  readonly #decay: number;
  /** What one value leaves of the weights before it, where the half life is a number of values. */
  readonly #factor: number;
  readonly #isByTime: boolean;
  readonly #cells = new Cells(CELL);

  constructor(halfLife: Rolling) {
    this.#isByTime = 'spanMs' in halfLife;
    this.#decay = -Math.LN2 / ('spanMs' in halfLife ? halfLife.spanMs : halfLife.count);
    this.#factor = exp(this.#decay);
  }

  reserve(slots: number): void {
    this.#cells.reserve(slots);
  }

  compute(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    out: Float64Array,
  ): void {
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      // An infinite value would stay in the mean for good.
      out[i] = slot >= 0 && Number.isFinite(value) ? this.#take(slot * CELL, times[i]!, value) : NaN;
    }
  }

  pack(slot: number, out: StateRow): void {
    this.#cells.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#cells.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#cells.reset(slot);
  }

  describe(slot: number): Json {
    const cells = this.#cells.values;
    const weight = cells[slot * CELL + WEIGHT]!;
    return { statistic: 'ewma', weight, value: weight === 0 ? null : cells[slot * CELL + MEAN]! };
  }

  #take(cell: number, time: number, value: number): number {
    const cells = this.#cells.values;
    const before = cells[cell + WEIGHT]!;
    const newest = cells[cell + TIME]!;
    let own = 1;
    let weight = 1;
    if (before === 0) cells[cell + TIME] = time;
    else if (!this.#isByTime) weight = before * this.#factor + 1;
    else if (time >= newest) {
      weight = before * exp(this.#decay * (time - newest)) + 1;
      cells[cell + TIME] = time;
    } else {
      own = exp(this.#decay * (newest - time));
      weight = before + own;
    }
    const former = cells[cell + MEAN]!;
    const part = own / weight;
    let mean = before === 0 ? value : former + (value - former) * part;
    // The difference of two values of the largest can be infinite, which the mean would stay for good.
    if (!Number.isFinite(mean)) mean = former * (1 - part) + value * part;
    cells[cell + MEAN] = mean;
    cells[cell + WEIGHT] = weight;
    return mean;
  }
}
