import type { StateReader, StateWriter } from '../state.ts';
import type { AlertHandler, Detector, Verdict } from './detector.ts';
import { type Limits, SlotLimits } from './range.ts';
import { RobustLevel } from './robustLevel.ts';
import { SeasonalMedian } from './seasonal.ts';
import { SlotCells } from './slotBlocks.ts';
import { TAIL_MIN_COUNT, TailScores } from './tail.ts';

/** Alert threshold by sensitivity, -log10 p. */
export const KPI_THRESHOLDS = { low: 3, medium: 2.5, high: 2 } as const;
/** No part says more than this, so that one alone can never carry the mean. */
export const KPI_MAX_SCORE = 8;

export interface KpiOptions {
  /** -log10 p; KPI_THRESHOLDS has the usual ones. */
  readonly threshold: number;
  /** Width of a season slot. */
  readonly stepMs: number;
  /** Values that a tail is estimated from. */
  readonly tailSize?: number;
}

const DAY_MS = 86_400_000;
/** The season counts once it was seen twice. */
const SEASON_KNOWN_AFTER_MS = 2 * DAY_MS;
const LEVEL_WEIGHT = 0.05;
const CONTEXT_WEIGHT = 0.1;
const INTERVAL_WEIGHT = 0.05;
/** A pause longer than this many usual intervals is missing data. */
const GAP_INTERVALS = 2;
/** A value this part of the range outside what was seen scores RANGE_SCORE, and more the farther out it is. */
const RANGE_MARGIN = 0.05;
const RANGE_SCORE = 2.5;
const TAIL_SIZE = 2000;
/** In MADs: as far as a value in a window with spread can be from its median. */
const DISTANCE_WITHOUT_SPREAD = 1000;
const LARGEST = 1e300;

// What a slot keeps in doubles.
const SEEN = 0;
const LAST_TIME = 1;
const LAST_VALUE = 2;
const INTERVAL = 3;
const LEVEL = 4;
const CONTEXT = 5;
const MIN = 6;
const MAX = 7;
const FIRST_TIME = 8;
const SEASON_KNOWN = 9;
const WIDTH = 10;

const DIFF = 0;
const SEASONAL = 1;
const CTX = 2;
const RANGE = 3;
const LIMITS = 4;

/**
 * For metrics with a daily rhythm. The score is the mean of three calibrated tails, each 8 at most: of the step from
 * the value before (diff), of the residual to what is usual at this time of day (seasonal), and of that residual minus
 * its own recent mean (ctx). Until two days were seen the seasonal part is the distance to the rolling median in MADs.
 * Beside them two reasons of their own: a value outside all that was seen (range, from two days on), and one outside
 * the configured limits (limits). Nothing but the limits alerts before 60 values.
 *
 * Each value is learnt after it was scored, and its residual as no larger than one whose tail score is 8.
 */
export class KpiDetector implements Detector {
  readonly name = 'kpi';
  readonly partNames = ['diff', 'seasonal', 'ctx', 'range', 'limits'];
  readonly current: Verdict;
  readonly #options: KpiOptions;
  readonly #thresholdOf: ((slot: number) => number | undefined) | undefined;
  readonly #limits: SlotLimits;
  readonly #cells = new SlotCells(WIDTH);
  readonly #thresholds = new SlotCells(1);
  readonly #diff: TailScores;
  readonly #seasonal: TailScores;
  readonly #ctx: TailScores;
  readonly #season: SeasonalMedian;
  readonly #robust = new RobustLevel();
  #reserved = 0;
  // What was worked out for the value being scored, for learning after it.
  #step = 0;
  #expected = 0;
  #residual = 0;
  #scale = 1;
  #distance = 0;

  constructor(
    options: KpiOptions,
    limits: (slot: number) => Limits,
    thresholdOf?: (slot: number) => number | undefined,
  ) {
    this.#options = options;
    this.#thresholdOf = thresholdOf;
    this.#limits = new SlotLimits(limits);
    const tailSize = options.tailSize ?? TAIL_SIZE;
    this.#diff = new TailScores(tailSize);
    this.#seasonal = new TailScores(tailSize);
    this.#ctx = new TailScores(tailSize);
    this.#season = new SeasonalMedian(options.stepMs);
    const parts = new Float64Array(this.partNames.length);
    this.current = { score: NaN, threshold: options.threshold, expected: NaN, lower: NaN, upper: NaN, parts };
  }

  /** Bytes of state a slot. */
  get slotBytes(): number {
    const tails = this.#diff.slotBytes + this.#seasonal.slotBytes + this.#ctx.slotBytes;
    return tails + this.#season.slotBytes + this.#robust.slotBytes + 8 * (WIDTH + 3);
  }

