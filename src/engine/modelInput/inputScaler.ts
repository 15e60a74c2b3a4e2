import { SeasonalMedian } from '../detectors/seasonal.ts';
import { SlotCells } from '../detectors/slotBlocks.ts';
import { SortedWindow } from '../detectors/sortedWindow.ts';
import type { StateRow } from '../stateRow.ts';

/** As ModelScaling in src/models/modelSpec.ts, which the engine may not import. */
export type InputScaling = 'none' | 'standard' | 'residual';

/** Scaled values are kept within it, and learnt as no larger: one outlier must not become the measure of the rest. */
export const SCALED_MAX = 8;
/** Values of a series before the first one that is scaled. */
export const SCALING_MIN_COUNT = 60;

/** The mean and deviation forget: a value weighs this much at least. */
const STANDARD_WEIGHT_MIN = 1 / 4096;
/** Residuals that their interquartile range is taken from. */
const RESIDUALS = 500;
const LEVEL_WEIGHT = 0.05;
const INTERVAL_WEIGHT = 0.05;
const LARGEST = 1e150;

// What a slot keeps in doubles.
const SEEN = 0;
/** standard: the mean. residual: the slow level that stands in until the season is known. */
const LEVEL = 1;
const VARIANCE = 2;
const LAST_TIME = 3;
const INTERVAL = 4;
const WIDTH = 5;

/**
 * Values as a model reads them: the one function that training and the running pipeline share. A value is scaled once,
 * by what its slot had seen before it, and learnt then.
 *
 * - none: as it is.
 * - standard: minus the mean, over the standard deviation, both of the slot's values so far; the last 4,096 weigh most.
 * - residual: minus what is usual at this time of day (SeasonalMedian; until that is known, a slow level), over the
 *   interquartile range of the last 500 such residuals.
 *
 * The latter two are clipped to +-8, and NaN for the first 60 values of a slot: until then there is nothing to feed.
 */
export class InputScaler {
  readonly scaling: InputScaling;
  readonly #cells = new SlotCells(WIDTH);
  readonly #season: SeasonalMedian | undefined;
  readonly #residuals: SortedWindow | undefined;

  /** @param stepMs residual: width of a season slot */
  constructor(scaling: InputScaling, stepMs: number) {
    this.scaling = scaling;
    if (scaling !== 'residual') return;
    this.#season = new SeasonalMedian(stepMs);
    this.#residuals = new SortedWindow(RESIDUALS);
  }

  /** Bytes of state a slot. */
  get slotBytes(): number {
    if (this.scaling === 'none') return 0;
    return 8 * WIDTH + (this.#season?.slotBytes ?? 0) + (this.#residuals?.slotBytes ?? 0);
  }

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    if (this.scaling === 'none') return;
    this.#cells.reserve(slots);
    this.#season?.reserve(slots);
    this.#residuals?.reserve(slots);
  }

  /** The scaled value, NaN while the slot is learning or where the value is not finite; learns it. */
  scale(slot: number, timeMs: number, value: number): number {
    if (!(Math.abs(value) < LARGEST)) return NaN;
    if (this.scaling === 'none') return value;
    return this.scaling === 'standard' ? this.#standard(slot, value) : this.#residual(slot, timeMs, value);
  }

  pack(slot: number, out: StateRow): void {
    if (this.scaling === 'none') return;
    this.#cells.pack(slot, out);
    this.#season?.pack(slot, out);
    this.#residuals?.pack(slot, out);
  }

  /** Into a slot that is as after `reset`. */
  unpack(slot: number, from: StateRow): void {
    if (this.scaling === 'none') return;
    this.#cells.unpack(slot, from);
    this.#season?.unpack(slot, from);
    this.#residuals?.unpack(slot, from);
  }

  reset(slot: number): void {
    if (this.scaling === 'none') return;
    this.#cells.reset(slot);
    this.#season?.reset(slot);
    this.#residuals?.clear(slot);
  }

  #standard(slot: number, value: number): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const seen = cells[cell + SEEN]!;
    if (seen === 0) cells[cell + LEVEL] = value;
    const deviation = Math.sqrt(cells[cell + VARIANCE]!);
    const difference = value - cells[cell + LEVEL]!;
    const isKnown = seen >= SCALING_MIN_COUNT;
    const learnt = isKnown ? within(difference, SCALED_MAX * deviation) : difference;
    // Without spread so far, any difference is a large one, and has to be learnt: the bound would be 0 for ever.
    const step = deviation === 0 ? difference : learnt;
    const weight = Math.max(1 / (seen + 1), STANDARD_WEIGHT_MIN);
    cells[cell + LEVEL] = cells[cell + LEVEL]! + weight * step;
    // Source: Welford (1962), with a weight that stops to shrink.
    cells[cell + VARIANCE] = (1 - weight) * (cells[cell + VARIANCE]! + weight * step * step);
    cells[cell + SEEN] = seen + 1;
    return isKnown ? scaled(difference, deviation) : NaN;
  }

  #residual(slot: number, timeMs: number, value: number): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const season = this.#season!;
    const residuals = this.#residuals!;
    const seen = cells[cell + SEEN]!;
    if (seen === 0) {
      cells[cell + LEVEL] = value;
      cells[cell + LAST_TIME] = timeMs;
      cells[cell + INTERVAL] = NaN;
    }
    const usual = season.predict(slot, timeMs, cells[cell + INTERVAL]!);
    const base = Number.isNaN(usual) ? cells[cell + LEVEL]! : usual;
    const residual = value - base;
    const count = residuals.count(slot);
    const range = count === 0 ? 0 : residuals.at(slot, (3 * count) >> 2) - residuals.at(slot, count >> 2);
    const isKnown = seen >= SCALING_MIN_COUNT;
    const learnt = isKnown && range > 0 ? within(residual, SCALED_MAX * range) : residual;
    residuals.push(slot, learnt);
    season.learn(slot, timeMs, base + learnt, NaN);
    cells[cell + LEVEL] = cells[cell + LEVEL]! + LEVEL_WEIGHT * (base + learnt - cells[cell + LEVEL]!);
    cells[cell + SEEN] = seen + 1;
    this.#learnTime(cell, timeMs);
    return isKnown ? scaled(residual, range) : NaN;
  }

  /** The usual interval follows slowly, and a pause counts as four of them at most. */
  #learnTime(cell: number, timeMs: number): void {
    const cells = this.#cells.values;
    const elapsedMs = timeMs - cells[cell + LAST_TIME]!;
    if (!(elapsedMs > 0)) return;
    cells[cell + LAST_TIME] = timeMs;
    const interval = cells[cell + INTERVAL]!;
    if (Number.isNaN(interval)) cells[cell + INTERVAL] = elapsedMs;
    else cells[cell + INTERVAL] = interval + INTERVAL_WEIGHT * (Math.min(elapsedMs, 4 * interval) - interval);
  }
}

function within(value: number, bound: number): number {
  return Math.max(-bound, Math.min(bound, value));
}

function scaled(difference: number, spread: number): number {
  if (spread > 0) return within(difference / spread, SCALED_MAX);
  if (difference === 0) return 0;
  return difference < 0 ? -SCALED_MAX : SCALED_MAX;
}
