/** Time as scoring sees it; tests give one that they move by hand. */
export interface ScoringClock {
  /** Milliseconds, never going back. */
  now(): number;
  /** Calls the action once, no sooner than after the delay. Returns what takes it back. */
  after(delayMs: number, action: () => void): () => void;
}

/**
 * A turn of the event loop runs its timers before it takes messages. A deadline that passed while the loop was busy
 * would so beat an answer that has long been there: the action waits until what has arrived is taken.
 */
export const systemScoringClock: ScoringClock = {
  now: () => performance.now(),
  after(delayMs, action) {
    let immediate: NodeJS.Immediate | undefined;
    const timer = setTimeout(() => {
      immediate = setImmediate(action);
    }, delayMs);
    return () => {
      clearTimeout(timer);
      if (immediate !== undefined) clearImmediate(immediate);
    };
  },
};
