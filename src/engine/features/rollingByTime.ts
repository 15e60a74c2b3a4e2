import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { Cells, type FeatureOperator, MAX_VALUES } from './operator.ts';
import { TimedLists } from './timedLists.ts';

export type MomentStatistic = 'mean' | 'stddev' | 'z' | 'sum' | 'count';

/** Places in a cell: as in RollingWindow, with a count of steps since the sums were made anew. */
const SHIFT = 0;
const SUM = 1;
const SUM_OF_SQUARES = 2;
const PEAK = 3;
/** Values that came or left since then, and how many may. */
const STEPS = 4;
const LIMIT = 5;
const CELL = 6;
const LEAST_LIMIT = 16;
/** As in RollingWindow: digits are in danger where sums fell to this part of what they were, or the mean moved. */
const CANCELLATION = 1e-3;

/**
 * Mean, population standard deviation, z of the current value, sum and count over the last `spanMs` of event time of
 * each slot: the window (newest - span, newest], where newest is the highest event time of the slot so far. A value that
 * comes out of order is put at its place while it is in that window; one that is older is not taken in and has no result.
 *
 * Sums are those of RollingWindow: deviations from a shift near the mean, made anew by two passes over the window after as
 * many steps as it has values, and whenever digits are in danger.
 */
export class RollingByTime implements FeatureOperator {
  shortenedCount = 0;
  readonly #statistic: MomentStatistic;
  readonly #spanMs: number;
  readonly #lists = new TimedLists();
  readonly #cells = new Cells(CELL);
  #scratch = new Float64Array(64);

  constructor(spanMs: number, statistic: MomentStatistic) {
    this.#spanMs = spanMs;
    this.#statistic = statistic;
  }

  reserve(slots: number): void {
    this.#lists.reserve(slots);
    this.#cells.reserve(slots);
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
      out[i] =
        slot >= 0 && !Number.isNaN(value) && this.#take(slot, times[i]!, value) ? this.#result(slot, value) : NaN;
    }
  }

  pack(slot: number, out: StateRow): void {
    this.#cells.pack(slot, out);
    this.#lists.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#cells.unpack(slot, from);
    this.#lists.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#cells.reset(slot);
    this.#lists.reset(slot);
  }

  describe(slot: number): Json {
    const values = this.#lists.count(slot);
    const base = { statistic: this.#statistic, span_ms: this.#spanMs, values };
    if (values === 0) return { ...base, mean: null, newest_ms: null };
    const cell = slot * CELL;
    const mean = this.#cells.values[cell + SHIFT]! + this.#cells.values[cell + SUM]! / values;
    return { ...base, mean, newest_ms: this.#lists.tailTime(slot) };
  }

  #result(slot: number, value: number): number {
    const cells = this.#cells.values;
    const cell = slot * CELL;
    const count = this.#lists.count(slot);
    const shift = cells[cell + SHIFT]!;
    const mean = cells[cell + SUM]! / count;
    switch (this.#statistic) {
      case 'count':
        return count;
      case 'sum':
        return shift * count + cells[cell + SUM]!;
      case 'mean':
        return shift + mean;
      default: {
        const variance = cells[cell + SUM_OF_SQUARES]! / count - mean * mean;
        // An infinite value makes it NaN, which must not become 0.
        const stddev = Math.sqrt(Math.max(variance, 0));
        if (this.#statistic === 'stddev') return stddev;
        return stddev === 0 ? 0 : (value - shift - mean) / stddev;
      }
    }
  }

  /** False where the value is older than the window. */
  #take(slot: number, time: number, value: number): boolean {
    const lists = this.#lists;
    if (lists.count(slot) === 0) {
      lists.push(slot, time, value);
      this.#refresh(slot);
      return true;
    }
    const newest = lists.tailTime(slot);
    if (time >= newest) {
      this.#leave(slot, time - this.#spanMs);
      lists.push(slot, time, value);
    } else if (time > newest - this.#spanMs) {
      lists.insert(slot, time, value);
    } else {
      return false;
    }
    this.#add(slot, value, 1);
    if (lists.count(slot) > MAX_VALUES) {
      this.shortenedCount++;
      this.#dropHead(slot);
    }
    if (!this.#isSound(slot)) this.#refresh(slot);
    return true;
  }

  #leave(slot: number, until: number): void {
    const lists = this.#lists;
    while (lists.count(slot) > 0 && lists.headTime(slot) <= until) this.#dropHead(slot);
  }

  #dropHead(slot: number): void {
    this.#add(slot, this.#lists.headValue(slot), -1);
    this.#lists.dropHead(slot);
  }

  #add(slot: number, value: number, sign: 1 | -1): void {
    const cells = this.#cells.values;
    const cell = slot * CELL;
    const deviation = value - cells[cell + SHIFT]!;
    const squares = cells[cell + SUM_OF_SQUARES]! + sign * deviation * deviation;
    cells[cell + SUM] = cells[cell + SUM]! + sign * deviation;
    cells[cell + SUM_OF_SQUARES] = squares;
    if (squares > cells[cell + PEAK]!) cells[cell + PEAK] = squares;
    cells[cell + STEPS] = cells[cell + STEPS]! + 1;
  }

  #isSound(slot: number): boolean {
    const cells = this.#cells.values;
    const cell = slot * CELL;
    if (cells[cell + STEPS]! >= cells[cell + LIMIT]!) return false;
    const count = this.#lists.count(slot);
    const mean = cells[cell + SUM]! / count;
    const squares = cells[cell + SUM_OF_SQUARES]!;
    const variance = squares / count - mean * mean;
    // Comparisons with NaN are false, so a window with an infinite value takes the careful path too.
    return squares >= cells[cell + PEAK]! * CANCELLATION && variance >= mean * mean * CANCELLATION;
  }

  /** Two passes over the window: the mean, then the deviations from it. */
  #refresh(slot: number): void {
    const count = this.#lists.count(slot);
    if (count > this.#scratch.length) this.#scratch = new Float64Array(2 * count);
    const values = this.#scratch;
    this.#lists.copyValues(slot, values);
    const origin = values[0]!;
    let total = 0;
    for (let i = 0; i < count; i++) total += values[i]! - origin;
    const shift = origin + total / count;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < count; i++) {
      const deviation = values[i]! - shift;
      sum += deviation;
      squares += deviation * deviation;
    }
    const cells = this.#cells.values;
    const cell = slot * CELL;
    cells[cell + SHIFT] = shift;
    cells[cell + SUM] = sum;
    cells[cell + SUM_OF_SQUARES] = squares;
    cells[cell + PEAK] = squares;
    cells[cell + STEPS] = 0;
    cells[cell + LIMIT] = Math.max(count, LEAST_LIMIT);
  }
}
