import { spanWords } from '../../observe/alertWords.ts';
import { outageText, type StatusOutage } from '../../observe/status.ts';
import type { Logger } from '../../output/logger.ts';

export interface OutageNoticeOptions {
  readonly outage: () => StatusOutage | null;
  /** What becomes of the work meanwhile: the end of the line. */
  readonly promise: () => string;
  /** How far behind it left what works here; null where that is not known. */
  readonly lagRecords?: () => number | null;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** After an outage the next one is told this much later at the soonest: a connection that comes and goes is told once. */
const REST_MS = 60_000;
/** That it is back is told without the lag when that is not known by then. */
const LAG_WAIT_MS = 15_000;

/** Says once that the cluster is away, however many members and retries there are, and once that it is back. */
export class OutageNotice {
  /** How often it is to look. */
  static readonly everyMs = 1000;
  readonly #options: OutageNoticeOptions;
  #told: StatusOutage | undefined;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  /** When a look first found it back. */
  #backMs: number | undefined;

  constructor(options: OutageNoticeOptions) {
    this.#options = options;
  }

  look(): void {
    const { now, logger, promise } = this.#options;
    const outage = this.#options.outage();
    const nowMs = now();
    if (outage !== null) {
      this.#backMs = undefined;
      if (this.#told !== undefined || nowMs < this.#restUntilMs) return;
      this.#told = outage;
      logger.warn(`${outageText(outage)}: ${promise()}`);
    } else if (this.#told !== undefined) {
      const isFirst = this.#backMs === undefined;
      const backMs = this.#backMs ?? nowMs;
      this.#backMs = backMs;
      const { lagRecords } = this.#options;
      const lag = lagRecords?.() ?? null;
      // What the first look finds may be from before; a member that is restarted has to be given its partitions first.
      if (isFirst || (lag === null && lagRecords !== undefined && nowMs - backMs < LAG_WAIT_MS)) return;
      const behind = lag === null ? '' : `: ${lag === 0 ? 'no' : lag} record${lag === 1 ? '' : 's'} behind`;
      const seconds = Math.max(1, Math.round((backMs - this.#told.sinceMs) / 1000));
      logger.info(`the cluster is back, away for ${spanWords(1000 * seconds)}${behind}`);
      this.#told = undefined;
      this.#backMs = undefined;
      this.#restUntilMs = nowMs + REST_MS;
    }
  }
}
