import type { ColumnBatch } from '../batch.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { StateRow } from '../stateRow.ts';
import type { Watermarks } from '../time/clock.ts';
import { addRun } from './addRun.ts';
import { AheadSeries, type Passed } from './aheadSeries.ts';
import { hasValue } from './keyedWindow.ts';
import type { Layout } from './layout.ts';
import type { WindowOperator } from './operator.ts';
import type { WindowOutput } from './output.ts';
import { Pane } from './pane.ts';
import { Slices } from './slices.ts';

/**
 * Hopping windows under a watermark of the partition, by slices: a record is added to one slice of gcd(size, advance),
 * and a window is put together from its slices when it fires (Krishnamurthy et al., SIGMOD 2006). Windows have numbers:
 * window w begins at slice w * `#step` and has `#width` slices. A record is late when all of its windows are gone; while
 * any is open, those that have put out their rows already miss it (with an allowed lateness: put them out again).
 *
 * Rows of a window come in the order in which its series first appeared: by slice, then within the slice.
 */
export class HoppingWindow implements WindowOperator {
  readonly #layout: Layout;
  readonly #sizeMs: number;
  readonly #advanceMs: number;
  readonly #offsetMs: number;
  readonly #latenessMs: number;
  readonly #width: number;
  readonly #step: number;
  readonly #slices: Slices;
  #sum: Pane;
  /** Windows up to this number have had the watermark at their end. */
  #fired = -Infinity;
  /** Windows up to this number have had it at the end of their lateness, too. */
  #ended = -Infinity;
  /** With a lateness, by window between the two: rows that are out, by series. */
  readonly #rows = new Map<number, Int32Array>();
  readonly #ahead = new AheadSeries();
  /** Nothing came yet, neither records nor state. */
  #isNew = true;
  #series = 0;
  #current: Pane | undefined;

  constructor(
    layout: Layout,
    { sizeMs, advanceMs }: { readonly sizeMs: number; readonly advanceMs: number },
    offsetMs: number,
    latenessMs: number,
  ) {
    const sliceMs = divisor(sizeMs, advanceMs);
    this.#layout = layout;
    this.#sizeMs = sizeMs;
    this.#advanceMs = advanceMs;
    this.#offsetMs = offsetMs;
    this.#latenessMs = latenessMs;
    this.#width = sizeMs / sliceMs;
    this.#step = advanceMs / sliceMs;
    this.#slices = new Slices(layout, sliceMs, offsetMs);
    this.#sum = new Pane(layout, 64, false);
  }

  get openCount(): number {
    return this.#slices.panes.length;
  }

