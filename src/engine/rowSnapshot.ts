import { AnomalyError } from '../errors.ts';
import { type HotSeries, packRow } from './hotSeries.ts';
import type { OperatorState } from './operatorState.ts';
import type { SeriesTable } from './seriesTable.ts';
import { type RowState, StateRow } from './stateRow.ts';

/** An operator whose state goes into a snapshot as one row a series. */
export interface RowOperator {
  readonly id: string;
  readonly state: RowState;
}

/**
 * Which rows a cut holds: of all series, or of those that changed since the cut before; a copy has all rows as well, and
 * changes go on being counted from the cut before it.
 */
export type CutKind = 'full' | 'changes' | 'copy';

/**
 * The rows of a snapshot, taken while processing goes on: what a series was at the cut is packed before its first change
 * after it, and the rest in steps between batches. So no pause grows with the number of series.
 *
 * Bytes of an operator (little endian): u32 magic, u32 0 for all series or 1 for changes, u32 number of rows, then rows of
 * u32 series, u32 length, state; length 0 where the series is as new. Several such sections may follow each other: a
 * row replaces the earlier one of its series.
 */
export class RowCut {
  readonly #operators: readonly RowOperator[];
  readonly #table: SeriesTable;
  readonly #hot: HotSeries | undefined;
  /** By series, 1 where its row is yet to be packed. */
  readonly #pending: Uint8Array;
  readonly #buffers: StateRow[];
  readonly #row = new StateRow();
  #next = 0;
  #bytes = 0;
  #rows = 0;

