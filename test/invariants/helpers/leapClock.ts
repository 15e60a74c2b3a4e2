import type { Clock, Timer } from '../../../src/broker/clock.ts';

/** The system's clock, which can also leap ahead: a session timeout of ten seconds then takes none. */
export class LeapClock implements Clock {
  #aheadMs = 0;
  readonly #waiting = new Set<{ dueMs: number; run: () => void }>();

  now(): number {
    return Date.now() + this.#aheadMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const run = () => {
      cancel();
      action();
    };
    const entry = { dueMs: this.now() + delayMs, run };
    const handle = setTimeout(run, delayMs);
    const cancel = () => {
      clearTimeout(handle);
      this.#waiting.delete(entry);
    };
    this.#waiting.add(entry);
    return { cancel };
  }

  leap(byMs: number): void {
    this.#aheadMs += byMs;
    const due = [...this.#waiting].filter(({ dueMs }) => dueMs <= this.now());
    for (const entry of due.sort((a, b) => a.dueMs - b.dueMs)) if (this.#waiting.has(entry)) entry.run();
  }
}
