import type { LagView } from '../observe/watch/snapshot.ts';

export interface LagSummary {
  readonly groups: number;
  /** Records behind of the partitions where that is known; null where it is known of none. */
  readonly totalRecords: number | null;
  /** Partitions whose lag is unknown. */
  readonly unknown: number;
  /** Partitions by verdict; `-` without one. */
  readonly verdicts: ReadonlyMap<string, number>;
}

const KEPT = new WeakMap<readonly LagView[], LagSummary>();

/** Made once a list: that of ten thousand partitions stays for several frames, which all tell of it. */
export function lagSummary(lag: readonly LagView[]): LagSummary {
  const kept = KEPT.get(lag);
  if (kept !== undefined) return kept;
  const verdicts = new Map<string, number>();
  const groups = new Set<string>();
  let [total, known] = [0, 0];
  for (const { group, lagRecords, verdict } of lag) {
    groups.add(group);
    verdicts.set(verdict ?? '-', (verdicts.get(verdict ?? '-') ?? 0) + 1);
    if (lagRecords === null) continue;
    known++;
    total += lagRecords;
  }
  const totalRecords = known === 0 ? null : total;
  const summary = { groups: groups.size, totalRecords, unknown: lag.length - known, verdicts };
  KEPT.set(lag, summary);
  return summary;
}
