import { BLOCK, MANY } from '../readAhead.ts';
import type { StateReader, StateWriter } from '../state.ts';
import { StateRow } from '../stateRow.ts';
import type { Cells } from './accumulator.ts';
import type { Layout } from './layout.ts';
import { CELL } from './moments.ts';

/**
 * One open window, or slice of windows: tables by series id, and the order in which its series first appeared. `order`
 * has -1 where a series was forgotten, so that one that comes back from elsewhere finds its place again.
 */
export class Pane {
  start = 0;
  end = 0;
  /** The rows of the watermark that reached the end are out; only late records can still change it. */
  isFired = false;
  /** Series whose rows of the end are out already while `isFired` is false: they came from where the watermark was ahead. */
  readonly firedSeries = new Set<number>();
  /** Length of `order`. */
  count = 0;
  order: Int32Array;
  /** By series: 1 + its position in `order`, 0 when it is not in the window. */
  place: Int32Array;
  /** The five doubles of each slot; the count of what is not in the window is 0. */
  base: Float64Array;
  /** Of no meaning: see readAhead. */
  read = 0;
  readonly tables: Cells[];
  /** Bits of the layout's accumulators that were not there when the window was opened. */
  missing = 0;
  /** By series: how many rows are out. Empty where none can come before or after the one on time. */
  rows: Int32Array;
  /** By series: 1 when it has got values since its last row. Empty where nobody asks. */
  changed: Uint8Array;
  readonly #layout: Layout;

  /** @param counted whether rows and changes are counted by series */
  constructor(layout: Layout, series: number, counted: boolean) {
    this.#layout = layout;
    this.order = new Int32Array(series);
    this.place = new Int32Array(series);
    this.base = new Float64Array(series * layout.fields * CELL);
    this.tables = layout.newTables(series * layout.fields);
    this.rows = new Int32Array(counted ? series : 0);
    this.changed = new Uint8Array(counted ? series : 0);
  }

