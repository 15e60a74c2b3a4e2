import type { ModelRequest } from '../modelScorer.ts';
import type { ModelIdentity, ModelSpec } from '../modelSpec.ts';

/** A model, wherever it runs, without deadline or fallback: `GuardedScorer` puts these around it. */
export interface ModelBackend {
  readonly identity: ModelIdentity;
  readonly spec: ModelSpec;
  /**
   * Raw scores, one a row, as `ModelScores.scores`; NaN where the model gave no finite number. `request.windows` is read
   * before the call returns: the caller may fill it anew at once. Rejects when the model failed; may take as long as it
   * takes. The signal is aborted when nobody waits for the answer any more; what cannot be stopped ignores it.
   */
  score(request: ModelRequest, signal: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}
