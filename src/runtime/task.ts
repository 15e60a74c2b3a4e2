import type { ColumnBatch } from '../engine/batch.ts';
import type { PartitionPipeline } from '../engine/pipeline.ts';
import type { RowPlace } from './rowObjects.ts';

/** One source partition at work: decodes its batches and runs its pipeline. */
export interface Task {
  readonly topic: string;
  readonly partition: number;
  readonly pipeline: PartitionPipeline;
  /** Outputs of records below this offset were acknowledged before a restart: they are not put out again. */
  suppressBelow: number;
  /** Records of the last batch that could not be decoded. */
  readonly rejectCount: number;
  readonly lastRejectReason: string;
  reject(row: number): { readonly index: number; readonly reason: string };
  /** Source topic and partition that an output row names. */
  placeOf(row: number): RowPlace;
  /** Decodes and processes a batch; a promise only where a schema has to be fetched first. */
  process(batch: ColumnBatch): Promise<void> | undefined;
  /** Closes the open windows, as the end of the input does. */
  close(): void;
  snapshot(): Uint8Array;
  restore(state: Uint8Array): void;
}
