import type { ColumnBatch } from './batch.ts';
import type { ColumnRef, FeatureDefinition, PipelineDefinition } from './definition.ts';
import { RollingFeature } from './features.ts';
import type { WindowRows } from './rows.ts';
import type { StateReader, StateWriter } from './state.ts';

/** The configured rolling features, each a column beside the column that it is of. */
export class FeatureColumns {
  readonly #definitions: readonly FeatureDefinition[];
  readonly #operators: RollingFeature[];
  readonly #fields: number;
  /** Features of records: a column by record index. Features of windows live in WindowRows. */
  readonly #columns: Float64Array[];
  #slots = new Int32Array(1024);

  constructor(definition: PipelineDefinition) {
    this.#definitions = definition.features;
    this.#fields = definition.fields.length;
    this.#operators = definition.features.map(({ rolling, statistic }) => new RollingFeature(rolling, statistic));
    this.#columns = definition.features.map(() => new Float64Array(0));
  }

  reserve(series: number): void {
    for (const operator of this.#operators) operator.reserve(series * this.#fields);
  }

  isOfRecords(feature: number): boolean {
    return this.#of(feature).kind === 'field';
  }

  /** Field of a feature of records. */
  fieldOf(feature: number): number {
    const of = this.#of(feature);
    return of.kind === 'field' ? of.field : 0;
  }

  /** Window of a feature of a window's aggregate; -1 for a feature of records. */
  windowOf(feature: number): number {
    const of = this.#of(feature);
    return of.kind === 'aggregate' ? of.window : -1;
  }

  /** Values of a feature of records, by record index of the last `ofRecords`. */
  column(feature: number): Float64Array {
    return this.#columns[feature]!;
  }

  ofRecords(batch: ColumnBatch, from: number, to: number): void {
    for (let k = 0; k < this.#definitions.length; k++) {
      const of = this.#definitions[k]!.of;
      if (of.kind !== 'field') continue;
      if (this.#columns[k]!.length < to) this.#columns[k] = new Float64Array(batch.capacity);
      const slots = this.#recordSlots(batch.series, of.field, from, to);
      this.#operators[k]!.compute(slots, batch.fields[of.field]!, from, to, this.#columns[k]!);
    }
  }

  ofWindows(rows: WindowRows, from: number): void {
    for (let k = 0; k < this.#definitions.length; k++) {
      const of = this.#definitions[k]!.of;
      if (of.kind !== 'aggregate') continue;
      const slots = this.#room(rows.count);
      for (let i = from; i < rows.count; i++) {
        slots[i] = rows.window[i] === of.window ? rows.series[i]! * this.#fields + rows.field[i]! : -1;
      }
      // Rows of other windows have no slot, and get NaN.
      this.#operators[k]!.compute(slots, rows.aggregate(of.aggregate), from, rows.count, rows.features[k]!);
    }
  }

  snapshot(state: StateWriter): void {
    for (let k = 0; k < this.#operators.length; k++) this.#operators[k]!.snapshot(state.scope(String(k)));
  }

  restore(state: StateReader): void {
    for (let k = 0; k < this.#operators.length; k++) this.#operators[k]!.restore(state.scope(String(k)));
  }

  #of(feature: number): ColumnRef {
    return this.#definitions[feature]!.of;
  }

  #recordSlots(series: Int32Array, field: number, from: number, to: number): Int32Array {
    if (this.#fields === 1) return series;
    const slots = this.#room(to);
    for (let i = from; i < to; i++) slots[i] = series[i]! < 0 ? -1 : series[i]! * this.#fields + field;
    return slots;
  }

  #room(count: number): Int32Array {
    if (count > this.#slots.length) this.#slots = new Int32Array(Math.max(count, this.#slots.length * 2));
    return this.#slots;
  }
}