  reserve(series: number): void {
    if (series <= this.place.length) return;
    const capacity = Math.max(series, this.place.length * 2);
    this.place = grownInts(this.place, capacity);
    const base = new Float64Array(capacity * this.#layout.fields * CELL);
    base.set(this.base);
    this.base = base;
    this.#layout.reserve(this.tables, capacity * this.#layout.fields);
    if (this.rows.length === 0) return;
    this.rows = grownInts(this.rows, capacity);
    const changed = new Uint8Array(capacity);
    changed.set(this.changed);
    this.changed = changed;
  }

  /** Takes a series in that is not in the window yet. */
  begin(series: number): void {
    if (this.count === this.order.length) this.order = grownInts(this.order, Math.max(64, this.count * 2));
    this.order[this.count++] = series;
    this.place[series] = this.count;
    this.#layout.begin(this.base, this.tables, series * this.#layout.fields);
    if (this.rows.length === 0) return;
    this.rows[series] = 0;
    this.changed[series] = 0;
  }

  /** Empties it, to be used for another window. */
  release(): void {
    for (let k = 0; k < this.count; k++) if (this.order[k]! >= 0) this.#empty(this.order[k]!);
    this.count = 0;
    this.missing = 0;
    this.isFired = false;
    this.firedSeries.clear();
  }

  forget(series: number): void {
    const at = this.place[series]!;
    if (at === 0) return;
    this.order[at - 1] = -1;
    this.#empty(series);
    this.firedSeries.delete(series);
  }

  /** Before a block of records of series[from, to) is added. */
  readAhead(series: Int32Array, from: number, to: number): void {
    const width = this.#layout.fields * CELL;
    const { base } = this;
    let sum = 0;
    for (let i = from; i < to; i++) sum += base[Math.max(0, series[i]!) * width]!;
    // What nobody could need is not read.
    this.read = sum;
  }

  /** Whether the rows of the end are out for a series. */
  hasFired(series: number): boolean {
    return this.isFired || this.firedSeries.has(series);
  }

  /** A series that is not in the window yet comes from elsewhere, where its rows of the end were out or not. */
  joins(series: number, hasFired: boolean): void {
    if (this.count === 0) this.isFired = hasFired;
    if (hasFired === this.isFired) return;
    if (hasFired) this.firedSeries.add(series);
    else for (let k = 0; k < this.count; k++) if (this.order[k]! >= 0) this.firedSeries.add(this.order[k]!);
    this.isFired = false;
  }

  #empty(series: number): void {
    this.place[series] = 0;
    this.base[series * this.#layout.fields * CELL] = 0;
  }

  snapshot(state: StateWriter): void {
    const { accumulators, fields } = this.#layout;
    const width = fields * CELL;
    let kept = 0;
    for (let k = 0; k < this.count; k++) if (this.order[k]! >= 0) kept++;
    // Only the series that are in the window, in their order: a pane is reused, and its other cells hold old values.
    const packed = new Float64Array(kept * width);
    const rows = new Int32Array(this.rows.length === 0 ? 0 : kept);
    const changed = new Uint8Array(this.rows.length === 0 ? 0 : kept);
    for (let k = 0, n = 0; k < this.count; k++) {
      // The cells lie in the order of ids, not of first appearance.
      if (k % BLOCK === 0 && kept > MANY) this.readAhead(this.order, k, Math.min(this.count, k + BLOCK));
      const series = this.order[k]!;
      if (series < 0) continue;
      // No view a series: there may be a million, and processing waits for this.
      for (let to = n * width, at = series * width; to < (n + 1) * width; to++, at++) packed[to] = this.base[at]!;
      if (rows.length > 0) {
        rows[n] = this.rows[series]!;
        changed[n] = this.changed[series]!;
      }
      n++;
    }
    state.array('order', this.order, this.count);
    if (this.firedSeries.size > 0) state.array('fired', Int32Array.from(this.firedSeries), this.firedSeries.size);
    state.own('cells', packed);
    if (rows.length > 0) {
      state.own('rows', rows);
      state.own('changed', changed);
    }
    for (let a = 0; a < accumulators.length; a++) {
      // An accumulator that the window does not have from its beginning is still missing after a restore.
      if ((this.missing & (1 << a)) !== 0) continue;
      const out = new StateRow();
      for (let k = 0; k < this.count; k++) {
        const series = this.order[k]!;
        for (let f = 0; series >= 0 && f < fields; f++)
          accumulators[a]!.pack(this.tables[a]!, series * fields + f, out);
      }
      state.array(accumulators[a]!.name, out.bytes, out.length);
    }
  }

  restore(state: StateReader): void {
    const { accumulators, fields } = this.#layout;
    const width = fields * CELL;
    const order = state.i32('order');
    if (state.has('fired')) for (const series of state.i32('fired')) this.firedSeries.add(series);
    const cells = state.f64('cells');
    const rows = state.has('rows') ? state.i32('rows') : undefined;
    const changed = state.has('rows') ? state.u8('changed') : undefined;
    for (let k = 0, n = 0; k < state.length('order'); k++) {
      const series = order[k]!;
      if (series < 0) {
        if (this.count === this.order.length) this.order = grownInts(this.order, Math.max(64, this.count * 2));
        this.order[this.count++] = -1;
        continue;
      }
      this.begin(series);
      this.base.set(cells.subarray(n * width, (n + 1) * width), series * width);
      if (this.rows.length > 0 && rows !== undefined) {
        this.rows[series] = rows[n]!;
        this.changed[series] = changed![n]!;
      }
      n++;
    }
    for (let a = 0; a < accumulators.length; a++) {
      const { name } = accumulators[a]!;
      if (!state.has(name)) {
        this.missing |= 1 << a;
        continue;
      }
      const from = new StateRow();
      from.load(state.u8(name), 0, state.length(name));
      for (let k = 0; k < this.count; k++) {
        const series = this.order[k]!;
        for (let f = 0; series >= 0 && f < fields; f++)
          accumulators[a]!.unpack(this.tables[a]!, series * fields + f, from);
      }
    }
  }

  pack(series: number, out: StateRow): void {
    const { accumulators, fields } = this.#layout;
    const width = fields * CELL;
    out.putI32(this.place[series]!);
    out.putDoubles(this.base, series * width, (series + 1) * width);
    out.putI32(this.rows.length === 0 ? 0 : this.rows[series]!);
    out.putU8(this.rows.length === 0 ? 0 : this.changed[series]!);
    for (let a = 0; a < accumulators.length; a++) {
      for (let f = 0; f < fields; f++) accumulators[a]!.pack(this.tables[a]!, series * fields + f, out);
    }
  }

  unpack(series: number, from: StateRow): void {
    const { accumulators, fields } = this.#layout;
    const width = fields * CELL;
    const at = from.i32();
    this.begin(series);
    if (at < this.count && this.order[at - 1] === -1) {
      this.count--;
      this.order[at - 1] = series;
      this.place[series] = at;
    }
    from.doubles(this.base, series * width, (series + 1) * width);
    const rows = from.i32();
    const changed = from.u8();
    if (this.rows.length > 0) {
      this.rows[series] = rows;
      this.changed[series] = changed;
    }
    for (let a = 0; a < accumulators.length; a++) {
      for (let f = 0; f < fields; f++) accumulators[a]!.unpack(this.tables[a]!, series * fields + f, from);
    }
  }
}

function grownInts(values: Int32Array, length: number): Int32Array {
  const grown = new Int32Array(length);
  grown.set(values);
  return grown;
}
