import type { Consumer, Producer, TopicPartition, TopicPartitionOffset } from '../clients/client.ts';
import type { Logger } from '../output/logger.ts';
import type { SnapshotStore } from '../stores/snapshotStore.ts';
import type { RunnerSink } from './rowSink.ts';
import type { Task } from './task.ts';

export interface RunnerOptions {
  readonly consumer: Consumer;
  readonly producer: Producer;
  readonly sink: RunnerSink;
  /** Absent: the tasks keep no state that a restart needs, and a series may be in several partitions. */
  readonly store?: SnapshotStore;
  readonly logger: Logger;
  /** Milliseconds, for the pace of commits and progress: best a clock that only goes forward. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** A new task for an assigned partition. */
  readonly createTask: (partition: TopicPartition) => Task;
  readonly topics: readonly string[];
  /** source.fields: name to path; empty where the input is no records. */
  readonly fields: Readonly<Record<string, string>>;
  /** Id of the cluster: the state of another one is of no use here. */
  readonly cluster: string;
  readonly start: 'earliest' | 'latest';
  /** Hash of what is computed: a snapshot of another one is refused. */
  readonly definition: string;
  /** Least time between two commits. */
  readonly commitEveryMs: number;
  /** Begin with empty windows where the snapshot is missing or of another definition. */
  readonly startEmpty: boolean;
  /** Stop when every assigned partition has reached these offsets; absent, or undefined so far: until the signal. */
  readonly until?: () => readonly TopicPartitionOffset[] | undefined;
  /** With `until`: keep the open windows in the snapshot instead of closing them. */
  readonly leaveOpen: boolean;
  /** Partitions of each source topic when the run began. */
  readonly partitionCounts?: ReadonlyMap<string, number>;
  /** Called with a partition number that was not there then: rejects where the outputs have no such partition. */
  readonly onGrown?: (partition: number) => Promise<void>;
  /** Share of undecodable records, of the last thousand or more, above which the run stops. */
  readonly maxBadRate: number;
  /** Called about four times a second with the running totals. */
  readonly onProgress?: (totals: RunTotals) => void;
}

export interface RunTotals {
  records: number;
  bytes: number;
  windows: number;
  alerts: number;
  late: number;
  deadLetters: number;
  commits: number;
}
