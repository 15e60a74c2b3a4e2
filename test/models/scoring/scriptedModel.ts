import type { ModelRequest } from '../../../src/models/modelScorer.ts';
import type { ModelSpec } from '../../../src/models/modelSpec.ts';
import type { ModelBackend } from '../../../src/models/scoring/modelBackend.ts';
import type { ScoringClock } from '../../../src/models/scoring/scoringClock.ts';

/** Stands still until `advance`. */
export class ManualScoringClock implements ScoringClock {
  #nowMs = 0;
  readonly #waiting = new Set<{ dueMs: number; action: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const entry = { dueMs: this.#nowMs + delayMs, action };
    this.#waiting.add(entry);
    return () => void this.#waiting.delete(entry);
  }

  /** Due actions run in order of their time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#waiting].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#waiting.delete(due);
      this.#nowMs = Math.max(this.#nowMs, due.dueMs);
      due.action();
    }
    this.#nowMs = untilMs;
  }

  get timers(): number {
    return this.#waiting.size;
  }
}

export interface OpenCall {
  readonly rows: number;
  /** As they were when the call was made. */
  readonly windows: Float32Array;
  readonly signal: AbortSignal;
  /** Ends with the sum of each row. */
  answer(): Promise<void>;
  answerWith(scores: Float32Array): Promise<void>;
  fail(message: string): Promise<void>;
}

/** A model whose calls end when the test says so. */
export class ScriptedModel implements ModelBackend {
  readonly identity = { name: 'scripted' };
  readonly calls: OpenCall[] = [];
  readonly spec: ModelSpec;
  isClosed = false;

  constructor(length = 1, channels = 1) {
    const names = Array.from({ length: channels }, (_, i) => `c${i}`);
    this.spec = { kind: 'score', length, channels: names, scaling: 'none' };
  }

  score({ rows, windows }: ModelRequest, signal: AbortSignal): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      const kept = windows.slice();
      this.calls.push({
        rows,
        windows: kept,
        signal,
        answer: () => then(() => resolve(rowSums(kept, rows))),
        answerWith: (scores) => then(() => resolve(scores)),
        fail: (message) => then(() => reject(new Error(message))),
      });
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

export function rowSums(windows: Float32Array, rows: number): Float32Array {
  const size = windows.length / rows;
  return Float32Array.from({ length: rows }, (_, row) =>
    windows.subarray(row * size, (row + 1) * size).reduce((sum, value) => sum + value, 0),
  );
}

/** What depends on a settled promise has run after a turn of the loop. */
async function then(settle: () => void): Promise<void> {
  settle();
  await new Promise((resolve) => setImmediate(resolve));
}
