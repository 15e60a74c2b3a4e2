import { HOPS, type LatencyStatus } from './latency.ts';
import { latencyBudget } from './latencyBudget.ts';
import { type SketchData, sketchQuantileMs } from './latencySketch.ts';

/** Percentiles of a sketch as they go into JSON: three digits behind the point, null where nothing was measured. */
export function sketchFigures(sketch: SketchData | undefined) {
  const at = (q: number) => rounded(sketch === undefined ? null : sketchQuantileMs(sketch, q));
  return {
    count: sketch?.count ?? 0,
    p50_ms: at(0.5),
    p95_ms: at(0.95),
    p99_ms: at(0.99),
    max_ms: rounded(sketch === undefined || sketch.count === 0 ? null : sketch.maxMs),
  };
}

/** Latency as commands print it with `-o json`; null where nothing was measured. */
export function latencyFigures(latency: LatencyStatus | null | undefined) {
  if (latency == null) return null;
  const { budgetMs, brokenAt, hop, text } = latencyBudget(latency);
  const hops = HOPS.filter((name) => latency.hops[name] !== undefined);
  return {
    from: latency.from ?? null,
    to_alert: sketchFigures(latency.toAlert),
    hops: Object.fromEntries(hops.map((name) => [snake(name), sketchFigures(latency.hops[name])])),
    window_wait: sketchFigures(latency.windowWait),
    clock_skew_ms: rounded(latency.clockSkewMs),
    clock_skew_error_ms: rounded(latency.clockSkewErrorMs ?? null),
    unknown_stamps: latency.unknownStamps ?? 0,
    budget: { budget_ms: budgetMs, broken_at: brokenAt, hop: hop === null ? null : snake(hop), text },
  };
}

function rounded(latencyMs: number | null): number | null {
  return latencyMs === null ? null : Number(latencyMs.toFixed(3));
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
