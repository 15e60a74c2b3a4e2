import type { PartitionLag } from './partitionLag.ts';

export interface GroupLag {
  readonly group: string;
  readonly state: string;
  readonly members: number;
  readonly topics: number;
  readonly partitions: number;
  /** Sum over the partitions whose lag is known; null when it is known of none. */
  readonly lag: number | null;
  readonly maxLag: number | null;
  /** Partitions whose lag is unknown. */
  readonly unknown: number;
}

/** Totals per group, in the order in which the groups first appear. */
export function groupTotals(
  rows: readonly PartitionLag[],
  groups: readonly { readonly group: string; readonly state: string; readonly members: number }[],
): GroupLag[] {
  return groups.map(({ group, state, members }) => {
    const own = rows.filter((row) => row.group === group);
    const known = own.flatMap((row) => (row.lag === null ? [] : [row.lag]));
    return {
      group,
      state,
      members,
      topics: new Set(own.map((row) => row.topic)).size,
      partitions: own.length,
      lag: known.length === 0 ? null : known.reduce((sum, lag) => sum + lag, 0),
      maxLag: known.length === 0 ? null : Math.max(...known),
      unknown: own.length - known.length,
    };
  });
}

/**
 * Groups that a check finds above the limit. A group whose lag is unknown cannot pass a check either; one that neither
 * committed nor reads anything is behind in nothing, and fails only where it was asked for by name.
 */
export function groupsAbove(totals: readonly GroupLag[], maxLagRecords: number, isNamed: boolean): GroupLag[] {
  return totals.filter(({ partitions, unknown, lag }) =>
    partitions === 0 ? isNamed : unknown > 0 || lag === null || lag > maxLagRecords,
  );
}