  constructor(operators: readonly RowOperator[], table: SeriesTable, hot: HotSeries | undefined, kind: CutKind) {
    this.#operators = operators;
    this.#table = table;
    this.#hot = hot;
    this.#pending = table.dirty;
    if (kind === 'copy') this.#pending = new Uint8Array(table.dirty.length);
    else table.dirty = new Uint8Array(this.#pending.length);
    if (kind !== 'changes') table.markAll(this.#pending);
    let count = 0;
    for (let series = 0; series < this.#pending.length; series++) count += this.#pending[series]!;
    const sizes = this.#sampledSizes(count);
    this.#buffers = operators.map((_, k) => new StateRow(HEADER_BYTES + Math.ceil(count * (8 + sizes[k]!))));
    for (const buffer of this.#buffers) {
      buffer.putI32(MAGIC);
      buffer.putI32(kind === 'changes' ? 1 : 0);
      buffer.putI32(0);
    }
  }

  /** Packs the rows of series that are about to change. */
  before(series: Int32Array, from: number, to: number): void {
    const pending = this.#pending;
    for (let i = from; i < to; i++) {
      const id = series[i]!;
      // False for -1, and for series that came after the cut.
      if (pending[id] === 1) this.#packAt(id);
    }
  }

  /** Packs more rows, until they have so many bytes; returns whether all are packed. */
  step(bytes: number): boolean {
    const pending = this.#pending;
    const pack = () => {
      const end = this.#bytes + bytes;
      for (; this.#next < pending.length && this.#bytes < end; this.#next++) {
        if (pending[this.#next] === 1) this.#pack(this.#next);
      }
    };
    if (this.#hot === undefined) pack();
    else this.#hot.batch(pack);
    return this.#next === pending.length;
  }

  /** The bytes of each operator, without a further copy. After `step` returned true. */
  bytes(): Uint8Array[] {
    return this.#buffers.map((buffer) => {
      buffer.setI32(8, this.#rows);
      return buffer.bytes.subarray(0, buffer.length);
    });
  }

  #packAt(series: number): void {
    if (this.#hot === undefined) this.#pack(series);
    else this.#hot.batch(() => this.#pack(series));
  }

  #pack(series: number): void {
    this.#pending[series] = 0;
    this.#rows++;
    const isKept = this.#table.has(series);
    if (this.#hot !== undefined && isKept) {
      this.#row.clear();
      this.#hot.read(series, this.#row);
    }
    for (let k = 0; k < this.#operators.length; k++) {
      const buffer = this.#buffers[k]!;
      buffer.putI32(series);
      const at = buffer.length;
      buffer.putI32(0);
      if (isKept && this.#hot === undefined) this.#operators[k]!.state.pack(series, buffer);
      else if (isKept) this.#take(buffer);
      buffer.setI32(at, buffer.length - at - 4);
      this.#bytes += buffer.length - at + 4;
    }
  }

  /** The next operator's part of the row that was read. */
  #take(buffer: StateRow): void {
    const row = this.#row;
    const length = row.length === 0 ? 0 : Math.max(0, row.i32());
    buffer.putBytes(row.bytes, row.position, row.position + length);
    row.position += length;
  }

  /** Bytes a row of each operator, from a sample, and a little more: a buffer that has to grow is copied. */
  #sampledSizes(count: number): number[] {
    const sizes = this.#operators.map(() => 0);
    // With cold series the mean of those at hand would say little; there the buffers grow.
    if (this.#hot !== undefined || count === 0) return sizes;
    const stride = Math.max(1, Math.floor(this.#pending.length / SAMPLES));
    let sampled = 0;
    for (let series = 0; series < this.#pending.length; series += stride) {
      if (this.#pending[series] === 0 || !this.#table.has(series)) continue;
      sampled++;
      packRow(
        this.#operators.map(({ state }) => state),
        series,
        this.#row,
      );
      for (let k = 0; k < sizes.length; k++) {
        const length = this.#row.i32();
        this.#row.position += length;
        sizes[k] = sizes[k]! + length;
      }
    }
    return sizes.map((size) => (SPARE * size) / Math.max(1, sampled));
  }
}

/** Reads the rows of several operators side by side: each of them has a row for each series, in the same order. */
export class RowSections {
  readonly #streams: { readonly id: string; readonly bytes: Uint8Array; readonly view: DataView; at: number }[];
  #left = 0;
  #section = -1;

  constructor(operators: readonly OperatorState[]) {
    this.#streams = operators.map(({ id, bytes }) => ({
      id,
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      at: 0,
    }));
  }

  /**
   * Calls `take` for each operator's part of the next rows, `limit` of them at most; returns whether there are more.
   *
   * @throws ANM_STATE_CORRUPT
   */
  next(limit: number, take: TakeRow): boolean {
    const [first] = this.#streams;
    if (first === undefined) return false;
    for (let row = 0; row < limit; row++) {
      while (this.#left === 0) {
        if (first.at === first.bytes.length) return false;
        this.#open();
      }
      this.#left--;
      const series = first.at + 8 <= first.bytes.length ? first.view.getUint32(first.at, true) : -1;
      for (let k = 0; k < this.#streams.length; k++) {
        const stream = this.#streams[k]!;
        const { view, at, bytes } = stream;
        if (at + 8 > bytes.length || view.getUint32(at, true) !== series) throw corrupt(stream.id, 'a row is missing');
        const end = at + 8 + view.getUint32(at + 4, true);
        if (end > bytes.length) throw corrupt(stream.id, 'a row is cut short');
        take(k, series, bytes, at + 8, end, this.#section);
        stream.at = end;
      }
    }
    return true;
  }

  #open(): void {
    const counts = this.#streams.map((stream) => sectionRows(stream));
    const other = counts.findIndex((count) => count !== counts[0]);
    if (other >= 0) throw corrupt(this.#streams[other]!.id, 'the operators differ in their number of rows');
    this.#left = counts[0]!;
    this.#section++;
  }
}

/** The state of `series` by operator number `operator` is bytes[from, to); none where that is empty. */
export type TakeRow = (
  operator: number,
  series: number,
  bytes: Uint8Array,
  from: number,
  to: number,
  section: number,
) => void;

/** A snapshot of changes on top of the one that they are changes to, as one snapshot of all series. */
export function withChanges(base: readonly OperatorState[], changes: readonly OperatorState[]): OperatorState[] {
  return changes.map((changed) => {
    const before = base.find(({ id }) => id === changed.id);
    if (!isRows(changed.bytes) || before === undefined) return changed;
    const bytes = new Uint8Array(before.bytes.length + changed.bytes.length);
    bytes.set(before.bytes);
    bytes.set(changed.bytes, before.bytes.length);
    return { ...changed, bytes };
  });
}

/** Whether an operator's bytes are rows by series. */
export function isRows(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === MAGIC;
}

const MAGIC = 0x524d4e41; // 'ANMR'
const HEADER_BYTES = 12;
const SAMPLES = 256;
const SPARE = 1.2;

function sectionRows(stream: { readonly id: string; readonly bytes: Uint8Array; readonly view: DataView; at: number }) {
  const { view, at, bytes } = stream;
  if (at + HEADER_BYTES > bytes.length || view.getUint32(at, true) !== MAGIC) {
    throw corrupt(stream.id, 'it does not begin with the magic of rows');
  }
  stream.at = at + HEADER_BYTES;
  return view.getUint32(at + 8, true);
}

function corrupt(operator: string, reason: string): AnomalyError {
  return new AnomalyError('ANM_STATE_CORRUPT', `cannot restore ${operator} as ${reason}`);
}
