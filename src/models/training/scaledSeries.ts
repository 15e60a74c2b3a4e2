import { InputScaler } from '../../engine/modelInput/inputScaler.ts';
import type { ModelScaling } from '../modelSpec.ts';

/** The records of one series, in the order that they came in. */
export interface TrainingSeries {
  readonly name: string;
  readonly count: number;
  /** Epoch milliseconds, one a record. */
  readonly times: Float64Array;
  /** count x channels, row-major; NaN for what a record lacks. */
  readonly values: Float64Array;
}

export interface ScaledRows {
  /** How many rows there are. */
  readonly count: number;
  /** Records without one of the channels, or with NaN there: they are left out. */
  readonly missing: number;
}

/** Scales series one after the other, each from its first record on, as the running pipeline does. */
export class SeriesScaler {
  readonly #scaler: InputScaler;
  readonly #channels: number;
  #series = 0;

  /** @param stepMs residual: width of a season slot */
  constructor(channels: number, scaling: ModelScaling, stepMs: number) {
    this.#channels = channels;
    this.#scaler = new InputScaler(scaling, stepMs);
  }

  /**
   * Writes the rows of a series into `out` from row `at` on. There are none while the series is learning.
   * @param records gets the record of each row, from `at` on
   */
  scale(series: TrainingSeries, out: Float32Array, at: number, records?: Int32Array): ScaledRows {
    const first = this.#series++ * this.#channels;
    this.#scaler.reserve(first + this.#channels);
    let missing = 0;
    let row = at;
    for (let record = 0; record < series.count; record++) {
      if (!this.#isWhole(series, record)) {
        missing++;
        continue;
      }
      if (!this.#scaleRecord(series, record, first, out, row)) continue;
      if (records !== undefined) records[row] = record;
      row++;
    }
    return { count: row - at, missing };
  }

  #isWhole({ values }: TrainingSeries, record: number): boolean {
    const from = record * this.#channels;
    for (let c = 0; c < this.#channels; c++) if (!Number.isFinite(values[from + c]!)) return false;
    return true;
  }

  /** False while the series is learning. */
  #scaleRecord(series: TrainingSeries, record: number, first: number, out: Float32Array, row: number): boolean {
    const channels = this.#channels;
    let known = true;
    for (let c = 0; c < channels; c++) {
      const value = series.values[record * channels + c]!;
      out[row * channels + c] = this.#scaler.scale(first + c, series.times[record]!, value);
      if (!Number.isFinite(out[row * channels + c]!)) known = false;
    }
    return known;
  }
}
