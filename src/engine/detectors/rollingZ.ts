import type { Json } from '../operatorState.ts';
import { BLOCK } from '../readAhead.ts';
import { MEAN_DEVIATION, OWNER, RollingWindow, SHIFT, VARIANCE } from '../rolling.ts';
import type { StateRow } from '../stateRow.ts';
import { type Detector, type ScoreHandler, verdict } from './detector.ts';

/** Largest |z| that is reported: any change after values without spread would be infinitely many deviations. */
export const MAX_Z = 1e6;

export interface RollingZOptions {
  /** Number of previous values, the current one excluded. */
  readonly window: number;
  /** How many of them there must be before a value can alert. */
  readonly minCount: number;
}

/**
 * The score is |z|, MAX_Z at most: |value - mean| of the slot's previous values over their population standard
 * deviation. Each value is learnt after it was scored, whether it alerted or not.
 */
export class RollingZ implements Detector {
  readonly name = 'rolling-z';
  readonly partNames = ['z'];
  readonly current = verdict(1);
  readonly #options: RollingZOptions;
  readonly #window: RollingWindow;
  #slot = 0;

  constructor(options: RollingZOptions) {
    this.#options = options;
    this.#window = new RollingWindow(options.window);
  }

  reserve(count: number): void {
    this.#window.reserve(count);
  }

  appear(_slot: number): void {}

  /** Of standard deviations; squared, as the hot loop compares squares. */
  setFloor(slot: number, floor: number): void {
    this.#window.cells[this.#window.cellOf(slot) + OWNER] = floor < 0 ? -1 : floor * floor;
  }

  describe(slot: number, threshold: number): { readonly [name: string]: Json } {
    const state = this.#window.describe(slot);
    const reach = threshold * (state.stddev ?? NaN);
    const speaks = state.values >= this.#options.minCount && state.mean !== null;
    return {
      ...{ of_last: this.#window.size, ...state, threshold },
      lower: speaks ? state.mean - reach : null,
      upper: speaks ? state.mean + reach : null,
    };
  }

  pack(slot: number, out: StateRow): void {
    this.#window.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#window.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#window.reset(slot);
  }

  missing(slot: number): number {
    return Math.max(0, this.#options.minCount - this.#window.count(slot));
  }

  score(
    slots: Int32Array,
    _times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    handler: ScoreHandler,
  ): void {
    const window = this.#window;
    const { cells } = window;
    // A full window may never reach minCount when that is larger; then nothing alerts, as the rule says.
    const { minCount } = this.#options;
    for (let i = from; i < to; i++) {
      if ((i - from) % BLOCK === 0) window.readAhead(slots, i, Math.min(to, i + BLOCK));
      const slot = slots[i]!;
      const value = values[i]!;
      if (slot < 0 || Number.isNaN(value)) continue;
      const cell = window.cellOf(slot);
      const deviation = value - cells[cell + SHIFT]! - cells[cell + MEAN_DEVIATION]!;
      const floor = cells[cell + OWNER]!;
      // Squares spare the root and the division for the many values below the floor.
      const isTold = deviation * deviation > floor * cells[cell + VARIANCE]! || floor < 0;
      if (isTold && window.count(slot) >= minCount) {
        this.#judge(slot, deviation);
        handler.onScore(i, this);
      }
      window.push(slot, value);
    }
  }

  #judge(slot: number, deviation: number): void {
    const { current } = this;
    const stddev = Math.sqrt(this.#window.variance(slot));
    this.#slot = slot;
    current.score = deviation === 0 ? 0 : Math.min(MAX_Z, Math.abs(deviation) / stddev);
    current.parts[0] = current.score;
  }

  explain(threshold: number): void {
    const { current } = this;
    const mean = this.#window.mean(this.#slot);
    const reach = threshold * Math.sqrt(this.#window.variance(this.#slot));
    current.expected = mean;
    current.lower = mean - reach;
    current.upper = mean + reach;
  }
}
