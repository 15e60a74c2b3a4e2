const TICK_MS = 5;
/** A tick that comes this much late was held up by the machine, not by what is tested. */
const SLACK_MS = 15;

/**
 * A clock that stands still while the process gets no turn: what a client makes others wait shows, and what a busy machine
 * does to all of them alike does not.
 */
export class OwnTime {
  #stalledMs = 0;
  #lastMs = performance.now();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS).unref();

  now(): number {
    this.#tick();
    return performance.now() - this.#stalledMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#stalledMs += Math.max(0, nowMs - this.#lastMs - TICK_MS - SLACK_MS);
    this.#lastMs = nowMs;
  }
}

/** The tests of one process share it. */
export const ownTime = new OwnTime();
