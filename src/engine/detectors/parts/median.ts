import type { StateRow } from '../../stateRow.ts';
import type { Verdict } from '../detector.ts';
import { RobustLevel } from '../robustLevel.ts';
import { TailScores } from '../tail.ts';
import { capped, distance, explainBand, MAX_SCORE, type Observation, type Part } from './part.ts';

/**
 * Robust z-score: the distance to the median of the last `size` values in scaled median absolute deviations (Iglewicz
 * and Hoaglin 1993, with MAD of Hampel 1974). For series without a rhythm. 0.5 us a value and 2.8 KB a slot with 288
 * values, a day of 5-minute data.
 */
export class MedianDistance implements Part {
  readonly #level: RobustLevel;
  readonly #tail: TailScores;
  // Of the value being scored.
  #median = NaN;
  #scale = NaN;
  #distance = NaN;

  constructor(size: number, tailSize: number) {
    this.#level = new RobustLevel(size);
    this.#tail = new TailScores(tailSize);
  }

  get slotBytes(): number {
    return this.#level.slotBytes + this.#tail.slotBytes;
  }

  reserve(slots: number): void {
    this.#level.reserve(slots);
    this.#tail.reserve(slots);
  }

  /** Of a slot of two values, the first. */
  first(slot: number): number {
    return this.#level.first(slot);
  }

  evaluate({ slot, value }: Observation): number {
    this.#median = this.#level.median(slot);
    this.#scale = this.#level.scale(slot);
    this.#distance = distance(value - this.#median, this.#scale);
    return Number.isNaN(this.#distance) ? NaN : capped(this.#tail.score(slot, this.#distance));
  }

  learn({ slot, value, step }: Observation): void {
    if (!Number.isNaN(this.#distance)) {
      this.#tail.learn(slot, this.#tail.bounded(slot, this.#distance, MAX_SCORE));
    }
    this.#level.learn(slot, value, step);
  }

  explain({ slot }: Observation, threshold: number, out: Verdict): void {
    explainBand(this.#median, this.#scale * this.#tail.magnitudeAt(slot, threshold), out);
  }

  pack(slot: number, out: StateRow): void {
    this.#level.pack(slot, out);
    this.#tail.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#level.unpack(slot, from);
    this.#tail.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#level.reset(slot);
    this.#tail.clear(slot);
  }
}
