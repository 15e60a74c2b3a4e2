import type { StateRow } from '../../stateRow.ts';
import { SlotBlocks, SlotCells } from '../slotBlocks.ts';
import { TailScores } from '../tail.ts';
import { capped, MAX_SCORE, type Observation, type Part } from './part.ts';

/** Residuals that a mean is taken of. */
const SIZE = 12;
/** Neighbouring means are much alike, so that as many say less than as many single values do. */
const MIN_COUNT = 20 * SIZE;
const DAY_MS = 86_400_000;
const LARGEST_WEIGHT = 0.1;

const DRIFT = 0;
const COUNT = 1;
const WIDTH = 2;

/**
 * The mean of the last 12 seasonal residuals, less what they have drifted by in the last day: small deviations that
 * last, where none of the values alone would say much (as a CUSUM does, Page 1954). The drift is an exponentially
 * weighted mean over a day of event time, so a new level is accepted within days. 0.2 us a value, 510 bytes a slot.
 */
export class Lasting implements Part {
  readonly #tail: TailScores;
  readonly #cells = new SlotCells(WIDTH);
  readonly #ring = new SlotBlocks(SIZE);
  // Of the value being scored.
  #own = NaN;
  #mean = NaN;

  constructor(tailSize: number) {
    this.#tail = new TailScores(tailSize);
  }

  get slotBytes(): number {
    return this.#tail.slotBytes + 8 * WIDTH + 4 * SIZE;
  }

  reserve(slots: number): void {
    this.#tail.reserve(slots);
    this.#cells.reserve(slots);
    this.#ring.reserve(slots);
  }

  evaluate({ slot, residual, seasonKnown }: Observation): number {
    this.#mean = NaN;
    if (!seasonKnown) return NaN;
    const cell = slot * WIDTH;
    const count = this.#cells.values[cell + COUNT]!;
    this.#own = residual - this.#cells.values[cell + DRIFT]!;
    const ring = this.#ring.block(slot);
    const base = this.#ring.base(slot);
    const before = Math.min(count, SIZE - 1);
    let sum = this.#own;
    for (let k = 1; k <= before; k++) sum += ring[base + ((count - k) % SIZE)]!;
    this.#mean = sum / (before + 1);
    return count < MIN_COUNT ? NaN : capped(this.#tail.score(slot, Math.abs(this.#mean)));
  }

  /** The drift takes in of a value what the context does: no larger a surprise than one that scores MAX_SCORE. */
  learn({ slot, value, learnt, intervalMs }: Observation): void {
    if (Number.isNaN(this.#mean)) return;
    this.#tail.learn(slot, this.#tail.bounded(slot, Math.abs(this.#mean), MAX_SCORE));
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const count = cells[cell + COUNT]!;
    this.#ring.block(slot)[this.#ring.base(slot) + (count % SIZE)] = singlePrecision(this.#own);
    cells[cell + COUNT] = count + 1;
    const weight = Number.isNaN(intervalMs) ? 0 : Math.min(LARGEST_WEIGHT, intervalMs / DAY_MS);
    cells[cell + DRIFT] = cells[cell + DRIFT]! + weight * (this.#own - (value - learnt));
  }

  pack(slot: number, out: StateRow): void {
    this.#tail.pack(slot, out);
    this.#cells.pack(slot, out);
    this.#ring.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#tail.unpack(slot, from);
    this.#cells.unpack(slot, from);
    this.#ring.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#tail.clear(slot);
    this.#cells.reset(slot);
    this.#ring.reset(slot);
  }
}

const LARGEST_FLOAT = 3.4028234663852886e38;

function singlePrecision(value: number): number {
  return Math.max(-LARGEST_FLOAT, Math.min(LARGEST_FLOAT, value));
}
