import type { ColumnBatch } from '../batch.ts';
import type { StateRow } from '../stateRow.ts';
import type { Accumulator, Cells, Sketch } from './accumulator.ts';

/** An accumulator of one sketch a slot. */
export class SketchAccumulator<T extends Sketch> implements Accumulator {
  readonly name: string;
  readonly width = 0;
  readonly #create: () => T;

  constructor(name: string, create: () => T) {
    this.name = name;
    this.#create = create;
  }

  begin({ sketches }: Cells, slot: number): void {
    sketches[slot]?.reset();
  }

  add(cells: Cells, slot: number, value: number): void {
    this.#at(cells, slot).add(value);
  }

  addRun(cells: Cells, { series, fields }: ColumnBatch, field: number, from: number, to: number): void {
    const values = fields[field]!;
    for (let i = from; i < to; i++) {
      const value = values[i]!;
      if (series[i]! < 0 || Number.isNaN(value)) continue;
      this.#at(cells, series[i]! * fields.length + field).add(value);
    }
  }

  merge(cells: Cells, into: number, source: Cells, from: number): void {
    const other = source.sketches[from];
    if (other !== undefined) this.#at(cells, into).merge(other);
  }

  pack({ sketches }: Cells, slot: number, out: StateRow): void {
    const sketch = sketches[slot];
    out.putU8(sketch === undefined ? 0 : 1);
    sketch?.pack(out);
  }

  unpack(cells: Cells, slot: number, from: StateRow): void {
    this.begin(cells, slot);
    if (from.u8() === 1) this.#at(cells, slot).unpack(from);
  }

  #at({ sketches }: Cells, slot: number): Sketch {
    let sketch = sketches[slot];
    if (sketch === undefined) {
      // An array with holes at its end becomes a map of numbers, which is slower.
      while (sketches.length < slot) sketches.push(undefined);
      sketch = this.#create();
      sketches[slot] = sketch;
    }
    return sketch;
  }
}
