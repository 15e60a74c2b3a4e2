import type { ModelScores } from '../../models/modelScorer.ts';

/**
 * How many rows a model is handed at once: as many as it answers well within the deadline, up to a bound. A slow model
 * must hold the input back, not run into its deadline with rows that waited for each other. It begins small, with
 * additive increase and multiplicative decrease, as TCP finds its congestion window (Jacobson 1988), once for all
 * flights that were under way together (RFC 6582, "recover"): one stall makes all of them late.
 */
export class FlightWindow {
  readonly most: number;
  readonly #timeoutMs: number;
  readonly #step: number;
  readonly #first: number;
  #rows: number;
  /** Number of the last flight that began. */
  #begun = 0;
  /** The last flight that had begun when the window was halved. */
  #recover = 0;

  constructor(most: number, timeoutMs: number) {
    this.most = most;
    this.#timeoutMs = timeoutMs;
    this.#step = Math.max(1, most >> 4);
    this.#first = Math.max(1, most >> 3);
    this.#rows = this.#first;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Rows are handed over. @returns the number of their flight */
  begin(): number {
    return ++this.#begun;
  }

  /** An answer came, or its deadline passed first. */
  answered({ latencyMs, fallback }: Pick<ModelScores, 'latencyMs' | 'fallback'>, flight: number): void {
    const isMissed = fallback === 'deadline' || fallback === 'queue-full';
    if (isMissed) {
      if (flight <= this.#recover) return;
      this.#rows = Math.max(1, this.#rows >> 1);
      this.#recover = this.#begun;
      // Nothing waits at a breaker that is open, so that many rows must not become as many flights there; what was learnt of
      // the model is of no use when it is back.
    } else if (fallback === 'breaker-open') this.#rows = Math.max(this.#rows, this.#first);
    // An error says nothing of the time. What takes long may have waited for this process: no reason to hand over less.
    else if (fallback === undefined && latencyMs < EARLY * this.#timeoutMs)
      this.#rows = Math.min(this.most, this.#rows + this.#step);
  }
}

/** Part of the deadline. */
const EARLY = 0.4;
