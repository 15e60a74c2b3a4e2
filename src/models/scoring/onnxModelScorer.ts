import type { OpenedModel } from '../runtime/workerMessages.ts';
import { DEFAULT_GUARD, GuardedScorer, type GuardSettings } from './guardedScorer.ts';
import { OnnxBackend, type OnnxBackendOptions } from './onnxBackend.ts';
import type { ScoringClock } from './scoringClock.ts';

export interface OnnxScorerOptions extends Omit<OnnxBackendOptions, 'batch' | 'callMs'> {
  readonly guard?: Partial<GuardSettings>;
}

/** Scores windows by an ONNX model in a thread of its own, with the bounds, deadline and breaker of `GuardedScorer`. */
export class OnnxModelScorer extends GuardedScorer {
  readonly #backend: OnnxBackend;

  private constructor(backend: OnnxBackend, guard: Partial<GuardSettings>, clock: ScoringClock | undefined) {
    super(backend, guard, clock);
    this.#backend = backend;
  }

  /**
   * Loads the model and runs it for each size of a batch, so what cannot work fails here, before the first record. All
   * calls in flight have to be through by the deadline, so a slow model gets fewer rows a call.
   */
  static async open({ guard = {}, ...options }: OnnxScorerOptions): Promise<OnnxModelScorer> {
    const { batch, timeoutMs, inFlight } = { ...DEFAULT_GUARD, ...guard };
    const backend = await OnnxBackend.open({ ...options, batch, callMs: timeoutMs / inFlight });
    const rows = Math.min(batch, backend.opened.windows!.rowsPerCall);
    return new OnnxModelScorer(backend, { ...guard, batch: rows }, options.clock);
  }

  get opened(): OpenedModel {
    return this.#backend.opened;
  }

  /** How often its thread was started again. */
  get restarts(): number {
    return this.#backend.restarts;
  }
}
