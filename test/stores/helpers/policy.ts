import type { RequestPolicy } from '../../../src/stores/retry.ts';

/** A policy whose pauses are counted, not waited for. */
export function quickPolicy(given: Partial<RequestPolicy> = {}): RequestPolicy & { readonly slept: number[] } {
  const slept: number[] = [];
  let now = 0;
  return {
    timeoutMs: 10_000,
    retryMs: 2000,
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
    },
    random: () => 0.5,
    slept,
    ...given,
  };
}
