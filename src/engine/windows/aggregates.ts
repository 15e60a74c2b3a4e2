/** Aggregates of the five doubles that every window keeps. */
export const BASE_AGGREGATES: readonly string[] = ['count', 'mean', 'min', 'max', 'stddev'];

/** Aggregates that are numbers of a row, beside the quantiles. */
export const EXTRA_AGGREGATES: readonly string[] = [
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

/** p95 -> 0.95, p99.9 -> 0.999; undefined for what is no quantile. */
export function quantileOf(name: string): number | undefined {
  if (!/^p\d{1,2}(\.\d{1,4})?$/.test(name)) return undefined;
  const percent = Number(name.slice(1));
  return percent > 0 ? percent / 100 : undefined;
}

export function isAggregate(name: string): boolean {
  return BASE_AGGREGATES.includes(name) || EXTRA_AGGREGATES.includes(name) || quantileOf(name) !== undefined;
}

/** The columns that rows need beside the five: one a name, over all windows, in a fixed order. */
export function extraColumns(windows: readonly { readonly aggregates?: readonly string[] }[]): string[] {
  const asked = new Set(windows.flatMap(({ aggregates }) => aggregates ?? []));
  const quantiles = [...asked].filter((name) => quantileOf(name) !== undefined);
  quantiles.sort((a, b) => quantileOf(a)! - quantileOf(b)!);
  return [...EXTRA_AGGREGATES.filter((name) => asked.has(name)), ...quantiles];
}

/** w5m.mean -> w5m and mean; w5m.p99.9 -> w5m and p99.9; undefined for a name without a dot. */
export function splitAggregate(name: string): { window: string; aggregate: string } | undefined {
  const match = /^(.+?)\.(p\d{1,2}\.\d{1,4})$/.exec(name) ?? /^(.+)\.([^.]+)$/.exec(name);
  return match === null ? undefined : { window: match[1]!, aggregate: match[2]! };
}
