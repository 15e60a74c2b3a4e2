/** One series and what is known to be anomalous in it. */
export interface LabelledSeries {
  /** Unique in its suite; what stands before the first '/' is its group. */
  readonly name: string;
  /** Epoch ms, a row each, in the order in which the rows came. */
  readonly times: Float64Array;
  /** NaN where a row has no value. */
  readonly values: Float64Array;
  /** Time that a row covers from its own on, as a window does; absent: none. */
  readonly spanMs?: number;
  /** By start, none overlapping another. */
  readonly events: readonly LabelledEvent[];
}

/** One labelled anomaly: rows from <= i < to, which lie within [startMs, endMs). */
export interface LabelledEvent {
  readonly startMs: number;
  readonly endMs: number;
  /** Equal to `to` where the anomaly is that there are no rows; it is then the first row after them. */
  readonly from: number;
  readonly to: number;
  /** What happened, where that is known: 'spike', 'shift', ... */
  readonly kind?: string;
}

/** What stands before the first '/' of a series' name: the folder of a file. */
export function groupOf(name: string): string {
  const slash = name.indexOf('/');
  return slash < 0 ? '' : name.slice(0, slash);
}

/** Usual time between two rows: the median of the differences. NaN with fewer than two rows. */
export function usualIntervalMs(times: Float64Array): number {
  if (times.length < 2) return NaN;
  const differences = new Float64Array(times.length - 1);
  for (let i = 1; i < times.length; i++) differences[i - 1] = times[i]! - times[i - 1]!;
  return differences.sort()[Math.floor(differences.length / 2)]!;
}
