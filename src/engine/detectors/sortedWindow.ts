import type { StateRow } from '../stateRow.ts';
import { SlotBlocks, SlotCells } from './slotBlocks.ts';

/**
 * The last `size` values of each slot both by age and in order, in single precision: 8 bytes a value. A value goes in,
 * and the oldest out, by two binary searches and one move of what lies between.
 */
export class SortedWindow {
  readonly size: number;
  readonly #ages: SlotBlocks;
  readonly #sorted: SlotBlocks;
  /** Number of values so far below `size`; from there on `size` plus the place of the oldest. */
  readonly #cursors = new SlotCells(1);

  constructor(size: number) {
    this.size = size;
    this.#ages = new SlotBlocks(size);
    this.#sorted = new SlotBlocks(size);
  }

  /** Bytes a slot. */
  get slotBytes(): number {
    return 8 * this.size + 8;
  }

  reserve(slots: number): void {
    this.#ages.reserve(slots);
    this.#sorted.reserve(slots);
    this.#cursors.reserve(slots);
  }

  count(slot: number): number {
    return Math.min(this.#cursors.values[slot]!, this.size);
  }

  /** The value of the given rank, 0 for the smallest. */
  at(slot: number, rank: number): number {
    return this.#sorted.block(slot)[this.#sorted.base(slot) + rank]!;
  }

  /** Number of values below `value`, which is compared as it is: round it with Math.fround first. */
  rank(slot: number, value: number): number {
    const base = this.#sorted.base(slot);
    return lowerBound(this.#sorted.block(slot), base, base + this.count(slot), value) - base;
  }

  /** `value` must not be NaN. */
  push(slot: number, value: number): void {
    // Adding 0 makes a negative zero positive, so that the order of the bits is the order of the values.
    const entering = Math.fround(value) + 0;
    const cursor = this.#cursors.values[slot]!;
    const sorted = this.#sorted.block(slot);
    const base = this.#sorted.base(slot);
    const ages = this.#ages.block(slot);
    if (cursor < this.size) {
      const place = lowerBound(sorted, base, base + cursor, entering);
      sorted.copyWithin(place + 1, place, base + cursor);
      sorted[place] = entering;
      ages[this.#ages.base(slot) + cursor] = entering;
      this.#cursors.values[slot] = cursor + 1;
      return;
    }
    const oldest = this.#ages.base(slot) + cursor - this.size;
    const end = base + this.size;
    const from = lowerBound(sorted, base, end, ages[oldest]!);
    const to = lowerBound(sorted, base, end, entering);
    if (to > from) {
      sorted.copyWithin(from, from + 1, to);
      sorted[to - 1] = entering;
    } else {
      sorted.copyWithin(to + 1, to, from);
      sorted[to] = entering;
    }
    ages[oldest] = entering;
    this.#cursors.values[slot] = cursor + 1 < 2 * this.size ? cursor + 1 : this.size;
  }

  clear(slot: number): void {
    this.#cursors.values[slot] = 0;
  }

  pack(slot: number, out: StateRow): void {
    this.#cursors.pack(slot, out);
    const base = this.#ages.base(slot);
    out.putFloats(this.#ages.block(slot), base, base + this.count(slot));
  }

  unpack(slot: number, from: StateRow): void {
    this.#cursors.unpack(slot, from);
    const base = this.#ages.base(slot);
    from.floats(this.#ages.block(slot), base, base + this.count(slot));
    this.#sort(slot);
  }

  #sort(slot: number): void {
    const count = this.count(slot);
    const base = this.#sorted.base(slot);
    const from = this.#ages.base(slot);
    const sorted = this.#sorted.block(slot).subarray(base, base + count);
    sorted.set(this.#ages.block(slot).subarray(from, from + count));
    sorted.sort();
  }
}

/** First place in values[from, to) whose value is not below `value`; `to` if there is none. */
function lowerBound(values: Float32Array, from: number, to: number, value: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
