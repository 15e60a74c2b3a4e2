import type { StateRow } from '../../stateRow.ts';
import type { Verdict } from '../detector.ts';
import { SlotCells } from '../slotBlocks.ts';
import { TailScores } from '../tail.ts';
import { capped, distance, explainBand, MAX_SCORE, type Observation, type Part } from './part.ts';

const WEIGHT = 0.1;

/**
 * The residual minus its own recent mean, an exponentially weighted one (Roberts 1959), in units of the usual size of
 * residuals at this hour: a day that runs higher than others is no surprise at its second value. It also says how a
 * value is learnt, with its surprise no larger than one that scores MAX_SCORE (Huber's clipping). 0.1 us a value, 450
 * bytes a slot.
 */
export class Context implements Part {
  readonly #tail: TailScores;
  readonly #means = new SlotCells(1);
  // Of the value being scored.
  #surprise = NaN;
  #distance = NaN;
  #learnt = NaN;

  constructor(tailSize: number) {
    this.#tail = new TailScores(tailSize);
  }

  get slotBytes(): number {
    return this.#tail.slotBytes + 8;
  }

  reserve(slots: number): void {
    this.#tail.reserve(slots);
    this.#means.reserve(slots);
  }

  evaluate({ slot, seen, residual, scale }: Observation): number {
    this.#surprise = residual - this.#means.values[slot]!;
    // The first surprise has nothing to be held against.
    this.#distance = seen < 2 ? NaN : distance(this.#surprise, scale);
    return Number.isNaN(this.#distance) ? NaN : capped(this.#tail.score(slot, this.#distance));
  }

  /** The surprise of the value as it is learnt: bounded, with its sign. */
  get learnt(): number {
    return this.#learnt;
  }

  /** Works out how the value is learnt, before anything learns it. */
  bound(seen: Observation): void {
    const { slot, scale } = seen;
    this.#learnt = 0;
    seen.learnt = seen.value;
    if (seen.seen === 0) return;
    const isMeasured = !Number.isNaN(this.#distance) && scale > 0;
    const size = isMeasured ? scale * this.#tail.bounded(slot, this.#distance, MAX_SCORE) : Math.abs(this.#surprise);
    this.#learnt = this.#surprise < 0 ? -size : size;
    seen.learnt = seen.value - (this.#surprise - this.#learnt);
  }

  learn({ slot }: Observation): void {
    if (!Number.isNaN(this.#distance)) {
      this.#tail.learn(slot, this.#tail.bounded(slot, this.#distance, MAX_SCORE));
    }
    this.#means.values[slot] = this.#means.values[slot]! + WEIGHT * this.#learnt;
  }

  explain({ slot, value, scale }: Observation, threshold: number, out: Verdict): void {
    explainBand(value - this.#surprise, scale * this.#tail.magnitudeAt(slot, threshold), out);
  }

  /** Residuals to the level say nothing about residuals to what is usual at this time. */
  beginSeason(slot: number): void {
    this.#means.values[slot] = 0;
  }

  pack(slot: number, out: StateRow): void {
    this.#tail.pack(slot, out);
    this.#means.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#tail.unpack(slot, from);
    this.#means.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#tail.clear(slot);
    this.#means.reset(slot);
  }
}
