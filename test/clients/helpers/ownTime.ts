import type { Clock, Timer } from '../../../src/broker/clock.ts';

const TICK_MS = 5;
/** A tick that comes this much late was held up by the machine, not by what is tested. */
const SLACK_MS = 15;

/**
 * A clock that stands still while the process gets no turn: what a client makes others wait shows, and what a busy machine
 * does to all of them alike does not.
 */
export class OwnTime implements Clock {
  #stalledMs = 0;
  #lastMs = performance.now();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS).unref();

  now(): number {
    this.#tick();
    return performance.timeOrigin + performance.now() - this.#stalledMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const dueMs = this.now() + delayMs;
    let timer: NodeJS.Timeout;
    const wait = (ms: number) => {
      timer = setTimeout(() => {
        const leftMs = dueMs - this.now();
        if (leftMs > 0) wait(leftMs);
        else action();
      }, ms);
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(timer) };
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
