import type { Json } from '../../operatorState.ts';
import type { StateRow } from '../../stateRow.ts';
import { SlotCells } from '../slotBlocks.ts';
import type { Observation } from './part.ts';

const INTERVAL_WEIGHT = 0.05;
/** A pause longer than this many usual intervals is missing data. */
const GAP_INTERVALS = 2;

const SEEN = 0;
const LAST_TIME = 1;
const LAST_VALUE = 2;
const INTERVAL = 3;
const WIDTH = 4;

/** The value before, and how far apart values usually are: 32 bytes a slot. */
export class Course {
  readonly slotBytes = 8 * WIDTH;
  readonly #cells = new SlotCells(WIDTH);

  reserve(slots: number): void {
    this.#cells.reserve(slots);
  }

  /** Values seen. */
  count(slot: number): number {
    return this.#cells.values[slot * WIDTH + SEEN]!;
  }

  lastTime(slot: number): number {
    return this.#cells.values[slot * WIDTH + LAST_TIME]!;
  }

  lastValue(slot: number): number {
    return this.#cells.values[slot * WIDTH + LAST_VALUE]!;
  }

  /** Fills what the observation needs of the values before. */
  look(seen: Observation): void {
    const cells = this.#cells.values;
    const cell = seen.slot * WIDTH;
    seen.seen = cells[cell + SEEN]!;
    seen.intervalMs = cells[cell + INTERVAL]!;
    seen.step = NaN;
    if (seen.seen === 0) {
      seen.intervalMs = NaN;
      return;
    }
    const elapsedMs = seen.timeMs - cells[cell + LAST_TIME]!;
    // A late value, or one after missing data, has no neighbour to differ from. False while the interval is not known.
    const isApart = elapsedMs < 0 || elapsedMs > GAP_INTERVALS * seen.intervalMs;
    if (!isApart) seen.step = seen.value - cells[cell + LAST_VALUE]!;
  }

  /** The usual interval follows slowly, and a pause counts as four of them at most. */
  learn({ slot, timeMs, value }: Observation): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const seen = cells[cell + SEEN]!;
    cells[cell + SEEN] = seen + 1;
    if (seen === 0) {
      cells[cell + LAST_TIME] = timeMs;
      cells[cell + LAST_VALUE] = value;
      cells[cell + INTERVAL] = NaN;
      return;
    }
    const elapsedMs = timeMs - cells[cell + LAST_TIME]!;
    if (elapsedMs < 0) return;
    cells[cell + LAST_TIME] = timeMs;
    cells[cell + LAST_VALUE] = value;
    if (elapsedMs === 0) return;
    const interval = cells[cell + INTERVAL]!;
    if (Number.isNaN(interval)) cells[cell + INTERVAL] = elapsedMs;
    else cells[cell + INTERVAL] = interval + INTERVAL_WEIGHT * (Math.min(elapsedMs, 4 * interval) - interval);
  }

  describe(slot: number): { readonly [name: string]: Json } {
    const cell = slot * WIDTH;
    const cells = this.#cells.values;
    const values = cells[cell + SEEN]!;
    const known = (at: number) => (values > 0 && Number.isFinite(cells[cell + at]!) ? cells[cell + at]! : null);
    return {
      values,
      last_value: known(LAST_VALUE),
      last_time_ms: known(LAST_TIME),
      usual_interval_ms: known(INTERVAL),
    };
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
