import type { PartitionPipeline } from '../../engine/pipeline.ts';

/** Leaves what waits for the model to the detector: where a state is made and nothing is put out. */
export function settleWithoutModel(pipeline: PartitionPipeline): void {
  if (pipeline.model === undefined) return;
  const asked = pipeline.model.pending.take(Infinity);
  pipeline.fuse(new Float32Array(asked?.rows ?? 0).fill(NaN), 0);
}