  get nextDue(): number {
    return Math.min(this.#endOf(this.#nextAfter(this.#fired)), this.#finalDue());
  }

  dueBy(watermark: number): number {
    const due = this.nextDue;
    return due <= watermark ? due : Infinity;
  }

  reserve(series: number): void {
    this.#series = Math.max(series, this.#series);
    this.#slices.reserve(series);
    this.#sum.reserve(series);
  }

  nextBoundary(watermark: number): number {
    if (watermark === -Infinity) return -Infinity;
    const next = this.#endOf(this.#passedAt(watermark) + 1);
    if (this.#latenessMs === 0) return next;
    return Math.min(next, this.#endOf(this.#passedAt(watermark - this.#latenessMs) + 1) + this.#latenessMs);
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
    this.#isNew = false;
    // Windows without a value pass unseen: what comes for them now is late.
    this.#fired = Math.max(this.#fired, this.#passedAt(marks.before[from]!));
    this.#ended = Math.max(this.#ended, this.#passedAt(marks.before[from]! - this.#latenessMs));
    let i = from;
    while (i < to) {
      if (series[i]! < 0) {
        i++;
        continue;
      }
      const time = eventTimes[i]!;
      let pane = this.#current;
      if (pane === undefined || time < pane.start || time >= pane.end) {
        const number = this.#slices.numberOf(time);
        if (this.#lastOf(number) <= this.#ended) {
          out.late.add(i, this.#layout.index, marks.before[i]! - this.#endOf(this.#lastOf(number)));
          i++;
          continue;
        }
        pane = this.#slices.at(number) ?? this.#slices.open(number);
        this.#current = pane;
      }
      const number = this.#slices.numberOf(pane.start);
      if (this.#firstOf(number) > this.#fired) i = addRun(pane, this.#layout, batch, i, to, alerts);
      else this.#addOlder(pane, number, batch, i++, alerts, out);
    }
  }

  fireNext(out: WindowOutput): void {
    const next = this.#nextAfter(this.#fired);
    const due = this.#finalDue();
    const isFinal = due <= this.#endOf(next);
    const window = isFinal ? this.#nextAfter(this.#ended) : next;
    const sum = this.#sum;
    this.#slices.sum(window * this.#step, window * this.#step + this.#width, sum);
    this.#beginRows(window, out);
    out.due = isFinal ? due : out.end;
    out.isOnTime = !isFinal;
    out.isFinal = isFinal || this.#latenessMs === 0;
    out.rows.reserve(sum.count * this.#layout.fields);
    for (let k = 0; k < sum.count; k++) {
      const series = sum.order[k]!;
      const ahead = this.#ahead.get(series);
      if (ahead === undefined || window > (isFinal ? ahead.ended : ahead.fired)) this.#writeSeries(window, series, out);
    }
    sum.release();
    if (isFinal || this.#latenessMs === 0) this.#end(window);
    if (!isFinal) this.#fired = window;
  }

  fireEarly(): void {}

  snapshot(state: StateWriter): void {
    const { panes } = this.#slices;
    state.number('fired', this.#fired);
    state.number('ended', this.#ended);
    state.array(
      'starts',
      Float64Array.from(panes, (pane) => pane.start),
      panes.length,
    );
    for (let p = 0; p < panes.length; p++) panes[p]!.snapshot(state.scope(String(p)));
    state.array('windows', Float64Array.from(this.#rows.keys()), this.#rows.size);
    [...this.#rows.values()].forEach((rows, r) => {
      state.array(`rows/${r}`, rows, rows.length);
    });
    this.#ahead.snapshot(state);
  }

  restore(state: StateReader): void {
    this.#isNew = false;
    this.#fired = state.number('fired');
    this.#ended = state.number('ended');
    const starts = state.f64('starts');
    for (let p = 0; p < state.length('starts'); p++) {
      this.#slices.open(this.#slices.numberOf(starts[p]!)).restore(state.scope(String(p)));
    }
    state.f64('windows').forEach((window, r) => {
      this.#rows.set(window, state.i32(`rows/${r}`));
    });
    this.#ahead.restore(state);
  }

  pack(series: number, out: StateRow): void {
    const { fired, ended } = this.#ahead.get(series) ?? { fired: this.#fired, ended: this.#ended };
    out.putF64(fired);
    out.putF64(ended);
    const panes = this.#slices.panes.filter((pane) => this.#slices.has(pane, series));
    out.putI32(panes.length);
    for (const pane of panes) {
      out.putF64(this.#slices.numberOf(pane.start));
      pane.pack(series, out);
    }
    const rows = [...this.#rows].filter(([, counts]) => (counts[series] ?? 0) > 0);
    out.putI32(rows.length);
    for (const [window, counts] of rows) {
      out.putF64(window);
      out.putI32(counts[series]!);
    }
  }

  unpack(series: number, from: StateRow): void {
    this.reserve(series + 1);
    const passed = { fired: from.f64(), ended: from.f64() };
    const count = from.i32();
    if (count > 0) this.#join(series, passed);
    for (let left = count; left > 0; left--) {
      const number = from.f64();
      const pane = this.#slices.at(number) ?? this.#slices.open(number);
      this.#slices.touch(number, series, true);
      pane.unpack(series, from);
    }
    for (let left = from.i32(); left > 0; left--) {
      const window = from.f64();
      this.#countsOf(window)[series] = from.i32();
    }
  }

  reset(series: number): void {
    this.#ahead.delete(series);
    this.#slices.forget(series);
    for (const rows of this.#rows.values()) if (series < rows.length) rows[series] = 0;
  }

  lastTime(series: number): number {
    const pane = this.#slices.panes.findLast((each) => this.#slices.has(each, series));
    return pane === undefined ? -Infinity : this.#endOf(this.#lastOf(this.#slices.numberOf(pane.start)));
  }

  /** Takes in a series of which those windows are out: no window is put out twice, and none is left out. */
  #join(series: number, passed: Passed): void {
    if (this.#isNew) {
      this.#isNew = false;
      this.#fired = passed.fired;
      this.#ended = passed.ended;
      return;
    }
    const here = { fired: this.#fired, ended: this.#ended };
    if (passed.fired < here.fired || passed.ended < here.ended) {
      this.#ahead.setAll(this.#slices.panes, here);
      this.#fired = Math.min(here.fired, passed.fired);
      this.#ended = Math.min(here.ended, passed.ended);
    }
    if (passed.fired > this.#fired || passed.ended > this.#ended) this.#ahead.set(series, passed);
  }

  /** A record of a slice of which a window has put out its rows: such windows put the series out again, the oldest first. */
  #addOlder(pane: Pane, number: number, batch: ColumnBatch, i: number, alerts: Float64Array, out: WindowOutput): void {
    const series = batch.series[i]!;
    this.#slices.touch(number, series, pane.place[series] === 0);
    addRun(pane, this.#layout, batch, i, i + 1, alerts);
    if (!hasValue(batch, i)) return;
    const last = Math.min(this.#fired, this.#lastOf(number));
    const ended = this.#ahead.get(series)?.ended ?? this.#ended;
    for (let window = Math.max(ended + 1, this.#firstOf(number)); window <= last; window++) {
      const from = window * this.#step;
      this.#slices.sumOf(series, from, from + this.#width, this.#sum);
      this.#beginRows(window, out);
      out.offset = batch.offsets[i]!;
      out.recordTime = batch.recordTimes[i]!;
      out.due = -Infinity;
      out.isOnTime = false;
      out.isFinal = false;
      this.#writeSeries(window, series, out);
      this.#sum.release();
    }
  }

  #beginRows(window: number, out: WindowOutput): void {
    out.start = window * this.#advanceMs + this.#offsetMs;
    out.end = this.#endOf(window);
  }

  #writeSeries(window: number, series: number, out: WindowOutput): void {
    const { fields } = this.#layout;
    let number = 0;
    if (this.#latenessMs > 0) {
      const counts = this.#countsOf(window);
      number = counts[series]!;
      counts[series] = number + 1;
    }
    for (let f = 0; f < fields; f++) {
      const slot = series * fields + f;
      this.#layout.write(out, this.#sum.base, this.#sum.tables, slot, this.#sum.missing, series, f, number);
    }
  }

  #countsOf(window: number): Int32Array {
    const known = this.#rows.get(window);
    if (known !== undefined && known.length >= this.#series) return known;
    const counts = new Int32Array(Math.max(this.#series, (known?.length ?? 0) * 2, 64));
    if (known !== undefined) counts.set(known);
    this.#rows.set(window, counts);
    return counts;
  }

  /** The window is gone, and with it the slices that no later one has. */
  #end(window: number): void {
    this.#ended = Math.max(this.#ended, window);
    this.#rows.delete(window);
    this.#ahead.pass(this.#ended);
    this.#slices.dropBelow((window + 1) * this.#step);
    this.#current = undefined;
  }

  /** The first window after `window` that has a slice; Infinity when there is none. */
  #nextAfter(window: number): number {
    for (const pane of this.#slices.panes) {
      const number = this.#slices.numberOf(pane.start);
      if (this.#lastOf(number) > window) return Math.max(window + 1, this.#firstOf(number));
    }
    return Infinity;
  }

  /** When the oldest window that has put out its rows ends for good. */
  #finalDue(): number {
    if (this.#latenessMs === 0) return Infinity;
    const window = this.#nextAfter(this.#ended);
    return window <= this.#fired ? this.#endOf(window) + this.#latenessMs : Infinity;
  }

  #endOf(window: number): number {
    return window * this.#advanceMs + this.#offsetMs + this.#sizeMs;
  }

  /** The last window whose end a watermark has reached. */
  #passedAt(watermark: number): number {
    return Math.floor((watermark - this.#offsetMs - this.#sizeMs) / this.#advanceMs);
  }

  /** The first and the last window that has a slice. */
  #firstOf(slice: number): number {
    return Math.floor((slice - this.#width) / this.#step) + 1;
  }

  #lastOf(slice: number): number {
    return Math.floor(slice / this.#step);
  }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
