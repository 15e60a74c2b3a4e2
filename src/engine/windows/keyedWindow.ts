import type { ColumnBatch } from '../batch.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { StateRow } from '../stateRow.ts';
import type { Watermarks } from '../time/clock.ts';
import { KeyedPanes } from './keyedPanes.ts';
import type { Layout } from './layout.ts';
import type { WindowOperator } from './operator.ts';
import type { WindowOutput } from './output.ts';
import { Timers } from './timers.ts';
import type { WindowTiming } from './timing.ts';

const NONE = -1;

/**
 * Windows of single series that end by time: what sessions, and all windows under a watermark a series, share. Under a
 * watermark of the partition the pipeline asks for what is due; under one a series, each record puts out what its
 * series' watermark has passed, and of other series what is behind the floor.
 */
export abstract class KeyedWindow implements WindowOperator {
  protected readonly panes: KeyedPanes;
  protected readonly latenessMs: number;
  readonly #emitEveryMs: number;
  readonly #isPerSeries: boolean;
  /** Whether silence closes windows, so that there must be timers. */
  readonly #isTimed: boolean;
  readonly #timers = new Timers();

  /** @param clock whose watermark it is; silence that closes windows of other series, Infinity for none */
  constructor(
    layout: Layout,
    timing: WindowTiming,
    clock: { readonly isPerSeries: boolean; readonly idleAfterMs: number },
  ) {
    this.panes = new KeyedPanes(layout);
    this.latenessMs = timing.latenessMs;
    this.#emitEveryMs = timing.emitEveryMs;
    this.#isPerSeries = clock.isPerSeries;
    this.#isTimed = !clock.isPerSeries || clock.idleAfterMs < Infinity;
  }

  /** Adds record i, whose series and time are good, under the watermark that holds for it. */
  protected abstract take(
    batch: ColumnBatch,
    i: number,
    watermark: number,
    alerts: Float64Array,
    out: WindowOutput,
  ): void;

  get openCount(): number {
    return this.panes.openCount;
  }

  get nextDue(): number {
    return this.#nextTimer(Infinity) ? this.#timers.dueMs : Infinity;
  }

  dueBy(watermark: number): number {
    return this.#nextTimer(watermark) ? this.#timers.dueMs : Infinity;
  }

  reserve(series: number): void {
    this.panes.reserve(series);
  }

