import type { StateReader, StateWriter } from '../state.ts';
import { SlotBlocks, SlotCells } from './slotBlocks.ts';

const DAY_MS = 86_400_000;
/** Values kept a season slot and kind of day. */
const KEPT = 14;
/** One cell of the rings: a cursor, then the values. */
const CELL = KEPT + 1;
/** A median of fewer values says too little. */
const MIN_VALUES = 6;
/** Deviations from the anchor are single precision: at this many times the usual residual, digits are in danger. */
const ANCHOR_REACH = 1e5;

const MAX_FLOAT = 3.4028234663852886e38;

// What a slot keeps in doubles.
const ANCHOR = 0;
const HELD_STEP = 1;
const HELD_SUM = 2;
const HELD_COUNT = 3;
const CACHED_STEP = 4;
const CACHED_MEDIAN = 5;
const SPREAD = 6;
const WIDTH = 7;

/**
 * What is usual for a series at this time of day: the median of what was seen in this season slot of the day and its
 * neighbours on the last 14 days of the same kind (Monday to Friday, or the weekend), else on days of both kinds. Days
 * and weeks are those of UTC.
 *
 * A season slot learns one value a day, the mean of what came in it, and only when the next one has begun: what is
 * newest does not vouch for itself. Deviations from an anchor are kept in single precision, so values near 1e8 keep
 * their digits at half the bytes.
 */
export class SeasonalMedian {
  readonly stepMs: number;
  readonly #stepsOfDay: number;
  readonly #rings: SlotBlocks;
  readonly #cells = new SlotCells(WIDTH);
  readonly #gathered = new Float64Array(512);
  #reserved = 0;

  /** `stepMs` is the width of a season slot; the last one of a day is shorter where it does not divide the day. */
  constructor(stepMs: number) {
    this.stepMs = stepMs;
    this.#stepsOfDay = Math.ceil(DAY_MS / stepMs);
    this.#rings = new SlotBlocks(2 * this.#stepsOfDay * CELL);
  }

  get slotBytes(): number {
    return 4 * this.#rings.width + 8 * WIDTH;
  }

  reserve(slots: number): void {
    this.#rings.reserve(slots);
    this.#cells.reserve(slots);
    for (let slot = this.#reserved; slot < slots; slot++) {
      const cell = slot * WIDTH;
      this.#cells.values[cell + HELD_STEP] = NaN;
      this.#cells.values[cell + CACHED_STEP] = NaN;
    }
    this.#reserved = Math.max(this.#reserved, slots);
  }

