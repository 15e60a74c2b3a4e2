import { timeOfNumber, timeOfText, unitByMagnitude } from '../../engine/decode/times.ts';
import { isIdentifier } from '../../inputs/keyNames.ts';
import { chooseByName, usualStep } from '../../inputs/time/timeColumn.ts';
import { valueAt } from '../topicSample.ts';
import type { Observation, Observed } from './observe.ts';

/** What the records show, and what follows from it. */
export interface Findings {
  /** Field with the event time, and how it is written: 'ISO 8601', 'ms since 1970'; null for the record's timestamp. */
  readonly time: { readonly field: string; readonly format: string } | null;
  /** Field that names the series; null for the record key. */
  readonly key: string | null;
  /** Whether anything names a series: else all of a partition is one. */
  readonly isKeyed: boolean;
  readonly series: number;
  /** Numbers, by path. */
  readonly fields: readonly string[];
  /** Usual time between two values of a series, in milliseconds; null where there is none to be seen. */
  readonly intervalMs: number | null;
  /** How far an event time stays behind the highest before it in its partition, at most. */
  readonly disorderMs: number;
  /** How far an event time is ahead of its record's, at most; null for files. */
  readonly aheadMs: number | null;
  /** A series that is in two partitions. */
  readonly split: { readonly series: string; readonly partitions: readonly [number, number] } | null;
  readonly firstMs: number | null;
  readonly lastMs: number | null;
}

/** Names of series in a sample, of those that are numbers or texts of few values. */
const KEY_SHARE = 0.5;
const MOST_FIELDS = 8;
/** Share of values that have to be times, or numbers. */
const SURE = 0.9;

export function analyse({ observations, kind, timeField }: Observed): Findings {
  const paths = pathsOf(observations);
  const time = timeField ?? timePath(paths, observations);
  const timeOf = (each: Observation): number =>
    time === null ? each.recordTimeMs : timeOfValue(valueAt(each.value, time));
  const key = keyPath(
    paths.filter((path) => path !== time),
    observations,
  );
  const isKeyed = key !== null || observations.some((each) => each.key !== null);
  const seriesOf = (each: Observation): string => {
    return String((key === null ? each.key : valueAt(each.value, key)) ?? `partition ${each.partition}`);
  };
  const times = observations.map(timeOf).filter((each) => !Number.isNaN(each));
  return {
    time: time === null ? null : { field: time, format: formatOf(valueAt(observations[0]!.value, time)) },
    ...{ key, isKeyed },
    series: new Set(observations.map(seriesOf)).size,
    fields: fieldPaths(paths, observations, [time, key]),
    intervalMs: intervalOf(observations, seriesOf, timeOf),
    disorderMs: disorderOf(observations, timeOf),
    aheadMs: kind === 'file' || time === null ? null : aheadOf(observations, timeOf),
    split: kind === 'file' ? null : splitOf(observations, seriesOf),
    firstMs: times.length === 0 ? null : times.reduce((least, each) => Math.min(least, each)),
    lastMs: times.length === 0 ? null : times.reduce((most, each) => Math.max(most, each)),
  };
}

/** Paths of members that are no objects, in order of appearance. */
function pathsOf(observations: readonly Observation[]): string[] {
  const paths = new Set<string>();
  const collect = (value: object, prefix: string): void => {
    for (const [name, member] of Object.entries(value)) {
      const isMap = typeof member === 'object' && member !== null && !Array.isArray(member);
      if (isMap && !('toJSON' in member)) collect(member, `${prefix}${name}.`);
      else paths.add(`${prefix}${name}`);
    }
  };
  for (const { value } of observations) collect(value, '');
  return [...paths];
}

function timePath(paths: readonly string[], observations: readonly Observation[]): string | null {
  const share = (path: string): number => {
    const isTime = (each: Observation) => !Number.isNaN(plausibleTime(valueAt(each.value, path)));
    return observations.filter(isTime).length / observations.length;
  };
  const named = chooseByName(paths, (index) => share(paths[index]!) >= SURE);
  if (named >= 0) return paths[named]!;
  // Without a name that says so only a text is sure to be one.
  const isText = (path: string) => typeof valueAt(observations[0]!.value, path) === 'string';
  return paths.find((path) => isText(path) && share(path) >= SURE) ?? null;
}

const YEAR_1980_MS = 315_532_800_000;
const YEAR_2100_MS = 4_102_444_800_000;

