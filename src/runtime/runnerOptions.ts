import type { Admin, Consumer, KafkaClient } from '../clients/client.ts';
import type { Producer } from '../clients/producer.ts';
import type { TopicPartition, TopicPartitionOffset } from '../clients/topicPartition.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import type { Logger } from '../output/logger.ts';
import type { CheckpointStore } from '../stores/checkpointStore.ts';
import type { CheckpointTotals } from './checkpoints/checkpointer.ts';
import type { SnapshotHead } from './checkpoints/snapshotHead.ts';
import type { Committer } from './commit/committer.ts';
import type { JobHooks } from './jobHooks.ts';
import type { ModelOptions } from './model/modelOptions.ts';
import type { RunnerSink } from './output/rowSink.ts';
import type { Warm } from './recovery/warm.ts';
import type { Task } from './task.ts';

export interface RunnerOptions {
  readonly consumer: Consumer;
  readonly producer: Producer;
  readonly committer: Committer;
  readonly sink: RunnerSink;
  /** Absent: the tasks keep no state that a restart needs, and a series may be in several partitions. */
  readonly state?: StateOptions;
  readonly logger: Logger;
  /** Milliseconds, for the pace of commits, checkpoints and progress: best a clock that only goes forward. */
  readonly ticks: () => number;
  /** Epoch milliseconds, to hold record times against. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** A new task for an assigned partition. */
  readonly createTask: (partition: TopicPartition) => Task;
  /** The group gave the partition to another: its tasks are of no use once `unused` resolves. */
  readonly dropTask?: (partition: TopicPartition, unused: Promise<void>) => void;
  readonly topics: readonly string[];
  /** source.fields: name to path; empty where the input is no records. */
  readonly fields: Readonly<Record<string, string>>;
  readonly start: 'earliest' | 'latest';
  /** Names this process in the journal: drawn anew at each start. */
  readonly member: string;
  /** Setting commit_every. */
  readonly commitEveryMs: number;
  /** Setting time.idle_after; Infinity: off. */
  readonly idleAfterMs?: number;
  /** Stop when every assigned partition has reached these offsets; absent, or undefined so far: until the signal. */
  readonly until?: () => readonly TopicPartitionOffset[] | undefined;
  /** With `until`: keep the open windows in the state instead of closing them. */
  readonly leaveOpen: boolean;
  /** Partitions of each source topic when the run began. */
  readonly partitionCounts?: ReadonlyMap<string, number>;
  /** Called with a partition number that was not there then: rejects where the outputs have no such partition. */
  readonly onGrown?: (partition: number) => Promise<void>;
  /** Share of undecodable records, of the last thousand or more, above which the run stops. */
  readonly maxBadRate: number;
  /** The model beside the detector; absent where none is asked. */
  readonly model?: ModelOptions | undefined;
  /** Status, control and crashes of the member that runs it; absent where nobody operates it. */
  readonly hooks?: JobHooks;
  /** Called about four times a second with the running totals. */
  readonly onProgress?: (totals: RunTotals) => void;
}

/** Where the state is kept, and what recovery may do. */
export interface StateOptions {
  readonly store: CheckpointStore;
  readonly client: Pick<KafkaClient, 'createConsumer'> & {
    readonly admin: Pick<Admin, 'listOffsets' | 'deleteRecords' | 'topics'>;
  };
  readonly journalTopic: string;
  /** What every snapshot of the run says of itself. */
  readonly head: SnapshotHead;
  readonly schemaIds: () => readonly number[];
  /** checkpoint.every, checkpoint.retain, checkpoint.max_failures (Infinity: never stop). */
  readonly everyMs: number;
  readonly retain: number;
  readonly maxFailures: number;
  /** Setting transaction_timeout: how long an open transaction may hold the journal's end back. */
  readonly transactionTimeoutMs: number;
  /** Ids of operators whose state may be dropped where it is of another definition. */
  readonly allow: ReadonlySet<string>;
  /** Begin with empty windows where no checkpoint can be used. */
  readonly fresh: boolean;
  /** Go on where records that are needed are gone from the source. */
  readonly acceptGap: boolean;
  /** Learns before a partition without a commit goes live. */
  readonly warm?: Warm;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
}

export interface RunTotals {
  /** Without those that were run again to bring the state back. */
  records: number;
  restored: number;
  bytes: number;
  windows: number;
  alerts: number;
  /** Alerts that operators called true, and false. */
  trueAlerts: number;
  falseAlerts: number;
  late: number;
  /** Records that source.where left out. */
  filtered: number;
  deadLetters: number;
  commits: number;
  checkpoints: CheckpointTotals;
}

export function noTotals(): Omit<RunTotals, 'checkpoints'> {
  return {
    records: 0,
    restored: 0,
    bytes: 0,
    windows: 0,
    alerts: 0,
    trueAlerts: 0,
    falseAlerts: 0,
    late: 0,
    filtered: 0,
    deadLetters: 0,
    commits: 0,
  };
}

/** A batch of the source has run; `again` of its records had run before. */
export function countBatch(totals: RunTotals, batch: ColumnBatch, again: number, filtered: number): void {
  totals.restored += again;
  totals.records += batch.count - again;
  totals.filtered += filtered;
  totals.bytes += batch.count === 0 ? 0 : batch.valueEnd[batch.count - 1]! - Math.max(0, batch.keyStart[0]!);
}
