import type { Clock, Timer } from '../clock.ts';

/** Member ids that were given out and have not joined yet (KIP-394); each is forgotten after a session timeout. */
export class PendingIds {
  private readonly clock: Clock;
  private readonly timers = new Map<string, Timer>();
  private readonly onForgotten: () => void;

  constructor(clock: Clock, onForgotten: () => void) {
    this.clock = clock;
    this.onForgotten = onForgotten;
  }

  get isEmpty(): boolean {
    return this.timers.size === 0;
  }

  add(memberId: string, timeoutMs: number): void {
    const forget = () => {
      this.timers.delete(memberId);
      this.onForgotten();
    };
    this.timers.set(memberId, this.clock.after(timeoutMs, forget));
  }

  /** True when the id was pending; it no longer is. */
  take(memberId: string): boolean {
    this.timers.get(memberId)?.cancel();
    return this.timers.delete(memberId);
  }

  close(): void {
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
  }
}
