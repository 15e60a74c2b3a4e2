import type { StateRow } from '../../stateRow.ts';
import type { Verdict } from '../detector.ts';
import { RobustLevel } from '../robustLevel.ts';
import { TailScores } from '../tail.ts';
import { capped, distance, explainBand, MAX_SCORE, type Observation, type Part } from './part.ts';

/** Values that the median looks at while no season is known. */
const LEARNING_SIZE = 288;

/**
 * The residual to what is usual at this time of day and kind of day, in units of its usual size at this hour; until
 * the season is known, the distance to the rolling median in MADs (median.ts). Finds values that are usual, but not now.
 * 0.1 us a value beside what `Usual` costs, 1.2 KB a slot.
 */
export class SeasonalResidual implements Part {
  readonly #tail: TailScores;
  readonly #level = new RobustLevel(LEARNING_SIZE);
  // Of the value being scored.
  #expected = NaN;
  #scale = NaN;
  #distance = NaN;

  constructor(tailSize: number) {
    this.#tail = new TailScores(tailSize);
  }

  get slotBytes(): number {
    return this.#tail.slotBytes + this.#level.slotBytes;
  }

  reserve(slots: number): void {
    this.#tail.reserve(slots);
    this.#level.reserve(slots);
  }

  evaluate({ slot, value, expected, scale, seasonKnown }: Observation): number {
    this.#expected = seasonKnown ? expected : this.#level.median(slot);
    this.#scale = seasonKnown ? scale : this.#level.scale(slot);
    this.#distance = distance(value - this.#expected, this.#scale);
    return Number.isNaN(this.#distance) ? NaN : capped(this.#tail.score(slot, this.#distance));
  }

  learn({ slot, value, step, seasonKnown }: Observation): void {
    if (!Number.isNaN(this.#distance)) {
      this.#tail.learn(slot, this.#tail.bounded(slot, this.#distance, MAX_SCORE));
    }
    if (!seasonKnown) this.#level.learn(slot, value, step);
  }

  explain({ slot }: Observation, threshold: number, out: Verdict): void {
    explainBand(this.#expected, this.#scale * this.#tail.magnitudeAt(slot, threshold), out);
  }

  /** Distances in MADs say nothing about residuals to what is usual at this time. */
  beginSeason(slot: number): void {
    this.#tail.clear(slot);
  }

  pack(slot: number, out: StateRow): void {
    this.#tail.pack(slot, out);
    this.#level.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#tail.unpack(slot, from);
    this.#level.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#tail.clear(slot);
    this.#level.reset(slot);
  }
}
