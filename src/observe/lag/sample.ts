import type { Verdict } from './burrow.ts';
import type { GroupLag } from './groupTotals.ts';

/** Lag of a cluster as of one look, judged by that look and those before it. Times are epoch milliseconds. */
export interface LagSample {
  readonly atMs: number;
  /** How long the look took. */
  readonly tookMs: number;
  /** By name, or in the order in which they were asked for. */
  readonly groups: readonly GroupSample[];
  /** Of all groups, in their order; then by topic and number. */
  readonly partitions: readonly PartitionSample[];
}

/**
 * One partition that a group has a commit in or reads. What is null is unknown, and the reason beside it says why; the TUI
 * takes it as a LagView.
 */
export interface PartitionSample {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly committed: number | null;
  readonly start: number | null;
  readonly end: number | null;
  readonly lagRecords: number | null;
  /** Why lagRecords is null, or what is odd about it. */
  readonly lagReason: string | null;
  /** Age of the record at the committed offset, from the times at which the log's end was where. */
  readonly lagMs: number | null;
  readonly lagMsReason: string | null;
  /** True where lagMs is beyond what was seen, on the line through it. */
  readonly isExtrapolated: boolean;
  readonly verdict: Verdict | null;
  readonly verdictReason: string | null;
  /** Records a second that come, and that are committed, over the last looks. */
  readonly inRate: number | null;
  readonly outRate: number | null;
  readonly rateReason: string | null;
  /** Time until the lag is gone at these rates; null with the reason where it will not be. */
  readonly drainMs: number | null;
  readonly drainReason: string | null;
  /** Who holds the partition; null where nobody does. */
  readonly member: string | null;
  readonly clientId: string | null;
  readonly host: string | null;
  /** Gets at least twice what is usual among the partitions of its topic; null while rates are unknown. */
  readonly isHot: boolean | null;
  /** Has lag, and nothing was committed over the looks that rates are of; null while those are unknown. */
  readonly isStalled: boolean | null;
  /** Records that retention deleted before the group read them: its commit is older than the log. */
  readonly deletedRecords: number;
  /** The first of the reasons above. */
  readonly reason: string | null;
  /** Lag of the last looks, oldest first, those without one left out. */
  readonly trend: readonly number[];
}

/** A group: totals over the partitions that are known. */
export interface GroupSample extends GroupLag {
  /** Longest of its partitions. */
  readonly lagMs: number | null;
  readonly verdict: Verdict | null;
  /** Why there is none, or the partitions that make it a bad one. */
  readonly verdictReason: string | null;
  readonly inRate: number | null;
  readonly outRate: number | null;
  readonly drainMs: number | null;
  readonly hotPartitions: number;
  readonly stalledPartitions: number;
  readonly deletedRecords: number;
  /** Largest lag of a member over the mean of all; null with fewer than two members or without lag. */
  readonly skew: number | null;
  /** Why the group could not be asked; null where it could. */
  readonly problem: string | null;
  readonly loads: readonly MemberLoad[];
  readonly trend: readonly number[];
}

/** What one member of a group has to do. */
export interface MemberLoad {
  readonly group: string;
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
  readonly partitions: number;
  /** Of the partitions whose lag is known; null where there are some and none is. */
  readonly lagRecords: number | null;
  /** Of the lag of all members, 0 to 1; null while that is 0 or unknown. */
  readonly share: number | null;
  readonly lagMs: number | null;
  readonly inRate: number | null;
  readonly outRate: number | null;
  readonly drainMs: number | null;
}