/** A number that is a time in any unit lies between 1980 and 2100. */
function plausibleTime(value: unknown): number {
  const timeMs = timeOfValue(value);
  return timeMs >= YEAR_1980_MS && timeMs <= YEAR_2100_MS ? timeMs : Number.NaN;
}

function timeOfValue(value: unknown): number {
  if (typeof value === 'number' || typeof value === 'bigint') return timeOfNumber(Number(value), undefined);
  if (value instanceof Date) return value.getTime();
  if (typeof value !== 'string') return Number.NaN;
  const bytes = new TextEncoder().encode(value);
  return timeOfText(bytes, 0, bytes.length, undefined);
}

const UNITS = { s: 'seconds', ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds' } as const;

function formatOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint')
    return `${UNITS[unitByMagnitude(Number(value))]} since 1970`;
  return 'ISO 8601';
}

function keyPath(paths: readonly string[], observations: readonly Observation[]): string | null {
  const isName = (value: unknown) => typeof value === 'string' || Number.isSafeInteger(value);
  const candidates = paths.filter((path) => observations.every((each) => isName(valueAt(each.value, path))));
  const named = candidates.find((path) => isIdentifier(path.split('.').at(-1)!) && repeats(path, observations));
  if (named !== undefined) return named;
  // Keys of records, or names of files, that tell series apart already.
  if (new Set(observations.map((each) => each.key)).size > 1) return null;
  const isText = (path: string) => observations.every((each) => typeof valueAt(each.value, path) === 'string');
  const differs = (path: string) => new Set(observations.map((each) => valueAt(each.value, path))).size > 1;
  return candidates.find((path) => isText(path) && differs(path) && repeats(path, observations)) ?? null;
}

/** A name of a series comes again and again; what is other in each record names records. */
function repeats(path: string, observations: readonly Observation[]): boolean {
  const distinct = new Set(observations.map((each) => String(valueAt(each.value, path)))).size;
  return observations.length < 4 || distinct <= observations.length * KEY_SHARE;
}

function fieldPaths(
  paths: readonly string[],
  observations: readonly Observation[],
  taken: readonly (string | null)[],
): string[] {
  const isNumber = (path: string): boolean => {
    const values = observations.map((each) => valueAt(each.value, path)).filter((value) => value != null);
    const numbers = values.filter((value) => typeof value === 'number' || typeof value === 'bigint').length;
    return values.length > 0 && numbers >= values.length * SURE;
  };
  const isMeasure = (path: string) => !taken.includes(path) && !isIdentifier(path.split('.').at(-1)!);
  const found = paths.filter((path) => isMeasure(path) && isNumber(path));
  const isValue = (path: string) => /(^|\.)value$/i.test(path);
  return [...found.filter(isValue), ...found.filter((path) => !isValue(path))].slice(0, MOST_FIELDS);
}

function intervalOf(
  observations: readonly Observation[],
  seriesOf: (each: Observation) => string,
  timeOf: (each: Observation) => number,
): number | null {
  const bySeries = new Map<string, number[]>();
  for (const each of observations) {
    const times = bySeries.get(seriesOf(each)) ?? [];
    times.push(timeOf(each));
    bySeries.set(seriesOf(each), times);
  }
  const steps = [...bySeries.values()].map((times) =>
    usualStep(times.filter((each) => !Number.isNaN(each)).sort((a, b) => a - b)),
  );
  const known = steps.filter((step) => !Number.isNaN(step)).sort((a, b) => a - b);
  return known[known.length >> 1] ?? null;
}

function disorderOf(observations: readonly Observation[], timeOf: (each: Observation) => number): number {
  const highest = new Map<number, number>();
  let most = 0;
  for (const each of observations) {
    const timeMs = timeOf(each);
    if (Number.isNaN(timeMs)) continue;
    const before = highest.get(each.partition) ?? Number.NEGATIVE_INFINITY;
    most = Math.max(most, before - timeMs);
    highest.set(each.partition, Math.max(before, timeMs));
  }
  return most;
}

function aheadOf(observations: readonly Observation[], timeOf: (each: Observation) => number): number {
  return observations.reduce((most, each) => Math.max(most, timeOf(each) - each.recordTimeMs || 0), 0);
}

function splitOf(observations: readonly Observation[], seriesOf: (each: Observation) => string): Findings['split'] {
  const places = new Map<string, number>();
  for (const each of observations) {
    const series = seriesOf(each);
    const before = places.get(series);
    if (before !== undefined && before !== each.partition) return { series, partitions: [before, each.partition] };
    places.set(series, each.partition);
  }
  return null;
}
