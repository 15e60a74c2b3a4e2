import { AnomalyError } from '../errors.ts';
import { bootstrap, type Interval } from './bootstrap.ts';
import { allOf, metricsOf } from './metrics/summary.ts';
import type { DetectorReport, IntervalName, SeriesReport } from './report.ts';

/** One figure of two detectors on the same series. */
export interface Difference {
  readonly metric: IntervalName;
  readonly a: number;
  readonly b: number;
  /** b - a, and what other draws of as many series would have given. */
  readonly difference: number;
  readonly interval: Interval;
  /** Whether the interval leaves out 0. */
  readonly isClear: boolean;
}

export interface Comparison {
  readonly a: string;
  readonly b: string;
  /** Series that both have. */
  readonly series: number;
  readonly differences: readonly Difference[];
  readonly nab: { readonly a: readonly number[]; readonly b: readonly number[] } | null;
}

type Compared = Pick<DetectorReport, 'detector' | 'perSeries' | 'nab'>;

/**
 * Pairs the series of two reports by name; each resample of the bootstrap draws pairs.
 * @throws ANM_USAGE where they have none in common
 */
export function compareDetectors(a: Compared, b: Compared, seed: number): Comparison {
  const byName = new Map(b.perSeries.map((one) => [one.series, one]));
  const pairs = a.perSeries.flatMap((one): [SeriesReport, SeriesReport][] => {
    const other = byName.get(one.series);
    return other === undefined ? [] : [[one, other]];
  });
  if (pairs.length === 0) {
    throw new AnomalyError('ANM_USAGE', `cannot compare ${a.detector} with ${b.detector} as no series is in both`);
  }
  const changed = pairs.find(([one, other]) => one.points !== other.points || one.events !== other.events);
  if (changed !== undefined) {
    const [one, other] = changed;
    throw new AnomalyError(
      'ANM_USAGE',
      `cannot compare ${a.detector} with ${b.detector} as series ${one.series} is another one: ${one.points} points and ${one.events} events there, ${other.points} and ${other.events} here`,
    );
  }
  const left = pairs.map(([one]) => one);
  const right = pairs.map(([, other]) => other);
  const [ofA, ofB] = [metricsOf(left, allOf(left)), metricsOf(right, allOf(right))];
  const intervals = bootstrap<IntervalName>(pairs.length, seed, (indexes) => {
    const [drawnA, drawnB] = [metricsOf(left, indexes), metricsOf(right, indexes)];
    const names = Object.keys(drawnA) as IntervalName[];
    return Object.fromEntries(names.map((name) => [name, drawnB[name] - drawnA[name]])) as Record<IntervalName, number>;
  });
  const differences = (Object.keys(ofA) as IntervalName[]).map((metric): Difference => {
    const interval = intervals[metric];
    return {
      ...{ metric, a: ofA[metric], b: ofB[metric], difference: ofB[metric] - ofA[metric], interval },
      isClear: interval.low > 0 || interval.high < 0,
    };
  });
  const isWhole = pairs.length === a.perSeries.length && pairs.length === b.perSeries.length;
  const nab = isWhole && a.nab !== null && b.nab !== null ? { a: a.nab.optimised, b: b.nab.optimised } : null;
  return { a: a.detector, b: b.detector, series: pairs.length, differences, nab };
}
