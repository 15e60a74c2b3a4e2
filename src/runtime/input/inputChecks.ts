import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { RunTotals } from '../runnerOptions.ts';

/** Records over which the share of bad ones is judged, and below which an end is not judged. */
const WINDOW_RECORDS = 1000;
const FEWEST_RECORDS = 20;
const LATE_WARN_SHARE = 0.01;

export interface InputCheckOptions {
  /** Share of undecodable records above which the run stops. */
  readonly maxBadRate: number;
  /** Topic of the dead letters, for the message; absent where there is none, as in a pipe. */
  readonly deadLetters?: string | undefined;
  readonly logger: Logger;
}

/** Watches the quality of what comes in: too many bad records stop the run, many late ones are said once. */
export class InputChecks {
  readonly #options: InputCheckOptions;
  #records = 0;
  #bad = 0;
  #lastReason = '';
  #warnedLate = false;
  #warnedShortened = false;

  constructor(options: InputCheckOptions) {
    this.#options = options;
  }

  /** @throws ANM_BAD_DATA when more than the allowed share of the last thousand records or more are bad */
  add(records: number, bad: number, place: string, reason: string): void {
    this.#records += records;
    this.#bad += bad;
    if (bad > 0) this.#lastReason = `${place}: ${reason}`;
    if (this.#records >= WINDOW_RECORDS) this.#judge();
  }

  /** Judges what is left at the end of the input. @throws ANM_BAD_DATA */
  end(): void {
    if (this.#records >= FEWEST_RECORDS) this.#judge();
  }

  checkLate({ records, late }: RunTotals): void {
    if (this.#warnedLate || records < WINDOW_RECORDS || late <= records * LATE_WARN_SHARE) return;
    this.#warnedLate = true;
    const percent = ((100 * late) / records).toFixed(1);
    this.#options.logger.warn(
      `${percent} % of the records came late, above 1 %: raise time.out_of_orderness, or load files merged by time`,
    );
  }

  /** @param values that left a window over event time early, as it is full */
  checkShortened(values: number, place: string): void {
    if (values === 0 || this.#warnedShortened) return;
    this.#warnedShortened = true;
    this.#options.logger.warn(
      `a feature over event time holds a million values of one series in ${place}: its window is shorter than rolling or ago says; let it be of a window's aggregate, or give it a shorter span`,
    );
  }

  #judge(): void {
    const { maxBadRate, deadLetters } = this.#options;
    const [records, bad] = [this.#records, this.#bad];
    this.#records = 0;
    this.#bad = 0;
    if (bad <= records * maxBadRate) return;
    throw new AnomalyError(
      'ANM_BAD_DATA',
      `cannot go on as ${bad} of the last ${records} records cannot be decoded, the last ones in ${this.#lastReason}`,
      {
        hint:
          deadLetters === undefined
            ? 'check source.format, fields, key and time, or allow more by --max-bad-rate'
            : `look at them with anomaly tail ${deadLetters}, and check source.fields, key and time`,
      },
    );
  }
}
