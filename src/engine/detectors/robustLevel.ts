import type { StateRow } from '../stateRow.ts';
import { losesDigits } from './lostDigits.ts';
import { SlotCells } from './slotBlocks.ts';
import { SortedWindow } from './sortedWindow.ts';

/** The deviation of fewer values is no measure. */
const MIN_COUNT = 20;
/** Makes the median absolute deviation of normal values their standard deviation. */
const MAD_TO_SIGMA = 1.4826;
/** The scale is at least this part of the window's range, for values of which more than half are equal. */
const SCALE_FLOOR = 1e-3;
/** An anchor that is this many deviations off is in question. */
const ANCHOR_REACH = 1e5;

/**
 * Median and scaled median absolute deviation (MAD; Hampel 1974) of the last `size` values of each slot. Values are kept
 * in single precision as deviations from the first one: 8 bytes each. Where that is so far from the others that they
 * lose the digits in which they differ, the window begins anew at the newest.
 */
export class RobustLevel {
  readonly #window: SortedWindow;
  readonly #anchors = new SlotCells(1);

  constructor(size: number) {
    this.#window = new SortedWindow(size);
  }

  get slotBytes(): number {
    return this.#window.slotBytes + 8;
  }

  reserve(slots: number): void {
    this.#window.reserve(slots);
    this.#anchors.reserve(slots);
  }

  /** NaN before the first value. */
  median(slot: number): number {
    const count = this.#window.count(slot);
    return count === 0 ? NaN : this.#anchors.values[slot]! + this.#middle(slot, count);
  }

  /** The MAD times 1.4826; 0 where all values are equal, NaN below 20 values. */
  scale(slot: number): number {
    const window = this.#window;
    const count = window.count(slot);
    if (count < MIN_COUNT) return NaN;
    const middle = this.#middle(slot, count);
    // Deviations grow on both sides of the middle, so the half nearest to it is a run of neighbours [from, from + half]:
    // the one whose far ends are as near as can be. It starts at the first place that is nearer than the value that
    // would come in on the other side if the run moved on by one.
    const half = count >> 1;
    let from = 0;
    let last = count - 1 - half;
    while (from < last) {
      const place = (from + last) >>> 1;
      if (middle - window.at(slot, place) > window.at(slot, place + half + 1) - middle) from = place + 1;
      else last = place;
    }
    const deviation = Math.max(middle - window.at(slot, from), window.at(slot, from + half) - middle);
    const range = window.at(slot, count - 1) - window.at(slot, 0);
    return Math.max(MAD_TO_SIGMA * deviation, SCALE_FLOOR * range);
  }

  /** Of a slot of two values, the first. */
  first(slot: number): number {
    return this.#anchors.values[slot]!;
  }

  /** `step` is the value minus the one before, NaN where that is not known. */
  learn(slot: number, value: number, step: number): void {
    if (losesDigits(value, value - this.#anchors.values[slot]!, step) && this.#isFar(slot)) this.#window.clear(slot);
    if (this.#window.count(slot) === 0) this.#anchors.values[slot] = value;
    this.#window.push(slot, value - this.#anchors.values[slot]!);
  }

  pack(slot: number, out: StateRow): void {
    this.#window.pack(slot, out);
    this.#anchors.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#window.unpack(slot, from);
    this.#anchors.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#window.clear(slot);
  }

  /** Whether the anchor is far from the values, as these spread. */
  #isFar(slot: number): boolean {
    const count = this.#window.count(slot);
    // NaN, where what is kept is infinite, is far as well.
    return count >= MIN_COUNT && !(Math.abs(this.#middle(slot, count)) <= ANCHOR_REACH * this.scale(slot));
  }

  #middle(slot: number, count: number): number {
    const half = count >> 1;
    const upper = this.#window.at(slot, half);
    return count % 2 === 1 ? upper : (this.#window.at(slot, half - 1) + upper) / 2;
  }
}
