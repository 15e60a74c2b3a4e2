import { SCALING_MIN_COUNT } from '../../engine/modelInput/inputScaler.ts';
import { AnomalyError } from '../../errors.ts';
import type { ModelScaling } from '../modelSpec.ts';
import { SeriesScaler, type TrainingSeries } from './scaledSeries.ts';

export interface WindowOptions {
  readonly channels: number;
  /** Values before the one that is scored. */
  readonly length: number;
  readonly scaling: ModelScaling;
  /** residual: width of a season slot. */
  readonly stepMs: number;
  /** Share of each series, its end, that is held back to validate with. */
  readonly validation: number;
  /** At most so many windows to learn from; they are taken evenly. */
  readonly maxWindows: number;
}

/** Windows as places in one array of scaled rows: a row is in many windows, and stored once. */
export interface WindowSet {
  readonly channels: number;
  readonly length: number;
  /** rows x channels, scaled, as single-precision as the running pipeline holds them. */
  readonly rows: Float32Array;
  /** First row of each window; a window is length + 1 rows. Series by series, each in order. */
  readonly training: Int32Array;
  readonly validation: Int32Array;
  readonly series: number;
  readonly constantSeries: readonly string[];
  /** Records without one of the channels, or with NaN there: they are left out. */
  readonly missing: number;
  /** Of the records that are in a window; epoch milliseconds. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** With fewer windows to learn from or to validate with, a figure of either says nothing. */
export const TRAINING_MIN_WINDOWS = 100;
export const VALIDATION_MIN_WINDOWS = 20;

/**
 * Scales each series from its first record on, as the running pipeline does, and cuts it into windows. The end of each
 * series is for validation; no window of it has a row in common with one to learn from, as nothing after the scored value
 * may be known.
 * @throws ANM_TRAINING_DATA
 */
export function buildWindows(series: readonly TrainingSeries[], options: WindowOptions): WindowSet {
  const { channels, length } = options;
  const scaler = new SeriesScaler(channels, options.scaling, options.stepMs);
  const total = series.reduce((sum, each) => sum + each.count, 0);
  const rows = new Float32Array(total * channels);
  const training: number[] = [];
  const validation: number[] = [];
  const constantSeries: string[] = [];
  const range = { fromMs: Number.POSITIVE_INFINITY, untilMs: Number.NEGATIVE_INFINITY };
  let used = 0;
  let missing = 0;
  let end = 0;
  for (const each of series) {
    const start = end;
    const scaled = scaler.scale(each, rows, end);
    end += scaled.count;
    missing += scaled.missing;
    if (isConstant(each, channels)) {
      constantSeries.push(each.name);
      end = start;
      continue;
    }
    const count = end - start - length;
    if (count <= 0) continue;
    used++;
    range.fromMs = Math.min(range.fromMs, each.times[0]!);
    range.untilMs = Math.max(range.untilMs, each.times[each.count - 1]!);
    const held = Math.floor((end - start) * options.validation);
    for (let at = start; at + length < end - held; at++) training.push(at);
    for (let at = end - held; at + length < end; at++) validation.push(at);
  }
  const counts = { total, missing, constant: constantSeries.length, series: series.length };
  checkCounts(training.length, validation.length, counts, options);
  return {
    ...{ channels, length, rows: rows.subarray(0, end * channels) },
    training: thinned(training, options.maxWindows),
    validation: thinned(validation, Math.max(VALIDATION_MIN_WINDOWS, Math.ceil(options.maxWindows / 4))),
    ...{ series: used, constantSeries, missing, ...range },
  };
}

/** Copies windows into `out`, one after the other. */
export function fillWindows(set: WindowSet, starts: Int32Array, from: number, count: number, out: Float64Array): void {
  const size = (set.length + 1) * set.channels;
  for (let w = 0; w < count; w++) {
    const row = starts[from + w]! * set.channels;
    for (let k = 0; k < size; k++) out[w * size + k] = set.rows[row + k]!;
  }
}

function isConstant({ values, count }: TrainingSeries, channels: number): boolean {
  for (let c = 0; c < channels; c++) {
    let first = NaN;
    for (let row = 0; row < count; row++) {
      const value = values[row * channels + c]!;
      if (!Number.isFinite(value)) continue;
      if (Number.isNaN(first)) first = value;
      else if (value !== first) return false;
    }
  }
  return true;
}

function thinned(starts: readonly number[], most: number): Int32Array {
  if (starts.length <= most) return Int32Array.from(starts);
  return Int32Array.from({ length: most }, (_, i) => starts[Math.floor((i * starts.length) / most)]!);
}

interface Counts {
  readonly total: number;
  readonly missing: number;
  readonly constant: number;
  readonly series: number;
}

function checkCounts(training: number, validation: number, counts: Counts, options: WindowOptions): void {
  if (training >= TRAINING_MIN_WINDOWS && validation >= VALIDATION_MIN_WINDOWS) return;
  const { total, missing, constant, series } = counts;
  const details = { training, validation, records: total, missing, constant, series };
  if (total === 0) {
    throw new AnomalyError('ANM_TRAINING_DATA', 'cannot train as the source has no records', { details });
  }
  if (missing === total) {
    throw new AnomalyError(
      'ANM_TRAINING_DATA',
      `cannot train as none of the ${total} records has a number in every field`,
      { hint: 'check --fields against the names in the source', details },
    );
  }
  if (constant === series) {
    throw new AnomalyError(
      'ANM_TRAINING_DATA',
      `cannot train as ${series === 1 ? 'the series is' : `all ${series} series are`} constant`,
      { hint: 'a constant series needs no model: a detector alerts when it changes', details },
    );
  }
  const warm = options.scaling === 'none' ? 0 : SCALING_MIN_COUNT;
  const need = warm + Math.ceil((VALIDATION_MIN_WINDOWS + options.length) / options.validation);
  const enough = warm + Math.ceil((TRAINING_MIN_WINDOWS + options.length) / (1 - options.validation));
  throw new AnomalyError(
    'ANM_TRAINING_DATA',
    `cannot train with ${training} windows to learn from and ${validation} to validate with, as ${TRAINING_MIN_WINDOWS} and ${VALIDATION_MIN_WINDOWS} are needed`,
    {
      hint: `one series gives them from ${Math.max(need, enough)} records on (${warm} to learn its scale, then windows of ${options.length + 1}); take more data, or a smaller --length`,
      details: { ...details, records_needed: Math.max(need, enough) },
    },
  );
}
