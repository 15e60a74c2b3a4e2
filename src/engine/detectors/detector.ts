import type { StateReader, StateWriter } from '../state.ts';

/**
 * A detector scores a column of values in order, learning after each one. State lives in typed arrays by slot (a
 * series id, or series x field); nothing is allocated per value.
 */
export interface Detector {
  readonly name: string;
  /** Names of the parts behind a score, in the order of `parts`. */
  readonly partNames: readonly string[];
  /** Makes room for slots below `count`. */
  reserve(count: number): void;
  /**
   * Scores values[i] of slot slots[i] at times[i] (epoch ms) for from <= i < to; skips slots < 0 and NaN values.
   * Calls `alert.onAlert(i, this)` for those above the threshold, with the fields below describing value i.
   */
  score(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    alert: AlertHandler,
  ): void;
  /** The fields below hold for the value just scored, within onAlert. */
  readonly current: Verdict;
  snapshot(state: StateWriter): void;
  restore(state: StateReader): void;
}

export interface AlertHandler {
  onAlert(index: number, detector: Detector): void;
}

/** What a detector says of one value; one reused object a detector. */
export interface Verdict {
  /** kpi: mean of calibrated tails, -log10 p. rolling-z: |z|. range: distance outside the band over its width. */
  score: number;
  threshold: number;
  /** Expected value, and the band inside which a value would not alert; NaN where the detector has none. */
  expected: number;
  lower: number;
  upper: number;
  /** One score a part, in the order of partNames; NaN while the part is learning. */
  parts: Float64Array;
}
