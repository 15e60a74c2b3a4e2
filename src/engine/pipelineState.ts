import type { ColumnBatch } from './batch.ts';
import type { ColdStore } from './coldStore.ts';
import type { PipelineDefinition } from './definition.ts';
import { HotSeries } from './hotSeries.ts';
import type { KeyDictionary } from './keys.ts';
import { operatorDefinitions } from './operatorDefinitions.ts';
import { type Json, keptOperators, type OperatorState } from './operatorState.ts';
import { type CutKind, isRows, RowCut, type RowOperator, RowSections } from './rowSnapshot.ts';
import type { AlertRows, WindowRows } from './rows.ts';
import { SeriesTable } from './seriesTable.ts';
import { SnapshotReader, SnapshotWriter } from './state.ts';
import type { ColumnOperator, TimeOperator, WindowState } from './stateOperators.ts';
import { StateRow } from './stateRow.ts';
import type { WaitingRows } from './waitingRows.ts';

/** A snapshot that is being taken. */
export interface SnapshotCut {
  readonly kind: CutKind;
  /** Ids of the operators whose bytes are rows: of changes, they go on from those of the cut before. */
  readonly rows: readonly string[];
  /** Packs rows of so many bytes more; returns whether all are packed. Between batches, or the rest at once. */
  step(bytes: number): boolean;
  /** The operators as they were at the cut. After `step` returned true. */
  operators(): OperatorState[];
  /** Ends it: nothing is packed for it any more. */
  abandon(): void;
}

/**
 * The state of a pipeline's operators as a whole: which series have state, where it is, and how it becomes a snapshot
 * and comes back.
 */
export class PipelineState {
  readonly table: SeriesTable;
  readonly hot: HotSeries | undefined;
  readonly #definition: PipelineDefinition;
  readonly #keys: KeyDictionary;
  readonly #columns: readonly ColumnOperator[];
  readonly #time: TimeOperator;
  readonly #windows: readonly WindowState[];
  readonly #rows: readonly RowOperator[];
  readonly #model: WaitingRows | undefined;
  #reserved = 0;
  readonly #cuts = new Set<RowCut>();
  #places = new Int32Array(1024);

  constructor(
    definition: PipelineDefinition,
    keys: KeyDictionary,
    time: TimeOperator,
    windows: readonly WindowState[],
    rows: readonly RowOperator[],
    model: WaitingRows | undefined,
    cold: { readonly store: ColdStore; readonly hotSeries: number } | undefined,
  ) {
    this.#definition = definition;
    this.#keys = keys;
    this.#rows = rows;
    this.#model = model;
    this.table = new SeriesTable(keys, definition.limits, this);
    const keysOperator: ColumnOperator = {
      id: 'keys',
      snapshot: (state) => {
        keys.snapshot(state);
        this.table.snapshot(state.scope('series'));
      },
      restore: (state) => {
        keys.restore(state);
        this.table.restore(state.scope('series'));
        this.reserve();
      },
    };
    this.#time = time;
    this.#windows = windows;
    const columns = windows.map(
      ({ id, state }): ColumnOperator => ({
        id,
        snapshot: (out) => state.snapshot(out),
        restore: (from) => state.restore(from),
      }),
    );
    this.#columns = [time, keysOperator, ...columns];
    if (cold !== undefined && rows.length > 0) {
      cold.store.clear();
      const states = rows.map(({ state }) => state);
      this.hot = new HotSeries(Math.max(MIN_HOT_SERIES, cold.hotSeries), cold.store, states);
    }
  }

  /** Records that may be processed at once: each of them may need a place of its own in the arrays. */
  get mostRecords(): number {
    return this.hot === undefined ? Infinity : this.hot.capacity >> 1;
  }

  /** The series at a place in the arrays of the row operators. */
  seriesAt(place: number): number {
    return this.hot === undefined ? place : this.hot.seriesOf[place]!;
  }

