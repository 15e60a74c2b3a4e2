import type { StateRow } from '../../stateRow.ts';
import type { Verdict } from '../detector.ts';

/**
 * What is known of the value being scored; one reused object a detector. Course and usual fill it before the parts look
 * at it, so that parts need not know of each other.
 */
export interface Observation {
  slot: number;
  timeMs: number;
  value: number;
  /** Values seen before this one. */
  seen: number;
  /** Usual time between values; NaN before the second. */
  intervalMs: number;
  /** Value minus the one before; NaN for the first, a late one, and one after missing data. */
  step: number;
  /** What is usual now, and the value minus it. */
  expected: number;
  residual: number;
  /** Whether `expected` knows the time of day; else it is a level. */
  seasonKnown: boolean;
  /** Usual size of a surprise at this hour of the day; 0 where there never was one. */
  scale: number;
  /** Filled before parts learn: the value as it is learnt, its residual no larger than one that scores MAX_SCORE. */
  learnt: number;
}

/**
 * One view of a series: it turns a value into a calibrated score of its own, -log10 p, and learns it after. A part never
 * alerts; a preset weighs parts into one score. State is kept by slot in typed arrays.
 */
export interface Part {
  /** Bytes of state a slot. */
  readonly slotBytes: number;
  reserve(slots: number): void;
  /** The score of the value, 0 and more; NaN while the part has nothing to say. */
  evaluate(seen: Observation): number;
  /** Takes the value in, after `evaluate` of the same one. */
  learn(seen: Observation): void;
  /** After `evaluate`: what the part expects, and the band inside which its score stays below the threshold. */
  explain?(seen: Observation, threshold: number, out: Verdict): void;
  /** Of a slot of two values, the first, or nearly. */
  first?(slot: number): number;
  /** What came before the season was known is no measure for what comes now. */
  beginSeason?(slot: number): void;
  pack(slot: number, out: StateRow): void;
  unpack(slot: number, from: StateRow): void;
  reset(slot: number): void;
}

/** What presets call each part. */
export type PartName = 'diff' | 'seasonal' | 'ctx' | 'lasting' | 'range' | 'mad' | 'ewma';

/** No part says more than this, so that one alone can never carry the score. */
export const MAX_SCORE = 8;

export function capped(score: number): number {
  return Math.min(MAX_SCORE, score);
}

/** As far as a value is from what never varied. */
const DISTANCE_WITHOUT_SPREAD = 1000;

/** A difference in units of `scale`: without spread any is a large one; NaN while the scale is not known. */
export function distance(difference: number, scale: number): number {
  if (scale === 0) return difference === 0 ? 0 : DISTANCE_WITHOUT_SPREAD;
  return Math.abs(difference) / scale;
}

/** An observation of nothing. */
export function observation(): Observation {
  return {
    ...{ slot: 0, timeMs: NaN, value: NaN, seen: 0, intervalMs: NaN, step: NaN },
    ...{ expected: NaN, residual: NaN, seasonKnown: false, scale: 0, learnt: NaN },
  };
}

/** The band of `reach` on both sides of what is expected; NaN where there is no reach yet. */
export function explainBand(expected: number, reach: number, out: Verdict): void {
  out.expected = expected;
  out.lower = reach < Infinity ? expected - reach : NaN;
  out.upper = reach < Infinity ? expected + reach : NaN;
}
