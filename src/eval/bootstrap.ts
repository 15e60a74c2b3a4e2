import { Random } from './random.ts';

/** 95 % of what other draws of as many series would have given. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 1000;
const COVERAGE = 0.95;

/**
 * Percentile bootstrap over series: each resample draws as many of them with replacement.
 *
 * @param statistics by name, of the series with these indexes (some more than once)
 */
export function bootstrap<Name extends string>(
  count: number,
  seed: number,
  statistics: (indexes: Int32Array) => Readonly<Record<Name, number>>,
): Record<Name, Interval> {
  const random = new Random(seed, 'bootstrap');
  const drawn = new Map<Name, number[]>();
  const indexes = new Int32Array(count);
  for (let r = 0; r < RESAMPLES; r++) {
    for (let i = 0; i < count; i++) indexes[i] = random.integer(0, count - 1);
    const values = statistics(indexes);
    for (const name of Object.keys(values) as Name[]) {
      const list = drawn.get(name);
      if (list === undefined) drawn.set(name, [values[name]]);
      else list.push(values[name]);
    }
  }
  return Object.fromEntries([...drawn].map(([name, values]) => [name, percentiles(values)])) as Record<Name, Interval>;
}

/** Resamples in which the statistic means nothing (NaN) are left out. */
function percentiles(values: readonly number[]): Interval {
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  if (sorted.length === 0) return { low: NaN, high: NaN };
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { low: at((1 - COVERAGE) / 2), high: at((1 + COVERAGE) / 2) };
}
