import type { ColumnBatch } from '../batch.ts';
import type { StateRow } from '../stateRow.ts';

/** What an accumulator keeps for the slots of a pane or of a store of panes; a slot is a series and field. */
export interface Cells {
  /** `width` doubles a slot. */
  numbers: Float64Array;
  /** One sketch a slot, made when it is first needed and then used again. */
  sketches: (Sketch | undefined)[];
}

/** A summary of values that has no fixed size. */
export interface Sketch {
  reset(): void;
  add(value: number): void;
  /** Takes in all that the other has; the result is the same as if its values had been added. */
  merge(other: this): void;
  pack(out: StateRow): void;
  unpack(from: StateRow): void;
}

/**
 * Keeps one thing of the values of a slot beside the five that every window has (moments.ts). State is stored under
 * `name`, so a window gets or loses one without the others.
 */
export interface Accumulator {
  readonly name: string;
  /** Doubles a slot in `Cells.numbers`. */
  readonly width: number;
  /** Makes a slot empty. */
  begin(cells: Cells, slot: number): void;
  /** @param timeMs event time @param alerts 1 where the value alerted, else 0 */
  add(cells: Cells, slot: number, value: number, timeMs: number, alerts: number): void;
  /** Adds records from <= i < to of one field; the slot is series * fields + field. Skips series < 0 and NaN. */
  addRun(cells: Cells, batch: ColumnBatch, field: number, from: number, to: number, alerts: Float64Array): void;
  /** Adds slot `from` of `source` to slot `into`, which has begun. */
  merge(cells: Cells, into: number, source: Cells, from: number): void;
  pack(cells: Cells, slot: number, out: StateRow): void;
  /** Takes back what `pack` wrote. */
  unpack(cells: Cells, slot: number, from: StateRow): void;
}

export function newCells(accumulator: Accumulator, slots: number): Cells {
  return { numbers: new Float64Array(slots * accumulator.width), sketches: [] };
}

export function reserveCells(accumulator: Accumulator, cells: Cells, slots: number): void {
  const length = slots * accumulator.width;
  if (length <= cells.numbers.length) return;
  const grown = new Float64Array(length);
  grown.set(cells.numbers);
  cells.numbers = grown;
}

/** Accumulators of a fixed number of doubles: packing is a copy. */
export abstract class NumberAccumulator {
  abstract readonly width: number;

  pack(cells: Cells, slot: number, out: StateRow): void {
    out.putDoubles(cells.numbers, slot * this.width, (slot + 1) * this.width);
  }

  unpack(cells: Cells, slot: number, from: StateRow): void {
    from.doubles(cells.numbers, slot * this.width, (slot + 1) * this.width);
  }
}
