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
    return row(end - committed, deletedText(start - committed));
  }
  return row(end - committed, null);
}

/** Of records that the log no longer has, as a reason. */
export function deletedText(records: number): string {
  return records === 1
    ? '1 record was deleted before it was read'
    : `${records} records were deleted before they were read`;
}
