import type { ColumnBatch } from '../batch.ts';
import type { StateReader, StateWriter } from '../state.ts';
import { StateRow } from '../stateRow.ts';
import type { Cells } from './accumulator.ts';
import type { Layout } from './layout.ts';
import { addValue, CELL, mergeCell } from './moments.ts';
import type { WindowOutput } from './output.ts';

const NONE = -1;

/**
 * Open windows of single series, in columns by pane: for windows that do not begin and end together for all series. The
 * panes of a series are a linked list, the newest first; free panes are one, too. A slot of the tables is a pane and
 * field.
 */
export class KeyedPanes {
  readonly layout: Layout;
  openCount = 0;
  series = new Int32Array(INITIAL);
  start = new Float64Array(INITIAL);
  end = new Float64Array(INITIAL);
  /** Ascends with the first value of the windows. */
  sequence = new Float64Array(INITIAL);
  /** Another one for each use of a pane: a timer of a pane that is gone is told by it. */
  stamp = new Float64Array(INITIAL);
  isFired = new Uint8Array(INITIAL);
  /** Rows that are out, and whether there are values that none of them has. */
  rows = new Int32Array(INITIAL);
  changed = new Uint8Array(INITIAL);
  /** Records in it, for windows by count. */
  records = new Float64Array(INITIAL);
  /** Bits of accumulators that were not there when the window was opened. */
  missing = new Int32Array(INITIAL);
  /** By series: its newest pane, or -1. */
  head = new Int32Array(0);
  /** The next older pane of the series, or the next free one. */
  next = new Int32Array(INITIAL);
  #base: Float64Array;
  readonly #tables: Cells[];
  #free = NONE;
  #used = 0;
  #sequences = 0;
  #stamps = 0;

  constructor(layout: Layout) {
    this.layout = layout;
    this.#base = new Float64Array(INITIAL * layout.fields * CELL);
    this.#tables = layout.newTables(INITIAL * layout.fields);
  }

  /** Panes that are in use are below it. */
  get used(): number {
    return this.#used;
  }

  reserve(series: number): void {
    if (series <= this.head.length) return;
    const grown = new Int32Array(Math.max(series, this.head.length * 2, 64)).fill(NONE);
    grown.set(this.head);
    this.head = grown;
  }

  /** Whether a pane is in use. */
  isOpen(pane: number): boolean {
    return this.series[pane] !== NONE;
  }

