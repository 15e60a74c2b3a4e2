import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';

/**
 * A detector scores a column of values in order, learning after each one. State lives in typed arrays by slot (a
 * series id, or series x field); nothing is allocated per value. What a score leads to is not its business: thresholds
 * and the shaping of alerts belong to the stage.
 */
export interface Detector {
  readonly name: string;
  /** Names of the parts behind a score, in the order of `parts`. */
  readonly partNames: readonly string[];
  /** Makes room for slots below `count`. */
  reserve(count: number): void;
  /** Scores of the slot up to this one are not told: the threshold as a rule, or -Infinity where each one counts. */
  setFloor(slot: number, floor: number): void;
  /**
   * Scores values[i] of slot slots[i] at times[i] (epoch ms) for from <= i < to; skips slots < 0 and NaN values.
   * Calls `handler.onScore(i, this)` for those above the slot's floor, with `current` describing value i.
   */
  score(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    handler: ScoreHandler,
  ): void;
  /** Score and parts hold for the value just scored, within onScore; the rest of it after `explain`. */
  readonly current: Verdict;
  /** Within onScore: fills what is expected, and the band inside which a value stays below the threshold. */
  explain(threshold: number): void;
  /** Within onScore: what is taken off the score as values come often, of -log10 p; absent: nothing. */
  chances?(): number;
  /** Within onScore: start of the season slot that the value was compared with, in ms of the week; NaN for none. */
  season?(): number;
  /** The score that parts with some of them NaN stand for; absent: the highest of them. */
  readonly fuse?: (parts: Float64Array) => number;
  /** How many values the slot has yet to see before its score can alert; absent: none. */
  missing?(slot: number): number;
  /** One slot's share of the state; the words of stateRow.ts hold, for slots. */
  pack(slot: number, out: StateRow): void;
  unpack(slot: number, from: StateRow): void;
  reset(slot: number): void;
  /** What a slot's state is, for people; `threshold` is the slot's. */
  describe(slot: number, threshold: number): { readonly [name: string]: Json };
  /** Asks anew for what the configuration says of the slot's series: its id was given to another key. */
  appear(slot: number): void;
}

export interface ScoreHandler {
  onScore(index: number, detector: Detector): void;
}

/** What a detector says of one value; one reused object a detector. */
export interface Verdict {
  /** kpi: mean of calibrated tails, -log10 p. rolling-z: |z|. range: distance outside the band over its width. */
  score: number;
  /** Expected value, and the band inside which a value would not alert; NaN where the detector has none. */
  expected: number;
  lower: number;
  upper: number;
  /** One score a part, in the order of partNames; NaN while the part is learning. */
  parts: Float64Array;
}

/** An empty verdict with so many parts. */
export function verdict(parts: number): Verdict {
  return { score: NaN, expected: NaN, lower: NaN, upper: NaN, parts: new Float64Array(parts) };
}
