import type { PartitionPipeline } from '../engine/pipeline.ts';

/** Whoever answers for the values that wait for a model; pure as it is, src/eval knows no models. */
export interface ModelLink {
  /** @param onFused is called when there are alerts in the pipeline's output tables */
  open(pipeline: PartitionPipeline, onFused: () => void): LinkedPipeline;
}

export interface LinkedPipeline {
  /** After each piece of records: resolves when nothing waits any more. */
  drain(): Promise<void>;
  close(): void;
}
