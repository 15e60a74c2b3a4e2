import type { PipelineConfig } from '../config/pipelineConfig.ts';
import type { PartitionPipeline } from '../engine/pipeline.ts';

/**
 * Output rows as plain objects in the shape of schemas/window.avsc and schemas/anomaly.avsc: for NDJSON in pipes and
 * files. Topics are written from the columns directly (rowEncoder.ts).
 */
export interface RowPlace {
  readonly topic: string;
  readonly partition: number;
}

export interface WindowObject {
  readonly series: string;
  readonly window: string;
  readonly field: string;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly mean: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly stddev: number | null;
  readonly features: readonly { readonly name: string; readonly value: number | null }[];
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly record_time: number;
}

export interface AnomalyObject {
  readonly id: string;
  readonly series: string;
  readonly field: string;
  readonly rule: string;
  readonly start: number;
  readonly end: number;
  readonly value: number;
  readonly score: number;
  readonly threshold: number;
  readonly expected: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly parts: readonly { readonly name: string; readonly score: number | null }[];
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly record_time: number;
}

export function windowObject(
  pipeline: PartitionPipeline,
  row: number,
  place: RowPlace,
  shown: WindowShown,
): WindowObject {
  const { windowRows: rows, keys, definition } = pipeline;
  const window = rows.window[row]!;
  const show = (name: string, column: Float64Array) => (shown.aggregates[window]!.has(name) ? column[row]! : null);
  return {
    series: keys.text(rows.series[row]!),
    window: definition.windows[window]!.name,
    field: definition.fields[rows.field[row]!]!,
    start: rows.start[row]!,
    end: rows.end[row]!,
    count: rows.values[row]!,
    mean: show('mean', rows.mean),
    min: show('min', rows.min),
    max: show('max', rows.max),
    stddev: show('stddev', rows.stddev),
    features: shown.features[window]!.map((f) => ({
      name: definition.features[f]!.name,
      value: finite(rows.features[f]![row]!),
    })),
    ...place,
    offset: rows.offset[row]!,
    record_time: rows.recordTime[row]!,
  };
}

export function anomalyObject(pipeline: PartitionPipeline, row: number, place: RowPlace): AnomalyObject {
  const { alertRows: rows, keys, definition } = pipeline;
  const field = rows.field[row]!;
  const series = keys.text(rows.series[row]!);
  const rule = definition.score!.rules[field]!;
  const start = wholeMs(rows.start[row]!);
  return {
    id: alertId(rule, series, start, rows.start[row] === rows.end[row] ? rows.offset[row]! : undefined),
    series,
    field: definition.fields[field]!,
    rule,
    start,
    end: wholeMs(rows.end[row]!),
    value: rows.value[row]!,
    score: rows.score[row]!,
    threshold: rows.threshold[row]!,
    expected: finite(rows.expected[row]!),
    lower: finite(rows.lower[row]!),
    upper: finite(rows.upper[row]!),
    parts: pipeline.partNames.map((name, p) => ({ name, score: finite(rows.parts[row * rows.partCount + p]!) })),
    ...place,
    offset: rows.offset[row]!,
    record_time: rows.recordTime[row]!,
  };
}

/** Which aggregates and features a window's rows show: the ones that its configuration asks for. */
export interface WindowShown {
  readonly aggregates: readonly ReadonlySet<string>[];
  readonly features: readonly (readonly number[])[];
}

/** Which aggregates and features the rows of each window show. */
export function windowShown(config: PipelineConfig): WindowShown {
  return {
    aggregates: config.windows.map((window) => new Set<string>(window.aggregates)),
    features: config.windows.map((window) =>
      config.features.flatMap((feature, f) => (feature.of.startsWith(`${window.name}.`) ? [f] : [])),
    ),
  };
}

/**
 * Identity of an alert: the same evidence gives the same id at every run, so a repeated delivery is known.
 *
 * @param startMs start of the window, or the record's event time
 * @param offset source offset of a record that was scored by itself: several may have one time; undefined for windows
 */
export function alertId(rule: string, series: string, startMs: number, offset: number | undefined): string {
  return offset === undefined ? `${rule}/${series}/${startMs}` : `${rule}/${series}/${startMs}/${offset}`;
}

/** An event time as the schemas have it, in whole milliseconds: microseconds come as its fraction. */
export function wholeMs(timeMs: number): number {
  return Math.floor(timeMs);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