  reserve(count: number): void {
    if (count <= this.#reserved) return;
    for (const state of [this.#cells, this.#thresholds, this.#diff, this.#seasonal, this.#ctx]) state.reserve(count);
    this.#season.reserve(count);
    this.#robust.reserve(count);
    this.#limits.reserve(count);
    for (let slot = this.#reserved; slot < count; slot++) {
      this.#thresholds.values[slot] = this.#thresholdOf?.(slot) ?? this.#options.threshold;
    }
    this.#reserved = count;
  }

  score(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    alert: AlertHandler,
  ): void {
    const thresholds = this.#thresholds.values;
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      const timeMs = times[i]!;
      if (slot < 0 || Number.isNaN(value) || Number.isNaN(timeMs)) continue;
      const score = this.#evaluate(slot, timeMs, value);
      if (score > thresholds[slot]!) {
        this.#explain(slot, score);
        alert.onAlert(i, this);
      }
      // An infinite reading tells nothing about the next one; and differences of larger ones would overflow.
      if (Math.abs(value) < LARGEST) this.#learn(slot, timeMs, value);
    }
  }

  snapshot(state: StateWriter): void {
    this.#cells.snapshot(state, 'cells');
    this.#diff.snapshot(state.scope('diff'));
    this.#seasonal.snapshot(state.scope('seasonal'));
    this.#ctx.snapshot(state.scope('ctx'));
    this.#season.snapshot(state.scope('season'));
    this.#robust.snapshot(state.scope('robust'));
  }

  restore(state: StateReader): void {
    this.#cells.restore(state, 'cells');
    this.#diff.restore(state.scope('diff'));
    this.#seasonal.restore(state.scope('seasonal'));
    this.#ctx.restore(state.scope('ctx'));
    this.#season.restore(state.scope('season'));
    this.#robust.restore(state.scope('robust'));
    this.reserve(this.#cells.slots);
  }

  /** Fills `current.parts`; the score is the mean of the tails, or a reason of its own that says more. */
  #evaluate(slot: number, timeMs: number, value: number): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const { parts } = this.current;
    parts.fill(NaN);
    this.#expected = NaN;
    if (cells[cell + SEEN]! > 0) this.#scoreTails(slot, timeMs, value);
    parts[RANGE] = this.#scoreRange(slot, value);
    const { bounds } = this.#limits;
    parts[LIMITS] = value < bounds[2 * slot]! || value > bounds[2 * slot + 1]! ? KPI_MAX_SCORE : 0;
    let sum = 0;
    let speaking = 0;
    for (let part = DIFF; part <= CTX; part++) {
      if (Number.isNaN(parts[part]!)) continue;
      sum += parts[part]!;
      speaking++;
    }
    const mean = speaking === 0 ? 0 : sum / speaking;
    const range = Number.isNaN(parts[RANGE]!) ? 0 : parts[RANGE]!;
    return Math.max(mean, range, parts[LIMITS]!);
  }

  #scoreTails(slot: number, timeMs: number, value: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const { parts } = this.current;
    const elapsedMs = timeMs - cells[cell + LAST_TIME]!;
    // A late value, or one after missing data, has no neighbour to differ from. False while the interval is not known.
    const apart = elapsedMs < 0 || elapsedMs > GAP_INTERVALS * cells[cell + INTERVAL]!;
    this.#step = apart ? NaN : value - cells[cell + LAST_VALUE]!;
    if (!apart) parts[DIFF] = capped(this.#diff.score(slot, Math.abs(this.#step)));

    const seasonKnown = cells[cell + SEASON_KNOWN] === 1;
    const usual = seasonKnown ? this.#season.predict(slot, timeMs, cells[cell + INTERVAL]!) : NaN;
    const base = Number.isNaN(usual) ? cells[cell + LEVEL]! : usual;
    this.#residual = value - base;
    this.#expected = seasonKnown ? base : this.#robust.median(slot);
    this.#scale = seasonKnown ? 1 : this.#robust.scale(slot);
    this.#distance = distance(value - this.#expected, this.#scale);
    if (!Number.isNaN(this.#distance)) parts[SEASONAL] = capped(this.#seasonal.score(slot, this.#distance));
    parts[CTX] = capped(this.#ctx.score(slot, Math.abs(this.#residual - cells[cell + CONTEXT]!)));
  }

  /**
   * A check of its own: how far the value lies outside of all that was seen. Before the season is known, a daily rhythm
   * would leave the range seen so far each time it rises.
   */
  #scoreRange(slot: number, value: number): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    if (cells[cell + SEEN]! < TAIL_MIN_COUNT || cells[cell + SEASON_KNOWN] === 0) return NaN;
    const min = cells[cell + MIN]!;
    const max = cells[cell + MAX]!;
    if (value >= min && value <= max) return 0;
    const outside = value < min ? min - value : value - max;
    return max > min ? capped((RANGE_SCORE * outside) / (RANGE_MARGIN * (max - min))) : KPI_MAX_SCORE;
  }

  #explain(slot: number, score: number): void {
    const { current } = this;
    const threshold = this.#thresholds.values[slot]!;
    const reach = this.#scale * this.#seasonal.magnitudeAt(slot, threshold);
    current.score = score;
    current.threshold = threshold;
    current.expected = this.#expected;
    current.lower = reach < Infinity ? this.#expected - reach : NaN;
    current.upper = reach < Infinity ? this.#expected + reach : NaN;
  }

  #learn(slot: number, timeMs: number, value: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const seen = cells[cell + SEEN]!;
    cells[cell + SEEN] = seen + 1;
    if (seen === 0) {
      this.#begin(slot, timeMs, value);
      return;
    }
    const context = cells[cell + CONTEXT]!;
    const surprise = this.#residual - context;
    const size = this.#ctx.bounded(slot, Math.abs(surprise), KPI_MAX_SCORE);
    const learnt = surprise < 0 ? -size : size;
    // The value as it would have been with the bounded residual.
    const usual = value - (surprise - learnt);
    this.#ctx.learn(slot, size);
    if (!Number.isNaN(this.#distance)) {
      this.#seasonal.learn(slot, this.#seasonal.bounded(slot, this.#distance, KPI_MAX_SCORE));
    }
    if (!Number.isNaN(this.#step)) {
      this.#diff.learn(slot, this.#diff.bounded(slot, Math.abs(this.#step), KPI_MAX_SCORE));
    }
    cells[cell + CONTEXT] = context + CONTEXT_WEIGHT * learnt;
    cells[cell + LEVEL] = cells[cell + LEVEL]! + LEVEL_WEIGHT * (usual - cells[cell + LEVEL]!);
    this.#season.learn(slot, timeMs, usual);
    if (value < cells[cell + MIN]!) cells[cell + MIN] = value;
    if (value > cells[cell + MAX]!) cells[cell + MAX] = value;
    if (cells[cell + SEASON_KNOWN] === 0) this.#learnBeforeSeason(slot, timeMs, value);
    this.#learnTime(cell, timeMs, value);
  }

  #begin(slot: number, timeMs: number, value: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    cells[cell + LAST_TIME] = timeMs;
    cells[cell + LAST_VALUE] = value;
    cells[cell + INTERVAL] = NaN;
    cells[cell + LEVEL] = value;
    cells[cell + MIN] = value;
    cells[cell + MAX] = value;
    cells[cell + FIRST_TIME] = timeMs;
    this.#season.learn(slot, timeMs, value);
    this.#robust.learn(slot, value);
  }

  #learnBeforeSeason(slot: number, timeMs: number, value: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    this.#robust.learn(slot, value);
    if (timeMs - cells[cell + FIRST_TIME]! < SEASON_KNOWN_AFTER_MS) return;
    cells[cell + SEASON_KNOWN] = 1;
    // Distances in MADs, and residuals to the level, say nothing about residuals to what is usual at this time.
    this.#seasonal.clear(slot);
    cells[cell + CONTEXT] = 0;
  }

  /** The usual interval follows slowly, and a pause counts as four of them at most. */
  #learnTime(cell: number, timeMs: number, value: number): void {
    const cells = this.#cells.values;
    const elapsedMs = timeMs - cells[cell + LAST_TIME]!;
    if (elapsedMs < 0) return;
    cells[cell + LAST_TIME] = timeMs;
    cells[cell + LAST_VALUE] = value;
    if (elapsedMs === 0) return;
    const interval = cells[cell + INTERVAL]!;
    if (Number.isNaN(interval)) cells[cell + INTERVAL] = elapsedMs;
    else cells[cell + INTERVAL] = interval + INTERVAL_WEIGHT * (Math.min(elapsedMs, 4 * interval) - interval);
  }
}

/** Without spread any difference is a large one; NaN while the scale is not known. */
function distance(difference: number, scale: number): number {
  if (scale === 0) return difference === 0 ? 0 : DISTANCE_WITHOUT_SPREAD;
  return Math.abs(difference) / scale;
}

function capped(score: number): number {
  return Math.min(KPI_MAX_SCORE, score);
}
