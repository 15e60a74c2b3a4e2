import { AnomalyError, isAnomalyError } from '../errors.ts';

/** How long a store is waited for. */
export interface RequestPolicy {
  /** Setting checkpoint.request_timeout: time for one request, or for each 8 MiB of a larger one. */
  readonly timeoutMs: number;
  /** Setting checkpoint.retry_timeout: how long a passing failure is tried again. */
  readonly retryMs: number;
  /** Milliseconds that only go forward. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 <= x < 1, spreads the attempts of many processes. */
  readonly random: () => number;
}

const FIRST_DELAY_MS = 100;
const MOST_DELAY_MS = 3000;

/**
 * Tries again, with growing pauses, while the failure is one that passes: the store is not there, too slow, overloaded.
 * The last failure says how often it was tried.
 */
export async function withRetries<T>(policy: RequestPolicy, attempt: () => Promise<T>): Promise<T> {
  const started = policy.now();
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) throw error;
      const delay = Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** (tries - 1)) * (0.5 + policy.random() / 2);
      const spent = policy.now() - started;
      if (spent + delay > policy.retryMs) {
        if (tries === 1) throw error;
        throw new AnomalyError(
          error.code,
          `${error.message}, ${tries} times in ${Math.round(spent)} ms (checkpoint.retry_timeout)`,
          { hint: error.hint, details: error.details, cause: error },
        );
      }
      await policy.sleep(delay);
    }
  }
}

function isPassing(error: unknown): error is AnomalyError {
  return isAnomalyError(error) && (error.code === 'ANM_STORE_UNREACHABLE' || error.code === 'ANM_STORE_TIMEOUT');
}

/** Runs `work` for each item, at most `width` at once, and rejects with the first failure after all have ended. */
export async function eachAtOnce<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < items.length && failure === undefined) {
      const index = next++;
      try {
        await work(items[index]!, index);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (failure !== undefined) throw failure.error;
}
