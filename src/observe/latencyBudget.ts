import { BUDGET_MS, HOPS, type Hop, type LatencyStatus } from './latency.ts';
import { sketchQuantileMs } from './latencySketch.ts';

export interface BudgetVerdict {
  readonly budgetMs: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Which percentile is above the budget: the lower of the two that is; null where none is, or nothing was measured. */
  readonly brokenAt: 'p95' | 'p99' | null;
  /** The hop that had the most of the alerts above the budget; else that of the largest p99. Null where none is known. */
  readonly hop: Hop | null;
  /** One line for people. */
  readonly text: string;
}

/** How a hop is called where people read it. */
export const HOP_NAMES: Readonly<Record<Hop, string>> = {
  producerWait: 'producer and broker',
  broker: 'broker',
  fetchWait: 'fetch wait',
  decode: 'decode',
  score: 'score',
  produce: 'produce',
  commit: 'commit',
};

/** Holds ingestion to alert against the budget, and names the hop that broke it. */
export function latencyBudget(latency: LatencyStatus | null | undefined, budgetMs = BUDGET_MS): BudgetVerdict {
  const toAlert = latency?.toAlert;
  const at = (q: number) => (toAlert === undefined ? null : sketchQuantileMs(toAlert, q));
  const [p50Ms, p95Ms, p99Ms] = [at(0.5), at(0.95), at(0.99)];
  const brokenAt = isAbove(p95Ms, budgetMs) ? 'p95' : isAbove(p99Ms, budgetMs) ? 'p99' : null;
  const hop = latency == null ? null : guiltyHop(latency);
  const known = { budgetMs, p50Ms, p95Ms, p99Ms, brokenAt, hop } as const;
  return { ...known, text: budgetText(known, latency) };
}

function isAbove(latencyMs: number | null, budgetMs: number): boolean {
  return latencyMs !== null && latencyMs > budgetMs;
}

function guiltyHop({ hops, overBudget = {} }: LatencyStatus): Hop | null {
  let [worst, most, slowest, slowestMs]: [Hop | null, number, Hop | null, number] = [null, 0, null, 0];
  for (const hop of HOPS) {
    const over = overBudget[hop] ?? 0;
    if (over > most) [worst, most] = [hop, over];
    const p99Ms = hops[hop] === undefined ? null : sketchQuantileMs(hops[hop], 0.99);
    if (p99Ms !== null && p99Ms > slowestMs) [slowest, slowestMs] = [hop, p99Ms];
  }
  return worst ?? slowest;
}

function budgetText(
  { budgetMs, p95Ms, p99Ms, brokenAt, hop }: Omit<BudgetVerdict, 'text'>,
  latency: LatencyStatus | null | undefined,
): string {
  if (latency == null || p95Ms === null || p99Ms === null) {
    const unknown = latency?.unknownStamps ?? 0;
    return unknown === 0
      ? 'no alert yet'
      : `unknown: the records of ${unknown} alert${unknown === 1 ? '' : 's'} have stamps of long ago`;
  }
  const figures = `p95 ${millis(p95Ms)}, p99 ${millis(p99Ms)}`;
  const since = latency.from === 'append' ? '' : ' from the producers’ stamps';
  if (brokenAt === null) {
    return `${figures}${since}, within ${budgetMs} ms${hop === null ? '' : `; most in ${hopText(hop, latency)}`}`;
  }
  const over = Object.values(latency.overBudget ?? {}).reduce((sum, count) => sum + count, 0);
  const share = hop === null || over === 0 ? '' : `, ${latency.overBudget?.[hop] ?? 0} of ${over} alerts above it`;
  return `${figures}${since}, ${brokenAt} over ${budgetMs} ms${hop === null ? '' : ` by ${hopText(hop, latency)}`}${share}`;
}

function hopText(hop: Hop, { hops }: LatencyStatus): string {
  const p99Ms = hops[hop] === undefined ? null : sketchQuantileMs(hops[hop], 0.99);
  return `${HOP_NAMES[hop]}${p99Ms === null ? '' : ` (p99 ${millis(p99Ms)})`}`;
}

function millis(latencyMs: number): string {
  if (latencyMs >= 10_000) return `${(latencyMs / 1000).toFixed(1)} s`;
  return `${latencyMs < 10 ? Number(latencyMs.toFixed(1)) : Math.round(latencyMs)} ms`;
}
