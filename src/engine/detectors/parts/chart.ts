import type { StateRow } from '../../stateRow.ts';
import type { Verdict } from '../detector.ts';
import { SlotCells } from '../slotBlocks.ts';
import { TailScores } from '../tail.ts';
import { capped, explainBand, MAX_SCORE, type Observation, type Part } from './part.ts';

/** Weight of the newest value in the chart's statistic. */
const WEIGHT = 0.2;
/** The centre line follows slowly. */
const CENTRE_WEIGHT = 0.005;

const STATISTIC = 0;
const CENTRE = 1;
const WIDTH = 2;

/**
 * EWMA control chart (Roberts 1959): an exponentially weighted mean of the values against a centre line that follows
 * slowly. Finds small shifts of level in series without a rhythm. Its control limit is the tail's, so no law of the
 * noise is assumed. 0.1 us a value, 460 bytes a slot.
 */
export class Chart implements Part {
  readonly #tail: TailScores;
  readonly #cells = new SlotCells(WIDTH);
  #distance = NaN;

  constructor(tailSize: number) {
    this.#tail = new TailScores(tailSize);
  }

  get slotBytes(): number {
    return this.#tail.slotBytes + 8 * WIDTH;
  }

  reserve(slots: number): void {
    this.#tail.reserve(slots);
    this.#cells.reserve(slots);
  }

  /** Of a slot of two values, nearly the first. */
  first(slot: number): number {
    return this.#cells.values[slot * WIDTH + CENTRE]!;
  }

  evaluate({ slot, value, seen }: Observation): number {
    const cell = slot * WIDTH;
    const statistic = this.#cells.values[cell + STATISTIC]!;
    this.#distance = seen === 0 ? NaN : statistic + WEIGHT * (value - statistic) - this.#cells.values[cell + CENTRE]!;
    return seen === 0 ? NaN : capped(this.#tail.score(slot, Math.abs(this.#distance)));
  }

  learn({ slot, value, seen }: Observation): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    if (seen === 0) {
      cells[cell + STATISTIC] = value;
      cells[cell + CENTRE] = value;
      return;
    }
    const size = this.#tail.bounded(slot, Math.abs(this.#distance), MAX_SCORE);
    const learnt = this.#distance < 0 ? -size : size;
    this.#tail.learn(slot, size);
    cells[cell + STATISTIC] = cells[cell + CENTRE]! + learnt;
    cells[cell + CENTRE] = cells[cell + CENTRE]! + CENTRE_WEIGHT * learnt;
  }

  /** The band of the value: where it would take the statistic to its limit. */
  explain({ slot }: Observation, threshold: number, out: Verdict): void {
    const cell = slot * WIDTH;
    const centre = this.#cells.values[cell + CENTRE]!;
    const before = (1 - WEIGHT) * this.#cells.values[cell + STATISTIC]!;
    const reach = this.#tail.magnitudeAt(slot, threshold);
    explainBand((centre - before) / WEIGHT, reach / WEIGHT, out);
    out.expected = centre;
  }

  pack(slot: number, out: StateRow): void {
    this.#tail.pack(slot, out);
    this.#cells.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#tail.unpack(slot, from);
    this.#cells.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#tail.clear(slot);
    this.#cells.reset(slot);
  }
}
