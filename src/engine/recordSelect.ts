import type { ColumnBatch } from './batch.ts';
import type { DecodedColumns } from './decode/reader.ts';
import type { ExpressionColumns, MaskColumn, NumberColumn } from './expressions/columns.ts';
import { TRUE } from './expressions/columns.ts';
import { compileCondition, compileNumber } from './expressions/compile.ts';
import { tokenize } from './expressions/lexer.ts';
import { SERIES } from './expressions/syntax.ts';
import { KeyDictionary } from './keys.ts';

/** source.where and derive as they were written; they can be compiled. */
export interface SelectDefinition {
  /** Fields of the values, in the order of a batch's first field columns. */
  readonly fields: readonly string[];
  /** Derived fields: their columns come after those, in this order. One may be made of those before it. */
  readonly derived: readonly { readonly name: string; readonly expression: string }[];
  /** Over the fields and the derived fields. */
  readonly where?: string;
}

// For the loop: an imported constant is read from memory each time.
const YES = TRUE;

/** Series that the filter knows at once, before it begins anew: its memory must not grow with what it leaves out. */
const KNOWN_SERIES_MAX = 65_536;

/**
 * Fills the derived fields of decoded records and takes those out that source.where does not hold for. It runs before
 * keys are interned, so a record that is left out makes no series, moves no watermark and is in no window, as where a
 * filter of Flink stands before the timestamps are assigned. Names of series are interned in a dictionary of its own.
 */
export class RecordSelect {
  /** Records left out, over all batches. */
  filteredCount = 0;
  readonly #sourceFields: number;
  readonly #derived: readonly NumberColumn[];
  readonly #where: MaskColumn | undefined;
  readonly #needsSeries: boolean;
  readonly #columns: { fields: readonly Float64Array[]; series: Int32Array; names: KeyDictionary };

  constructor(definition: SelectDefinition) {
    const { fields, derived, where } = definition;
    const known = [...fields];
    this.#sourceFields = fields.length;
    this.#derived = derived.map(({ name, expression }) => {
      const column = compileNumber(expression, known);
      known.push(name);
      return column;
    });
    this.#where = where === undefined ? undefined : compileCondition(where, known);
    const texts = [...derived.map((each) => each.expression), ...(where === undefined ? [] : [where])];
    this.#needsSeries = texts.some(readsSeries);
    this.#columns = { fields: [], series: new Int32Array(0), names: new KeyDictionary() };
  }

  /** Records from <= i < to; those that were rejected, or are left out now, have no key: keyStart is -1. */
  apply(batch: ColumnBatch, from: number, to: number, decoded: DecodedColumns): void {
    const columns = this.#columns;
    columns.fields = batch.fields;
    if (this.#needsSeries) this.#intern(from, to, decoded);
    for (let k = 0; k < this.#derived.length; k++) {
      const out = batch.fields[this.#sourceFields + k]!;
      copyFinite(this.#derived[k]!(columns, from, to), from, to, out);
    }
    if (this.#where !== undefined) this.#filter(this.#where, columns, from, to, decoded.keyStart);
  }

  #intern(from: number, to: number, decoded: DecodedColumns): void {
    const columns = this.#columns;
    if (to > columns.series.length) columns.series = new Int32Array(Math.max(to, columns.series.length * 2));
    if (columns.names.size > KNOWN_SERIES_MAX) columns.names = new KeyDictionary();
    columns.names.internColumn(decoded.keyBytes, decoded.keyStart, decoded.keyEnd, from, to, columns.series);
  }

  #filter(where: MaskColumn, columns: ExpressionColumns, from: number, to: number, keyStart: Int32Array): void {
    const mask = where(columns, from, to);
    let filtered = 0;
    for (let i = from; i < to; i++) {
      if (mask[i] === YES || keyStart[i]! < 0) continue;
      keyStart[i] = -1;
      filtered++;
    }
    this.filteredCount += filtered;
  }
}

/**
 * What is not finite is no measurement, as in decoded fields: one infinity would take mean and deviation from a whole
 * window. No subarray: that would be an object a batch, and pieces may be of one record.
 */
function copyFinite(values: Float64Array, from: number, to: number, out: Float64Array): void {
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    out[i] = value - value === 0 ? value : Number.NaN;
  }
}

/** Whether an expression asks for the name of the series; a field whose name has the word in it is no such question. */
export function readsSeries(expression: string): boolean {
  return tokenize(expression).some(({ kind, text }) => kind === 'name' && text === SERIES);
}
