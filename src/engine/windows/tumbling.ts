import type { ColumnBatch } from '../batch.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { StateRow } from '../stateRow.ts';
import type { Watermarks } from '../time/clock.ts';
import { addRun } from './addRun.ts';
import type { Aligner } from './aligner.ts';
import { hasValue } from './keyedWindow.ts';
import type { Layout } from './layout.ts';
import type { WindowOperator } from './operator.ts';
import type { WindowOutput } from './output.ts';
import { Pane } from './pane.ts';
import type { WindowTiming } from './timing.ts';

/**
 * Event-time tumbling windows under a watermark of the partition. A window puts its rows out when the watermark reaches
 * its end; it is kept for the allowed lateness, in which each late record puts out its series again; a record whose
 * window is gone is late.
 */
export class TumblingWindow implements WindowOperator {
  readonly #layout: Layout;
  readonly #aligner: Aligner;
  readonly #latenessMs: number;
  readonly #emitEveryMs: number;
  /** Open panes by ascending start: few, one or two while records come nearly in order. */
  readonly #panes: Pane[] = [];
  readonly #free: Pane[] = [];
  #series = 0;
  /** The pane that the last record fell into: consecutive records nearly always share it. */
  #current: Pane | undefined;

  constructor(layout: Layout, aligner: Aligner, timing: WindowTiming) {
    this.#layout = layout;
    this.#aligner = aligner;
    this.#latenessMs = timing.latenessMs;
    this.#emitEveryMs = timing.emitEveryMs;
  }

  get openCount(): number {
    return this.#panes.length;
  }

  get nextDue(): number {
    const first = this.#nextPane();
    return first === undefined ? Infinity : this.#dueOf(first);
  }

  dueBy(watermark: number): number {
    const due = this.nextDue;
    return due <= watermark ? due : Infinity;
  }

