import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { Cells, type FeatureOperator } from './operator.ts';

const VALUE = 0;
const TIME = 1;
const IS_KNOWN = 2;
const CELL = 3;

/**
 * Current value minus the one before, or that per second of event time. Null for the first value, for a value that comes
 * out of order (it is nobody's predecessor either), and per second for a second value of the same time.
 */
export class Difference implements FeatureOperator {
  readonly shortenedCount = 0;
  readonly #isRate: boolean;
  readonly #cells = new Cells(CELL);

  constructor(statistic: 'difference' | 'rate_of_change') {
    this.#isRate = statistic === 'rate_of_change';
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
      out[i] = slot >= 0 && !Number.isNaN(value) ? this.#take(slot * CELL, times[i]!, value) : NaN;
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
    const isKnown = cells[slot * CELL + IS_KNOWN] === 1;
    const [last, time] = isKnown ? [cells[slot * CELL + VALUE]!, cells[slot * CELL + TIME]!] : [null, null];
    return { statistic: this.#isRate ? 'rate_of_change' : 'difference', last, last_ms: time };
  }

  #take(cell: number, time: number, value: number): number {
    const cells = this.#cells.values;
    const isKnown = cells[cell + IS_KNOWN] === 1;
    const passed = time - cells[cell + TIME]!;
    if (isKnown && passed < 0) return NaN;
    const difference = value - cells[cell + VALUE]!;
    cells[cell + VALUE] = value;
    cells[cell + TIME] = time;
    cells[cell + IS_KNOWN] = 1;
    if (!isKnown) return NaN;
    if (!this.#isRate) return difference;
    return passed === 0 ? NaN : difference / (passed / 1000);
  }
}
