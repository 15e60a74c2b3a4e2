import type { StateRow } from '../stateRow.ts';
import { losesDigits } from './lostDigits.ts';
import { SlotBlocks, SlotCells } from './slotBlocks.ts';

const DAY_MS = 86_400_000;
/** Values kept of a season slot: two working weeks, and three weekends. A ring is a cursor, then the values. */
const KEPT_WEEKDAYS = 10;
const KEPT_WEEKEND = 6;
const CELL_WEEKDAYS = KEPT_WEEKDAYS + 1;
const CELL_WEEKEND = KEPT_WEEKEND + 1;
/** A median of fewer values says too little. */
const MIN_VALUES = 6;
/** Deviations from the anchor are single precision: at this many times the usual residual, digits are in danger. */
const ANCHOR_REACH = 1e5;
/** Eight steps of single precision. */
const LAST_DIGITS = 2 ** -20;

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
 * neighbours on the last ten days from Monday to Friday, or the last six of the weekend, else on days of both kinds. Days
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
    this.#rings = new SlotBlocks(this.#stepsOfDay * (CELL_WEEKDAYS + CELL_WEEKEND));
  }

  get slotBytes(): number {
    return 4 * this.#rings.width + 8 * WIDTH;
  }

  reserve(slots: number): void {
    this.#rings.reserve(slots);
    this.#cells.reserve(slots);
    for (let slot = this.#reserved; slot < slots; slot++) this.#begin(slot);
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

  /** Start of the season slot of a time, in ms of its week: 0 is Monday 00:00 UTC. */
  slotOfWeek(timeMs: number): number {
    const days = Math.floor(timeMs / DAY_MS);
    // 1 January 1970 was a Thursday.
    const weekday = (((days + 3) % 7) + 7) % 7;
    const ofDay = Math.floor((timeMs - days * DAY_MS) / this.stepMs) * this.stepMs;
    return weekday * DAY_MS + ofDay;
  }

  /** The first value, for as long as the anchor was not moved. */
  anchor(slot: number): number {
    return this.#cells.values[slot * WIDTH + ANCHOR]!;
  }

  /**
   * Takes a value in. One that is older than the season slot now open is left out. `difference` is the value minus the
   * one before, NaN where that is not known.
   */
  learn(slot: number, timeMs: number, value: number, difference: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const step = this.#stepAt(timeMs);
    const held = cells[cell + HELD_STEP]!;
    if (step < held) return;
    if (step !== held) {
      if (Number.isNaN(held)) cells[cell + ANCHOR] = value;
      this.#open(slot, step);
    }
    const deviation = value - cells[cell + ANCHOR]!;
    // Where values vary in digits that are lost, what is predicted seems exact, so that the spread stays 0.
    if (losesDigits(value, deviation, difference) && this.#isFlat(slot, deviation)) this.#moveAnchor(slot, deviation);
    cells[cell + HELD_SUM] = cells[cell + HELD_SUM]! + (value - cells[cell + ANCHOR]!);
    cells[cell + HELD_COUNT] = cells[cell + HELD_COUNT]! + 1;
  }

  /** Only the season slots that hold something: a series of a day has few. */
  pack(slot: number, out: StateRow): void {
    this.#cells.pack(slot, out);
    const ring = this.#rings.block(slot);
    const base = this.#rings.base(slot);
    for (let at = 0; at < this.#rings.width; at += this.#keptAt(at) + 1) {
      const cursor = ring[base + at]!;
      if (cursor === 0) continue;
      out.putI32(at);
      out.putFloats(ring, base + at, base + at + 1 + Math.min(cursor, this.#keptAt(at)));
    }
    out.putI32(-1);
  }

  /** Into a slot that is as after `reset`. */
  unpack(slot: number, from: StateRow): void {
    this.#cells.unpack(slot, from);
    const ring = this.#rings.block(slot);
    const base = this.#rings.base(slot);
    for (let at = from.i32(); at >= 0; at = from.i32()) {
      const cursor = from.f32();
      ring[base + at] = cursor;
      from.floats(ring, base + at + 1, base + at + 1 + Math.min(cursor, this.#keptAt(at)));
    }
  }

  reset(slot: number): void {
    this.#cells.reset(slot);
    this.#begin(slot);
    const base = this.#rings.base(slot);
    this.#rings.block(slot).fill(0, base, base + this.#rings.width);
  }

  #begin(slot: number): void {
    this.#cells.values[slot * WIDTH + HELD_STEP] = NaN;
    this.#cells.values[slot * WIDTH + CACHED_STEP] = NaN;
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
    const weekend = isWeekend(step, this.#stepsOfDay);
    const kept = weekend ? KEPT_WEEKEND : KEPT_WEEKDAYS;
    const ring = this.#rings.block(slot);
    const at = this.#rings.base(slot) + this.#place(step, weekend);
    const cursor = ring[at]!;
    ring[at + 1 + (cursor % kept)] = deviation;
    ring[at] = cursor + 1 < 2 * kept ? cursor + 1 : kept;
    const spread = cells[cell + SPREAD]!;
    if (spread > 0 && Math.abs(deviation) > ANCHOR_REACH * spread) this.#moveAnchor(slot, deviation);
  }

  /** Whether nothing that is kept but a few values, an absurd one among them, differs in more than the last digits. */
  #isFlat(slot: number, deviation: number): boolean {
    if (this.#cells.values[slot * WIDTH + SPREAD] !== 0) return false;
    const ring = this.#rings.block(slot);
    const base = this.#rings.base(slot);
    const reach = LAST_DIGITS * Math.abs(deviation);
    let near = 0;
    let far = 0;
    for (let at = 0; at < this.#rings.width; at += this.#keptAt(at) + 1) {
      const filled = Math.min(ring[base + at]!, this.#keptAt(at));
      for (let k = base + at + 1; k <= base + at + filled; k++) {
        if (Math.abs(ring[k]! - deviation) <= reach) near++;
        else far++;
      }
    }
    return near >= MIN_VALUES && far <= 2;
  }

  /**
   * Rings and the season slot that is open keep deviations from the anchor, so a move of it shifts them all; rare, as it
   * takes a new level.
   */
  #moveAnchor(slot: number, by: number): void {
    const ring = this.#rings.block(slot);
    const base = this.#rings.base(slot);
    for (let at = 0; at < this.#rings.width; at += this.#keptAt(at) + 1) {
      const filled = Math.min(ring[base + at]!, this.#keptAt(at));
      for (let k = base + at + 1; k <= base + at + filled; k++) ring[k] = ring[k]! - by;
    }
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    cells[cell + ANCHOR] = cells[cell + ANCHOR]! + by;
    cells[cell + HELD_SUM] = cells[cell + HELD_SUM]! - by * cells[cell + HELD_COUNT]!;
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
      const filled = Math.min(ring[at]!, weekend ? KEPT_WEEKEND : KEPT_WEEKDAYS);
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
    return weekend ? this.#stepsOfDay * CELL_WEEKDAYS + ofDay * CELL_WEEKEND : ofDay * CELL_WEEKDAYS;
  }

  /** How many values the ring holds that starts at `at` of the slot. */
  #keptAt(at: number): number {
    return at < this.#stepsOfDay * CELL_WEEKDAYS ? KEPT_WEEKDAYS : KEPT_WEEKEND;
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
