import { log10 } from '../math.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { StateRow } from '../stateRow.ts';
import { SlotBlocks, SlotCells } from './slotBlocks.ts';

/** A tail says nothing before it has seen this many values. */
export const TAIL_MIN_COUNT = 60;

/** Part of the values that lies beyond the quantile from which on the exponential tail speaks. */
const BEYOND = 0.02;
/** And at least so many of the newest, of which a mean can be taken. */
const BEYOND_MIN_COUNT = 4;
const MAX_EXCESS_SCORE = 60;
/** The mean excess is at least this part of the largest magnitude. */
const EXCESS_FLOOR = 1e-3;

/** Bins a slot, eight to each doubling: twelve doublings, each bin 6 to 12 % wide. */
const BINS = 96;
/** The top bits of a double, its exponent and three bits of its fraction, are the number of its bin. */
const BIN_SHIFT = 17;
/** Where the first magnitude comes to lie: larger ones move the bins up, anyway. */
const FIRST_BIN = 67;
/** The quantile is worked out anew after each value beyond it, and after this many others. */
const REFRESH = 16;
const LARGEST = 1e300;
/** What rounding may leave of a part that is not 0. */
const LEAST = 1e-3;
/** Weights grow instead of all bins shrinking; above this they are made small again. */
const LARGEST_WEIGHT = 1e4;

// What a slot keeps in doubles.
const COUNT = 0;
const TOTAL = 1;
const WEIGHT = 2;
/** Number of the bin below the first one; 0 before the first magnitude above 0. */
const OFFSET = 3;
const QUANTILE = 4;
const EXCESS = 5;
/** -log10 of the part of values beyond the quantile. */
const BASE = 6;
const WIDTH = 7;

const bits = new DataView(new ArrayBuffer(8));

/**
 * Turns a magnitude of any unit into -log10 of the probability of one as large, estimated from the slot's own past: by
 * its rank up to about the 98 % quantile, beyond it by an exponential tail with the mean excess. That is peaks over
 * threshold (SPOT, Siffer et al., KDD 2017) with the shape fixed at 0. So one threshold serves every series.
 *
 * The past is a histogram with logarithmic bins (as HdrHistogram has them) that forgets exponentially: a value counts
 * 1/e after `size` further ones. That takes 440 bytes a slot, whatever the size, where a sorted window of 2,000 values
 * takes 16,000, and costs about 0.1 us a value. Magnitudes are told apart to 6 to 12 %.
 */
export class TailScores {
  readonly #growth: number;
  readonly #bins = new SlotBlocks(BINS);
  readonly #cells = new SlotCells(WIDTH);

  constructor(size: number) {
    this.#growth = 1 / (1 - 1 / size);
  }

  /** Bytes a slot. */
  get slotBytes(): number {
    return 4 * BINS + 8 * WIDTH;
  }

  reserve(slots: number): void {
    this.#bins.reserve(slots);
    this.#cells.reserve(slots);
  }