  /** An empty pane of a series, put into its list after `newer` (-1: as the newest). */
  open(series: number, newer: number, start: number, end: number): number {
    let pane = this.#free;
    if (pane !== NONE) this.#free = this.next[pane]!;
    else {
      if (this.#used === this.start.length) this.#grow();
      pane = this.#used++;
    }
    if (newer === NONE) {
      this.next[pane] = this.head[series]!;
      this.head[series] = pane;
    } else {
      this.next[pane] = this.next[newer]!;
      this.next[newer] = pane;
    }
    this.series[pane] = series;
    this.start[pane] = start;
    this.end[pane] = end;
    this.sequence[pane] = this.#sequences++;
    this.stamp[pane] = this.#stamps++;
    this.isFired[pane] = 0;
    this.rows[pane] = 0;
    this.changed[pane] = 0;
    this.records[pane] = 0;
    this.missing[pane] = 0;
    this.layout.begin(this.#base, this.#tables, pane * this.layout.fields);
    this.openCount++;
    return pane;
  }

  close(pane: number): void {
    const series = this.series[pane]!;
    let at = this.head[series]!;
    if (at === pane) this.head[series] = this.next[pane]!;
    else {
      while (this.next[at] !== pane) at = this.next[at]!;
      this.next[at] = this.next[pane]!;
    }
    this.series[pane] = NONE;
    this.next[pane] = this.#free;
    this.#free = pane;
    this.openCount--;
  }

  /** Timers of the pane that are set already are void. */
  restamp(pane: number): void {
    this.stamp[pane] = this.#stamps++;
  }

  add(pane: number, batch: ColumnBatch, i: number, alerts: Float64Array): void {
    const { fields, accumulators } = this.layout;
    const time = batch.eventTimes[i]!;
    for (let f = 0; f < fields; f++) {
      const value = batch.fields[f]![i]!;
      if (Number.isNaN(value)) continue;
      const slot = pane * fields + f;
      addValue(this.#base, slot * CELL, value);
      for (let a = 0; a < accumulators.length; a++) {
        accumulators[a]!.add(this.#tables[a]!, slot, value, time, alerts[i * fields + f]!);
      }
    }
    this.changed[pane] = 1;
    this.records[pane] = this.records[pane]! + 1;
  }

  /** Adds the values of `from`, which stays as it is, to `pane`. */
  merge(pane: number, from: number): void {
    const { fields, accumulators } = this.layout;
    for (let f = 0; f < fields; f++) {
      const [into, source] = [pane * fields + f, from * fields + f];
      mergeCell(this.#base, into * CELL, this.#base, source * CELL);
      for (let a = 0; a < accumulators.length; a++) {
        accumulators[a]!.merge(this.#tables[a]!, into, this.#tables[a]!, source);
      }
    }
    this.sequence[pane] = Math.min(this.sequence[pane]!, this.sequence[from]!);
    this.rows[pane] = Math.max(this.rows[pane]!, this.rows[from]!);
    this.changed[pane] = this.changed[pane]! | this.changed[from]!;
    this.records[pane] = this.records[pane]! + this.records[from]!;
    this.missing[pane] = this.missing[pane]! | this.missing[from]!;
  }

  /** Appends the rows of a pane. */
  write(pane: number, out: WindowOutput): void {
    const { fields } = this.layout;
    out.start = this.start[pane]!;
    out.end = this.end[pane]!;
    const [missing, series, rows] = [this.missing[pane]!, this.series[pane]!, this.rows[pane]!];
    for (let f = 0; f < fields; f++) {
      this.layout.write(out, this.#base, this.#tables, pane * fields + f, missing, series, f, rows);
    }
    this.rows[pane] = rows + 1;
    this.changed[pane] = 0;
  }

  snapshot(state: StateWriter): void {
    const { fields, accumulators } = this.layout;
    const width = fields * CELL;
    const count = this.openCount;
    const open = this.#openPanes();
    // Without a free pane between them the columns are what is written.
    const isDense = count === this.#used;
    state.number('sequences', this.#sequences);
    state.array('cells', isDense ? this.#base : packed(this.#base, open, width), count * width);
    for (const [name, column] of this.#columns()) {
      state.array(name, isDense ? column : packed(column, open, 1), count);
    }
    for (let a = 0; a < accumulators.length; a++) {
      const out = new StateRow();
      const isMissing = new Uint8Array(count);
      for (let k = 0; k < count; k++) {
        isMissing[k] = (this.missing[open[k]!]! >> a) & 1;
        const first = open[k]! * fields;
        for (let slot = first; slot < first + fields && isMissing[k] === 0; slot++) {
          accumulators[a]!.pack(this.#tables[a]!, slot, out);
        }
      }
      state.array(`${accumulators[a]!.name}/missing`, isMissing, count);
      state.array(accumulators[a]!.name, out.bytes, out.length);
    }
  }

  /** Takes the panes of a snapshot in. */
  restore(state: StateReader): void {
    const count = state.length('series');
    const series = state.i32('series');
    const start = state.f64('start');
    const width = this.layout.fields * CELL;
    const cells = state.f64('cells');
    const panes = Int32Array.from({ length: count }, (_, k) => {
      this.reserve(series[k]! + 1);
      return this.open(series[k]!, this.#newerThan(series[k]!, start[k]!), start[k]!, 0);
    });
    panes.forEach((pane, k) => {
      this.#base.set(cells.subarray(k * width, (k + 1) * width), pane * width);
    });
    for (const [name, column] of this.#columns()) {
      const values = column instanceof Float64Array ? state.f64(name) : readSmall(state, name, column);
      for (let k = 0; k < count; k++) column[panes[k]!] = values[k]!;
    }
    this.layout.accumulators.forEach((accumulator, a) => {
      const { name } = accumulator;
      const isMissing = state.has(name) ? state.u8(`${name}/missing`) : new Uint8Array(count).fill(1);
      const from = new StateRow();
      if (state.has(name)) from.load(state.u8(name), 0, state.length(name));
      panes.forEach((pane, k) => {
        if (isMissing[k] === 1) this.missing[pane] = this.missing[pane]! | (1 << a);
        for (let f = 0; f < this.layout.fields && isMissing[k] === 0; f++)
          accumulator.unpack(this.#tables[a]!, pane * this.layout.fields + f, from);
      });
    });
    this.#sequences = state.number('sequences');
  }

  /** Appends the panes of a series. */
  pack(series: number, out: StateRow): void {
    const panes: number[] = [];
    for (let pane = this.head[series] ?? NONE; pane !== NONE; pane = this.next[pane]!) panes.push(pane);
    out.putI32(panes.length);
    const { fields, accumulators } = this.layout;
    const width = fields * CELL;
    for (const pane of panes) {
      for (const [, column] of this.#columns()) out.putF64(column[pane]!);
      out.putI32(this.missing[pane]!);
      out.putDoubles(this.#base, pane * width, (pane + 1) * width);
      for (let a = 0; a < accumulators.length; a++) {
        for (let f = 0; f < fields; f++) accumulators[a]!.pack(this.#tables[a]!, pane * fields + f, out);
      }
    }
  }

  /** Takes back what `pack` wrote, and calls `opened` for each pane. */
  unpack(series: number, from: StateRow, opened: (pane: number) => void): void {
    this.reserve(series + 1);
    const { fields, accumulators } = this.layout;
    const width = fields * CELL;
    let newer = NONE;
    for (let left = from.i32(); left > 0; left--) {
      const pane = this.open(series, newer, 0, 0);
      for (const [, column] of this.#columns()) column[pane] = from.f64();
      this.series[pane] = series;
      this.missing[pane] = from.i32();
      from.doubles(this.#base, pane * width, (pane + 1) * width);
      for (let a = 0; a < accumulators.length; a++) {
        for (let f = 0; f < fields; f++) accumulators[a]!.unpack(this.#tables[a]!, pane * fields + f, from);
      }
      opened(pane);
      newer = pane;
    }
  }

  reset(series: number): void {
    while ((this.head[series] ?? NONE) !== NONE) this.close(this.head[series]!);
  }

  /** End of the newest window of a series. */
  lastTime(series: number): number {
    const pane = this.head[series] ?? NONE;
    return pane === NONE ? -Infinity : this.end[pane]!;
  }

  /** Columns of a snapshot, by name; what is missing goes by accumulator. */
  #columns(): [string, Float64Array | Int32Array | Uint8Array][] {
    return [
      ['series', this.series],
      ['start', this.start],
      ['end', this.end],
      ['sequence', this.sequence],
      ['fired', this.isFired],
      ['rows', this.rows],
      ['changed', this.changed],
      ['records', this.records],
    ];
  }

  #openPanes(): Int32Array {
    const open = new Int32Array(this.openCount);
    for (let pane = 0, k = 0; pane < this.#used; pane++) if (this.isOpen(pane)) open[k++] = pane;
    return open;
  }

  #newerThan(series: number, start: number): number {
    let newer = NONE;
    for (let at = this.head[series]!; at !== NONE && this.start[at]! > start; at = this.next[at]!) newer = at;
    return newer;
  }

  #grow(): void {
    const capacity = this.start.length * 2;
    const slots = capacity * this.layout.fields;
    this.series = grown(this.series, capacity);
    this.start = grown(this.start, capacity);
    this.end = grown(this.end, capacity);
    this.sequence = grown(this.sequence, capacity);
    this.stamp = grown(this.stamp, capacity);
    this.isFired = grown(this.isFired, capacity);
    this.rows = grown(this.rows, capacity);
    this.changed = grown(this.changed, capacity);
    this.records = grown(this.records, capacity);
    this.missing = grown(this.missing, capacity);
    this.next = grown(this.next, capacity);
    this.#base = grown(this.#base, slots * CELL);
    this.layout.reserve(this.#tables, slots);
  }
}

const INITIAL = 64;

function grown<T extends Float64Array | Int32Array | Uint8Array>(column: T, capacity: number): T {
  const out = new (column.constructor as new (length: number) => T)(capacity);
  out.set(column);
  return out;
}

/** Rows of `width` elements of the given panes, one after the other. */
function packed<T extends Float64Array | Int32Array | Uint8Array>(column: T, panes: Int32Array, width: number): T {
  const out = new (column.constructor as new (length: number) => T)(panes.length * width);
  for (let k = 0; k < panes.length; k++) {
    for (let w = 0; w < width; w++) out[k * width + w] = column[panes[k]! * width + w]!;
  }
  return out;
}

function readSmall(state: StateReader, name: string, column: Int32Array | Uint8Array): Int32Array | Uint8Array {
  return column instanceof Int32Array ? state.i32(name) : state.u8(name);
}
