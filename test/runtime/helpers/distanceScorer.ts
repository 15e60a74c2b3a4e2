import type { ModelRequest, ModelScorer, ModelScores } from '../../../src/models/modelScorer.ts';
import type { ModelIdentity, ModelSpec } from '../../../src/models/modelSpec.ts';

export interface DistanceOptions {
  readonly length: number;
  readonly identity?: ModelIdentity;
  /** Before an answer: so answers come in any order. Default: at once. */
  readonly pause?: () => Promise<void>;
  /** Whether a window gets no score. */
  readonly fails?: (score: number) => boolean;
}

/** A model in this process: the distance of the last value of a window to the mean of those before it. */
export class DistanceScorer implements ModelScorer {
  readonly identity: ModelIdentity;
  readonly spec: ModelSpec;
  /** Rows so far, the most at once, and how many there are now. */
  asked = 0;
  most = 0;
  now = 0;
  isClosed = false;
  readonly #options: DistanceOptions;

  constructor(options: DistanceOptions) {
    const { length, identity = { name: 'distance', version: '1', sha256: 'd15' } } = options;
    this.#options = options;
    this.identity = identity;
    this.spec = { kind: 'score', length, channels: ['value'], scaling: 'none' };
  }

  async score({ rows, windows }: ModelRequest): Promise<ModelScores> {
    const scores = this.#scores(rows, windows);
    this.asked += rows;
    this.now += rows;
    this.most = Math.max(this.most, this.now);
    const started = performance.now();
    await this.#options.pause?.();
    this.now -= rows;
    const isWhole = scores.every((score) => !Number.isNaN(score));
    return { scores, latencyMs: performance.now() - started, ...(!isWhole && { fallback: 'error' as const }) };
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  #scores(rows: number, windows: Float32Array): Float32Array {
    const size = this.#options.length + 1;
    return Float32Array.from({ length: rows }, (_, row) => {
      let sum = 0;
      for (let k = row * size; k + 1 < (row + 1) * size; k++) sum += windows[k]!;
      const score = Math.abs(windows[(row + 1) * size - 1]! - sum / (size - 1));
      return this.#options.fails?.(score) === true ? NaN : score;
    });
  }
}

/** Waits for some turns of the event loop, as many as `random` says. */
export function turnsOf(random: () => number, most: number): () => Promise<void> {
  return async () => {
    for (let turns = Math.floor(random() * most); turns > 0; turns--) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
}
