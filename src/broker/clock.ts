/** Time as the broker sees it; tests give one that they move by hand. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  after(delayMs: number, action: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, action) {
    const handle = setTimeout(action, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** A clock that stands still until `advance`: due actions then run in order of their time, on the caller's stack. */
export class ManualClock implements Clock {
  private nowMs: number;
  private readonly waiting: { readonly dueMs: number; readonly order: number; readonly action: () => void }[] = [];
  private order = 0;

  constructor(nowMs = 1_700_000_000_000) {
    this.nowMs = nowMs;
  }

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.order++, action };
    this.waiting.push(entry);
    return {
      cancel: () => {
        const at = this.waiting.indexOf(entry);
        if (at >= 0) this.waiting.splice(at, 1);
      },
    };
  }

  advance(byMs: number): void {
    const untilMs = this.nowMs + byMs;
    for (;;) {
      let next = -1;
      for (let i = 0; i < this.waiting.length; i++) {
        const entry = this.waiting[i]!;
        if (entry.dueMs > untilMs) continue;
        const best = this.waiting[next];
        if (
          best === undefined ||
          entry.dueMs < best.dueMs ||
          (entry.dueMs === best.dueMs && entry.order < best.order)
        ) {
          next = i;
        }
      }
      if (next < 0) break;
      const [entry] = this.waiting.splice(next, 1);
      this.nowMs = Math.max(this.nowMs, entry!.dueMs);
      entry!.action();
    }
    this.nowMs = untilMs;
  }
}