  /** Makes room for all series that have an id. */
  reserve(): void {
    const { size } = this.#keys;
    if (size === this.#reserved) return;
    this.table.reserve(size);
    this.#time.clock.reserve(size);
    for (const { state } of this.#windows) state.reserve(size);
    if (this.hot === undefined) for (const { state } of this.#rows) state.reserve(size);
    else this.hot.reserve(size);
    this.#reserved = size;
  }

  /** Has to be called before the state of these series changes. */
  before(series: Int32Array, from: number, to: number): void {
    if (this.#cuts.size === 0) return;
    for (const cut of this.#cuts) cut.before(series, from, to);
  }

  /** The same for rows of windows: what reads them changes without a record of the series. */
  changing(series: Int32Array, from: number, to: number): void {
    this.before(series, from, to);
    const { dirty } = this.table;
    for (let row = from; row < to; row++) dirty[series[row]!] = 1;
  }

  /**
   * Runs the row operators over records with the places of the series in their arrays in place of the series.
   *
   * @param out tables whose rows name series: those that come to be get the series' name back
   */
  recordsByPlace(batch: ColumnBatch, from: number, to: number, out: readonly AlertRows[], run: () => void): void {
    const { series } = batch;
    const first = out.map(({ count }) => count);
    batch.series = this.#placesOf(series, from, to);
    run();
    batch.series = series;
    this.#nameSeries(out, first);
  }

  /** The same over rows of windows from `from` on, as many at a time as there are places for. */
  windowsByPlace(rows: WindowRows, from: number, out: readonly AlertRows[], run: (start: number) => void): void {
    const { count, series } = rows;
    this.placesBy(series, from, count, (start, end, places) => {
      const first = out.map((table) => table.count);
      rows.series = places;
      rows.count = end;
      run(start);
      rows.series = series;
      this.#nameSeries(out, first);
    });
    rows.count = count;
  }

  /** Brings the state of series[i], as many at a time as there are places for; `run` gets its places, -1 for -1. */
  placesBy(
    series: Int32Array,
    from: number,
    to: number,
    run: (start: number, end: number, places: Int32Array<ArrayBuffer>) => void,
  ): void {
    if (this.hot === undefined) {
      run(from, to, series as Int32Array<ArrayBuffer>);
      return;
    }
    for (let start = from; start < to; start += this.mostRecords) {
      const end = Math.min(to, start + this.mostRecords);
      run(start, end, this.#placesOf(series, start, end));
    }
  }

  /** Changes what the row operators have of one series without a record of it; `change` gets its place in their arrays. */
  changeOne(series: number, change: (place: number) => void): void {
    const one = Int32Array.of(series);
    this.changing(one, 0, 1);
    change(this.hot === undefined ? series : this.#placesOf(one, 0, 1)[0]!);
  }

  sweep(watermark: number): boolean {
    let swept = false;
    const sweep = () => {
      swept = this.table.sweep(watermark);
    };
    if (this.hot === undefined) sweep();
    else this.hot.batch(sweep);
    return swept;
  }

  appear(series: number): void {
    for (const { state } of this.#windows) state.appear?.(series);
    // A place of the hot part asks anew whenever it gets a series.
    if (this.hot === undefined) for (const { state } of this.#rows) state.appear?.(series);
  }

  /** What the row operators have of a series, for people; those that cannot say it are left out. Without a cold store. */
  describe(series: number): { readonly id: string; readonly state: Json }[] {
    return [...this.#rows, ...this.#windows].flatMap(({ id, state }) =>
      state.describe === undefined ? [] : [{ id, state: state.describe(series) }],
    );
  }

  holdsOpen(series: number): boolean {
    return this.#windows.some(({ state, isTimed }) => isTimed && state.lastTime(series) > -Infinity);
  }

  drop(series: number): void {
    if (this.#cuts.size > 0) this.before(Int32Array.of(series), 0, 1);
    this.#setAside(series);
    this.#time.clock.reset?.(series);
    for (const { state } of this.#windows) state.reset(series);
    if (this.hot !== undefined) this.hot.drop(series);
    else for (const { state } of this.#rows) state.reset(series);
  }

  dropFrom(operator: string, series: number): void {
    const state = this.#rows.find(({ id }) => id === operator)?.state;
    if (state === undefined) return;
    if (this.#cuts.size > 0) this.before(Int32Array.of(series), 0, 1);
    this.table.dirty[series] = 1;
    if (operator === 'score' || operator === 'model') this.#setAside(series);
    if (this.hot !== undefined) this.hot.dropFrom(state, series);
    else state.reset(series);
  }

  /**
   * Copies the state of a series of another pipeline of the same definition, where all series are in memory, to an id that
   * has none here yet. What is due by the watermark is not looked at: for states that become a snapshot.
   */
  adopt(id: number, from: PipelineState, fromId: number): void {
    this.reserve();
    this.table.adopt(id, from.table, fromId);
    const row = new StateRow();
    const operators = [...this.#windows, ...this.#rows];
    [...from.#windows, ...from.#rows].forEach(({ state }, k) => {
      row.clear();
      state.pack(fromId, row);
      if (row.length > 0) operators[k]!.state.unpack(id, row);
    });
  }

  /**
   * Begins a snapshot of the state as it is now. What is copied at once are a few numbers a series; the rows follow
   * while processing goes on. Where most series have changed, all of them are as cheap as the changes, and are taken.
   */
  cut(kind: CutKind): SnapshotCut {
    this.table.releaseDropped();
    const definitions = operatorDefinitions(this.#definition);
    const columns = this.#columns.map((operator) => {
      const writer = new SnapshotWriter();
      operator.snapshot(writer);
      return { id: operator.id, writer };
    });
    const taken = kind === 'changes' && this.table.isMostlyChanged() ? 'full' : kind;
    const rows = new RowCut(this.#rows, this.table, this.hot, taken);
    this.#cuts.add(rows);
    return {
      kind: taken,
      rows: this.#rows.map(({ id }) => id),
      step: (bytes) => {
        const isDone = rows.step(bytes);
        if (isDone) this.#cuts.delete(rows);
        return isDone;
      },
      abandon: () => {
        this.#cuts.delete(rows);
      },
      operators: () => {
        const parts = new Map(columns.map(({ id, writer }) => [id, writer.encode()]));
        rows.bytes().forEach((bytes, k) => {
          parts.set(this.#rows[k]!.id, bytes);
        });
        return definitions.map(({ id, definition }) => ({ id, definition, bytes: parts.get(id)! }));
      },
    };
  }

  /** @throws ANM_STATE_INCOMPATIBLE, ANM_STATE_CORRUPT */
  restore(operators: readonly OperatorState[], allow: ReadonlySet<string>): void {
    const kept = keptOperators(operators, operatorDefinitions(this.#definition), allow);
    for (const operator of this.#columns) {
      const bytes = kept.find(({ id }) => id === operator.id)?.bytes;
      if (bytes !== undefined) operator.restore(new SnapshotReader(bytes));
    }
    this.reserve();
    const ofSeries = kept.filter(({ id }) => this.#rows.some((own) => own.id === id));
    const rows = ofSeries.filter(({ bytes }) => isRows(bytes));
    if (rows.length > 0) this.#restoreRows(rows);
    for (const { id, bytes } of ofSeries) {
      if (!isRows(bytes)) this.#rows.find((own) => own.id === id)!.state.restore?.(new SnapshotReader(bytes));
    }
  }

  /** Rows that wait for the model are of records before its series is forgotten. */
  #setAside(series: number): void {
    if (this.#model === undefined) return;
    this.#model.setAside(series, () =>
      this.hot === undefined ? series : this.#placesOf(Int32Array.of(series), 0, 1)[0]!,
    );
  }

  #placesOf(series: Int32Array, from: number, to: number): Int32Array<ArrayBuffer> {
    if (to > this.#places.length) this.#places = new Int32Array(Math.max(to, 2 * this.#places.length));
    this.hot!.bring(series, from, to, this.#places);
    return this.#places;
  }

  #nameSeries(tables: readonly AlertRows[], first: readonly number[]): void {
    tables.forEach(({ series, count }, t) => {
      for (let row = first[t]!; row < count; row++) series[row] = this.seriesAt(series[row]!);
    });
  }

  #restoreRows(operators: readonly OperatorState[]): void {
    const own = operators.map(({ id }) => this.#rows.findIndex((each) => each.id === id));
    const sections = new RowSections(operators);
    const { hot } = this;
    const row = new StateRow();
    if (hot === undefined) {
      sections.next(Infinity, (k, series, bytes, from, to, section) => {
        if (!this.table.has(series)) return;
        const { state } = this.#rows[own[k]!]!;
        if (section > 0) state.reset(series);
        if (to === from) return;
        row.load(bytes, from, to);
        state.unpack(series, row);
      });
      return;
    }
    const take = (k: number, series: number, bytes: Uint8Array, from: number, to: number): void => {
      if (!this.table.has(series)) return;
      if (k === 0) row.clear();
      for (let other = k === 0 ? 0 : own[k - 1]! + 1; other < own[k]!; other++) row.putI32(NO_STATE);
      row.putI32(to > from ? to - from : NO_STATE);
      row.putBytes(bytes, from, to);
      if (k < own.length - 1) return;
      for (let other = own[k]! + 1; other < this.#rows.length; other++) row.putI32(NO_STATE);
      hot.write(series, row);
    };
    for (let more = true; more; ) {
      hot.batch(() => {
        more = sections.next(ROWS_A_BATCH, take);
      });
    }
  }
}

/** One for a record, and one that may make place for it. */
const MIN_HOT_SERIES = 2;
const NO_STATE = -1;
const ROWS_A_BATCH = 4096;
