/** How a series usually arrives: learnt from the intervals between its records. */

// What a slot keeps.
/** Event time of the newest value; NaN before the first. */
export const LAST = 0;
/** Usual interval: a mean that no interval moves as more than twice or less than half of it. */
export const USUAL = 1;
/** Mean of |interval - usual| / usual, each 1 at most. */
export const SPREAD = 2;
export const COUNT = 3;
/** The longest interval that was no alert; it shrinks towards the usual one with a memory of 4,096 values. */
export const LONGEST = 4;
/** The slowest pace that was told or taken for usual, with the same memory. */
export const SLOWEST = 5;
/** Intervals in a row that were late, and their sum. */
export const RUN = 6;
export const RUN_SUM = 7;
/** When the slot is looked at next (epoch ms): NaN if not at all, Infinity while it is told to be silent. */
export const DUE = 8;
/** Which of the timers it is. */
export const SEQUENCE = 9;
/** From when a silence was told until the series has come at its pace again, and up to date: 1, or 2 once that was learnt from. */
export const TOLD = 10;
export const ARRIVAL_CELLS = 11;

/** A series is regular from this many intervals on, if their spread is at most this. */
const MIN_COUNT = 64;
const MAX_SPREAD = 1 / 3;
const USUAL_WEIGHT = 1 / 32;
const SPREAD_WEIGHT = 1 / 64;
const LONG_WEIGHT = 1 / 4096;

/** Silence is told after this many usual intervals, and this many of the longest pauses that were seen. */
const SILENT_INTERVALS = 10;
const SILENT_PAUSES = 3;

/** Late is an interval this many times the usual one; so many of them in a row are told. */
export const LATE_RATIO = 1.5;
export const LATE_RUN = 8;

export function isRegular(cells: Float64Array, cell: number): boolean {
  return cells[cell + COUNT]! >= MIN_COUNT && cells[cell + SPREAD]! <= MAX_SPREAD;
}

/** The silence that is allowed; NaN where the arrivals are not regular, or not known yet. */
export function allowedSilenceMs(cells: Float64Array, cell: number): number {
  if (!isRegular(cells, cell)) return NaN;
  return Math.max(SILENT_INTERVALS * cells[cell + USUAL]!, SILENT_PAUSES * cells[cell + LONGEST]!);
}

/**
 * Takes an interval in; of a silence no more than that it was late. Returns the mean of a run of late ones that it completes,
 * else 0.
 */
export function learnInterval(cells: Float64Array, cell: number, interval: number, isSilence: boolean): number {
  const count = cells[cell + COUNT]!;
  if (count === 0) {
    cells[cell + COUNT] = 1;
    cells[cell + USUAL] = interval;
    cells[cell + LONGEST] = interval;
    cells[cell + SLOWEST] = interval;
    return 0;
  }
  const regular = isRegular(cells, cell);
  if (isSilence && !regular) return 0;
  cells[cell + COUNT] = count + 1;
  const usual = cells[cell + USUAL]!;
  const off = Math.min(1, Math.abs(interval - usual) / usual);
  cells[cell + SPREAD] = cells[cell + SPREAD]! + Math.max(1 / count, SPREAD_WEIGHT) * (off - cells[cell + SPREAD]!);
  const longest = cells[cell + LONGEST]!;
  if (!isSilence) cells[cell + LONGEST] = Math.max(interval, longest - LONG_WEIGHT * (longest - usual));
  const slowest = Math.max(usual, cells[cell + SLOWEST]!);
  cells[cell + SLOWEST] = slowest - LONG_WEIGHT * (slowest - usual);
  if (!regular || interval <= LATE_RATIO * slowest) {
    cells[cell + RUN] = 0;
    cells[cell + RUN_SUM] = 0;
    const bounded = Math.min(2 * usual, Math.max(usual / 2, interval));
    cells[cell + USUAL] = usual + Math.max(1 / (count + 1), USUAL_WEIGHT) * (bounded - usual);
    return 0;
  }
  // What may be told is not learnt before it is.
  cells[cell + RUN] = cells[cell + RUN]! + 1;
  cells[cell + RUN_SUM] = cells[cell + RUN_SUM]! + interval;
  return cells[cell + RUN] === LATE_RUN ? cells[cell + RUN_SUM]! / LATE_RUN : 0;
}

/**
 * How long a series looked silent until a value of it came that is not late by itself: it may come behind those of others,
 * by uploads, or where history is read series by series. That is a pause as any other, unless it was told: then it is learnt
 * once, so that twice the silence is allowed at most, and the series is back when it is no further behind than that.
 */
export function learnDelay(cells: Float64Array, cell: number, delayMs: number, allowedMs: number): void {
  const longest = cells[cell + LONGEST]!;
  if (cells[cell + TOLD] === 0) {
    if (delayMs > longest) cells[cell + LONGEST] = delayMs;
  } else if (!(delayMs > longest)) {
    if (cells[cell + RUN] === 0) cells[cell + TOLD] = 0;
  } else if (cells[cell + TOLD] === 1 && delayMs > allowedMs) {
    cells[cell + LONGEST] = Math.max(longest, Math.min(delayMs, (2 * allowedMs) / SILENT_PAUSES));
    cells[cell + TOLD] = 2;
  }
}

/** After a run of late intervals was told: their pace is the usual one. */
export function takePace(cells: Float64Array, cell: number, interval: number): void {
  cells[cell + RUN] = 0;
  cells[cell + RUN_SUM] = 0;
  cells[cell + TOLD] = 0;
  cells[cell + USUAL] = interval;
  cells[cell + SLOWEST] = interval;
}
