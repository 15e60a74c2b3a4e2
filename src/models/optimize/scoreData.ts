import { TailScores } from '../../engine/detectors/tail.ts';
import type { ModelSpec } from '../modelSpec.ts';
import { SeriesScaler, type TrainingSeries } from '../training/scaledSeries.ts';

/** The windows of one series, ready for a model, and the records that they score. */
export interface SeriesWindows {
  readonly name: string;
  /** The record of each window. */
  readonly records: Int32Array;
  /** Scaled rows; window i is the rows from i on. */
  readonly rows: Float32Array;
  readonly channels: number;
  /** Rows of a window. */
  readonly steps: number;
}

/** Scales series as the pipeline does, and cuts them into windows. */
export function seriesWindows(series: readonly TrainingSeries[], spec: ModelSpec, stepMs: number): SeriesWindows[] {
  const channels = spec.channels.length;
  const steps = spec.length + 1;
  const scaler = new SeriesScaler(channels, spec.scaling, stepMs);
  return series.map((each) => {
    const rows = new Float32Array(each.count * channels);
    const records = new Int32Array(each.count);
    const { count } = scaler.scale(each, rows, 0, records);
    const windows = Math.max(0, count - spec.length);
    return { name: each.name, records: records.slice(spec.length, spec.length + windows), rows, channels, steps };
  });
}

/** Raw scores of all windows of a series, `batch` at a time. */
export async function scoreWindows(
  { records, rows, channels, steps }: SeriesWindows,
  batch: number,
  score: (rows: number, windows: Float32Array) => Promise<Float32Array>,
): Promise<Float32Array> {
  const size = steps * channels;
  const scores = new Float32Array(records.length);
  const windows = new Float32Array(batch * size);
  for (let from = 0; from < records.length; from += batch) {
    const count = Math.min(batch, records.length - from);
    for (let w = 0; w < count; w++) {
      const row = (from + w) * channels;
      windows.set(rows.subarray(row, row + size), w * size);
    }
    scores.set(await score(count, windows.subarray(0, count * size)), from);
  }
  return scores;
}

/** Values that a tail is estimated from, and the score that it learns no value as larger than: as the kpi detector. */
const TAIL_SIZE = 2000;
const LEARNT_MAX = 8;

/**
 * The windows that alert by the model alone: -log10 p of the raw score, by the series' own scores before it, above the
 * threshold. As indexes of `scores`.
 */
export function alertsOf(scores: Float32Array, threshold: number): number[] {
  const tail = new TailScores(TAIL_SIZE);
  tail.reserve(1);
  const alerts: number[] = [];
  for (const [i, score] of scores.entries()) {
    if (Number.isNaN(score)) continue;
    if (tail.score(0, score) > threshold) alerts.push(i);
    tail.learn(0, tail.bounded(0, score, LEARNT_MAX));
  }
  return alerts;
}

export interface ScoreDifference {
  readonly windows: number;
  /** Mean of |score - base score|, as a share of the mean base score. */
  readonly meanShare: number;
  /** Alerts of the one that the other has within three windows, both ways: F1 of the two sets; 1 where neither has one. */
  readonly agreement: number;
  readonly alerts: number;
  readonly baseAlerts: number;
}

/** A window so far off is the same alert: a spike is in several windows. */
const SAME_ALERT = 3;

/** @param base, other raw scores by series */
export function scoreDifference(
  base: readonly Float32Array[],
  other: readonly Float32Array[],
  threshold: number,
): ScoreDifference {
  let [windows, difference, sum] = [0, 0, 0];
  let [alerts, baseAlerts, met, baseMet] = [0, 0, 0, 0];
  base.forEach((scores, s) => {
    const others = other[s]!;
    windows += scores.length;
    scores.forEach((score, i) => {
      if (Number.isNaN(score) || Number.isNaN(others[i]!)) return;
      difference += Math.abs(score - others[i]!);
      sum += score;
    });
    const [before, after] = [alertsOf(scores, threshold), alertsOf(others, threshold)];
    baseAlerts += before.length;
    alerts += after.length;
    baseMet += near(before, after);
    met += near(after, before);
  });
  const precision = alerts === 0 ? 1 : met / alerts;
  const recall = baseAlerts === 0 ? 1 : baseMet / baseAlerts;
  const agreement = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { windows, meanShare: sum === 0 ? 0 : difference / sum, agreement, alerts, baseAlerts };
}

/** How many of `some` have one of `others` near them; both ascend. */
function near(some: readonly number[], others: readonly number[]): number {
  let count = 0;
  let at = 0;
  for (const each of some) {
    while (at < others.length && others[at]! < each - SAME_ALERT) at++;
    if (at < others.length && others[at]! <= each + SAME_ALERT) count++;
  }
  return count;
}
