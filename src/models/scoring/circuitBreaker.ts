/** closed: calls go through. open: none does. half-open: one is tried. */
export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerSettings {
  /** Failed calls in a row that open it. */
  readonly failures: number;
  /** Rest before the first try, twice as long after each that fails. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/**
 * Spares a failing model, and what waits for it (M. Nygard, Release It!, 2007, "Circuit Breaker"). A call notes the
 * epoch in which it began, and tells its end with it: what began before the state last changed decides nothing.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings;
  readonly #now: () => number;
  #state: BreakerState = 'closed';
  #failedInARow = 0;
  #openedMs = 0;
  /** Short at first: a stall makes as many calls late as a server that is gone, and is over soon. */
  #pauseMs: number;
  #isTrying = false;
  #epoch = 0;
  #opened = 0;

  constructor(settings: BreakerSettings, now: () => number) {
    this.#settings = settings;
    this.#pauseMs = settings.firstPauseMs;
    this.#now = now;
  }

  /** As it stands; an open one becomes half-open by the call of `admit` that is tried. */
  get state(): BreakerState {
    return this.#state;
  }

  /** How often it opened. */
  get opened(): number {
    return this.#opened;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Whether a call may be made now. */
  admit(): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'half-open') {
      if (this.#isTrying) return false;
    } else {
      if (this.#now() - this.#openedMs < this.#pauseMs) return false;
      this.#enter('half-open');
    }
    this.#isTrying = true;
    return true;
  }

  succeeded(epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#failedInARow = 0;
    if (this.#state !== 'half-open') return;
    this.#pauseMs = this.#settings.firstPauseMs;
    this.#enter('closed');
  }

  failed(epoch: number): void {
    if (epoch !== this.#epoch || this.#state === 'open') return;
    this.#failedInARow++;
    const isTried = this.#state === 'half-open';
    if (isTried) this.#pauseMs = Math.min(this.#settings.longestPauseMs, 2 * this.#pauseMs);
    if (isTried || this.#failedInARow >= this.#settings.failures) {
      this.#openedMs = this.#now();
      this.#opened++;
      this.#enter('open');
    }
  }

  #enter(state: BreakerState): void {
    this.#state = state;
    this.#isTrying = false;
    this.#failedInARow = 0;
    this.#epoch++;
  }
}