  /**
   * The usual value at `timeMs`; NaN while too little was seen. `intervalMs` is the usual time between values: where
   * it is longer than a season slot, as many more neighbours are looked at.
   */
  predict(slot: number, timeMs: number, intervalMs: number): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const step = this.#stepAt(timeMs);
    if (cells[cell + CACHED_STEP] === step) return cells[cell + CACHED_MEDIAN]!;
    const median = this.#median(slot, step, intervalMs);
    const held = cells[cell + HELD_STEP]!;
    // A late value asks for a step that is over, once: it must not take the place of the present one.
    if (step < held) return median;
    if (step > held) this.#open(slot, step);
    cells[cell + CACHED_STEP] = step;
    cells[cell + CACHED_MEDIAN] = median;
    return median;
  }

  /** Takes a value in. One that is older than the season slot now open is left out. */
  learn(slot: number, timeMs: number, value: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const step = this.#stepAt(timeMs);
    const held = cells[cell + HELD_STEP]!;
    if (step < held) return;
    if (step !== held) {
      if (Number.isNaN(held)) cells[cell + ANCHOR] = value;
      this.#open(slot, step);
    }
    cells[cell + HELD_SUM] = cells[cell + HELD_SUM]! + (value - cells[cell + ANCHOR]!);
    cells[cell + HELD_COUNT] = cells[cell + HELD_COUNT]! + 1;
  }

  snapshot(state: StateWriter): void {
    this.#rings.snapshot(state, 'rings');
    this.#cells.snapshot(state, 'cells');
  }

  restore(state: StateReader): void {
    this.#rings.restore(state, 'rings');
    this.#cells.restore(state, 'cells');
    this.#reserved = Math.max(this.#reserved, this.#cells.slots);
  }

  /** Number of the season slot since 1970. */
  #stepAt(timeMs: number): number {
    const day = Math.floor(timeMs / DAY_MS);
    return day * this.#stepsOfDay + Math.floor((timeMs - day * DAY_MS) / this.stepMs);
  }

  /** Ends the season slot that was open, and begins another. */
  #open(slot: number, step: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    if (cells[cell + HELD_COUNT]! > 0) this.#commit(slot, cells[cell + HELD_STEP]!);
    cells[cell + HELD_STEP] = step;
    cells[cell + HELD_SUM] = 0;
    cells[cell + HELD_COUNT] = 0;
  }

  /** Puts the mean of the held values into the ring of its time of day and kind of day. */
  #commit(slot: number, step: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const deviation = singlePrecision(cells[cell + HELD_SUM]! / cells[cell + HELD_COUNT]!);
    if (cells[cell + CACHED_STEP] === step && !Number.isNaN(cells[cell + CACHED_MEDIAN]!)) {
      const residual = Math.abs(deviation + cells[cell + ANCHOR]! - cells[cell + CACHED_MEDIAN]!);
      const spread = cells[cell + SPREAD]!;
      cells[cell + SPREAD] = spread === 0 ? residual : spread + 0.05 * (residual - spread);
    }
    const ring = this.#rings.block(slot);
    const at = this.#rings.base(slot) + this.#place(step, isWeekend(step, this.#stepsOfDay));
    const cursor = ring[at]!;
    ring[at + 1 + (cursor % KEPT)] = deviation;
    ring[at] = cursor + 1 < 2 * KEPT ? cursor + 1 : KEPT;
    const spread = cells[cell + SPREAD]!;
    if (spread > 0 && Math.abs(deviation) > ANCHOR_REACH * spread) this.#moveAnchor(slot, deviation);
  }

  /** Rings keep deviations from the anchor, so a move of it shifts them all; rare, as it takes a new level. */
  #moveAnchor(slot: number, by: number): void {
    const ring = this.#rings.block(slot);
    const base = this.#rings.base(slot);
    for (let at = base; at < base + this.#rings.width; at += CELL) {
      const filled = Math.min(ring[at]!, KEPT);
      for (let k = 1; k <= filled; k++) ring[at + k] = ring[at + k]! - by;
    }
    const anchor = slot * WIDTH + ANCHOR;
    this.#cells.values[anchor] = this.#cells.values[anchor]! + by;
  }

  #median(slot: number, step: number, intervalMs: number): number {
    const weekend = isWeekend(step, this.#stepsOfDay);
    const widest = Math.floor(this.#stepsOfDay / 4);
    // False for NaN, while the interval is not known.
    const reach = intervalMs > 1.5 * this.stepMs ? Math.min(widest, Math.floor(intervalMs / this.stepMs + 0.5)) : 1;
    let count = this.#gather(slot, step, reach, weekend, 0);
    if (count < MIN_VALUES) count = this.#gather(slot, step, reach, !weekend, count);
    if (count < MIN_VALUES) return NaN;
    const values = this.#gathered;
    const half = count >> 1;
    const middle = count % 2 === 1 ? values[half]! : (values[half - 1]! + values[half]!) / 2;
    return this.#cells.values[slot * WIDTH + ANCHOR]! + middle;
  }

  /** Adds the values of the steps around `step` to the first `count` gathered, keeping order; returns their number. */
  #gather(slot: number, step: number, reach: number, weekend: boolean, count: number): number {
    const values = this.#gathered;
    const ring = this.#rings.block(slot);
    const base = this.#rings.base(slot);
    let gathered = count;
    for (let offset = -reach; offset <= reach; offset++) {
      const at = base + this.#place(step + offset, weekend);
      const filled = Math.min(ring[at]!, KEPT);
      for (let k = 1; k <= filled && gathered < values.length; k++) {
        const value = ring[at + k]!;
        let place = gathered++;
        while (place > 0 && values[place - 1]! > value) {
          values[place] = values[place - 1]!;
          place--;
        }
        values[place] = value;
      }
    }
    return gathered;
  }

  #place(step: number, weekend: boolean): number {
    const ofDay = step - Math.floor(step / this.#stepsOfDay) * this.#stepsOfDay;
    return ((weekend ? this.#stepsOfDay : 0) + ofDay) * CELL;
  }
}

/** Kept within the range of a float, so that a sum that overflowed is but a large value. */
function singlePrecision(value: number): number {
  return Math.fround(Math.max(-MAX_FLOAT, Math.min(MAX_FLOAT, value)));
}

/** 1 January 1970 was a Thursday. */
function isWeekend(step: number, stepsOfDay: number): boolean {
  const day = Math.floor(step / stepsOfDay);
  const weekday = day + 4 - 7 * Math.floor((day + 4) / 7);
  return weekday === 0 || weekday === 6;
}
