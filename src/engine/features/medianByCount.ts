import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import type { FeatureOperator } from './operator.ts';

/** Above this many values moving them costs more than a tree (median.ts), and room for all of them is not taken at once. */
export const MEDIAN_BY_COUNT_MAX = 1024;

/**
 * The exact median of the last `size` values of each slot, in the order of their arrival: the values by age and in order,
 * next to each other, so that a small window is a few cache lines. A value goes in, and the oldest out, by two binary
 * searches and one move of what lies between.
 */
export class MedianByCount implements FeatureOperator {
  readonly shortenedCount = 0;
  readonly #size: number;
  #ages = new Float64Array(0);
  #sorted = new Float64Array(0);
  /** Number of values so far below `size`; from there on `size` plus the place of the oldest. */
  #cursors = new Int32Array(0);

  constructor(size: number) {
    this.#size = size;
  }

  reserve(slots: number): void {
    if (slots <= this.#cursors.length) return;
    const capacity = Math.max(slots, 2 * this.#cursors.length, 16);
    const ages = new Float64Array(capacity * this.#size);
    const sorted = new Float64Array(capacity * this.#size);
    const cursors = new Int32Array(capacity);
    ages.set(this.#ages);
    sorted.set(this.#sorted);
    cursors.set(this.#cursors);
    this.#ages = ages;
    this.#sorted = sorted;
    this.#cursors = cursors;
  }

  compute(
    slots: Int32Array,
    _times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    out: Float64Array,
  ): void {
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      if (slot < 0 || Number.isNaN(value)) {
        out[i] = NaN;
        continue;
      }
      this.#push(slot, value);
      out[i] = this.#median(slot);
    }
  }

  pack(slot: number, out: StateRow): void {
    out.putI32(this.#cursors[slot]!);
    out.putDoubles(this.#ages, slot * this.#size, slot * this.#size + this.#count(slot));
  }

  /** The order follows from the values, so it is not in the row. */
  unpack(slot: number, from: StateRow): void {
    this.#cursors[slot] = from.i32();
    const base = slot * this.#size;
    const end = base + this.#count(slot);
    from.doubles(this.#ages, base, end);
    this.#sorted.set(this.#ages.subarray(base, end), base);
    this.#sorted.subarray(base, end).sort();
  }

  reset(slot: number): void {
    this.#cursors[slot] = 0;
  }

  describe(slot: number): Json {
    const values = this.#count(slot);
    return { statistic: 'median', of_last: this.#size, values, value: values === 0 ? null : this.#median(slot) };
  }

  #count(slot: number): number {
    return Math.min(this.#cursors[slot]!, this.#size);
  }

  #median(slot: number): number {
    const count = this.#count(slot);
    const middle = slot * this.#size + (count >>> 1);
    const upper = this.#sorted[middle]!;
    if (count % 2 === 1) return upper;
    const lower = this.#sorted[middle - 1]!;
    // Halves first: the sum of two large values would be infinite.
    return lower === upper ? upper : lower / 2 + upper / 2;
  }

  #push(slot: number, value: number): void {
    const size = this.#size;
    const sorted = this.#sorted;
    const base = slot * size;
    const cursor = this.#cursors[slot]!;
    // Adding 0 makes a negative zero positive, so that sorting by `sort` and by `<` is the same.
    const entering = value + 0;
    if (cursor < size) {
      const place = lowerBound(sorted, base, base + cursor, entering);
      sorted.copyWithin(place + 1, place, base + cursor);
      sorted[place] = entering;
      this.#ages[base + cursor] = entering;
      this.#cursors[slot] = cursor + 1;
      return;
    }
    const oldest = base + cursor - size;
    const from = lowerBound(sorted, base, base + size, this.#ages[oldest]!);
    const to = lowerBound(sorted, base, base + size, entering);
    if (to > from) {
      sorted.copyWithin(from, from + 1, to);
      sorted[to - 1] = entering;
    } else {
      sorted.copyWithin(to + 1, to, from);
      sorted[to] = entering;
    }
    this.#ages[oldest] = entering;
    this.#cursors[slot] = cursor + 1 < 2 * size ? cursor + 1 : size;
  }
}

/** First place in values[from, to) whose value is not below `value`; `to` if there is none. */
function lowerBound(values: Float64Array, from: number, to: number, value: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
