import type { ColumnBatch } from './batch.ts';
import type { LateRows, WindowRows } from './rows.ts';
import type { StateReader, StateWriter } from './state.ts';

/** Doubles a series and field in a pane: count, mean, sum of squared deviations, min, max. */
const CELL = 5;

/** One open window: a table by series id, and the order in which its series first appeared. */
class Pane {
  start = 0;
  end = 0;
  seriesCount = 0;
  order: Int32Array;
  seen: Uint8Array;
  cells: Float64Array;

  constructor(series: number, fields: number) {
    this.order = new Int32Array(series);
    this.seen = new Uint8Array(series);
    this.cells = new Float64Array(series * fields * CELL);
  }

  reserve(series: number, fields: number): void {
    if (series <= this.seen.length) return;
    const grown = new Pane(Math.max(series, this.seen.length * 2), fields);
    grown.order.set(this.order);
    grown.seen.set(this.seen);
    grown.cells.set(this.cells);
    this.order = grown.order;
    this.seen = grown.seen;
    this.cells = grown.cells;
  }
}

/**
 * Event-time tumbling windows, start inclusive, end exclusive, aligned to the epoch (as Flink's TumblingEventTimeWindows).
 * A window closes when the watermark reaches its end; a record whose window is closed is late.
 *
 * Mean and deviation by Welford's update (Technometrics 4(3), 1962): running sums of squares lose all digits of the
 * deviation for values near 1e8.
 */
export class TumblingWindow {
  readonly sizeMs: number;
  readonly #index: number;
  readonly #fields: number;
  /** Open panes by ascending start: few, one or two while records come nearly in order. */
  readonly #panes: Pane[] = [];
  readonly #free: Pane[] = [];
  #series = 0;
  /** The pane that the last record fell into: consecutive records nearly always share it. */
  #current: Pane | undefined;

  /** @param index position among the pipeline's windows, put into the rows */
  constructor(index: number, sizeMs: number, fields: number) {
    this.#index = index;
    this.sizeMs = sizeMs;
    this.#fields = fields;
  }

