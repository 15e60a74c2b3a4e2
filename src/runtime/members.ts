import type { CpuShares } from '../observe/cpuShares.ts';
import type { LatencyStatus } from '../observe/latency.ts';
import type { MemberStatus, StatusOutage, StatusTotals } from '../observe/status.ts';
import type { ControlCommand } from './control/command.ts';
import type { JobResult } from './job.ts';

/** The members of the group that this process runs: one in itself, or several workers. */
export interface Members {
  /** Runs until the end, the signal or a failure that is not to be repeated. */
  run(): Promise<MembersResult>;
  statuses(): readonly MemberStatus[];
  /** That of their statuses, without the cost of one: the longest of those there are, null where there is none. */
  outage(): StatusOutage | null;
  command(command: ControlCommand): void;
}

/** What the members came to, over all their restarts. */
export interface MembersResult extends Omit<JobResult, 'totals'> {
  readonly totals: StatusTotals;
  /** Completed. */
  readonly checkpoints: number;
  /** Null where nothing was measured. */
  readonly latency: LatencyStatus | null;
  /** Where the time went; absent where nobody asked for a profile. */
  readonly cpu?: CpuShares;
}
