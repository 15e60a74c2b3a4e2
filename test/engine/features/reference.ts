import type { FeatureDefinition } from '../../../src/engine/definition.ts';
import { twoPass } from '../../helpers/statistics.ts';

export interface Reading {
  readonly slot: number;
  readonly time: number;
  readonly value: number;
}

interface Kept {
  readonly time: number;
  readonly value: number;
}

/** What a feature gives for each reading: by the words of its docstring, over lists of plain objects. */
export function referenceOf(definition: FeatureDefinition, readings: readonly Reading[]): number[] {
  const slots = new Map<number, Kept[]>();
  return readings.map(({ slot, time, value }) => {
    if (slot < 0 || Number.isNaN(value)) return Number.NaN;
    const before = slots.get(slot) ?? [];
    const { result, isTaken } = next(definition, before, { time, value });
    if (isTaken) slots.set(slot, [...before, { time, value }]);
    return result;
  });
}

/** The result of one value after those that were taken in before it. */
export function next(
  definition: FeatureDefinition,
  before: readonly Kept[],
  now: Kept,
): { result: number; isTaken: boolean } {
  const { statistic, rolling, rollingMs } = definition;
  const newest = Math.max(now.time, ...before.map(({ time }) => time));
  const nothing = { result: Number.NaN, isTaken: false };
  if (statistic === 'difference' || statistic === 'rate_of_change') {
    if (now.time < newest) return nothing;
    const last = before.at(-1);
    if (last === undefined) return { result: Number.NaN, isTaken: true };
    const result = now.value - last.value;
    const passed = now.time - last.time;
    const rate = passed === 0 ? Number.NaN : result / (passed / 1000);
    return { result: statistic === 'difference' ? result : rate, isTaken: true };
  }
  if (statistic === 'same_time') return sameTime(definition, before, now, newest);
  const all = [...before, now];
  if (statistic === 'ewma') {
    const ages = all.map(({ time }, i) => (rollingMs === undefined ? all.length - 1 - i : newest - time));
    const weights = ages.map((age) => 2 ** (-age / (rollingMs ?? rolling!)));
    const sum = all.reduce((total, { value }, i) => total + value * weights[i]!, 0);
    return { result: sum / weights.reduce((total, weight) => total + weight, 0), isTaken: true };
  }
  if (rollingMs !== undefined && now.time <= newest - rollingMs) return nothing;
  const window = rollingMs === undefined ? all.slice(-rolling!) : all.filter(({ time }) => time > newest - rollingMs);
  return {
    result: statisticOf(
      statistic,
      window.map(({ value }) => value),
      now.value,
    ),
    isTaken: true,
  };
}

function sameTime({ agoMs, toleranceMs }: FeatureDefinition, before: readonly Kept[], now: Kept, newest: number) {
  const oldest = newest - agoMs! - toleranceMs!;
  if (now.time < oldest) return { result: Number.NaN, isTaken: false };
  const wanted = now.time - agoMs!;
  // In the order of their times, equal ones as they came; of two as near the one that is first past the wanted time.
  const kept = before.filter(({ time }) => time >= oldest).toSorted((a, b) => a.time - b.time);
  const earlier = kept.filter(({ time }) => time <= wanted).at(-1);
  const later = kept.find(({ time }) => time > wanted);
  const distanceOf = (each: Kept | undefined) => (each === undefined ? Infinity : Math.abs(each.time - wanted));
  const nearest = distanceOf(later) < distanceOf(earlier) ? later : earlier;
  return { result: distanceOf(nearest) <= toleranceMs! ? nearest!.value : Number.NaN, isTaken: true };
}

function statisticOf(statistic: string, values: readonly number[], current: number): number {
  const { mean, variance, deviation } = twoPass(values);
  const stddev = Math.sqrt(variance);
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >>> 1;
  switch (statistic) {
    case 'mean':
      return mean;
    case 'stddev':
      return stddev;
    case 'z':
      return stddev === 0 ? 0 : deviation(current) / stddev;
    case 'sum':
      return mean * values.length;
    case 'count':
      return values.length;
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
    default:
      return sorted.length % 2 === 1 ? sorted[half]! : sorted[half - 1]! / 2 + sorted[half]! / 2;
  }
}
