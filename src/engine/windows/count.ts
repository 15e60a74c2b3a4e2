import type { ColumnBatch } from '../batch.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { StateRow } from '../stateRow.ts';
import type { Watermarks } from '../time/clock.ts';
import { KeyedPanes } from './keyedPanes.ts';
import { hasValue } from './keyedWindow.ts';
import type { Layout } from './layout.ts';
import type { WindowOperator } from './operator.ts';
import type { WindowOutput } from './output.ts';

const NONE = -1;

/**
 * Windows of `size` records of a series that have a value, in the order of the records: nothing is late for them, and
 * the end of the input does not close one that is not full. Start and end are the least event time, and the first
 * millisecond after the greatest.
 */
export class CountWindow implements WindowOperator {
  readonly nextDue = Infinity;
  readonly #size: number;
  readonly #panes: KeyedPanes;

  constructor(layout: Layout, size: number) {
    this.#panes = new KeyedPanes(layout);
    this.#size = size;
  }

  get openCount(): number {
    return this.#panes.openCount;
  }

  dueBy(): number {
    return Infinity;
  }

  reserve(series: number): void {
    this.#panes.reserve(series);
  }

  nextBoundary(): number {
    return Infinity;
  }

  update(
    batch: ColumnBatch,
    from: number,
    to: number,
    _marks: Watermarks,
    alerts: Float64Array,
    out: WindowOutput,
  ): void {
    const { series, eventTimes, offsets, recordTimes } = batch;
    const panes = this.#panes;
    for (let i = from; i < to; i++) {
      if (series[i]! < 0 || !hasValue(batch, i)) continue;
      const start = eventTimes[i]!;
      const end = Math.floor(start) + 1;
      let pane = panes.head[series[i]!]!;
      if (pane === NONE) pane = panes.open(series[i]!, NONE, start, end);
      if (start < panes.start[pane]!) panes.start[pane] = start;
      if (end > panes.end[pane]!) panes.end[pane] = end;
      panes.add(pane, batch, i, alerts);
      if (panes.records[pane]! < this.#size) continue;
      out.offset = offsets[i]!;
      out.recordTime = recordTimes[i]!;
      out.due = -Infinity;
      out.isOnTime = true;
      out.isFinal = true;
      panes.write(pane, out);
      panes.close(pane);
    }
  }

  writeOpen(out: WindowOutput): void {
    const panes = this.#panes;
    for (let pane = 0; pane < panes.used; pane++) if (panes.isOpen(pane)) panes.write(pane, out);
  }

  fireNext(): void {}

  fireEarly(): void {}

  snapshot(state: StateWriter): void {
    this.#panes.snapshot(state);
  }

  restore(state: StateReader): void {
    this.#panes.restore(state);
  }

  pack(series: number, out: StateRow): void {
    this.#panes.pack(series, out);
  }

  unpack(series: number, from: StateRow): void {
    this.#panes.unpack(series, from, () => {});
  }

  reset(series: number): void {
    this.#panes.reset(series);
  }

  lastTime(series: number): number {
    return this.#panes.lastTime(series);
  }
}
