import { log10 } from '../engine/math.ts';
import { BaselineTail } from './baselineTail.ts';
import type { LabelledSeries } from './labelledSeries.ts';
import { Random } from './random.ts';

/** What any detector has to beat: scores row by row, NaN where there is none, none looking ahead. */
export interface Baseline {
  readonly name: string;
  /** Fixed in advance; in the unit of the scores. */
  readonly threshold: number;
  score(series: LabelledSeries): Float64Array;
}

/** A value this part of the range outside of all that was seen. */
const RANGE_MARGIN = 0.05;
/** Windowed Gaussian of NAB: the last 6,400 values, taken in by hundreds. */
const GAUSSIAN_WINDOW = 6400;
const GAUSSIAN_STEP = 100;
/** Two-sided p of 1e-4. */
const GAUSSIAN_DEVIATIONS = 3.89;

/** @param seed of the random scores */
export function baselines(seed: number): Baseline[] {
  return [
    { name: 'range 5 %', threshold: RANGE_MARGIN, score: rangeScores },
    { name: 'windowed Gaussian', threshold: GAUSSIAN_DEVIATIONS, score: gaussianScores },
    { name: '|difference| tail', threshold: 4, score: differenceScores },
    { name: 'random', threshold: 4, score: (series) => randomScores(series, seed) },
  ];
}

/** How far outside [min, max] of all values before, over their range. */
function rangeScores({ values }: LabelledSeries): Float64Array {
  let min = Infinity;
  let max = -Infinity;
  return values.map((value) => {
    if (Number.isNaN(value)) return NaN;
    const outside = value < min ? min - value : value > max ? value - max : 0;
    const score = max > min ? outside / (max - min) : 0;
    min = Math.min(min, value);
    max = Math.max(max, value);
    return score;
  });
}

/** |z| against mean and deviation of a window that moves on by steps, as the benchmark's windowedGaussian. */
function gaussianScores({ values }: LabelledSeries): Float64Array {
  const seen: number[] = [];
  let sum = 0;
  let squares = 0;
  let mean = 0;
  let deviation = 1;
  const origin = values.find((value) => !Number.isNaN(value)) ?? 0;
  const add = (value: number, sign: number): void => {
    sum += sign * (value - origin);
    squares += sign * (value - origin) * (value - origin);
  };
  return values.map((value) => {
    if (Number.isNaN(value)) return NaN;
    const score = seen.length === 0 ? 0 : Math.abs(value - mean) / deviation;
    seen.push(value);
    const isFull = seen.length > GAUSSIAN_WINDOW;
    if (!isFull) add(value, 1);
    else if (seen.length % GAUSSIAN_STEP === 0) {
      for (let k = seen.length - GAUSSIAN_STEP; k < seen.length; k++) add(seen[k]!, 1);
      for (let k = seen.length - GAUSSIAN_STEP - GAUSSIAN_WINDOW; k < seen.length - GAUSSIAN_WINDOW; k++) {
        add(seen[k]!, -1);
      }
    } else return score;
    const count = Math.min(seen.length, GAUSSIAN_WINDOW);
    mean = origin + sum / count;
    deviation = Math.max(1e-6, Math.sqrt(Math.max(0, squares / count - (sum / count) * (sum / count))));
    return score;
  });
}

/** Calibrated tail of the step from the value before. */
function differenceScores({ values }: LabelledSeries): Float64Array {
  const tail = new BaselineTail();
  let before = NaN;
  return values.map((value) => {
    const step = Math.abs(value - before);
    if (!Number.isNaN(value)) before = value;
    if (Number.isNaN(step)) return NaN;
    const score = tail.score(step);
    tail.learn(step);
    return Number.isNaN(score) ? 0 : score;
  });
}

/** -log10 of a uniform number: a p value that means nothing. */
function randomScores({ name, values }: LabelledSeries, seed: number): Float64Array {
  const random = new Random(seed, name);
  return values.map(() => -log10(1 - random.uniform()));
}
