/** At most `perMinute` in the long run, and `burst` at once. An infinite rate limits nothing. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perMinute: number, burst: number, nowMs: number) {
    this.#perMs = perMinute / 60_000;
    this.#burst = Math.max(1, burst);
    this.#tokens = this.#burst;
    this.#atMs = nowMs;
  }

  /** Whole tokens that are there now. */
  count(nowMs: number): number {
    if (this.#perMs === Infinity) return Infinity;
    // A clock that is set back gives nothing, and takes nothing.
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsedMs * this.#perMs);
    this.#atMs = nowMs;
    // Sums of parts may end just below a whole.
    return Math.floor(this.#tokens + 1e-9);
  }

  take(): void {
    this.#tokens -= 1;
  }

  /** When the next token is there, in milliseconds from now. */
  waitMs(nowMs: number): number {
    return this.count(nowMs) >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }
}
