/** One timer for the earliest of several times. */
export class WakeTimer {
  readonly #action: () => void;
  #timer: NodeJS.Timeout | null = null;
  #atMs = 0;

  constructor(action: () => void) {
    this.#action = action;
  }

  /** Runs the action at that time of the monotonic clock, or at the earlier one that it is set to already. */
  wakeAt(atMs: number): void {
    if (this.#timer !== null && this.#atMs <= atMs) return;
    this.stop();
    this.#atMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#action();
      },
      Math.max(1, atMs - performance.now()),
    );
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
