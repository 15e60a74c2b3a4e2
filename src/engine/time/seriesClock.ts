import type { ColumnBatch } from '../batch.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { SeriesState, StateRow } from '../stateRow.ts';
import type { Clock, ClosedRows, Watermarks } from './clock.ts';

/**
 * A clock for each series: its own highest event time minus the allowed out-of-orderness, but never more than
 * `idleAfterMs` behind the partition's watermark, which is the highest of all. So one sensor whose clock is ahead makes
 * none of the others late, and one that falls silent does not keep its windows open for ever.
 */
export class SeriesClock implements Clock, SeriesState {
  /** The partition's. */
  watermark = -Infinity;
  /** Windows put out by themselves what a record makes due. */
  readonly isDue = false;
  readonly marks: Watermarks = {
    before: new Float64Array(1024),
    after: new Float64Array(1024),
    floor: new Float64Array(1024),
  };
  readonly #slackMs: number;
  readonly #idleAfterMs: number;
  #reached = new Float64Array(0);
  #series = 0;

  constructor(outOfOrdernessMs: number, idleAfterMs: number) {
    this.#slackMs = outOfOrdernessMs;
    this.#idleAfterMs = idleAfterMs;
  }

  /** What no series is behind. */
  get floor(): number {
    return this.watermark - this.#idleAfterMs;
  }

  get lagMs(): number {
    return this.#idleAfterMs;
  }

  /** The others keep their clocks: what is open for one series at that time may be yet to come for another. */
  pass(timeMs: number, { series, count }: ClosedRows, first: number): void {
    const reached = this.#reached;
    for (let row = first; row < count; row++) reached[series[row]!] = Math.max(reached[series[row]!]!, timeMs);
  }

  reserve(series: number): void {
    this.#series = Math.max(series, this.#series);
    if (series <= this.#reached.length) return;
    const grown = new Float64Array(Math.max(series, this.#reached.length * 2, 64)).fill(-Infinity);
    grown.set(this.#reached);
    this.#reached = grown;
  }

  /** Takes all of from <= i < to up to a sweep: windows follow it record by record by the marks. */
  cut(batch: ColumnBatch, from: number, to: number, _boundary: number, sweep: number): number {
    const { marks } = this;
    if (to > marks.before.length) {
      const length = Math.max(to, marks.before.length * 2);
      marks.before = new Float64Array(length);
      marks.after = new Float64Array(length);
      marks.floor = new Float64Array(length);
    }
    const { before, after, floor } = marks;
    const { series, eventTimes } = batch;
    const reached = this.#reached;
    const slack = this.#slackMs;
    const idle = this.#idleAfterMs;
    let watermark = this.watermark;
    for (let i = from; i < to; i++) {
      const id = series[i]!;
      if (id < 0) continue;
      const own = eventTimes[i]! - slack;
      before[i] = Math.max(reached[id]!, watermark - idle);
      if (own > reached[id]!) reached[id] = own;
      if (own > watermark) watermark = own;
      floor[i] = watermark - idle;
      after[i] = Math.max(reached[id]!, watermark - idle);
      if (watermark >= sweep) {
        this.watermark = watermark;
        return i + 1;
      }
    }
    this.watermark = watermark;
    return to;
  }

  forget(): void {
    this.#reached.fill(-Infinity);
  }

  snapshot(state: StateWriter): void {
    state.number('watermark', this.watermark);
    state.array('reached', this.#reached, this.#series);
  }

  restore(state: StateReader): void {
    this.watermark = state.number('watermark');
    this.reserve(state.length('reached'));
    this.#reached.set(state.f64('reached'));
  }

  pack(series: number, out: StateRow): void {
    out.putF64(this.#reached[series] ?? -Infinity);
  }

  unpack(series: number, from: StateRow): void {
    this.reserve(series + 1);
    this.#reached[series] = from.f64();
  }

  reset(series: number): void {
    if (series < this.#reached.length) this.#reached[series] = -Infinity;
  }

  /** Event time of the newest record of the series. */
  lastTime(series: number): number {
    return (this.#reached[series] ?? -Infinity) + this.#slackMs;
  }
}