  nextBoundary(watermark: number): number {
    if (this.#isPerSeries) return Infinity;
    if (watermark === -Infinity) return -Infinity;
    const every = this.#emitEveryMs;
    const early = every === 0 ? Infinity : Math.floor(watermark / every) * every + every;
    // A timer may be set too early, which is found out when the watermark is there.
    return this.#nextTimer(watermark) || this.#timers.count > 0 ? Math.min(early, this.#timers.dueMs) : early;
  }

  update(
    batch: ColumnBatch,
    from: number,
    to: number,
    marks: Watermarks,
    alerts: Float64Array,
    out: WindowOutput,
  ): void {
    const { series } = batch;
    for (let i = from; i < to; i++) {
      if (series[i]! < 0) continue;
      if (hasValue(batch, i)) this.take(batch, i, marks.before[i]!, alerts, out);
      if (!this.#isPerSeries) continue;
      out.offset = batch.offsets[i]!;
      out.recordTime = batch.recordTimes[i]!;
      this.#fireUpTo(series[i]!, marks.after[i]!, marks.floor[i]!, out);
      if (this.#emitEveryMs > 0) this.#fireEarlyOf(series[i]!, marks.before[i]!, marks.after[i]!, out);
    }
  }

  fireNext(out: WindowOutput): void {
    if (this.#nextTimer(Infinity)) this.#fire(this.#timers.pane, out);
  }

  fireEarly(before: number, watermark: number, out: WindowOutput): void {
    if (this.#isPerSeries || !this.#passes(before, watermark)) return;
    const { panes } = this;
    const due: number[] = [];
    for (let pane = 0; pane < panes.used; pane++) if (panes.isOpen(pane) && this.#isEarly(pane)) due.push(pane);
    due.sort((a, b) => panes.end[a]! - panes.end[b]! || panes.sequence[a]! - panes.sequence[b]!);
    for (const pane of due) this.#writeEarly(pane, watermark, out);
  }

  /** Sets timers for all that is open, where silence does not: for the end of the input. */
  scheduleAll(): void {
    if (this.#isTimed) return;
    for (let pane = 0; pane < this.panes.used; pane++) if (this.panes.isOpen(pane)) this.#setTimer(pane);
  }

  snapshot(state: StateWriter): void {
    this.panes.snapshot(state);
  }

  restore(state: StateReader): void {
    this.panes.restore(state);
    for (let pane = 0; pane < this.panes.used; pane++) if (this.panes.isOpen(pane)) this.schedule(pane);
  }

  pack(series: number, out: StateRow): void {
    this.panes.pack(series, out);
  }

  unpack(series: number, from: StateRow): void {
    this.panes.unpack(series, from, (pane) => this.schedule(pane));
  }

  reset(series: number): void {
    this.panes.reset(series);
  }

  lastTime(series: number): number {
    return this.panes.lastTime(series);
  }

  /** The pane is new, or its place in the order of what is due is another. Not needed when it is due later only. */
  protected schedule(pane: number): void {
    if (this.#isTimed) this.#setTimer(pane);
  }

  /** Puts out a series again whose window has put its rows out: a late record is in it now. */
  protected writeLate(pane: number, batch: ColumnBatch, i: number, out: WindowOutput): void {
    out.offset = batch.offsets[i]!;
    out.recordTime = batch.recordTimes[i]!;
    out.due = -Infinity;
    out.isOnTime = false;
    out.isFinal = false;
    this.panes.write(pane, out);
  }

  #dueOf(pane: number): number {
    return this.panes.isFired[pane] === 1 ? this.panes.end[pane]! + this.latenessMs : this.panes.end[pane]!;
  }

  #setTimer(pane: number): void {
    const { panes } = this;
    panes.restamp(pane);
    this.#timers.push(this.#dueOf(pane), panes.end[pane]!, panes.sequence[pane]!, pane, panes.stamp[pane]!);
  }

  /**
   * Whether there is a timer up to `limit` that holds: it is the first one then. Drops those of panes that are gone or
   * have another timer, moves on those of panes that are due later.
   */
  #nextTimer(limit: number): boolean {
    const timers = this.#timers;
    const { panes } = this;
    while (timers.count > 0 && timers.dueMs <= limit) {
      const { pane } = timers;
      const isValid = panes.isOpen(pane) && panes.stamp[pane] === timers.stamp;
      if (isValid && this.#dueOf(pane) === timers.dueMs) return true;
      timers.pop();
      if (isValid) this.#setTimer(pane);
    }
    return false;
  }

  #fire(pane: number, out: WindowOutput): void {
    const { panes } = this;
    out.due = this.#dueOf(pane);
    out.isOnTime = panes.isFired[pane] === 0;
    out.isFinal = panes.isFired[pane] === 1 || this.latenessMs === 0;
    panes.write(pane, out);
    if (out.isFinal) {
      panes.close(pane);
      return;
    }
    panes.isFired[pane] = 1;
    this.schedule(pane);
  }

  /** Puts out, in the order of their due times, windows of the series up to `own` and of all others up to `floor`. */
  #fireUpTo(series: number, own: number, floor: number, out: WindowOutput): void {
    const { panes } = this;
    for (;;) {
      let first = NONE;
      for (let pane = panes.head[series]!; pane !== NONE; pane = panes.next[pane]!) {
        if (this.#dueOf(pane) <= own && (first === NONE || this.#isBefore(pane, first))) first = pane;
      }
      if (floor > -Infinity && this.#nextTimer(floor)) {
        const { pane } = this.#timers;
        if (first === NONE || this.#isBefore(pane, first)) first = pane;
      }
      if (first === NONE) return;
      this.#fire(first, out);
    }
  }

  #isBefore(a: number, b: number): boolean {
    const { end, sequence } = this.panes;
    const [dueA, dueB] = [this.#dueOf(a), this.#dueOf(b)];
    if (dueA !== dueB) return dueA < dueB;
    return end[a]! !== end[b]! ? end[a]! < end[b]! : sequence[a]! < sequence[b]!;
  }

  #fireEarlyOf(series: number, before: number, after: number, out: WindowOutput): void {
    if (!this.#passes(before, after)) return;
    const { panes } = this;
    const due: number[] = [];
    for (let pane = panes.head[series]!; pane !== NONE; pane = panes.next[pane]!) {
      if (this.#isEarly(pane)) due.push(pane);
    }
    for (const pane of due.reverse()) this.#writeEarly(pane, after, out);
  }

  #passes(before: number, after: number): boolean {
    const every = this.#emitEveryMs;
    return every > 0 && before !== -Infinity && Math.floor(before / every) < Math.floor(after / every);
  }

  #isEarly(pane: number): boolean {
    return this.panes.isFired[pane] === 0 && this.panes.changed[pane] === 1;
  }

  #writeEarly(pane: number, watermark: number, out: WindowOutput): void {
    out.due = watermark;
    out.isOnTime = false;
    out.isFinal = false;
    this.panes.write(pane, out);
  }
}

/** Whether a record has a value in any field. */
export function hasValue({ fields }: ColumnBatch, i: number): boolean {
  for (let f = 0; f < fields.length; f++) if (!Number.isNaN(fields[f]![i]!)) return true;
  return false;
}
