import { RollingWindow } from './rolling.ts';
import type { StateReader, StateWriter } from './state.ts';

export type RollingStatistic = 'mean' | 'stddev' | 'z';

/**
 * A rolling statistic as an operator, column in and column out: mean, population standard deviation, or z of the
 * current value, over the last `size` values of its slot, the current one included.
 */
export class RollingFeature {
  readonly statistic: RollingStatistic;
  readonly #window: RollingWindow;

  constructor(size: number, statistic: RollingStatistic) {
    this.statistic = statistic;
    this.#window = new RollingWindow(size);
  }

  reserve(slots: number): void {
    this.#window.reserve(slots);
  }

  /**
   * Fills out[i] for from <= i < to, in order. NaN where slots[i] < 0 or values[i] is NaN; those are not taken in. A
   * window of equal values has the z 0.
   */
  compute(slots: Int32Array, values: Float64Array, from: number, to: number, out: Float64Array): void {
    const window = this.#window;
    const { statistic } = this;
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      if (slot < 0 || Number.isNaN(value)) {
        out[i] = NaN;
        continue;
      }
      window.push(slot, value);
      if (statistic === 'mean') {
        out[i] = window.mean(slot);
        continue;
      }
      const stddev = Math.sqrt(window.variance(slot));
      if (statistic === 'stddev') out[i] = stddev;
      else out[i] = stddev === 0 ? 0 : window.deviation(slot, value) / stddev;
    }
  }

  snapshot(state: StateWriter): void {
    this.#window.snapshot(state);
  }

  restore(state: StateReader): void {
    this.#window.restore(state);
  }
}
