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
  /** When the first request failed since the last answer. */
  #failedTicks = -1;
  /** Since when that one waited for an answer: nobody may have asked for anything for long before it. */
  #silentTicks = 0;
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

  failed(problem: string, waitedMs: number): void {
    this.#problem = problem;
    if (this.#failedTicks >= 0) return;
    const { now, ticks } = this.#clocks;
    this.#failedTicks = ticks();
    this.#silentTicks = Math.max(this.#answeredTicks, this.#failedTicks - waitedMs);
    this.#sinceMs = Math.round(now() - (this.#failedTicks - this.#silentTicks));
  }

  /** Null while the cluster answers, or nobody has asked it anything since it did. */
  outage(): StatusOutage | null {
    const ticks = this.#clocks.ticks();
    if (this.#failedTicks < 0 || ticks - this.#silentTicks < AWAY_MS || ticks - this.#failedTicks < STANDS_MS)
      return null;
    return { sinceMs: this.#sinceMs, problem: this.#problem };
  }
}
