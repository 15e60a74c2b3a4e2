import type { Json } from '../operatorState.ts';
import { BLOCK } from '../readAhead.ts';
import { RollingWindow } from '../rolling.ts';
import type { StateReader } from '../state.ts';
import type { StateRow } from '../stateRow.ts';
import type { FeatureOperator } from './operator.ts';
import type { MomentStatistic } from './rollingByTime.ts';

/**
 * Mean, population standard deviation, z of the current value, sum or count over the last `size` values of its slot in
 * the order of their arrival, the current one included. A window of equal values has the z 0.
 */
export class RollingByCount implements FeatureOperator {
  readonly shortenedCount = 0;
  readonly statistic: MomentStatistic;
  readonly #window: RollingWindow;

  constructor(size: number, statistic: MomentStatistic) {
    this.statistic = statistic;
    this.#window = new RollingWindow(size);
  }

  reserve(slots: number): void {
    this.#window.reserve(slots);
  }

  compute(
    slots: Int32Array,
    _times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    out: Float64Array,
  ): void {
    const window = this.#window;
    const { statistic } = this;
    for (let i = from; i < to; i++) {
      if ((i - from) % BLOCK === 0) window.readAhead(slots, i, Math.min(to, i + BLOCK));
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
      if (statistic === 'sum' || statistic === 'count') {
        out[i] = statistic === 'count' ? window.count(slot) : window.mean(slot) * window.count(slot);
        continue;
      }
      const stddev = Math.sqrt(window.variance(slot));
      if (statistic === 'stddev') out[i] = stddev;
      else out[i] = stddev === 0 ? 0 : window.deviation(slot, value) / stddev;
    }
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

  describe(slot: number): Json {
    return { statistic: this.statistic, of_last: this.#window.size, ...this.#window.describe(slot) };
  }

  /** The arrays of all slots, as version 0.1 wrote them. */
  restore(state: StateReader): void {
    this.#window.restore(state);
  }
}
