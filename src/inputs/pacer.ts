/** Says how far sending may go: by a rate of rows, by the pace of event time, or by both. Knows no clock of its own. */
export class Pacer {
  readonly #rowsPerMs: number;
  readonly #speed: number;
  #startMs = Number.NaN;
  #firstTimeMs = Number.NaN;
  /** What may be sent by now. */
  #rows = 0;
  #untilTimeMs = Number.NEGATIVE_INFINITY;

  /** `rate` in rows a second, `speed` in event seconds a second; Infinity for no limit. */
  constructor(rate: number, speed: number) {
    this.#rowsPerMs = rate / 1000;
    this.#speed = speed;
  }

  get unlimited(): boolean {
    return this.#rowsPerMs === Number.POSITIVE_INFINITY && this.#speed === Number.POSITIVE_INFINITY;
  }

  /** Whether a row may go, as of the last `advance`: `sent` rows went before it. A row without a time is due at once. */
  allows(sent: number, timeMs: number): boolean {
    return sent < this.#rows && !(timeMs > this.#untilTimeMs);
  }

  /** Moves on to `nowMs`, and returns the milliseconds until that row may go: 0 when it may. */
  advance(sent: number, timeMs: number, nowMs: number): number {
    if (Number.isNaN(this.#startMs)) this.#startMs = nowMs;
    if (Number.isNaN(this.#firstTimeMs)) this.#firstTimeMs = timeMs;
    const elapsedMs = nowMs - this.#startMs;
    this.#rows =
      this.#rowsPerMs === Number.POSITIVE_INFINITY ? this.#rowsPerMs : Math.floor(elapsedMs * this.#rowsPerMs) + 1;
    const spanMs = this.#speed === Number.POSITIVE_INFINITY ? this.#speed : elapsedMs * this.#speed;
    this.#untilTimeMs = Number.isNaN(this.#firstTimeMs) ? Number.POSITIVE_INFINITY : this.#firstTimeMs + spanMs;
    if (this.allows(sent, timeMs)) return 0;
    const rowDueMs = sent < this.#rows ? 0 : sent / this.#rowsPerMs - elapsedMs;
    const timeDueMs = timeMs > this.#untilTimeMs ? (timeMs - this.#firstTimeMs) / this.#speed - elapsedMs : 0;
    return Math.max(1, Math.ceil(Math.max(rowDueMs, timeDueMs)));
  }
}
