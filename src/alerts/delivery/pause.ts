const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/** A peer that asks for fewer requests means minutes. */
const FIRST_BUSY_MS = 60_000;
const LONGEST_BUSY_MS = 600_000;
/** What a peer may name at most. */
const LONGEST_NAMED_MS = 3_600_000;
/** Failures in a row after which the circuit is called open. */
const OPEN_AFTER = 5;

/**
 * Time until a request is made again: doubled with each failure, and shortened by up to half at random, so that many
 * processes do not come back at once.
 *
 * @param failures in a row, this one included
 * @param random from [0, 1)
 */
export function pauseMs(
  failures: number,
  { busy = false, afterMs = 0 }: { readonly busy?: boolean; readonly afterMs?: number },
  random: number,
): number {
  const [first, longest] = busy ? [FIRST_BUSY_MS, LONGEST_BUSY_MS] : [FIRST_MS, LONGEST_MS];
  const whole = Math.min(longest, first * 2 ** Math.min(failures - 1, 30));
  // A busy peer is never asked before its minute is over: chance only makes that longer.
  const drawn = busy ? whole * (1 + random / 2) : whole * (1 - random / 2);
  return Math.max(drawn, Math.min(afterMs, LONGEST_NAMED_MS));
}

/** How a peer does: what came of the requests to it. */
export class Health {
  failures = 0;
  retries = 0;
  retryMs: number | null = null;
  lastSuccessMs: number | null = null;
  lastFailureMs: number | null = null;
  problem: string | null = null;

  get circuit(): 'closed' | 'open' {
    return this.failures >= OPEN_AFTER ? 'open' : 'closed';
  }

  succeeded(nowMs: number): void {
    this.failures = 0;
    this.retryMs = null;
    this.lastSuccessMs = nowMs;
    this.problem = null;
  }

  /** It answered, and does not want this one: nothing to wait for. */
  refused(nowMs: number, problem: string): void {
    this.failures = 0;
    this.retryMs = null;
    this.lastFailureMs = nowMs;
    this.problem = problem;
  }

  failed(nowMs: number, problem: string): void {
    this.failures += 1;
    this.retries += 1;
    this.lastFailureMs = nowMs;
    this.problem = problem;
  }
}
