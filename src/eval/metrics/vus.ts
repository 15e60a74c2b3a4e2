import { rankedRows } from './rankedRows.ts';

/** Thresholds along the ranked scores, as the authors' implementation takes them. */
const THRESHOLDS = 250;
const LONGEST_BUFFER = 300;
const USUAL_BUFFER = 125;
const FIRST_LAG = 3;
const LAST_LAG = 400;
const ACF_ROWS = 20_000;

/**
 * Volume under the precision-recall surface (Paparrizos et al., PVLDB 15(11), 2022): the mean over buffers of 0 to
 * `buffer` rows of the range-based area, in which labels have soft ramps of half the buffer around each anomaly, and
 * recall is multiplied by the share of anomalies that were touched at all. NaN where no row is anomalous.
 *
 * Between two thresholds the area takes the lower one's precision, as the authors' later code does. Their first took the
 * mean of both (`linear`), which makes a score of few distinct values look good.
 *
 * A row's place among the thresholds does not depend on the buffer, so each buffer costs the rows of its labels only.
 */
export function vusPr(
  scores: Float64Array,
  isAnomalous: Uint8Array,
  buffer: number,
  order: Int32Array = rankedRows(scores),
  between: 'step' | 'linear' = 'step',
): number {
  const segments = segmentsOf(isAnomalous);
  if (segments.length === 0) return NaN;
  const thresholds = thresholdsOf(scores, order);
  let sum = 0;
  for (let length = 0; length <= buffer; length++)
    sum += rangePrArea(isAnomalous, segments, thresholds, length, between);
  return sum / (buffer + 1);
}

/**
 * The longest buffer for a series: its period as the highest local maximum of the autocorrelation from a lag of 3 rows
 * on, if that is at most 300 rows, else 125.
 */
export function bufferOf(values: Float64Array): number {
  const known = values.subarray(0, ACF_ROWS).filter((value) => Number.isFinite(value));
  const rows = known.length;
  if (rows <= LAST_LAG + 1) return Math.min(USUAL_BUFFER, Math.floor(rows / 4));
  let mean = 0;
  for (const value of known) mean += value / rows;
  const centred = known.map((value) => value - mean);
  const correlations = new Float64Array(LAST_LAG + 1);
  for (let lag = 0; lag <= LAST_LAG; lag++) {
    let sum = 0;
    for (let i = lag; i < rows; i++) sum += centred[i]! * centred[i - lag]!;
    correlations[lag] = sum;
  }
  let best = -1;
  for (let lag = FIRST_LAG + 1; lag < LAST_LAG; lag++) {
    const here = correlations[lag]!;
    if (!(here > correlations[lag - 1]! && here > correlations[lag + 1]!)) continue;
    if (best < 0 || here > correlations[best]!) best = lag;
  }
  return best > 0 && best <= LONGEST_BUFFER ? best : USUAL_BUFFER;
}

interface Thresholds {
  /** By row: index of the highest threshold that its score reaches. */
  readonly indexOf: Int32Array;
  /** By threshold: rows at or above it. */
  readonly predicted: Float64Array;
}

function thresholdsOf(scores: Float64Array, order: Int32Array): Thresholds {
  const rows = order.length;
  const indexOf = new Int32Array(rows);
  const predicted = new Float64Array(THRESHOLDS);
  const valueAt = (rank: number) => {
    const score = scores[order[rank]!]!;
    return Number.isNaN(score) ? -Infinity : score;
  };
  let rank = 0;
  for (let k = 0; k < THRESHOLDS; k++) {
    const threshold = valueAt(Math.trunc((k * (rows - 1)) / (THRESHOLDS - 1)));
    while (rank < rows && valueAt(rank) >= threshold) indexOf[order[rank++]!] = k;
    predicted[k] = rank;
  }
  return { indexOf, predicted };
}

/** Runs of anomalous rows: first row, and the one after the last. */
function segmentsOf(isAnomalous: Uint8Array): [number, number][] {
  const segments: [number, number][] = [];
  for (let i = 0; i < isAnomalous.length; i++) {
    if (isAnomalous[i] === 0) continue;
    const from = i;
    while (i < isAnomalous.length && isAnomalous[i] === 1) i++;
    segments.push([from, i]);
  }
  return segments;
}

function rangePrArea(
  isAnomalous: Uint8Array,
  segments: readonly (readonly [number, number])[],
  { indexOf, predicted }: Thresholds,
  buffer: number,
  between: 'step' | 'linear',
): number {
  const rows = isAnomalous.length;
  const weight = new Float64Array(THRESHOLDS);
  const touched = new Float64Array(THRESHOLDS);
  const ramp = buffer > 1 ? Math.floor(buffer / 2) : 0;
  let plain = 0;
  let soft = 0;
  let ranges = 0;
  for (let s = 0; s < segments.length; ) {
    // Anomalies whose ramps meet are one range.
    let e = s;
    const reach = (k: number) => Math.min(rows, segments[k]![1] - 1 + Math.max(1, ramp));
    while (e + 1 < segments.length && segments[e + 1]![0] - ramp <= reach(e)) e++;
    const from = Math.max(0, segments[s]![0] - ramp);
    const to = reach(e);
    let highest = THRESHOLDS;
    for (let i = from; i < to; i++) {
      const label = isAnomalous[i] === 1 ? 1 : rampAt(i, segments, s, e, ramp, buffer);
      plain += isAnomalous[i]!;
      soft += label;
      weight[indexOf[i]!]! += label;
      if (label > 0) highest = Math.min(highest, indexOf[i]!);
    }
    touched[highest]! += 1;
    ranges++;
    s = e + 1;
  }
  return areaOf(weight, touched, predicted, (plain + soft) / 2, ranges, between);
}

/** The ramps of anomalies s to e at a row between them, 1 at most. */
function rampAt(
  i: number,
  segments: readonly (readonly [number, number])[],
  s: number,
  e: number,
  ramp: number,
  buffer: number,
): number {
  let label = 0;
  for (let k = s; k <= e; k++) {
    const [from, to] = segments[k]!;
    const after = i - (to - 1);
    const before = from - i;
    if (after > 0 && after < ramp) label += Math.sqrt(1 - after / buffer);
    if (before > 0 && before <= ramp) label += Math.sqrt(1 - before / buffer);
  }
  return Math.min(1, label);
}

function areaOf(
  weight: Float64Array,
  touched: Float64Array,
  predicted: Float64Array,
  positives: number,
  ranges: number,
  between: 'step' | 'linear',
): number {
  let found = 0;
  let touchedRanges = 0;
  let recallBefore = 0;
  let precisionBefore = 1;
  let area = 0;
  for (let k = 0; k < THRESHOLDS; k++) {
    found += weight[k]!;
    touchedRanges += touched[k]!;
    const recall = Math.min(found / positives, 1) * (touchedRanges / ranges);
    const precision = found / predicted[k]!;
    const height = between === 'step' ? precision : (precision + precisionBefore) / 2;
    area += (recall - recallBefore) * height;
    recallBefore = recall;
    precisionBefore = precision;
  }
  return area;
}
