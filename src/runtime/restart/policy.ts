import type { RestartConfig } from '../../config/operationConfig.ts';

/** What a strategy has to remember between two failures. */
export interface RestartHistory {
  /** Restarts so far; exponential-delay counts from the last reset. */
  readonly restarts: number;
  /** Times of the failures that failure-rate still counts, oldest first. */
  readonly failuresMs: readonly number[];
  /** exponential-delay: the last wait without its jitter; 0 before the first. */
  readonly backoffMs: number;
  /** When the run that the last decision allowed was to begin. */
  readonly restartedMs: number;
}

export type RestartDecision =
  | { readonly restart: true; readonly afterMs: number; readonly history: RestartHistory }
  | { readonly restart: false; readonly reason: string };

export const NO_RESTARTS: RestartHistory = { restarts: 0, failuresMs: [], backoffMs: 0, restartedMs: -Infinity };

/**
 * Whether a failure is followed by a restart, and after which wait: Flink's strategies
 * (nightlies.apache.org/flink, Task Failure Recovery). Pure: the time and the random number come from the caller.
 *
 * @param atMs time of the failure, on a clock that only goes forward
 * @param random in [0, 1), for the jitter
 */
export function decideRestart(
  config: RestartConfig,
  history: RestartHistory,
  atMs: number,
  random: number,
): RestartDecision {
  switch (config.strategy) {
    case 'none':
      return { restart: false, reason: 'restart.strategy is none' };
    case 'fixed-delay':
      return history.restarts >= config.attempts
        ? { restart: false, reason: `restart.attempts is ${config.attempts}` }
        : allowed(history, atMs, config.delayMs, {});
    case 'failure-rate':
      return byRate(config, history, atMs);
    case 'exponential-delay':
      return byBackoff(config, history, atMs, random);
  }
}

function byRate(config: RestartConfig, history: RestartHistory, atMs: number): RestartDecision {
  const { maxFailures, failureIntervalMs, delayMs } = config;
  const failuresMs = [...history.failuresMs.filter((each) => each > atMs - failureIntervalMs), atMs];
  if (failuresMs.length > maxFailures) {
    const reason = `${failuresMs.length} failures within restart.failure_interval (${failureIntervalMs} ms) are more than restart.max_failures, which is ${maxFailures}`;
    return { restart: false, reason };
  }
  return allowed(history, atMs, delayMs, { failuresMs });
}

function byBackoff(config: RestartConfig, history: RestartHistory, atMs: number, random: number): RestartDecision {
  const { initialBackoffMs, maxBackoffMs, backoffMultiplier, jitterFactor, resetBackoffThresholdMs } = config;
  const isReset = atMs - history.restartedMs >= resetBackoffThresholdMs;
  const restarts = isReset ? 0 : history.restarts;
  if (restarts >= config.attempts) return { restart: false, reason: `restart.attempts is ${config.attempts}` };
  const backoffMs =
    restarts === 0 ? initialBackoffMs : Math.min(maxBackoffMs, Math.max(1, history.backoffMs) * backoffMultiplier);
  const jitterMs = backoffMs * jitterFactor * (2 * random - 1);
  const afterMs = Math.min(maxBackoffMs, Math.max(0, backoffMs + jitterMs));
  return allowed({ ...history, restarts }, atMs, afterMs, { backoffMs });
}

function allowed(
  history: RestartHistory,
  atMs: number,
  afterMs: number,
  changes: Partial<RestartHistory>,
): RestartDecision {
  const next = { ...history, ...changes, restarts: history.restarts + 1, restartedMs: atMs + afterMs };
  return { restart: true, afterMs, history: next };
}
