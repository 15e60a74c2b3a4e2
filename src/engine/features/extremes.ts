import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { type FeatureOperator, MAX_VALUES } from './operator.ts';
import type { Rolling } from './rolling.ts';
import { RollingKeys } from './rolling.ts';
import { TimedLists } from './timedLists.ts';

/**
 * Least or greatest value of each slot's window. Kept are only values that can still become it: those that are beyond
 * every later one, so the first of them is the result (Lemire, Nordic J. Computing 13, 2006).
 */
export class Extremes implements FeatureOperator {
  shortenedCount = 0;
  /** Values times this have the greatest as the result. */
  readonly #sign: 1 | -1;
  readonly #keys: RollingKeys;
  readonly #lists = new TimedLists();

  constructor(rolling: Rolling, statistic: 'min' | 'max') {
    this.#sign = statistic === 'max' ? 1 : -1;
    this.#keys = new RollingKeys(rolling);
  }

  reserve(slots: number): void {
    this.#keys.reserve(slots);
    this.#lists.reserve(slots);
  }

  compute(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    out: Float64Array,
  ): void {
    const lists = this.#lists;
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      const isTaken = slot >= 0 && !Number.isNaN(value) && this.#take(slot, times[i]!, this.#sign * value);
      out[i] = isTaken ? this.#sign * lists.headValue(slot) : NaN;
    }
  }

  pack(slot: number, out: StateRow): void {
    this.#keys.pack(slot, out);
    this.#lists.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#keys.unpack(slot, from);
    this.#lists.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#keys.reset(slot);
    this.#lists.reset(slot);
  }

  describe(slot: number): Json {
    const value = this.#lists.count(slot) === 0 ? null : this.#sign * this.#lists.headValue(slot);
    return { statistic: this.#sign > 0 ? 'max' : 'min', ...this.#keys.described, value };
  }

  #take(slot: number, time: number, value: number): boolean {
    const lists = this.#lists;
    const { span } = this.#keys;
    const key = this.#keys.next(slot, time);
    // The newest value is always the last entry, as nothing later is beyond it.
    const newest = lists.count(slot) === 0 ? key : lists.tailTime(slot);
    if (key <= newest - span) return false;
    while (lists.count(slot) > 0 && lists.headTime(slot) <= key - span) lists.dropHead(slot);
    if (key < newest) lists.lift(slot, key);
    // The later entries fall, so the first of them is the greatest.
    if (lists.liftedCount === 0 || lists.liftedValue < value) {
      while (lists.count(slot) > 0 && lists.tailValue(slot) <= value) lists.dropTail(slot);
      lists.push(slot, key, value);
    }
    lists.lower(slot);
    if (lists.count(slot) > MAX_VALUES) {
      this.shortenedCount++;
      lists.dropHead(slot);
    }
    return true;
  }
}
