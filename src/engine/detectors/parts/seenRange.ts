import type { StateRow } from '../../stateRow.ts';
import type { Verdict } from '../detector.ts';
import { SlotCells } from '../slotBlocks.ts';
import { TAIL_MIN_COUNT } from '../tail.ts';
import { capped, MAX_SCORE, type Observation, type Part } from './part.ts';

/** A value this part of the range outside of what was seen scores SCORE, and more the farther out it is. */
const MARGIN = 0.05;
const SCORE = 2.5;

const COUNT = 0;
const MIN = 1;
const MAX = 2;
const WIDTH = 3;

/**
 * How far a value lies outside of all that was seen: 2.5 at 5 % of the range (the baseline of reference tables: 50.8 on
 * NAB by itself). Silent until the season is known, as a daily rhythm leaves the range seen so far each time it rises.
 * 0.01 us a value, 24 bytes a slot.
 */
export class SeenRange implements Part {
  readonly slotBytes = 8 * WIDTH;
  readonly #cells = new SlotCells(WIDTH);

  reserve(slots: number): void {
    this.#cells.reserve(slots);
  }

  evaluate({ slot, value, seasonKnown }: Observation): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    if (cells[cell + COUNT]! < TAIL_MIN_COUNT || !seasonKnown) return NaN;
    const min = cells[cell + MIN]!;
    const max = cells[cell + MAX]!;
    if (value >= min && value <= max) return 0;
    const outside = value < min ? min - value : value - max;
    return max > min ? capped((SCORE * outside) / (MARGIN * (max - min))) : MAX_SCORE;
  }

  learn({ slot, value }: Observation): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const count = cells[cell + COUNT]!;
    cells[cell + COUNT] = count + 1;
    if (count === 0 || value < cells[cell + MIN]!) cells[cell + MIN] = value;
    if (count === 0 || value > cells[cell + MAX]!) cells[cell + MAX] = value;
  }

  explain({ slot }: Observation, threshold: number, out: Verdict): void {
    const cell = slot * WIDTH;
    const min = this.#cells.values[cell + MIN]!;
    const max = this.#cells.values[cell + MAX]!;
    const reach = (threshold / SCORE) * MARGIN * (max - min);
    out.expected = NaN;
    out.lower = min - reach;
    out.upper = max + reach;
  }

  pack(slot: number, out: StateRow): void {
    this.#cells.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#cells.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#cells.reset(slot);
  }
}