  reserve(series: number): void {
    this.#series = Math.max(series, this.#series);
    for (const pane of this.#panes) pane.reserve(this.#series);
  }

  nextBoundary(watermark: number): number {
    if (watermark === -Infinity) return -Infinity;
    const late = this.#latenessMs;
    let boundary = this.#endAfter(watermark);
    if (late > 0) boundary = Math.min(boundary, this.#endAfter(watermark - late) + late);
    const every = this.#emitEveryMs;
    if (every > 0) boundary = Math.min(boundary, Math.floor(watermark / every) * every + every);
    return boundary;
  }

  update(
    batch: ColumnBatch,
    from: number,
    to: number,
    marks: Watermarks,
    alerts: Float64Array,
    out: WindowOutput,
  ): void {
    const { series, eventTimes } = batch;
    const watermarks = marks.before;
    let i = from;
    while (i < to) {
      if (series[i]! < 0) {
        i++;
        continue;
      }
      const time = eventTimes[i]!;
      let pane = this.#current;
      if (pane === undefined || time < pane.start || time >= pane.end) {
        pane = this.#paneAt(time, watermarks[i]!);
        this.#current = pane;
        if (pane === undefined) {
          const end = this.#aligner.endOf(this.#aligner.startOf(time));
          out.late.add(i, this.#layout.index, watermarks[i]! - end);
          i++;
          continue;
        }
      }
      if (pane.isFired) {
        this.#addLate(pane, batch, i++, alerts, out);
        continue;
      }
      const first = i;
      i = addRun(pane, this.#layout, batch, i, to, alerts);
      if (this.#emitEveryMs > 0) this.#markChanged(pane, batch, first, i);
    }
  }

  fireNext(out: WindowOutput): void {
    const pane = this.#nextPane()!;
    out.start = pane.start;
    out.end = pane.end;
    out.due = this.#dueOf(pane);
    out.isOnTime = !pane.isFired;
    out.isFinal = pane.isFired || this.#latenessMs === 0;
    out.rows.reserve(pane.count * this.#layout.fields);
    for (let k = 0; k < pane.count; k++) {
      const series = pane.order[k]!;
      if (series >= 0 && (pane.isFired || !pane.firedSeries.has(series))) this.#writeSeries(pane, series, out);
    }
    if (!out.isFinal) {
      pane.isFired = true;
      pane.firedSeries.clear();
      return;
    }
    this.#panes.splice(this.#panes.indexOf(pane), 1);
    if (this.#current === pane) this.#current = undefined;
    pane.release();
    this.#free.push(pane);
  }

  fireEarly(before: number, watermark: number, out: WindowOutput): void {
    const every = this.#emitEveryMs;
    if (every === 0 || before === -Infinity || Math.floor(before / every) === Math.floor(watermark / every)) return;
    for (const pane of this.#panes) {
      if (pane.isFired) continue;
      out.start = pane.start;
      out.end = pane.end;
      out.due = watermark;
      out.isOnTime = false;
      out.isFinal = false;
      for (let k = 0; k < pane.count; k++) {
        const series = pane.order[k]!;
        if (series >= 0 && pane.changed[series] === 1) this.#writeSeries(pane, series, out);
      }
    }
  }

  snapshot(state: StateWriter): void {
    const panes = this.#panes;
    state.array(
      'starts',
      Float64Array.from(panes, (pane) => pane.start),
      panes.length,
    );
    state.array(
      'fired',
      Uint8Array.from(panes, (pane) => Number(pane.isFired)),
      panes.length,
    );
    for (let p = 0; p < panes.length; p++) panes[p]!.snapshot(state.scope(String(p)));
  }

  restore(state: StateReader): void {
    const starts = state.f64('starts');
    // Version 0.1 had no lateness.
    const fired = state.has('fired') ? state.u8('fired') : undefined;
    for (let p = 0; p < state.length('starts'); p++) {
      const pane = this.#open(starts[p]!);
      pane.isFired = fired?.[p] === 1;
      pane.restore(state.scope(String(p)));
    }
  }

  pack(series: number, out: StateRow): void {
    const panes = this.#panes.filter((pane) => this.#has(pane, series));
    out.putI32(panes.length);
    for (const pane of panes) {
      out.putF64(pane.start);
      out.putU8(Number(pane.hasFired(series)));
      pane.pack(series, out);
    }
  }

  unpack(series: number, from: StateRow): void {
    this.reserve(series + 1);
    for (let left = from.i32(); left > 0; left--) {
      const start = from.f64();
      const fired = from.u8() === 1;
      const pane = this.#panes.find((each) => each.start === start) ?? this.#open(start);
      pane.joins(series, fired);
      pane.unpack(series, from);
    }
  }

  reset(series: number): void {
    for (const pane of this.#panes) if (this.#has(pane, series)) pane.forget(series);
  }

  lastTime(series: number): number {
    return this.#panes.findLast((pane) => this.#has(pane, series))?.end ?? -Infinity;
  }

  #has(pane: Pane, series: number): boolean {
    return series < pane.place.length && pane.place[series] !== 0;
  }

  #endAfter(watermark: number): number {
    return this.#aligner.endOf(this.#aligner.startOf(watermark));
  }

  /** The pane with the lowest due time; the older one where two are due at once. */
  #nextPane(): Pane | undefined {
    const first = this.#panes[0];
    if (first === undefined || !first.isFired) return first;
    const open = this.#panes.find((pane) => !pane.isFired);
    return open !== undefined && open.end < this.#dueOf(first) ? open : first;
  }

  #dueOf(pane: Pane): number {
    return pane.isFired ? pane.end + this.#latenessMs : pane.end;
  }

  #markChanged(pane: Pane, batch: ColumnBatch, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      if (batch.series[i]! >= 0 && hasValue(batch, i)) pane.changed[batch.series[i]!] = 1;
    }
  }

  /** A record of a window that has put its rows out: the series puts them out again. */
  #addLate(pane: Pane, batch: ColumnBatch, i: number, alerts: Float64Array, out: WindowOutput): void {
    const id = batch.series[i]!;
    addRun(pane, this.#layout, batch, i, i + 1, alerts);
    if (!hasValue(batch, i)) return;
    out.offset = batch.offsets[i]!;
    out.recordTime = batch.recordTimes[i]!;
    out.start = pane.start;
    out.end = pane.end;
    out.due = -Infinity;
    out.isOnTime = false;
    out.isFinal = false;
    this.#writeSeries(pane, id, out);
  }

  #writeSeries(pane: Pane, series: number, out: WindowOutput): void {
    const { fields } = this.#layout;
    let number = 0;
    if (pane.rows.length > 0) {
      number = pane.rows[series]!;
      pane.rows[series] = number + 1;
      pane.changed[series] = 0;
    }
    for (let f = 0; f < fields; f++) {
      this.#layout.write(out, pane.base, pane.tables, series * fields + f, pane.missing, series, f, number);
    }
  }

  /** The open window of a time, opened if need be; undefined when the watermark has passed its end and the lateness. */
  #paneAt(time: number, watermark: number): Pane | undefined {
    const start = this.#aligner.startOf(time);
    const end = this.#aligner.endOf(start);
    if (end + this.#latenessMs <= watermark) return undefined;
    for (const pane of this.#panes) if (pane.start === start) return pane;
    const pane = this.#open(start);
    pane.isFired = end <= watermark;
    return pane;
  }

  #open(start: number): Pane {
    const counted = this.#latenessMs > 0 || this.#emitEveryMs > 0;
    const pane = this.#free.pop() ?? new Pane(this.#layout, Math.max(this.#series, 64), counted);
    pane.reserve(this.#series);
    pane.start = start;
    pane.end = this.#aligner.endOf(start);
    let at = this.#panes.length;
    while (at > 0 && this.#panes[at - 1]!.start > start) at--;
    this.#panes.splice(at, 0, pane);
    return pane;
  }
}
