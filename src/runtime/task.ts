import type { ColumnBatch } from '../engine/batch.ts';
import type { OperatorState } from '../engine/operatorState.ts';
import type { PartitionPipeline } from '../engine/pipeline.ts';
import type { SnapshotCut } from '../engine/pipelineState.ts';
import type { CutKind } from '../engine/rowSnapshot.ts';
import type { RowPlace } from './output/rowObjects.ts';

/**
 * One source partition at work: decodes its batches and runs its pipeline. A batch may be run in pieces, since what
 * comes from outside the records takes effect at an offset.
 */
export interface Task {
  readonly topic: string;
  readonly partition: number;
  readonly pipeline: PartitionPipeline;
  /** Records of the last piece that could not be decoded. */
  readonly rejectCount: number;
  readonly lastRejectReason: string;
  /** Records that source.where left out, since the task began. */
  readonly filteredCount: number;
  reject(row: number): { readonly index: number; readonly reason: string };
  /** Source topic and partition that an output row names. */
  placeOf(row: number): RowPlace;
  /** Fills the batch's columns; a promise only where a schema has to be fetched first. */
  decode(batch: ColumnBatch): Promise<void> | undefined;
  /** Runs records from <= i < to of the batch that was decoded last; pieces come in order. */
  run(batch: ColumnBatch, from: number, to: number): void;
  /** Closes the open windows, as the end of the input does. */
  close(): void;
  /** Begins a snapshot of the state as it is now: its rows are taken in steps between the next batches. */
  cut(kind: CutKind): SnapshotCut;
  /**
   * Goes on from a snapshot; before the first batch.
   *
   * @param allow ids of operators whose state may be dropped where it is of another definition
   * @throws ANM_STATE_INCOMPATIBLE, ANM_STATE_CORRUPT
   */
  restore(operators: readonly OperatorState[], allow: ReadonlySet<string>): void;
}

/** Decodes a batch and runs it in one piece. */
export async function runWhole(task: Task, batch: ColumnBatch): Promise<void> {
  const pending = task.decode(batch);
  if (pending !== undefined) await pending;
  task.run(batch, 0, batch.count);
}
