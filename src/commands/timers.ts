import { setTimeout as delay } from 'node:timers/promises';

/** Ends early with the signal. */
export async function pause(timeMs: number, signal: AbortSignal): Promise<void> {
  await delay(timeMs, undefined, { signal }).catch(() => {});
}

/** Calls until the returned function is; does not keep the process alive. */
export function every(timeMs: number, call: () => void): () => void {
  const timer = setInterval(call, timeMs);
  timer.unref();
  return () => clearInterval(timer);
}
