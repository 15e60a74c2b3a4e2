import type { AlertGate } from './alertGate.ts';
import type { ColumnBatch } from './batch.ts';
import type { AlertHandler, Detector } from './detectors/detector.ts';
import type { AlertRows, WindowRows } from './rows.ts';
import type { StateReader, StateWriter } from './state.ts';

/**
 * Runs one detector over a column and turns what it flags into alert rows, after the gate. A slot is a series and
 * field: series * fields + field.
 */
export class ScoreStage implements AlertHandler {
  readonly detector: Detector;
  readonly #gate: AlertGate;
  readonly #fields: number;
  readonly #out: AlertRows;
  #slots = new Int32Array(1024);
  // What is being scored, for onAlert: the columns behind the index that it gets.
  #field = 0;
  #fieldOf: Int32Array | undefined;
  #seriesOf: Int32Array = this.#slots;
  #values: Float64Array = EMPTY;
  #starts: Float64Array = EMPTY;
  #ends: Float64Array = EMPTY;
  #offsets: Float64Array = EMPTY;
  #recordTimes: Float64Array = EMPTY;

  constructor(detector: Detector, gate: AlertGate, fields: number, out: AlertRows) {
    this.detector = detector;
    this.#gate = gate;
    this.#fields = fields;
    this.#out = out;
  }

  reserve(series: number): void {
    this.detector.reserve(series * this.#fields);
    this.#gate.reserve(series * this.#fields);
  }

  /** Scores a column of records: field `field` of the batch, or a feature of it. */
  scoreRecords(batch: ColumnBatch, field: number, values: Float64Array, from: number, to: number): void {
    this.#field = field;
    this.#fieldOf = undefined;
    this.#seriesOf = batch.series;
    this.#values = values;
    this.#starts = batch.eventTimes;
    this.#ends = batch.eventTimes;
    this.#offsets = batch.offsets;
    this.#recordTimes = batch.recordTimes;
    const slots = this.slotsOfRecords(batch.series, field, from, to);
    this.detector.score(slots, batch.eventTimes, values, from, to, this);
  }

  /** Scores rows of one window (those with `rows.window[i] === window`): an aggregate or a feature of it. */
  scoreWindows(rows: WindowRows, window: number, values: Float64Array, from: number, to: number): void {
    this.#fieldOf = rows.field;
    this.#seriesOf = rows.series;
    this.#values = values;
    this.#starts = rows.start;
    this.#ends = rows.end;
    this.#offsets = rows.offset;
    this.#recordTimes = rows.recordTime;
    const slots = this.slotsOfWindows(rows, window, from, to);
    this.detector.score(slots, rows.start, values, from, to, this);
  }

  /** Slots of records: the series column itself when there is one field. */
  slotsOfRecords(series: Int32Array, field: number, from: number, to: number): Int32Array {
    if (this.#fields === 1) return series;
    const slots = this.#room(to);
    for (let i = from; i < to; i++) slots[i] = series[i]! < 0 ? -1 : series[i]! * this.#fields + field;
    return slots;
  }

  slotsOfWindows(rows: WindowRows, window: number, from: number, to: number): Int32Array {
    const slots = this.#room(to);
    for (let i = from; i < to; i++) {
      slots[i] = rows.window[i] === window ? rows.series[i]! * this.#fields + rows.field[i]! : -1;
    }
    return slots;
  }

  onAlert(index: number, detector: Detector): void {
    const field = this.#fieldOf === undefined ? this.#field : this.#fieldOf[index]!;
    const series = this.#seriesOf[index]!;
    const verdict = detector.current;
    if (!this.#gate.pass(series * this.#fields + field, this.#starts[index]!, verdict.score)) return;
    const out = this.#out;
    out.reserve(1);
    const row = out.count++;
    out.series[row] = series;
    out.field[row] = field;
    out.start[row] = this.#starts[index]!;
    out.end[row] = this.#ends[index]!;
    out.value[row] = this.#values[index]!;
    out.score[row] = verdict.score;
    out.threshold[row] = verdict.threshold;
    out.expected[row] = verdict.expected;
    out.lower[row] = verdict.lower;
    out.upper[row] = verdict.upper;
    out.offset[row] = this.#offsets[index]!;
    out.recordTime[row] = this.#recordTimes[index]!;
    out.parts.set(verdict.parts, row * out.partCount);
  }

  snapshot(state: StateWriter): void {
    this.detector.snapshot(state.scope('detector'));
    this.#gate.snapshot(state.scope('gate'));
  }

  restore(state: StateReader): void {
    this.detector.restore(state.scope('detector'));
    this.#gate.restore(state.scope('gate'));
  }

  #room(count: number): Int32Array {
    if (count > this.#slots.length) this.#slots = new Int32Array(Math.max(count, this.#slots.length * 2));
    return this.#slots;
  }
}

const EMPTY = new Float64Array(0);
