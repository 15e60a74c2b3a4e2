import type { ModelIdentity, ModelSpec } from './modelSpec.ts';

/** Windows of several series, of one model's length and channels. */
export interface ModelRequest {
  readonly rows: number;
  /** rows x (length + 1) x channels, row-major, oldest first; the last value of a row is the one that is scored. Finite. */
  readonly windows: Float32Array;
}

/** Why rows have no score. */
export type FallbackReason = 'deadline' | 'error' | 'invalid-output' | 'breaker-open' | 'queue-full';

export interface ModelScores {
  /**
   * One raw score a row, high is anomalous: mean |y - yhat| of a forecast, mean squared error of a reconstruction, the
   * score with its sign turned where low is anomalous, a class' probability. NaN where there is none.
   */
  readonly scores: Float32Array;
  /** Present where at least one row has no score. */
  readonly fallback?: FallbackReason;
  /** From the call to the result. */
  readonly latencyMs: number;
}

/** Scores windows by a model, wherever that runs. Once started it never rejects: what fails is NaN, with the reason. */
export interface ModelScorer {
  readonly identity: ModelIdentity;
  readonly spec: ModelSpec;
  score(request: ModelRequest): Promise<ModelScores>;
  close(): Promise<void>;
}
