import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { type FeatureOperator, MAX_VALUES } from './operator.ts';
import { OrderTree } from './orderTree.ts';
import { type Rolling, RollingKeys } from './rolling.ts';
import { TimedLists } from './timedLists.ts';

/** The exact median of each slot's window; of an even number of values the middle between the middle two. */
export class Median implements FeatureOperator {
  shortenedCount = 0;
  readonly #keys: RollingKeys;
  readonly #lists = new TimedLists();
  readonly #tree = new OrderTree();
  #roots = new Int32Array(0);

  constructor(rolling: Rolling) {
    this.#keys = new RollingKeys(rolling);
  }

  reserve(slots: number): void {
    this.#keys.reserve(slots);
    this.#lists.reserve(slots);
    if (slots <= this.#roots.length) return;
    const roots = new Int32Array(Math.max(slots, 2 * this.#roots.length, 16));
    roots.set(this.#roots);
    this.#roots = roots;
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
      out[i] = slot >= 0 && !Number.isNaN(value) && this.#take(slot, times[i]!, value) ? this.#median(slot) : NaN;
    }
  }

  pack(slot: number, out: StateRow): void {
    this.#keys.pack(slot, out);
    this.#lists.pack(slot, out);
  }

  /** The order follows from the values, so it is not in the row. */
  unpack(slot: number, from: StateRow): void {
    this.#keys.unpack(slot, from);
    this.#lists.unpack(slot, from);
    const values = new Float64Array(this.#lists.count(slot));
    this.#lists.copyValues(slot, values);
    let root = 0;
    for (const value of values) root = this.#tree.add(root, value);
    this.#roots[slot] = root;
  }

  reset(slot: number): void {
    this.#keys.reset(slot);
    this.#lists.reset(slot);
    this.#tree.clear(this.#roots[slot]!);
    this.#roots[slot] = 0;
  }

  describe(slot: number): Json {
    const values = this.#lists.count(slot);
    return { statistic: 'median', ...this.#keys.described, values, value: values === 0 ? null : this.#median(slot) };
  }

  #median(slot: number): number {
    const root = this.#roots[slot]!;
    const count = this.#tree.size(root);
    const upper = this.#tree.at(root, count >>> 1);
    if (count % 2 === 1) return upper;
    const lower = this.#tree.at(root, (count >>> 1) - 1);
    // Halves first: the sum of two large values would be infinite.
    return lower === upper ? upper : lower / 2 + upper / 2;
  }

  #take(slot: number, time: number, value: number): boolean {
    const lists = this.#lists;
    const { span } = this.#keys;
    const key = this.#keys.next(slot, time);
    const newest = lists.count(slot) === 0 ? key : lists.tailTime(slot);
    if (key <= newest - span) return false;
    while (lists.count(slot) > 0 && lists.headTime(slot) <= key - span) this.#dropHead(slot);
    if (key < newest) lists.insert(slot, key, value);
    else lists.push(slot, key, value);
    this.#roots[slot] = this.#tree.add(this.#roots[slot]!, value);
    if (lists.count(slot) > MAX_VALUES) {
      this.shortenedCount++;
      this.#dropHead(slot);
    }
    return true;
  }

  #dropHead(slot: number): void {
    this.#roots[slot] = this.#tree.remove(this.#roots[slot]!, this.#lists.headValue(slot));
    this.#lists.dropHead(slot);
  }
}
