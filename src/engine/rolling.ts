import { MANY } from './readAhead.ts';
import type { StateReader, StateWriter } from './state.ts';
import type { StateRow } from './stateRow.ts';

/** Doubles a slot in `RollingWindow.cells`: one cache line, since slots are visited in scattered order. */
export const CELL_SIZE = 8;
/** Positions in a cell. The deviations below are from the cell's shift, which lies near the mean. */
export const SHIFT = 0;
const SUM = 1;
const SUM_OF_SQUARES = 2;
const PEAK = 3;
const CURSOR = 4;
/** Mean minus shift: apart from the shift, as their sum would lose the digits below the shift's last place. */
export const MEAN_DEVIATION = 5;
export const VARIANCE = 6;
/** Not used by the window: its owner keeps one number a slot here, in reach of the same cache miss. Not in snapshots. */
export const OWNER = 7;

/** Sums are made anew when they fell to this part of their largest value, or lie as far from the shift's. */
const CANCELLATION = 1e-3;

/**
 * Mean and population variance of the last `size` values of each slot.
 *
 * Sums of deviations from a shift near the mean are kept up to date by adding what enters and subtracting what leaves.
 * They are computed anew from the ring, in two passes, whenever their digits are in danger: at each turn of the ring,
 * when the sum of squares fell far below what it once was (an outlier has left), and when the mean is many standard
 * deviations away from the shift (the level moved). So rounding never accumulates over more than `size` steps, and
 * never beyond about `size` * 1e-16 / CANCELLATION of the variance. Differences below 1e-154, whose squares are 0, are
 * not seen. All of it depends on the values of the slot alone.
 */
export class RollingWindow {
  readonly size: number;
  /** CELL_SIZE doubles a slot; read by the loops that cannot afford a call. */
  cells: Float64Array = new Float64Array(0);
  #ring: Float64Array = new Float64Array(0);
  #slots = 0;
  /** Of no meaning: see readAhead. */
  read = 0;

