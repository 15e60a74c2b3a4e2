// The fused job again, one object at a time and by the textbook: what the pipeline's output is compared with.
// Windows by Welford's update as the engine's, so equal to the last bit; the rolling z by two passes over the last
// 64 values, so equal within 1e-9.
import { readings } from './readings.mjs';

export interface ReferenceWindow {
  readonly series: string;
  readonly start: number;
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly stddev: number;
}

export interface ReferenceAlert {
  readonly series: string;
  readonly timeMs: number;
  readonly score: number;
}

interface Open {
  start: number;
  count: number;
  mean: number;
  m2: number;
  min: number;
  max: number;
}

const SIZE_MS = 300_000;
const SLACK_MS = 5_000;

/**
 * Windows in the order in which each partition puts them out, and alerts in the order of its records.
 * Needs records in order of event time, as readings.mjs gives them.
 */
export function reference(count: number, sensors: number, partitions: number) {
  const parts = Array.from({ length: partitions }, () => ({
    open: new Map<string, Open>(),
    start: Number.NaN,
    watermark: -Infinity,
    windows: [] as ReferenceWindow[],
    alerts: [] as ReferenceAlert[],
    pending: [] as [string, number, number][],
  }));
  const histories = new Map<string, number[]>();
  for (const { key, tsMs, value, partition } of readings(count, sensors, partitions)) {
    const part = parts[partition]!;
    const history = histories.get(key) ?? [];
    histories.set(key, history);
    const score = zScore(history, value);
    if (score > 6) part.alerts.push({ series: key, timeMs: tsMs, score });
    history.push(value);
    if (history.length > 64) history.shift();
    // A record of the next window may come before the watermark has closed the one before.
    part.pending.push([key, tsMs, value]);
    part.watermark = Math.max(part.watermark, tsMs - SLACK_MS);
    const start = Math.floor(part.pending[0]![1] / SIZE_MS) * SIZE_MS;
    if (part.watermark >= start + SIZE_MS) closeWindow(part, start);
  }
  return parts.map(({ windows, alerts }) => ({ windows, alerts }));
}

/** Population z against the values given, two passes; 0 below eight of them. */
export function zScore(history: readonly number[], value: number): number {
  if (history.length < 8) return 0;
  const mean = history.reduce((sum, v) => sum + v, 0) / history.length;
  const variance = history.reduce((sum, v) => sum + (v - mean) * (v - mean), 0) / history.length;
  return Math.abs(value - mean) / Math.sqrt(variance);
}

function closeWindow(part: { windows: ReferenceWindow[]; pending: [string, number, number][] }, start: number): void {
  const open = new Map<string, Open>();
  const later: [string, number, number][] = [];
  for (const record of part.pending) {
    const [key, time, value] = record;
    if (time >= start + SIZE_MS) {
      later.push(record);
      continue;
    }
    const cell = open.get(key);
    if (cell === undefined) {
      open.set(key, { start, count: 1, mean: value, m2: 0, min: value, max: value });
      continue;
    }
    cell.count++;
    const delta = value - cell.mean;
    cell.mean += delta / cell.count;
    cell.m2 += delta * (value - cell.mean);
    cell.min = Math.min(cell.min, value);
    cell.max = Math.max(cell.max, value);
  }
  for (const [series, { count, mean, m2, min, max }] of open) {
    part.windows.push({ series, start, count, mean, min, max, stddev: Math.sqrt(m2 / count) });
  }
  part.pending = later;
}
