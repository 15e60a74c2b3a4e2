import { CELL_SIZE, MEAN_DEVIATION, OWNER, RollingWindow, SHIFT, VARIANCE } from '../rolling.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { AlertHandler, Detector, Verdict } from './detector.ts';

/** Largest |z| that is reported: any change after values without spread would be infinitely many deviations. */
export const MAX_Z = 1e6;

export interface RollingZOptions {
  /** Number of previous values, the current one excluded. */
  readonly window: number;
  /** How many of them there must be before a value can alert. */
  readonly minCount: number;
  /** In population standard deviations. */
  readonly threshold: number;
}

/**
 * Alerts when |value - mean| > threshold * population standard deviation of the slot's previous values. Each value is
 * learnt after it was scored, whether it alerted or not. The score is |z|, MAX_Z at most.
 */
export class RollingZ implements Detector {
  readonly name = 'rolling-z';
  readonly partNames = ['z'];
  readonly current: Verdict;
  readonly #options: RollingZOptions;
  readonly #window: RollingWindow;
  readonly #thresholdOf: ((slot: number) => number | undefined) | undefined;
  #reserved = 0;

  constructor(options: RollingZOptions, thresholdOf?: (slot: number) => number | undefined) {
    this.#options = options;
    this.#thresholdOf = thresholdOf;
    this.#window = new RollingWindow(options.window);
    this.current = {
      score: NaN,
      threshold: options.threshold,
      expected: NaN,
      lower: NaN,
      upper: NaN,
      parts: new Float64Array(1),
    };
  }

  reserve(count: number): void {
    this.#window.reserve(count);
    const { cells } = this.#window;
    for (let slot = this.#reserved; slot < count; slot++) {
      const threshold = this.#thresholdOf?.(slot) ?? this.#options.threshold;
      cells[slot * CELL_SIZE + OWNER] = threshold * threshold;
    }
    this.#reserved = Math.max(this.#reserved, count);
  }

  score(
    slots: Int32Array,
    _times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    alert: AlertHandler,
  ): void {
    const window = this.#window;
    const { cells } = window;
    // A full window may never reach minCount when that is larger; then nothing alerts, as the rule says.
    const { minCount } = this.#options;
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      if (slot < 0 || Number.isNaN(value)) continue;
      const cell = slot * CELL_SIZE;
      const deviation = value - cells[cell + SHIFT]! - cells[cell + MEAN_DEVIATION]!;
      // Squares spare the root and the division for the many values that do not alert.
      if (deviation * deviation > cells[cell + OWNER]! * cells[cell + VARIANCE]! && window.count(slot) >= minCount) {
        this.#explain(slot, deviation);
        alert.onAlert(i, this);
      }
      window.push(slot, value);
    }
  }

  snapshot(state: StateWriter): void {
    this.#window.snapshot(state);
  }

  restore(state: StateReader): void {
    this.#window.restore(state);
  }

  #explain(slot: number, deviation: number): void {
    const { current } = this;
    const stddev = Math.sqrt(this.#window.variance(slot));
    const mean = this.#window.mean(slot);
    const threshold = Math.sqrt(this.#window.cells[slot * CELL_SIZE + OWNER]!);
    current.score = Math.min(MAX_Z, Math.abs(deviation) / stddev);
    current.threshold = threshold;
    current.expected = mean;
    current.lower = mean - threshold * stddev;
    current.upper = mean + threshold * stddev;
    current.parts[0] = current.score;
  }
}