  /** -log10 p of `magnitude` (>= 0); NaN while the slot is learning. */
  score(slot: number, magnitude: number): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    if (cells[cell + COUNT]! < TAIL_MIN_COUNT) return NaN;
    const beyond = magnitude - cells[cell + QUANTILE]!;
    if (beyond > 0) {
      const excess = cells[cell + EXCESS]!;
      return cells[cell + BASE]! + Math.min(MAX_EXCESS_SCORE, excess === 0 ? Infinity : beyond / excess / Math.LN10);
    }
    const bin = binOf(magnitude) - cells[cell + OFFSET]!;
    if (cells[cell + OFFSET] === 0 || bin < 1) return 0;
    const counts = this.#bins.block(slot);
    const base = this.#bins.base(slot);
    let below = 0;
    for (let k = base; k < base + bin; k++) below += counts[k]!;
    // 0 - ... and not -..., which makes a negative zero of the smallest value's score. No more than 98 % lie below.
    return 0 - log10(Math.max(LEAST, 1 - below / cells[cell + TOTAL]!));
  }

  /** The magnitude beyond the quantile that has this score; Infinity while learning, or where nothing exceeded yet. */
  magnitudeAt(slot: number, score: number): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const excess = cells[cell + EXCESS]!;
    if (cells[cell + COUNT]! < TAIL_MIN_COUNT || excess === 0) return Infinity;
    return cells[cell + QUANTILE]! + Math.max(0, score - cells[cell + BASE]!) * Math.LN10 * excess;
  }

  /** `magnitude`, but no more than the one that has this score. */
  bounded(slot: number, magnitude: number, score: number): number {
    const cell = slot * WIDTH;
    const cells = this.#cells.values;
    if (cells[cell + COUNT]! < TAIL_MIN_COUNT || magnitude <= cells[cell + QUANTILE]!) return magnitude;
    return Math.min(magnitude, this.magnitudeAt(slot, score));
  }

  /** Takes a magnitude in, whose size the caller has bounded. Learn after scoring. */
  learn(slot: number, magnitude: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const count = cells[cell + COUNT]! + 1;
    const weight = count === 1 ? 1 : cells[cell + WEIGHT]!;
    const bin = this.#place(slot, magnitude);
    const counts = this.#bins.block(slot);
    const at = this.#bins.base(slot) + bin;
    counts[at] = counts[at]! + weight;
    cells[cell + COUNT] = count;
    cells[cell + TOTAL] = cells[cell + TOTAL]! + weight;
    cells[cell + WEIGHT] = weight * this.#growth;
    if (weight > LARGEST_WEIGHT) this.#lighten(slot, weight);
    if (magnitude > cells[cell + QUANTILE]! || count % REFRESH === 0) this.#refresh(slot);
  }

  clear(slot: number): void {
    this.#cells.reset(slot);
    this.#bins.reset(slot);
  }

  /** Only the bins from the first to the last that hold something. */
  pack(slot: number, out: StateRow): void {
    this.#cells.pack(slot, out);
    const counts = this.#bins.block(slot);
    let from = this.#bins.base(slot);
    let to = from + BINS;
    while (from < to && counts[to - 1] === 0) to--;
    while (from < to && counts[from] === 0) from++;
    out.putI32(from - this.#bins.base(slot));
    out.putI32(to - from);
    out.putFloats(counts, from, to);
  }

  /** Into a slot that is as after `clear`. */
  unpack(slot: number, from: StateRow): void {
    this.#cells.unpack(slot, from);
    const start = this.#bins.base(slot) + from.i32();
    const count = from.i32();
    from.floats(this.#bins.block(slot), start, start + count);
  }

  /** All slots at once, for operators whose state is one and not by series. */
  snapshot(state: StateWriter): void {
    this.#cells.snapshot(state, 'cells');
    this.#bins.snapshot(state, 'bins');
  }

  restore(state: StateReader): void {
    this.#cells.restore(state, 'cells');
    this.#bins.restore(state, 'bins');
  }

  /** The bin of a magnitude, which the bins are moved for where it lies above them all; 0 for what lies below. */
  #place(slot: number, magnitude: number): number {
    if (magnitude <= 0) return 0;
    const cells = this.#cells.values;
    const offset = slot * WIDTH + OFFSET;
    const number = binOf(Math.min(magnitude, LARGEST));
    if (cells[offset] === 0) cells[offset] = Math.max(1, number - FIRST_BIN);
    let bin = number - cells[offset]!;
    if (bin >= BINS) {
      this.#move(slot, bin - BINS + 1);
      bin = BINS - 1;
    } else if (bin < 1 && cells[slot * WIDTH + QUANTILE]! < edgeOf(cells[offset]! + BINS / 4)) {
      // Nearly all values lie at the lower end or below it: an outlier had moved the bins too far up.
      this.#move(slot, -Math.min(BINS / 2, cells[offset]! - 1));
      bin = number - cells[offset]!;
    }
    return Math.max(0, bin);
  }

  /** Moves the bins by so many up or down; what falls off an end goes into the bin there. */
  #move(slot: number, by: number): void {
    const counts = this.#bins.block(slot);
    const base = this.#bins.base(slot);
    const former = MOVED;
    for (let k = 0; k < BINS; k++) {
      former[k] = counts[base + k]!;
      counts[base + k] = 0;
    }
    for (let k = 0; k < BINS; k++) {
      // What was below all bins stays there.
      const to = k === 0 ? 0 : Math.max(0, Math.min(BINS - 1, k - by));
      counts[base + to] = counts[base + to]! + former[k]!;
    }
    const offset = slot * WIDTH + OFFSET;
    this.#cells.values[offset] = this.#cells.values[offset]! + by;
  }

  #lighten(slot: number, weight: number): void {
    const counts = this.#bins.block(slot);
    const base = this.#bins.base(slot);
    for (let k = base; k < base + BINS; k++) counts[k] = counts[k]! / weight;
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    cells[cell + TOTAL] = cells[cell + TOTAL]! / weight;
    cells[cell + WEIGHT] = cells[cell + WEIGHT]! / weight;
  }

  /** Quantile and mean excess: the upper end of the first bin that no more than 2 %, or four values, lie above. */
  #refresh(slot: number): void {
    const counts = this.#bins.block(slot);
    const base = this.#bins.base(slot);
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const offset = cells[cell + OFFSET]!;
    const total = cells[cell + TOTAL]!;
    const most = Math.max(BEYOND * total, BEYOND_MIN_COUNT * cells[cell + WEIGHT]!);
    let above = 0;
    let sum = 0;
    let top = -1;
    let k = BINS - 1;
    for (; k > 0; k--) {
      const count = counts[base + k]!;
      if (above + count > most) break;
      if (count === 0) continue;
      if (top < 0) top = k;
      above += count;
      sum += count * (edgeOf(offset + k) + edgeOf(offset + k + 1)) * 0.5;
    }
    const quantile = k === 0 ? 0 : edgeOf(offset + k + 1);
    const largest = edgeOf(offset + top + 1);
    cells[cell + QUANTILE] = quantile;
    // Where nothing lies above, the bin is as wide as what is known; and nothing is, where all magnitudes are 0.
    const width = k === 0 ? 0 : quantile - edgeOf(offset + k);
    cells[cell + EXCESS] = above > 0 ? Math.max(EXCESS_FLOOR * largest, sum / above - quantile) : width;
    cells[cell + BASE] = 0 - log10(Math.max(above, cells[cell + WEIGHT]!) / (total + cells[cell + WEIGHT]!));
  }
}

const MOVED = new Float64Array(BINS);

function binOf(magnitude: number): number {
  bits.setFloat64(0, magnitude);
  return bits.getInt32(0) >>> BIN_SHIFT;
}

/** The least magnitude of a bin. */
function edgeOf(bin: number): number {
  bits.setInt32(0, bin << BIN_SHIFT);
  bits.setInt32(4, 0);
  return bits.getFloat64(0);
}
