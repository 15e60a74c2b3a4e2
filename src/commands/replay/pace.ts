import { setTimeout as delay } from 'node:timers/promises';
import type { ColumnBatch } from '../../engine/batch.ts';
import { Pacer } from '../../inputs/pacer.ts';

/** Longer timers fire at once. */
const DELAY_MAX_MS = 2 ** 30;

/** Lets records go when their time has come, counted from the first of them: one clock for all partitions. */
export class ReplayPace {
  readonly #pacer: Pacer;
  readonly #now: () => number;
  readonly #signal: AbortSignal;

  /** @param speed milliseconds of record time a millisecond; Infinity for no pace */
  constructor(speed: number, now: () => number, signal: AbortSignal) {
    this.#pacer = new Pacer(Number.POSITIVE_INFINITY, speed);
    this.#now = now;
    this.#signal = signal;
  }

  get unlimited(): boolean {
    return this.#pacer.unlimited;
  }

  /** The record time that is due now; without it the first one that is asked for. */
  start(timeMs: number): void {
    this.#pacer.advance(0, timeMs, this.#now());
  }

  /** Resolves when a record of that time may go: false when the signal came first. */
  async due(timeMs: number): Promise<boolean> {
    const time = known(timeMs);
    while (!this.#signal.aborted) {
      const waitMs = this.#pacer.advance(0, time, this.#now());
      if (waitMs === 0) return true;
      await delay(Math.min(waitMs, DELAY_MAX_MS), undefined, { signal: this.#signal }).catch(() => {});
    }
    return false;
  }

  /** The index after the records from `from` on that may go as of the last `due`. */
  dueEnd({ recordTimes, count }: ColumnBatch, from: number): number {
    let end = from;
    while (end < count && this.#pacer.allows(0, known(recordTimes[end]!))) end++;
    return end;
  }
}

/** Where readers wait for each other. */
export class StartLine {
  /** Resolves when all of them are there. */
  readonly crossed: Promise<void>;
  #missing: number;
  #cross: () => void = () => {};

  constructor(count: number, onCrossed: () => void) {
    this.#missing = count;
    this.crossed = new Promise((resolve) => {
      this.#cross = () => {
        onCrossed();
        resolve();
      };
      if (count === 0) resolve();
    });
  }

  /** To be called by one reader when it is there, and again when it ends, which counts if it never was. */
  comer(): () => void {
    let isThere = false;
    return () => {
      if (isThere) return;
      isThere = true;
      if (--this.#missing === 0) this.#cross();
    };
  }
}

/** A record without a timestamp goes at once. */
function known(timeMs: number): number {
  return timeMs < 0 ? Number.NaN : timeMs;
}
