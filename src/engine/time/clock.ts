import type { ColumnBatch } from '../batch.ts';
import type { StateReader, StateWriter } from '../state.ts';

/** Watermarks of the records of a batch, by their index. */
export interface Watermarks {
  /** The one that holds for the record: that of the partition, or of its series, before the record. */
  before: Float64Array;
  /** With a watermark a series: that of the record's series after the record. */
  after: Float64Array;
  /** With a watermark a series: what no series is behind any more after the record; -Infinity where silence closes none. */
  floor: Float64Array;
}

/** Rows of windows. */
export interface ClosedRows {
  readonly series: Int32Array;
  readonly count: number;
}

/** Event time of a partition. */
export interface Clock {
  /** The highest event time so far minus the allowed out-of-orderness; -Infinity before the first record. */
  watermark: number;
  /** Of the records of the last `cut`. */
  readonly marks: Watermarks;
  /** Whether the last `cut` ended at a record whose watermark may make something due. */
  readonly isDue: boolean;
  /** What the windows of all series have passed: the watermark, or with one a series what none of them is behind. */
  readonly floor: number;
  /** Watermark minus floor. */
  readonly lagMs: number;
  /** At the end of the input: the windows that end then are closed, for the series of the rows from `first` on. */
  pass(timeMs: number, rows: ClosedRows, first: number): void;
  /** Moves on up to the first record whose watermark reaches `boundary` or `sweep`; returns the index after it. */
  cut(batch: ColumnBatch, from: number, to: number, boundary: number, sweep: number): number;
  /** Makes room for series below `count`. */
  reserve(count: number): void;
  /** Drops the times of all series, whose ids are given to others. */
  forget(): void;
  snapshot(state: StateWriter): void;
  restore(state: StateReader): void;
}

/** What a session window needs of the clock: where a record can end a session, the batch may have to be cut. */
export interface SessionCut {
  readonly gapMs: number;
  readonly latenessMs: number;
}

/** One watermark for all series of the partition, moved record by record. */
export class PartitionClock implements Clock {
  watermark = -Infinity;
  isDue = false;
  readonly marks: Watermarks = {
    before: new Float64Array(1024),
    after: new Float64Array(0),
    floor: new Float64Array(0),
  };
  readonly #slackMs: number;
  readonly #sessions: readonly SessionCut[];

  constructor(outOfOrdernessMs: number, sessions: readonly SessionCut[]) {
    this.#slackMs = outOfOrdernessMs;
    this.#sessions = sessions;
  }

  get floor(): number {
    return this.watermark;
  }

  get lagMs(): number {
    return 0;
  }

  pass(timeMs: number): void {
    this.watermark = Math.max(this.watermark, timeMs);
  }

  reserve(): void {}

  forget(): void {}

  cut(batch: ColumnBatch, from: number, to: number, due: number, sweep: number): number {
    const boundary = Math.min(due, sweep);
    if (to > this.marks.before.length) {
      this.marks.before = new Float64Array(Math.max(to, this.marks.before.length * 2));
    }
    this.isDue = false;
    if (this.#sessions.length > 0) return this.#cutSessions(batch, from, to, boundary);
    const { series, eventTimes } = batch;
    const watermarks = this.marks.before;
    const slack = this.#slackMs;
    let watermark = this.watermark;
    let i = from;
    while (i < to) {
      watermarks[i] = watermark;
      const reached = eventTimes[i]! - slack;
      const moves = series[i]! >= 0 && reached > watermark;
      i++;
      if (moves) {
        watermark = reached;
        if (watermark >= boundary) {
          this.isDue = true;
          break;
        }
      }
    }
    this.watermark = watermark;
    return i;
  }

  /** The end of a session that a record opens cannot be known before: it makes the boundary nearer. */
  #cutSessions(batch: ColumnBatch, from: number, to: number, before: number): number {
    const { series, eventTimes } = batch;
    const watermarks = this.marks.before;
    let boundary = before;
    let watermark = this.watermark;
    let i = from;
    while (i < to) {
      watermarks[i] = watermark;
      const time = eventTimes[i]!;
      if (series[i++]! < 0) continue;
      for (const { gapMs, latenessMs } of this.#sessions) {
        const due = time + gapMs > watermark ? time + gapMs : time + gapMs + latenessMs;
        if (due > watermark && due < boundary) boundary = due;
      }
      if (time - this.#slackMs <= watermark) continue;
      watermark = time - this.#slackMs;
      if (watermark >= boundary) {
        this.isDue = true;
        break;
      }
    }
    this.watermark = watermark;
    return i;
  }

  snapshot(state: StateWriter): void {
    state.number('watermark', this.watermark);
  }

  restore(state: StateReader): void {
    this.watermark = state.number('watermark');
  }
}
