import type { ColumnBatch } from './batch.ts';
import type { ColumnRef, FeatureDefinition, PipelineDefinition } from './definition.ts';
import { createFeature } from './features/create.ts';
import type { FeatureOperator } from './features/operator.ts';
import { RollingByCount } from './features/rollingByCount.ts';
import type { WindowRows } from './rows.ts';
import type { StateReader } from './state.ts';
import { type RowState, StateRow } from './stateRow.ts';

/** The configured features, each a column beside the column that it is of. */
export class FeatureColumns {
  readonly #definitions: readonly FeatureDefinition[];
  readonly #operators: FeatureOperator[];
  readonly #fields: number;
  /** Features of records: a column by record index. Features of windows live in WindowRows. */
  readonly #columns: Float64Array[];
  #slots = new Int32Array(1024);

  constructor(definition: PipelineDefinition) {
    this.#definitions = definition.features;
    this.#fields = definition.fields.length;
    this.#operators = definition.features.map(createFeature);
    this.#columns = definition.features.map(() => new Float64Array(0));
  }

  /** Values that left a window early, as it held too many. */
  get shortenedCount(): number {
    let sum = 0;
    for (let k = 0; k < this.#operators.length; k++) sum += this.#operators[k]!.shortenedCount;
    return sum;
  }

  reserve(series: number): void {
    for (let k = 0; k < this.#operators.length; k++) this.#operators[k]!.reserve(series * this.#width(k));
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
      const { series, eventTimes, fields } = batch;
      this.#operators[k]!.compute(series, eventTimes, fields[of.field]!, from, to, this.#columns[k]!);
    }
  }

  /** The time of a window is its end. */
  ofWindows(rows: WindowRows, from: number): void {
    for (let k = 0; k < this.#definitions.length; k++) {
      const of = this.#definitions[k]!.of;
      if (of.kind !== 'aggregate') continue;
      const slots = this.#room(rows.count);
      for (let i = from; i < rows.count; i++) {
        slots[i] =
          rows.window[i] === of.window && rows.onTime[i] === 1 ? rows.series[i]! * this.#fields + rows.field[i]! : -1;
      }
      // Rows of other windows, and those that are not on time, have no slot and get NaN.
      this.#operators[k]!.compute(slots, rows.end, rows.aggregate(of.aggregate), from, rows.count, rows.features[k]!);
    }
  }

  /** The state of a feature by series. */
  stateOf(name: string): RowState {
    const feature = this.#definitions.findIndex((each) => each.name === name);
    const operator = this.#operators[feature]!;
    const width = this.#width(feature);
    const each = (series: number, act: (slot: number) => void): void => {
      for (let slot = series * width; slot < (series + 1) * width; slot++) act(slot);
    };
    return {
      reserve: (count) => operator.reserve(count * width),
      pack: (series, out) => each(series, (slot) => operator.pack(slot, out)),
      unpack: (series, from) => each(series, (slot) => operator.unpack(slot, from)),
      reset: (series) => each(series, (slot) => operator.reset(slot)),
      restore: (state) => this.#restoreArrays(feature, state),
      describe: (series) => Array.from({ length: width }, (_, k) => operator.describe(series * width + k)),
    };
  }

  /** Version 0.1 kept the windows of all slots as arrays, and a slot a field also where the feature is of one field. */
  #restoreArrays(feature: number, state: StateReader): void {
    const operator = this.#operators[feature]!;
    const former = new RollingByCount(this.#definitions[feature]!.rolling!, 'mean');
    former.restore(state);
    const series = state.number('slots') / this.#fields;
    const width = this.#width(feature);
    operator.reserve(series * width);
    const row = new StateRow();
    for (let slot = 0; slot < series * width; slot++) {
      row.clear();
      former.pack(width === 1 ? slot * this.#fields + this.fieldOf(feature) : slot, row);
      operator.unpack(slot, row);
    }
  }

  /** Slots a series: one for a feature of a field, else one a field, as windows have a row a field. */
  #width(feature: number): number {
    return this.isOfRecords(feature) ? 1 : this.#fields;
  }

  #of(feature: number): ColumnRef {
    return this.#definitions[feature]!.of;
  }

  #room(count: number): Int32Array {
    if (count > this.#slots.length) this.#slots = new Int32Array(Math.max(count, this.#slots.length * 2));
    return this.#slots;
  }
}
