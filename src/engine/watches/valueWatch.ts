import type { Verdict } from '../detectors/detector.ts';
import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';

/**
 * A watch over the values of single slots (series x fields + field). State lives in typed arrays by slot, and nothing is
 * allocated per value. What it tells is above the slot's threshold; shaping is the stage's.
 */
export interface ValueWatch {
  /** Names of the parts behind a score, in the order of `current.parts`. */
  readonly partNames: readonly string[];
  /** What was found, within `onFound`. */
  readonly current: Verdict;
  /** Makes room for slots below `count`. */
  reserve(count: number): void;
  setThreshold(slot: number, threshold: number): void;
  /** Takes values[i] of slot slots[i] at times[i] (epoch ms) for from <= i < to; skips slots < 0 and NaN values. */
  observe(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    handler: FoundHandler,
  ): void;
  pack(slot: number, out: StateRow): void;
  unpack(slot: number, from: StateRow): void;
  reset(slot: number): void;
  /** What a slot's state is, for people. */
  describe(slot: number): { readonly [name: string]: Json };
}

export interface FoundHandler {
  /** The watch has found something at value i; what it is, is in its `current`. */
  onFound(index: number): void;
}
