import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { ALERT_WIDTH } from '../../engine/alertHistory.ts';
import type { PartitionPipeline } from '../../engine/pipeline.ts';
import { type AlertRows, ENDED, OPEN, PAST_WIDTH } from '../../engine/rows.ts';
import { quantileOf } from '../../engine/windows/aggregates.ts';

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
  readonly sum: number | null;
  readonly variance: number | null;
  readonly first: number | null;
  readonly last: number | null;
  readonly range: number | null;
  readonly rate: number | null;
  readonly slope: number | null;
  readonly distinct: number | null;
  readonly anomalies: number | null;
  readonly threshold: number | null;
  readonly quantiles: Readonly<Record<string, number>>;
  readonly pane: number;
  readonly is_final: boolean;
  readonly on_time: boolean;
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
  readonly detector: string | null;
  readonly threshold_origin: string | null;
  /** Where verdicts have moved the threshold: what it was. */
  readonly configured_threshold: number | null;
  /** Milliseconds of the week, 0 is Monday 00:00 UTC. */
  readonly season_ms: number | null;
  readonly past: readonly PastAlert[];
  readonly model: ModelObject | null;
  /** `open`: its end will be told; `resolved`: what ended the open one of its series and rule; null: no end is told. */
  readonly state: AlertState | null;
}

export type AlertState = 'open' | 'resolved';
/** Whether a decoded value is an alert: other records may lie on the same topic. */
export function isAlert(value: unknown): value is AnomalyObject {
  if (typeof value !== 'object' || value === null || value instanceof Error) return false;
  const { id, rule, series, score, state } = value as Partial<AnomalyObject>;
  // The end of an alert is none.
  if (state === 'resolved') return false;
  return typeof id === 'string' && typeof rule === 'string' && typeof series === 'string' && typeof score === 'number';
}

/** The model that had a part in a score. */
export interface ModelObject {
  readonly name: string;
  readonly version: string | null;
  readonly sha256: string | null;
}

/** An earlier alert of the same series and rule. */
export interface PastAlert {
  readonly time: number;
  readonly value: number;
  readonly score: number;
  /** What an operator said of it. */
  readonly verdict: boolean | null;
}

export function windowObject(
  pipeline: PartitionPipeline,
  row: number,
  place: RowPlace,
  shown: WindowShown,
): WindowObject {
  const { windowRows: rows, keys, definition } = pipeline;
  const window = rows.window[row]!;
  const names = shown.aggregates[window]!;
  const show = (name: string, column: Float64Array) => (names.has(name) ? column[row]! : null);
  const extra = (name: string) => {
    const value = names.has(name) ? rows.aggregate(name)[row]! : Number.NaN;
    return Number.isNaN(value) ? null : value;
  };
  const quantiles = rows.extraNames.filter((name) => quantileOf(name) !== undefined && extra(name) !== null);
  return {
    series: keys.text(rows.series[row]!),
    window: definition.windows[window]!.name,
    field: definition.fields[rows.field[row]!]!,
    start: wholeMs(rows.start[row]!),
    end: Math.ceil(rows.end[row]!),
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
    sum: extra('sum'),
    variance: extra('variance'),
    first: extra('first'),
    last: extra('last'),
    range: extra('range'),
    rate: extra('rate'),
    slope: extra('slope'),
    distinct: extra('distinct'),
    anomalies: extra('anomalies'),
    threshold: extra('threshold'),
    quantiles: Object.fromEntries(quantiles.map((name) => [name, extra(name)!])),
    pane: rows.pane[row]!,
    is_final: rows.final[row] === 1,
    on_time: rows.onTime[row] === 1,
  };
}

/** The value of an aggregate in a row of an earlier stage; NaN where it has none. */
export function aggregateOf(row: WindowObject, name: string): number {
  const value = quantileOf(name) === undefined ? row[name as 'mean'] : row.quantiles?.[name];
  return value === null || value === undefined ? Number.NaN : Number(value);
}

export function anomalyObject(pipeline: PartitionPipeline, row: number, place: RowPlace): AnomalyObject {
  const { alertRows: rows, keys, definition } = pipeline;
  const field = rows.field[row]!;
  const series = keys.text(rows.series[row]!);
  const { name: rule, partNames, partsAreSeries } = pipeline.rules[rows.rule[row]!]!;
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
    parts: partNames.map((name, p) => {
      const at = row * rows.partCount + p;
      return {
        name: partsAreSeries === true ? keys.text(rows.partSeries[at]!) : name,
        score: finite(rows.parts[at]!),
      };
    }),
    ...place,
    offset: rows.offset[row]!,
    record_time: rows.recordTime[row]!,
    detector: pipeline.rules[rows.rule[row]!]!.detector ?? null,
    threshold_origin: pipeline.origins[rows.origin[row]!] ?? null,
    configured_threshold: finite(movedFrom(rows, row)),
    season_ms: finite(rows.season[row]!),
    past: Array.from({ length: rows.pastCount[row]! }, (_, i) => {
      const [time, value, score, verdict] = pastAlert(rows, row, i);
      return { time: wholeMs(time), value, score, verdict: verdict === 0 ? null : verdict > 0 };
    }),
    model: modelObject(pipeline, row),
    state: alertState(pipeline, row),
  };
}

/** Null where no end is told. */
export function alertState({ alertRows: { phase } }: PartitionPipeline, row: number): AlertState | null {
  if (phase[row] === ENDED) return 'resolved';
  return phase[row] === OPEN ? 'open' : null;
}

function modelObject(pipeline: PartitionPipeline, row: number): ModelObject | null {
  const model = pipeline.model?.models[pipeline.alertRows.model[row]!];
  if (model === undefined) return null;
  return { name: model.name, version: model.version ?? null, sha256: model.sha256 ?? null };
}

/** The configured threshold of an alert row where it is not the one that was used; else NaN. */
export function movedFrom({ configured, threshold }: AlertRows, row: number): number {
  return configured[row] === threshold[row] ? Number.NaN : configured[row]!;
}

/** Time, value, score and verdict (1, -1 or 0) of the i-th earlier alert that a row names. */
export function pastAlert({ past }: AlertRows, row: number, i: number): [number, number, number, number] {
  const at = row * PAST_WIDTH + i * ALERT_WIDTH;
  return [past[at]!, past[at + 1]!, past[at + 2]!, past[at + 3]!];
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
