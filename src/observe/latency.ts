import { mergeSketches, type SketchData } from './latencySketch.ts';

/**
 * Latency from ingestion to alert, hop by hop, as mergeable sketches. Ingestion is the broker's append of the record that
 * completes the evidence; a time before that (the producer's) and the wait for a window to close are shown beside it and
 * are no part of the budget. Plain data: it crosses threads and goes onto <pipeline>.status.
 *
 * What can be told apart depends on the topic's message.timestamp.type (docs/latency.md): with LogAppendTime the record
 * time is the append, and `producerWait` cannot be known; with CreateTime it is the producer's stamp, so `producerWait`
 * ends only when the bytes arrive here, has the broker's part in it, and `broker` is absent. `from` says which it was.
 */
export const HOPS = ['producerWait', 'broker', 'fetchWait', 'decode', 'score', 'produce', 'commit'] as const;
export type Hop = (typeof HOPS)[number];

/** From ingestion to the alert being readable at the pipeline's isolation. */
export const BUDGET_MS = 100;

/** What the time to an alert was counted from: the broker's append, the producer's stamp, or some from each. */
export type LatencyFrom = 'append' | 'create' | 'both';

export interface LatencyStatus {
  /**
   * A hop that nothing has passed is absent. Up to `score` they are of batches, whether alerts come of them or not;
   * `produce` and `commit` are of alerts.
   */
  readonly hops: Readonly<Partial<Record<Hop, SketchData>>>;
  /** Ingestion to alert: the sum that the budget is about. With CreateTime from the producer's stamp, so never too short. */
  readonly toAlert: SketchData;
  /** Event time that a window waited for its watermark. */
  readonly windowWait: SketchData;
  /** Clock of the broker minus the clock here, milliseconds; null where it could not be measured. */
  readonly clockSkewMs: number | null;
  /** By how much that may be wrong, either way. */
  readonly clockSkewErrorMs?: number | null;
  /** Absent before the first alert. */
  readonly from?: LatencyFrom;
  /** Alerts that took longer than BUDGET_MS, by the hop that had the most of it. */
  readonly overBudget?: Readonly<Partial<Record<Hop, number>>>;
  /** Alerts on records whose stamp was older than 15 minutes when they came: nobody can tell such a wait from an old stamp. */
  readonly unknownStamps?: number;
}

export const NO_SKETCH: SketchData = { buckets: [], count: 0, sumMs: 0, maxMs: 0 };

/** Of one member over a restart, or of several members; `now` is the newer one. */
export function mergeLatency(
  before: LatencyStatus | null | undefined,
  now: LatencyStatus | null | undefined,
): LatencyStatus | null {
  if (before == null || now == null) return now ?? before ?? null;
  const hops: Partial<Record<Hop, SketchData>> = {};
  const overBudget: Partial<Record<Hop, number>> = {};
  for (const hop of HOPS) {
    const [a, b] = [before.hops[hop], now.hops[hop]];
    if (a !== undefined || b !== undefined) hops[hop] = mergeSketches(a ?? NO_SKETCH, b ?? NO_SKETCH);
    const over = (before.overBudget?.[hop] ?? 0) + (now.overBudget?.[hop] ?? 0);
    if (over > 0) overBudget[hop] = over;
  }
  const from = before.from === now.from ? now.from : bothOf(before.from, now.from);
  const skewed = now.clockSkewMs === null ? before : now;
  return {
    hops,
    toAlert: mergeSketches(before.toAlert, now.toAlert),
    windowWait: mergeSketches(before.windowWait, now.windowWait),
    clockSkewMs: skewed.clockSkewMs,
    clockSkewErrorMs: skewed.clockSkewErrorMs ?? null,
    ...(from !== undefined && { from }),
    overBudget,
    unknownStamps: (before.unknownStamps ?? 0) + (now.unknownStamps ?? 0),
  };
}

function bothOf(a: LatencyFrom | undefined, b: LatencyFrom | undefined): LatencyFrom | undefined {
  return a === undefined || b === undefined ? (a ?? b) : 'both';
}

/** Clocks are of the process, not of a member: who publishes for its members adds what it knows. Nothing is corrected by it. */
export function withClockSkew(
  latency: LatencyStatus | null | undefined,
  { skewMs, errorMs }: { readonly skewMs: number; readonly errorMs: number },
): LatencyStatus {
  const measured = latency ?? { hops: {}, toAlert: NO_SKETCH, windowWait: NO_SKETCH };
  return { ...measured, clockSkewMs: skewMs, clockSkewErrorMs: errorMs };
}
