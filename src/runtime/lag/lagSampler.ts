import type { Admin } from '../../clients/client.ts';
import { LagAnalysis, type LagAnalysisOptions, type PastLook } from '../../observe/lag/analysis.ts';
import { isMissing } from '../../observe/lag/reading.ts';
import type { LagSample } from '../../observe/lag/sample.ts';
import { type Chosen, readCluster } from './readCluster.ts';

export interface LagSamplerOptions extends LagAnalysisOptions, Chosen {
  readonly admin: Admin;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Lag of a cluster's groups, look by look, for `lag`, the TUI and the pipeline's own alerts. A look asks each broker a few
 * times, whatever the number of groups and partitions is; judgement grows with the looks.
 */
export class LagSampler {
  readonly #options: LagSamplerOptions;
  readonly #analysis: LagAnalysis;
  #looking: Promise<LagSample> | null = null;
  #there: readonly string[] = [];

  constructor(options: LagSamplerOptions) {
    this.#options = options;
    this.#analysis = new LagAnalysis(options);
  }

  /** What somebody saw earlier; in order of time, before the first look. */
  learn(past: readonly PastLook[]): void {
    for (const look of past) this.#analysis.learn(look);
  }

  /**
   * Looks once. While a look is under way its sample is given: looks never overlap.
   *
   * @throws ANM_BROKER_UNREACHABLE, ANM_TIMEOUT, ANM_AUTHORIZATION where not even the groups can be listed. What cannot be
   *   asked of one group, topic or partition is a reason in the sample.
   */
  sample(): Promise<LagSample> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /**
   * Samples until the signal; the pause begins when a look is over, so a slow cluster is asked less often. A look that
   * fails is thrown: the caller decides whether to go on, with another call.
   */
  async *watch(intervalMs: number, signal: AbortSignal): AsyncGenerator<LagSample, void, void> {
    while (!signal.aborted) {
      yield await this.sample();
      await pause(intervalMs, signal);
    }
  }

  async #look(): Promise<LagSample> {
    const { admin, now } = this.#options;
    const begunMs = now();
    const reading = await readCluster(admin, this.#options, now, this.#there);
    this.#there = reading.groups.flatMap(({ group, state }) => (isMissing(state) ? [] : [group]));
    return this.#analysis.take(reading, now() - begunMs);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}
