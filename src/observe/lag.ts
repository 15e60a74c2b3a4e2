/** Pure arithmetic of consumer lag, from offsets that were read; no I/O. */

export interface PartitionOffsets {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** -1 where the group has no commit. */
  readonly committed: number;
  /** Log start and log end; null when the partition could not be asked, with `problem` saying why. */
  readonly start: number | null;
  readonly end: number | null;
  readonly problem?: string;
}

export interface PartitionLag {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly committed: number | null;
  readonly end: number | null;
  /** Records between the commit and the end; null when it is unknown, never 0 for that. */
  readonly lag: number | null;
  /** Why the lag is null, or what is odd about it; null when all is well. */
  readonly reason: string | null;
}

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

/** Lag of one partition. A commit below the log start means records that the group can no longer read. */
export function partitionLag(offsets: PartitionOffsets): PartitionLag {
  const { group, topic, partition, committed, start, end } = offsets;
  const row = (lag: number | null, reason: string | null): PartitionLag => ({
    group,
    topic,
    partition,
    committed: committed < 0 ? null : committed,
    end,
    lag,
    reason,
  });
  if (end === null) return row(null, offsets.problem ?? 'the end offset is unknown');
  if (committed < 0) return row(null, 'nothing committed');
  if (committed > end) return row(null, 'committed beyond the end: the topic was made anew, or the group was moved');
  if (start !== null && committed < start) {
    return row(end - committed, `${start - committed} records were deleted before they were read`);
  }
  return row(end - committed, null);
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