  reserve(series: number): void {
    this.#series = Math.max(series, this.#series);
    for (const pane of this.#panes) pane.reserve(this.#series, this.#fields);
  }

  /** The lowest watermark above `watermark` at which a window can close. */
  nextBoundary(watermark: number): number {
    return watermark === -Infinity ? -Infinity : Math.floor(watermark / this.sizeMs) * this.sizeMs + this.sizeMs;
  }

  /** End of the oldest open window, Infinity when none is open. */
  get oldestEnd(): number {
    return this.#panes.length === 0 ? Infinity : this.#panes[0]!.end;
  }

  get openCount(): number {
    return this.#panes.length;
  }

  /** Adds records from <= i < to, among which no open window closes. `watermarks[i]` is the one before record i. */
  update(batch: ColumnBatch, from: number, to: number, watermarks: Float64Array, late: LateRows): void {
    const { series, eventTimes, fields } = batch;
    const fieldCount = this.#fields;
    let pane = this.#current;
    let start = pane === undefined ? Infinity : pane.start;
    let end = pane === undefined ? -Infinity : pane.end;
    for (let i = from; i < to; i++) {
      const id = series[i]!;
      if (id < 0) continue;
      const time = eventTimes[i]!;
      if (pane === undefined || time < start || time >= end) {
        const found = this.#paneAt(time, watermarks[i]!);
        if (found === undefined) {
          const closed = Math.floor(time / this.sizeMs) * this.sizeMs + this.sizeMs;
          late.add(i, this.#index, watermarks[i]! - closed);
          continue;
        }
        pane = found;
        start = pane.start;
        end = pane.end;
      }
      if (pane.seen[id] === 0) {
        pane.seen[id] = 1;
        pane.order[pane.seriesCount++] = id;
      }
      const cells = pane.cells;
      let at = id * fieldCount * CELL;
      for (let f = 0; f < fieldCount; f++, at += CELL) {
        const value = fields[f]![i]!;
        if (Number.isNaN(value)) continue;
        const count = cells[at]! + 1;
        cells[at] = count;
        if (count === 1) {
          cells[at + 1] = value;
          cells[at + 2] = 0;
          cells[at + 3] = value;
          cells[at + 4] = value;
          continue;
        }
        const delta = value - cells[at + 1]!;
        const mean = cells[at + 1]! + delta / count;
        cells[at + 1] = mean;
        cells[at + 2] = cells[at + 2]! + delta * (value - mean);
        if (value < cells[at + 3]!) cells[at + 3] = value;
        else if (value > cells[at + 4]!) cells[at + 4] = value;
      }
    }
    this.#current = pane;
  }

  /** Puts out the oldest open window, series in the order of their first appearance, and forgets it. */
  closeOldest(out: WindowRows, offset: number, recordTime: number): void {
    const pane = this.#panes.shift()!;
    if (this.#current === pane) this.#current = undefined;
    const fieldCount = this.#fields;
    out.reserve(pane.seriesCount * fieldCount);
    const { cells, order } = pane;
    let row = out.count;
    for (let k = 0; k < pane.seriesCount; k++) {
      const id = order[k]!;
      pane.seen[id] = 0;
      let at = id * fieldCount * CELL;
      for (let f = 0; f < fieldCount; f++, at += CELL) {
        const count = cells[at]!;
        if (count === 0) continue;
        cells[at] = 0;
        out.series[row] = id;
        out.window[row] = this.#index;
        out.field[row] = f;
        out.start[row] = pane.start;
        out.end[row] = pane.end;
        out.values[row] = count;
        out.mean[row] = cells[at + 1]!;
        out.stddev[row] = Math.sqrt(cells[at + 2]! / count);
        out.min[row] = cells[at + 3]!;
        out.max[row] = cells[at + 4]!;
        out.offset[row] = offset;
        out.recordTime[row] = recordTime;
        row++;
      }
    }
    out.count = row;
    pane.seriesCount = 0;
    this.#free.push(pane);
  }

  snapshot(state: StateWriter): void {
    const panes = this.#panes;
    state.array(
      'starts',
      Float64Array.from(panes, (pane) => pane.start),
      panes.length,
    );
    for (let p = 0; p < panes.length; p++) {
      const pane = panes[p]!;
      const scope = state.scope(String(p));
      const width = this.#fields * CELL;
      // Only the series that are in the window, in their order: a pane is reused, and its other cells hold old values.
      const packed = new Float64Array(pane.seriesCount * width);
      for (let k = 0; k < pane.seriesCount; k++) {
        const at = pane.order[k]! * width;
        packed.set(pane.cells.subarray(at, at + width), k * width);
      }
      scope.array('order', pane.order, pane.seriesCount);
      scope.array('cells', packed, packed.length);
    }
  }

  restore(state: StateReader): void {
    const starts = state.f64('starts');
    for (let p = 0; p < state.length('starts'); p++) {
      const scope = state.scope(String(p));
      const pane = this.#open(starts[p]!);
      const order = scope.i32('order');
      const cells = scope.f64('cells');
      const width = this.#fields * CELL;
      for (let k = 0; k < scope.length('order'); k++) {
        const id = order[k]!;
        pane.order[k] = id;
        pane.seen[id] = 1;
        pane.cells.set(cells.subarray(k * width, (k + 1) * width), id * width);
      }
      pane.seriesCount = scope.length('order');
    }
  }

  /** The open window of a time, opened if need be; undefined when the watermark has passed its end. */
  #paneAt(time: number, watermark: number): Pane | undefined {
    const start = Math.floor(time / this.sizeMs) * this.sizeMs;
    if (start + this.sizeMs <= watermark) return undefined;
    for (const pane of this.#panes) if (pane.start === start) return pane;
    return this.#open(start);
  }

  #open(start: number): Pane {
    const pane = this.#free.pop() ?? new Pane(Math.max(this.#series, 64), this.#fields);
    pane.reserve(this.#series, this.#fields);
    pane.start = start;
    pane.end = start + this.sizeMs;
    let at = this.#panes.length;
    while (at > 0 && this.#panes[at - 1]!.start > start) at--;
    this.#panes.splice(at, 0, pane);
    return pane;
  }
}
