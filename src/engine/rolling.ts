import { MANY } from './readAhead.ts';
import type { StateReader } from './state.ts';
import type { StateRow } from './stateRow.ts';

/** Doubles of sums a slot: one cache line, since slots are visited in scattered order. */
export const CELL_SIZE = 8;
/**
 * Doubles before the first cell. Large arrays of Node begin 16 bytes into a page (the header of glibc's blocks): with
 * these, cells lie in whole cache lines. Elsewhere a cell may lie in two, which costs time only.
 */
const LEAD = 6;
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
  /**
   * Of each slot its sums, from `cellOf` on, and behind them its ring of values: what a value touches lies on one page,
   * in whole cache lines. Read by the loops that cannot afford a call.
   */
  cells: Float64Array = new Float64Array(0);
  /** Doubles from a slot to the next. */
  readonly #stride: number;
  #slots = 0;
  /** Of no meaning: see readAhead. */
  read = 0;

  constructor(size: number) {
    this.size = size;
    this.#stride = Math.ceil((CELL_SIZE + size) / CELL_SIZE) * CELL_SIZE;
  }

  /** Where the cell of a slot begins. */
  cellOf(slot: number): number {
    return LEAD + slot * this.#stride;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    if (slots > this.#slots) this.#slots = slots;
    if (this.cellOf(slots) <= this.cells.length) return;
    this.cells = grown(this.cells, Math.max(this.cellOf(slots), 2 * this.cells.length, this.cellOf(16)));
  }

  /** Before a block of slots[from, to) is pushed. */
  readAhead(slots: Int32Array, from: number, to: number): void {
    if (this.#slots < MANY) return;
    const { cells, size } = this;
    let sum = 0;
    for (let i = from; i < to; i++) sum += cells[this.cellOf(Math.max(0, slots[i]!))]!;
    for (let i = from; i < to; i++) {
      const cell = this.cellOf(Math.max(0, slots[i]!));
      const cursor = cells[cell + CURSOR]!;
      sum += cells[cell + CELL_SIZE + (cursor < size ? cursor : cursor - size)]!;
    }
    // What nobody could need is not read.
    this.read = sum;
  }

  /** Takes a value in, and the oldest one out once the window is full. Costs no allocation. */
  push(slot: number, value: number): void {
    const { cells, size } = this;
    const cell = this.cellOf(slot);
    const cursor = cells[cell + CURSOR]!;
    if (cursor < size) {
      this.#fill(slot, cursor, value);
      return;
    }
    // Past the first turn the cursor runs from size to 2 * size - 1: it tells both the place and that the ring is full.
    const place = cell + CELL_SIZE + cursor - size;
    const shift = cells[cell + SHIFT]!;
    const entering = value - shift;
    const leaving = cells[place]! - shift;
    cells[place] = value;
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
    return Math.min(this.cells[this.cellOf(slot) + CURSOR]!, this.size);
  }

  /** NaN before the first value. */
  mean(slot: number): number {
    const cell = this.cellOf(slot);
    if (this.cells[cell + CURSOR] === 0) return NaN;
    return this.cells[cell + SHIFT]! + this.cells[cell + MEAN_DEVIATION]!;
  }

  /** Population variance; NaN before the first value. */
  variance(slot: number): number {
    const cell = this.cellOf(slot);
    return this.cells[cell + CURSOR] === 0 ? NaN : this.cells[cell + VARIANCE]!;
  }

  /** `value` minus the mean, with the digits that value - mean(slot) would lose. */
  deviation(slot: number, value: number): number {
    const cell = this.cellOf(slot);
    return value - this.cells[cell + SHIFT]! - this.cells[cell + MEAN_DEVIATION]!;
  }

  /** Appends the slot's sums and its values, as many as there are. */
  pack(slot: number, out: StateRow): void {
    const cell = this.cellOf(slot);
    out.putDoubles(this.cells, cell, cell + OWNER);
    out.putDoubles(this.cells, cell + CELL_SIZE, cell + CELL_SIZE + this.count(slot));
  }

  unpack(slot: number, from: StateRow): void {
    const cell = this.cellOf(slot);
    from.doubles(this.cells, cell, cell + OWNER);
    from.doubles(this.cells, cell + CELL_SIZE, cell + CELL_SIZE + this.count(slot));
  }

  /** For people. */
  describe(slot: number): { readonly values: number; readonly mean: number | null; readonly stddev: number | null } {
    const values = this.count(slot);
    if (values === 0) return { values, mean: null, stddev: null };
    return { values, mean: this.mean(slot), stddev: Math.sqrt(Math.max(0, this.variance(slot))) };
  }

  /** As before the first value; the owner's number stays. */
  reset(slot: number): void {
    const cell = this.cellOf(slot);
    this.cells.fill(0, cell, cell + OWNER);
  }

  /** From the two arrays that version 0.1 wrote. Keeps the owner's numbers, which come from the configuration. A window of another size starts empty. */
  restore(state: StateReader): void {
    const { size } = this;
    if (state.number('size') !== size) return;
    const slots = state.number('slots');
    this.reserve(slots);
    const cells = state.f64('cells', slots * CELL_SIZE);
    const ring = state.f64('ring', slots * size);
    for (let slot = 0; slot < slots; slot++) {
      const cell = this.cellOf(slot);
      this.cells.set(cells.subarray(slot * CELL_SIZE, slot * CELL_SIZE + OWNER), cell);
      this.cells.set(ring.subarray(slot * size, (slot + 1) * size), cell + CELL_SIZE);
    }
  }

  /** The first turn of the ring: nothing leaves yet. Sums are made anew at each power of two. */
  #fill(slot: number, cursor: number, value: number): void {
    const { cells } = this;
    const cell = this.cellOf(slot);
    const count = cursor + 1;
    cells[cell + CELL_SIZE + cursor] = value;
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
    const cell = this.cellOf(slot);
    const from = cell + CELL_SIZE;
    const to = from + count;
    // Deviations from a value of the window itself, so that large values close together keep their digits.
    const origin = cells[from]!;
    let total = 0;
    for (let i = from; i < to; i++) total += cells[i]! - origin;
    const shift = origin + total / count;
    let sum = 0;
    let squares = 0;
    for (let i = from; i < to; i++) {
      const deviation = cells[i]! - shift;
      sum += deviation;
      squares += deviation * deviation;
    }
    const mean = sum / count;
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
