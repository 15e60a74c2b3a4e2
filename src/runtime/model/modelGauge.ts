import type { FallbackReason, ModelScores } from '../../models/modelScorer.ts';
import { HistogramBuilder } from '../../observe/histogram.ts';
import type { ModelStatus } from '../../observe/status.ts';

/** Counts what was asked of a model and what came of it, by answers, never by rows. */
export class ModelGauge {
  readonly #latencyMs = new HistogramBuilder();
  readonly #fallbacks = new Map<FallbackReason, number>();
  #asked = 0;
  #scored = 0;

  answered({ scores, fallback, latencyMs }: ModelScores): void {
    let missing = 0;
    for (let row = 0; row < scores.length; row++) if (!Number.isFinite(scores[row]!)) missing++;
    this.#asked += scores.length;
    this.#scored += scores.length - missing;
    this.#latencyMs.add(latencyMs);
    const reason = fallback ?? 'invalid-output';
    if (missing > 0) this.#fallbacks.set(reason, (this.#fallbacks.get(reason) ?? 0) + missing);
  }

  reading(): Pick<ModelStatus, 'asked' | 'scored' | 'fallbacks' | 'latencyMs'> {
    return {
      asked: this.#asked,
      scored: this.#scored,
      fallbacks: Object.fromEntries(this.#fallbacks),
      latencyMs: this.#latencyMs.plain(),
    };
  }
}
