import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { SlotBlocks, SlotCells } from './slotBlocks.ts';

const HOUR_MS = 3_600_000;
const DAY = 24;
const WEEK = 168;
/** Products of pairs forget after four weeks of hours. */
const FORGET = 1 - 1 / 672;
/** Differences are in units of their usual size, and count as no larger than so many: one anomaly is no rhythm. */
const CLIP = 4;
const SIZE_WEIGHT = 1 / 48;
/** Hours between two decisions, and before the first. */
const DECIDE_EVERY = 24;
const DECIDE_AFTER = 72;
/** Pairs that a correlation needs. */
const MIN_PAIRS = 24;
/** Correlation from which on a series has a rhythm, and below which it has one no more. */
const BEGIN = 0.4;
const END = 0.3;

const HOUR = 0;
const SUM = 1;
const COUNT = 2;
/** Mean of the hour before. */
const LAST_MEAN = 3;
const HOURS = 4;
const SIZE = 5;
const HAS_RHYTHM = 6;
const AT_DAY = 7;
const AT_WEEK = 14;
const WIDTH = 21;

// For each lag, forgetting: the number of pairs, sums of products, of either side, of the squares of either side; and
// the correlation at the last decision.
const PAIRS = 0;
const PRODUCTS = 1;
const SUMS = 2;
const FORMER_SUMS = 3;
const SQUARES = 4;
const FORMER_SQUARES = 5;
const CORRELATION = 6;

/**
 * Whether a series has a daily or weekly rhythm: the autocorrelation of the differences of its hourly means, at lags of
 * a day and a week (Box and Jenkins 1970). It is decided after three days of hours and then once every 24 hours: yes
 * from a correlation of 0.4 on, no longer below 0.3. Hours are those of event time, and only values and their order
 * count. 0.02 us a value, 810 bytes a slot.
 */
export class Rhythm {
  readonly slotBytes = 8 * WIDTH + 4 * WEEK;
  readonly #cells = new SlotCells(WIDTH);
  /** Differences of hourly means of the last week, by hour; NaN where there is none. */
  readonly #differences = new SlotBlocks(WEEK);

  reserve(slots: number): void {
    this.#cells.reserve(slots);
    this.#differences.reserve(slots);
  }

  has(slot: number): boolean {
    return this.#cells.values[slot * WIDTH + HAS_RHYTHM] === 1;
  }

  learn(slot: number, timeMs: number, value: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const hour = Math.floor(timeMs / HOUR_MS);
    const open = cells[cell + HOUR]!;
    if (cells[cell + COUNT] === 0) {
      cells[cell + HOUR] = hour;
      cells[cell + LAST_MEAN] = NaN;
    } else if (hour > open) {
      this.#close(slot, open, hour);
      cells[cell + HOUR] = hour;
      cells[cell + SUM] = 0;
      cells[cell + COUNT] = 0;
    } else if (hour < open) return;
    cells[cell + SUM] = cells[cell + SUM]! + value;
    cells[cell + COUNT] = cells[cell + COUNT]! + 1;
  }

  describe(slot: number): { readonly [name: string]: Json } {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    return {
      rhythm: cells[cell + HAS_RHYTHM] === 1,
      correlation_day: cells[cell + AT_DAY + CORRELATION]!,
      correlation_week: cells[cell + AT_WEEK + CORRELATION]!,
    };
  }

  pack(slot: number, out: StateRow): void {
    this.#cells.pack(slot, out);
    this.#differences.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#cells.unpack(slot, from);
    this.#differences.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#cells.reset(slot);
    this.#differences.reset(slot);
  }