  constructor(size: number) {
    this.size = size;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    if (slots > this.#slots) this.#slots = slots;
    if (slots * CELL_SIZE <= this.cells.length) return;
    const capacity = Math.max(slots, 2 * (this.cells.length / CELL_SIZE), 16);
    this.cells = grown(this.cells, capacity * CELL_SIZE);
    this.#ring = grown(this.#ring, capacity * this.size);
  }

  /** Before a block of slots[from, to) is pushed. */
  readAhead(slots: Int32Array, from: number, to: number): void {
    if (this.#slots < MANY) return;
    const { cells, size } = this;
    const ring = this.#ring;
    let sum = 0;
    for (let i = from; i < to; i++) sum += cells[Math.max(0, slots[i]!) * CELL_SIZE]!;
    for (let i = from; i < to; i++) {
      const slot = Math.max(0, slots[i]!);
      const cursor = cells[slot * CELL_SIZE + CURSOR]!;
      sum += ring[slot * size + (cursor < size ? cursor : cursor - size)]!;
    }
    // What nobody could need is not read.
    this.read = sum;
  }

  /** Takes a value in, and the oldest one out once the window is full. Costs no allocation. */
  push(slot: number, value: number): void {
    const { cells, size } = this;
    const ring = this.#ring;
    const cell = slot * CELL_SIZE;
    const cursor = cells[cell + CURSOR]!;
    if (cursor < size) {
      this.#fill(slot, cursor, value);
      return;
    }
    // Past the first turn the cursor runs from size to 2 * size - 1: it tells both the place and that the ring is full.
    const place = slot * size + cursor - size;
    const shift = cells[cell + SHIFT]!;
    const entering = value - shift;
    const leaving = ring[place]! - shift;
    ring[place] = value;
    const sum = cells[cell + SUM]! + (entering - leaving);
    const squares = cells[cell + SUM_OF_SQUARES]! + (entering * entering - leaving * leaving);
    const mean = sum / size;
    const variance = squares / size - mean * mean;
    const peak = cells[cell + PEAK]!;
    const next = cursor + 1;
    // Comparisons with NaN are false, so a window with an infinite value takes the careful path too.
    const sound = squares >= peak * CANCELLATION && variance >= mean * mean * CANCELLATION;
    if (next < 2 * size && sound) {
      cells[cell + SUM] = sum;
      cells[cell + SUM_OF_SQUARES] = squares;
      if (squares > peak) cells[cell + PEAK] = squares;
      cells[cell + CURSOR] = next;
      cells[cell + MEAN_DEVIATION] = mean;
      cells[cell + VARIANCE] = variance;
      return;
    }
    cells[cell + CURSOR] = next < 2 * size ? next : size;
    this.#refresh(slot, size);
  }

  count(slot: number): number {
    return Math.min(this.cells[slot * CELL_SIZE + CURSOR]!, this.size);
  }

  /** NaN before the first value. */
  mean(slot: number): number {
    const cell = slot * CELL_SIZE;
    if (this.cells[cell + CURSOR] === 0) return NaN;
    return this.cells[cell + SHIFT]! + this.cells[cell + MEAN_DEVIATION]!;
  }

  /** Population variance; NaN before the first value. */
  variance(slot: number): number {
    const cell = slot * CELL_SIZE;
    return this.cells[cell + CURSOR] === 0 ? NaN : this.cells[cell + VARIANCE]!;
  }

  /** `value` minus the mean, with the digits that value - mean(slot) would lose. */
  deviation(slot: number, value: number): number {
    const cell = slot * CELL_SIZE;
    return value - this.cells[cell + SHIFT]! - this.cells[cell + MEAN_DEVIATION]!;
  }

  /** Appends the slot's sums and its values, as many as there are. */
  pack(slot: number, out: StateRow): void {
    const cell = slot * CELL_SIZE;
    out.putDoubles(this.cells, cell, cell + OWNER);
    out.putDoubles(this.#ring, slot * this.size, slot * this.size + this.count(slot));
  }

  unpack(slot: number, from: StateRow): void {
    const cell = slot * CELL_SIZE;
    from.doubles(this.cells, cell, cell + OWNER);
    from.doubles(this.#ring, slot * this.size, slot * this.size + this.count(slot));
  }

  /** For people. */
  describe(slot: number): { readonly values: number; readonly mean: number | null; readonly stddev: number | null } {
    const values = this.count(slot);
    if (values === 0) return { values, mean: null, stddev: null };
    return { values, mean: this.mean(slot), stddev: Math.sqrt(Math.max(0, this.variance(slot))) };
  }

  /** As before the first value; the owner's number stays. */
  reset(slot: number): void {
    const cell = slot * CELL_SIZE;
    this.cells.fill(0, cell, cell + OWNER);
  }

  snapshot(state: StateWriter): void {
    state.number('size', this.size);
    state.number('slots', this.#slots);
    state.array('cells', this.cells, this.#slots * CELL_SIZE);
    state.array('ring', this.#ring, this.#slots * this.size);
  }

  /** Keeps the owner's numbers, which come from the configuration. A window of another size starts empty. */
  restore(state: StateReader): void {
    if (state.number('size') !== this.size) return;
    const slots = state.number('slots');
    this.reserve(slots);
    const cells = state.f64('cells', this.cells.length);
    for (let i = OWNER; i < cells.length; i += CELL_SIZE) cells[i] = this.cells[i]!;
    this.cells = cells;
    this.#ring = state.f64('ring', this.#ring.length);
  }

  /** The first turn of the ring: nothing leaves yet. Sums are made anew at each power of two. */
  #fill(slot: number, cursor: number, value: number): void {
    const { cells } = this;
    const cell = slot * CELL_SIZE;
    const count = cursor + 1;
    this.#ring[slot * this.size + cursor] = value;
    cells[cell + CURSOR] = count;
    const entering = value - cells[cell + SHIFT]!;
    const sum = cells[cell + SUM]! + entering;
    const squares = cells[cell + SUM_OF_SQUARES]! + entering * entering;
    const mean = sum / count;
    const variance = squares / count - mean * mean;
    if ((count & cursor) === 0 || count === this.size || !(variance >= mean * mean * CANCELLATION)) {
      this.#refresh(slot, count);
      return;
    }
    cells[cell + SUM] = sum;
    cells[cell + SUM_OF_SQUARES] = squares;
    cells[cell + PEAK] = squares;
    cells[cell + MEAN_DEVIATION] = mean;
    cells[cell + VARIANCE] = variance;
  }

  /** Two passes over the ring: the mean, then the deviations from it. */
  #refresh(slot: number, count: number): void {
    const { cells } = this;
    const ring = this.#ring;
    const from = slot * this.size;
    const to = from + count;
    // Deviations from a value of the window itself, so that large values close together keep their digits.
    const origin = ring[from]!;
    let total = 0;
    for (let i = from; i < to; i++) total += ring[i]! - origin;
    const shift = origin + total / count;
    let sum = 0;
    let squares = 0;
    for (let i = from; i < to; i++) {
      const deviation = ring[i]! - shift;
      sum += deviation;
      squares += deviation * deviation;
    }
    const mean = sum / count;
    const cell = slot * CELL_SIZE;
    cells[cell + SHIFT] = shift;
    cells[cell + SUM] = sum;
    cells[cell + SUM_OF_SQUARES] = squares;
    cells[cell + PEAK] = squares;
    cells[cell + MEAN_DEVIATION] = mean;
    cells[cell + VARIANCE] = Math.max(0, squares / count - mean * mean);
  }
}

function grown(values: Float64Array, length: number): Float64Array {
  const out = new Float64Array(length);
  out.set(values);
  return out;
}
