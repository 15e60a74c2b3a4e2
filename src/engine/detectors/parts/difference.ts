import type { StateRow } from '../../stateRow.ts';
import type { Verdict } from '../detector.ts';
import { TailScores } from '../tail.ts';
import { capped, explainBand, MAX_SCORE, type Observation, type Part } from './part.ts';

/**
 * The step from the value before: x_t - x_{t-1}, first difference (Box and Jenkins 1970). Finds spikes and jumps in
 * anything that moves smoothly; silent after missing data. 0.1 us a value, 440 bytes a slot.
 */
export class Difference implements Part {
  readonly #tail: TailScores;

  constructor(tailSize: number) {
    this.#tail = new TailScores(tailSize);
  }

  get slotBytes(): number {
    return this.#tail.slotBytes;
  }

  reserve(slots: number): void {
    this.#tail.reserve(slots);
  }

  evaluate({ slot, step }: Observation): number {
    return Number.isNaN(step) ? NaN : capped(this.#tail.score(slot, Math.abs(step)));
  }

  learn({ slot, step }: Observation): void {
    if (!Number.isNaN(step)) this.#tail.learn(slot, this.#tail.bounded(slot, Math.abs(step), MAX_SCORE));
  }

  explain({ slot, value, step }: Observation, threshold: number, out: Verdict): void {
    explainBand(value - step, this.#tail.magnitudeAt(slot, threshold), out);
  }

  pack(slot: number, out: StateRow): void {
    this.#tail.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#tail.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#tail.clear(slot);
  }
}
