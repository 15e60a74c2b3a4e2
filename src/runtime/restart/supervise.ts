import type { RestartConfig } from '../../config/operationConfig.ts';
import { isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import { crashFrom } from '../poison/crashMemory.ts';
import { decideRestart, NO_RESTARTS } from './policy.ts';

export interface Supervision {
  readonly config: RestartConfig;
  /** Milliseconds of a clock that only goes forward. */
  readonly ticks: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Resolves after the time, or as soon as the signal is aborted. */
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /**
   * What all runs have come to so far, as a count that only grows: their commits. What fails while it is 0 is the user's to
   * mend, and repeating only hides it. A record that crashes is another matter, and a cluster that went away after a run
   * had joined its group.
   */
  readonly progress: () => number;
  /** Whether a run ever joined its group. Default: none did. */
  readonly hasJoined?: () => boolean;
  /** Which failures another run may mend. Default: those that are retryable, and crashes. */
  readonly isRestartable?: (error: unknown) => boolean;
  /** A run failed and another follows after the wait: the time to keep what it leaves. */
  readonly onRestart: (error: unknown) => Promise<void>;
}

/**
 * Runs a job until it ends by itself, again and again as the restart strategy has it: after passing failures and after
 * crashes, not after those that no repetition mends. Undefined where the signal came in a wait between two runs.
 *
 * @throws the last failure
 */
export async function supervise<T>(run: () => Promise<T>, supervision: Supervision): Promise<T | undefined> {
  const { config, ticks, random, pause, signal, logger, progress, onRestart } = supervision;
  const mayMend = supervision.isRestartable ?? isRestartable;
  let history = NO_RESTARTS;
  let unreachable: string | undefined;
  let before = 0;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      const done = progress();
      const isAway = isClusterAway(error) && supervision.hasJoined?.() === true;
      const mayRun = done > 0 || isAway || crashFrom(error) !== undefined;
      if (signal.aborted || !mayRun || !mayMend(error)) throw error;
      const decision = decideRestart(config, history, ticks(), random());
      if (!decision.restart) {
        if (config.strategy !== 'none') logger.error(`not started again, as ${decision.reason}`);
        throw error;
      }
      history = decision.history;
      const wait = `in ${(decision.afterMs / 1000).toFixed(1)} s, restart ${history.restarts}`;
      const { message } = error as Error;
      const code = isAnomalyError(error) ? error.code : 'ANM_INTERNAL';
      // That nobody is there is said once, not at each try; after a run that went well it is news again.
      const level = message === unreachable && done === before ? 'debug' : 'error';
      before = done;
      unreachable = code === 'ANM_BROKER_UNREACHABLE' ? message : undefined;
      logger[level](`${message}: starting again ${wait}`, { code });
      await onRestart(error);
      await pause(decision.afterMs, signal);
      if (signal.aborted) return undefined;
    }
  }
}

/** An exception without a code of ours is a crash. What a broker refuses for good it refuses again. */
function isRestartable(error: unknown): boolean {
  return isAnomalyError(error) ? error.retryable && error.details['final'] !== true : true;
}

function isClusterAway(error: unknown): boolean {
  return isAnomalyError(error) && (error.code === 'ANM_BROKER_UNREACHABLE' || error.code === 'ANM_TIMEOUT');
}
