import type { Contact } from '../../clients/contact.ts';
import type { StatusOutage } from '../../observe/status.ts';

/** Without an answer for so long the cluster counts as away. */
const AWAY_MS = 3000;
/** And a failure has to stand for so long: after a pause of this process its timers run before answers are read. */
const STANDS_MS = 1000;

export interface ContactClocks {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds that only go forward. */
  readonly ticks: () => number;
}

/** What is known of the cluster by the requests of a member, over all its clients. Silence alone is no failure. */
export class ClusterContact implements Contact {
  readonly #clocks: ContactClocks;
  #answeredTicks: number;
  /** Of the first request that failed since the last answer. */
  #failedTicks = -1;
  #sinceMs = 0;
  #problem = '';

  constructor(clocks: ContactClocks) {
    this.#clocks = clocks;
    this.#answeredTicks = clocks.ticks();
  }

  answered(): void {
    this.#answeredTicks = this.#clocks.ticks();
    this.#failedTicks = -1;
  }

  failed(problem: string): void {
    this.#problem = problem;
    if (this.#failedTicks >= 0) return;
    const { now, ticks } = this.#clocks;
    this.#failedTicks = ticks();
    this.#sinceMs = Math.round(now() - (this.#failedTicks - this.#answeredTicks));
  }

  /** Null while the cluster answers, or nobody has asked it anything since it did. */
  outage(): StatusOutage | null {
    const ticks = this.#clocks.ticks();
    if (this.#failedTicks < 0 || ticks - this.#answeredTicks < AWAY_MS || ticks - this.#failedTicks < STANDS_MS)
      return null;
    return { sinceMs: this.#sinceMs, problem: this.#problem };
  }
}
