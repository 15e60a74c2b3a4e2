/**
 * What an expression is evaluated over: the columns of a batch, or of a table of rows. A compiled expression fills its
 * result column by column and keeps its buffers, so it belongs to one partition, and a result is valid until the next
 * evaluation.
 */
export interface ExpressionColumns {
  /** In the order of the scope's fields. NaN is null. */
  readonly fields: readonly Float64Array[];
  /** Series id a row, -1 for none. Read only by expressions that name the series. */
  readonly series: Int32Array;
  /** Names of the series. Verdicts about ids are kept until another object stands here. */
  readonly names: SeriesNames;
}

export interface SeriesNames {
  /** Number of ids. */
  readonly size: number;
  text(id: number): string;
}

/** Fills and returns a column of numbers for from <= i < to; NaN is null. */
export type NumberColumn = (columns: ExpressionColumns, from: number, to: number) => Float64Array;

/** Fills and returns a column of FALSE, TRUE and UNKNOWN for from <= i < to. */
export type MaskColumn = (columns: ExpressionColumns, from: number, to: number) => Uint8Array;

export const FALSE = 0;
export const TRUE = 1;
/** What a comparison with null is. */
export const UNKNOWN = 2;

/** A buffer of numbers that grows with the columns. */
export class NumberBuffer {
  values: Float64Array = new Float64Array(0);

  /** Contents are not kept. */
  room(count: number): Float64Array {
    if (count > this.values.length) this.values = new Float64Array(Math.max(count, this.values.length * 2, 64));
    return this.values;
  }
}

export class MaskBuffer {
  values: Uint8Array = new Uint8Array(0);

  room(count: number): Uint8Array {
    if (count > this.values.length) this.values = new Uint8Array(Math.max(count, this.values.length * 2, 64));
    return this.values;
  }
}
