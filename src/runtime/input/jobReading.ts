import type { Histogram } from '../../observe/histogram.ts';
import type { LatencyStatus } from '../../observe/latency.ts';
import type {
  CheckpointStatus,
  ModelStatus,
  PartitionStatus,
  StatusQueues,
  StatusTotals,
} from '../../observe/status.ts';

/** What a running job shows of itself when it is asked: made for status and metrics, never per record. */
export interface JobReading {
  /** False before the group gave it its first assignment. */
  readonly hasJoined: boolean;
  readonly isPaused: boolean;
  readonly totals: StatusTotals;
  readonly queues: StatusQueues;
  readonly partitions: readonly PartitionStatus[];
  readonly restoring: { readonly done: number; readonly total: number } | null;
  readonly commitMs: Histogram;
  readonly checkpoint: CheckpointStatus;
  readonly model: ModelStatus | null;
  /** Null before anything was measured. */
  readonly latency: LatencyStatus | null;
  readonly transactionsAborted: number;
  /** Milliseconds so far in which the sink had no room. */
  readonly waitedMs: number;
}
