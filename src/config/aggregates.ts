import type { Aggregate } from './pipelineConfig.ts';

/** Aggregates in the order in which a window lists them; quantiles come after them. */
export const AGGREGATES: readonly Aggregate[] = [
  'count',
  'mean',
  'min',
  'max',
  'stddev',
  'sum',
  'variance',
  'first',
  'last',
  'range',
  'rate',
  'slope',
  'distinct',
  'anomalies',
  'threshold',
];

/** What a window has when it lists none. */
export const DEFAULT_AGGREGATES: readonly Aggregate[] = AGGREGATES.slice(0, 5);

const QUANTILE = /^p\d{1,2}(\.\d{1,4})?$/;

export function isAggregate(name: string): name is Aggregate {
  return AGGREGATES.includes(name as Aggregate) || (QUANTILE.test(name) && Number(name.slice(1)) > 0);
}

/** One fixed order, whatever order they are asked in. */
export function sortedAggregates(names: readonly Aggregate[]): Aggregate[] {
  const quantiles = names.filter((name) => !AGGREGATES.includes(name));
  quantiles.sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  return [...AGGREGATES.filter((name) => names.includes(name)), ...new Set(quantiles)];
}

/** w5m.mean -> w5m and mean; w5m.p99.9 -> w5m and p99.9. */
export function splitAggregate(name: string): { window: string; aggregate: string } | undefined {
  const match = /^(.+?)\.(p\d{1,2}\.\d{1,4})$/.exec(name) ?? /^(.+)\.([^.]+)$/.exec(name);
  return match === null ? undefined : { window: match[1]!, aggregate: match[2]! };
}