  /** Takes in the mean of an hour that is over; hours up to `next` without a value have no difference. */
  #close(slot: number, hour: number, next: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const mean = cells[cell + SUM]! / cells[cell + COUNT]!;
    const difference = this.#inUnits(cell, mean - cells[cell + LAST_MEAN]!);
    const ring = this.#differences.block(slot);
    const base = this.#differences.base(slot);
    const hours = cells[cell + HOURS]!;
    if (hours >= DAY) this.#pair(cell + AT_DAY, difference, ring[base + placeOf(hour - DAY)]!);
    if (hours >= WEEK) this.#pair(cell + AT_WEEK, difference, ring[base + placeOf(hour)]!);
    ring[base + placeOf(hour)] = difference;
    const missing = Math.min(next - hour - 1, WEEK);
    for (let k = 1; k <= missing; k++) ring[base + placeOf(hour + k)] = NaN;
    cells[cell + LAST_MEAN] = missing === 0 ? mean : NaN;
    // Hours without a value are hours, too: a lag that was not seen yet would read zeros.
    const before = Math.floor(hours / DECIDE_EVERY);
    cells[cell + HOURS] = hours + 1 + missing;
    if (hours + 1 + missing >= DECIDE_AFTER && Math.floor((hours + 1 + missing) / DECIDE_EVERY) > before) {
      this.#decide(cell);
    }
  }

  #inUnits(cell: number, difference: number): number {
    if (Number.isNaN(difference)) return NaN;
    const cells = this.#cells.values;
    const before = cells[cell + SIZE]!;
    const size = Math.min(LARGEST, Math.abs(difference));
    if (before === 0) cells[cell + SIZE] = size;
    else cells[cell + SIZE] = before + SIZE_WEIGHT * (Math.min(CLIP * before, size) - before);
    const unit = before === 0 ? size : before;
    return unit === 0 ? 0 : Math.max(-CLIP, Math.min(CLIP, difference / unit));
  }

  #pair(at: number, difference: number, former: number): void {
    if (Number.isNaN(difference) || Number.isNaN(former)) return;
    const cells = this.#cells.values;
    for (let k = PAIRS; k <= FORMER_SQUARES; k++) cells[at + k] = cells[at + k]! * FORGET;
    cells[at + PAIRS] = cells[at + PAIRS]! + 1;
    cells[at + PRODUCTS] = cells[at + PRODUCTS]! + difference * former;
    cells[at + SUMS] = cells[at + SUMS]! + difference;
    cells[at + FORMER_SUMS] = cells[at + FORMER_SUMS]! + former;
    cells[at + SQUARES] = cells[at + SQUARES]! + difference * difference;
    cells[at + FORMER_SQUARES] = cells[at + FORMER_SQUARES]! + former * former;
  }

  #decide(cell: number): void {
    const cells = this.#cells.values;
    let most = 0;
    for (const lag of LAGS) {
      const correlation = this.#correlation(cell + lag);
      cells[cell + lag + CORRELATION] = correlation;
      most = Math.max(most, correlation);
    }
    const had = cells[cell + HAS_RHYTHM] === 1;
    cells[cell + HAS_RHYTHM] = most >= (had ? END : BEGIN) ? 1 : 0;
  }

  /** Of deviations from the means: a trend is no rhythm. */
  #correlation(at: number): number {
    const cells = this.#cells.values;
    const pairs = cells[at + PAIRS]!;
    if (pairs < MIN_PAIRS) return 0;
    const [sum, former] = [cells[at + SUMS]!, cells[at + FORMER_SUMS]!];
    const variance = cells[at + SQUARES]! - (sum * sum) / pairs;
    const formerVariance = cells[at + FORMER_SQUARES]! - (former * former) / pairs;
    // What rounding leaves of equal differences is no variance.
    if (!(variance > LEAST_VARIANCE * pairs && formerVariance > LEAST_VARIANCE * pairs)) return 0;
    return (cells[at + PRODUCTS]! - (sum * former) / pairs) / Math.sqrt(variance * formerVariance);
  }
}

const LAGS = [AT_DAY, AT_WEEK] as const;
const LARGEST = 1e300;
const LEAST_VARIANCE = 1e-9;

function placeOf(hour: number): number {
  return hour - Math.floor(hour / WEEK) * WEEK;
}
