import type { FallbackReason } from '../modelScorer.ts';
import type { BreakerState } from './circuitBreaker.ts';

/** What a scorer has done since it started, in rows. */
export interface ScorerCounters {
  /** Rows whose outcome is known. */
  readonly asked: number;
  readonly scored: number;
  /** Rows without a score, by why. */
  readonly fallbacks: Readonly<Record<FallbackReason, number>>;
  /** scored / asked; 1 before the first row. */
  readonly availability: number;
  /** Calls of the model, each of one micro-batch. */
  readonly calls: number;
  readonly inFlight: number;
  readonly waitingRows: number;
  readonly breaker: BreakerState;
  readonly breakerOpened: number;
  /** What the last failed call said. */
  readonly lastError?: string;
}

export function noFallbacks(): Record<FallbackReason, number> {
  return { deadline: 0, error: 0, 'invalid-output': 0, 'breaker-open': 0, 'queue-full': 0 };
}
