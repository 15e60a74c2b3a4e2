import type { ColumnBatch } from '../batch.ts';
import { verdict } from '../detectors/detector.ts';
import { SlotCells } from '../detectors/slotBlocks.ts';
import type { Json } from '../operatorState.ts';
import { type AlertRows, ENDED, OPEN, type Rule } from '../rows.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { SeriesState, StateRow } from '../stateRow.ts';
import { Timers } from '../windows/timers.ts';
import {
  ARRIVAL_CELLS,
  allowedSilenceMs,
  COUNT,
  DUE,
  isRegular,
  LAST,
  LATE_RATIO,
  LONGEST,
  learnDelay,
  learnInterval,
  SEQUENCE,
  SPREAD,
  TOLD,
  takePace,
  USUAL,
} from './arrivals.ts';
import type { WatchDefinition } from './definition.ts';
import { isPlanned } from './planned.ts';
import { putRow, watchThreshold } from './watchStage.ts';

/**
 * Tells a series that stops, and one that begins to run late, by event time alone.
 *
 * Silence: longer than ten usual intervals and three of the longest pauses seen, where the series arrives regularly
 * (arrivals.ts), or than `afterMs` for any series. It is told once, and again when the series has been back at its pace, by the first record of the partition whose watermark
 * has passed the last value by as much; that may be the record with which the series comes back. With a watermark a series,
 * time is the partition's highest clock minus what a silent series may be behind. Late: eight intervals in a row, each
 * 1.5 times the usual one or more; from then on their pace is the usual one.
 *
 * An alert of silence spans from the last value to the watermark; its value is the silence in milliseconds, `expected` the
 * usual interval, `upper` what was allowed, its score the silence over the allowed one. Fields of one series that fall silent
 * together are told once. A series that is dropped is not told later: records that are due at the same watermark are told first.
 *
 * Source: a rule of thumb, as Prometheus' `absent_over_time` and its staleness, with the time learnt. Cost: 0.07 us a
 * value; 96 bytes a slot and 40 a timer, all of it in memory, also with a cold store.
 */
export class MissingWatch implements SeriesState {
  readonly id = 'watch/missing';
  readonly rules: readonly Rule[];
  readonly #definition: WatchDefinition;
  readonly #fieldCount: number;
  /** Which fields are watched. */
  readonly #fields: readonly number[];
  readonly #firstRule: number;
  readonly #nameOf: (series: number) => string;
  readonly #slackMs: number;
  readonly #lagMs: number;
  readonly #cells = new SlotCells(ARRIVAL_CELLS);
  readonly #thresholds = new SlotCells(1);
  readonly #timers = new Timers();
  readonly #current = verdict(PARTS.length);
  #sequence = 0;
  #out!: AlertRows;
  // The record, or the silence, that completes the evidence.
  #offset = -1;
  #recordTime = 0;

  /** @param time slackMs: out-of-orderness; lagMs: how far a silent series may be behind the highest clock */
  constructor(
    definition: WatchDefinition,
    fields: { readonly count: number; readonly watched: readonly number[] },
    time: { readonly slackMs: number; readonly lagMs: number },
    firstRule: number,
    nameOf: (series: number) => string,
  ) {
    this.rules = definition.rules.map((name) => ({ name, partNames: PARTS }));
    this.#definition = definition;
    this.#fieldCount = fields.count;
    this.#fields = fields.watched;
    this.#slackMs = time.slackMs;
    this.#lagMs = time.lagMs;
    this.#firstRule = firstRule;
    this.#nameOf = nameOf;
  }

  putInto(out: AlertRows): void {
    this.#out = out;
  }

  /** No watermark below this one makes anything due. */
  get nextDue(): number {
    return this.#timers.count === 0 ? Infinity : this.#timers.dueMs + this.#lagMs;
  }

  /** Takes records from <= i < to. @param watermark the partition's before the first of them */
  ofRecords(batch: ColumnBatch, from: number, to: number, watermark: number): void {
    const { series, eventTimes, fields, offsets, recordTimes } = batch;
    const watched = this.#fields;
    let reached = watermark;
    for (let i = from; i < to; i++) {
      const id = series[i]!;
      if (id < 0) continue;
      const time = eventTimes[i]!;
      this.#offset = offsets[i]!;
      this.#recordTime = recordTimes[i]!;
      // Before the record is taken in: a series may be told by the very record with which it comes back.
      if (time - this.#slackMs > reached) {
        reached = time - this.#slackMs;
        if (this.#timers.count > 0 && this.#timers.dueMs <= reached - this.#lagMs) this.#fire(reached - this.#lagMs);
      }
      for (let k = 0; k < watched.length; k++) {
        const field = watched[k]!;
        if (!Number.isNaN(fields[field]![i]!))
          this.#observe(id * this.#fieldCount + field, time, reached - this.#lagMs);
      }
    }
  }

  /** Tells what a watermark without a record has made due; rows carry the offset of the last record. */
  advance(watermark: number, offset: number, recordTime: number): void {
    this.#offset = offset;
    this.#recordTime = recordTime;
    this.#fire(watermark - this.#lagMs);
  }

  #observe(slot: number, time: number, watermark: number): void {
    const cells = this.#cells.values;
    const cell = slot * ARRIVAL_CELLS;
    const last = cells[cell + LAST]!;
    // Late and repeated values tell nothing of the pace.
    if (time <= last) return;
    if (time > last) {
      const own = time - this.#slackMs;
      const allowed = this.#allowedMs(slot);
      const isSilence = time - last > allowed;
      // With a watermark a series, its own clock may be past what the others' tells.
      if (isSilence && this.#lagMs > 0 && cells[cell + DUE]! < Infinity && own - last >= allowed) {
        this.#tell(slot, own);
      }
      if (cells[cell + DUE] === Infinity) {
        cells[cell + DUE] = NaN;
        this.#tellEnd(slot, time, time - last, allowed);
      }
      const late = learnInterval(cells, cell, time - last, isSilence);
      if (!isSilence) learnDelay(cells, cell, watermark - last, allowed);
      if (late > 0) this.#tellLate(slot, time, late);
    }
    cells[cell + LAST] = time;
    if (Number.isNaN(cells[cell + DUE]!)) this.#schedule(slot, time + this.#allowedMs(slot));
  }

  #allowedMs(slot: number): number {
    const { afterMs } = this.#definition;
    if (afterMs !== undefined) return afterMs;
    return this.#thresholds.values[slot]! * allowedSilenceMs(this.#cells.values, slot * ARRIVAL_CELLS);
  }

  #schedule(slot: number, dueMs: number): void {
    if (Number.isNaN(dueMs)) return;
    const cell = slot * ARRIVAL_CELLS;
    const sequence = this.#sequence++;
    this.#cells.values[cell + DUE] = dueMs;
    this.#cells.values[cell + SEQUENCE] = sequence;
    this.#timers.push(dueMs, sequence, 0, slot, 0);
  }

  /** Looks at what is due: what came on since then is put off, the rest is told. */
  #fire(watermark: number): void {
    const timers = this.#timers;
    const cells = this.#cells.values;
    while (timers.count > 0 && timers.dueMs <= watermark) {
      const { dueMs, end: sequence, pane: slot } = timers;
      timers.pop();
      const cell = slot * ARRIVAL_CELLS;
      if (cells[cell + DUE] !== dueMs || cells[cell + SEQUENCE] !== sequence) continue;
      cells[cell + DUE] = NaN;
      const due = cells[cell + LAST]! + this.#allowedMs(slot);
      if (due > watermark) this.#schedule(slot, due);
      else if (due <= watermark) this.#tell(slot, watermark);
    }
  }

  #tell(slot: number, watermark: number): void {
    const cells = this.#cells.values;
    const cell = slot * ARRIVAL_CELLS;
    const series = Math.floor(slot / this.#fieldCount);
    const allowed = this.#allowedMs(slot);
    if (isPlanned(this.#definition.planned, series, this.#nameOf, watermark)) {
      this.#schedule(slot, watermark + allowed);
      return;
    }
    cells[cell + DUE] = Infinity;
    // It has not come at its pace since it was told last.
    if (cells[cell + TOLD]! > 0) return;
    cells[cell + TOLD] = 1;
    if (this.#isToldByAnother(slot, series)) return;
    const silence = watermark - cells[cell + LAST]!;
    const usual = cells[cell + COUNT]! > 0 ? cells[cell + USUAL]! : NaN;
    const threshold = this.#thresholds.values[slot]!;
    const current = this.#current;
    current.score = (threshold * silence) / allowed;
    current.expected = usual;
    current.lower = NaN;
    current.upper = allowed;
    current.parts[SILENCE] = silence / usual;
    current.parts[LATE] = NaN;
    const row = this.#put(slot, series, cells[cell + LAST]!, watermark, silence, threshold);
    if (this.#definition.shaping.tellsEnd === true) this.#out.phase[row] = OPEN;
  }

  /** The value with which a series comes back ends a silence, whichever of its fields told it. */
  #tellEnd(slot: number, time: number, silence: number, allowed: number): void {
    if (this.#definition.shaping.tellsEnd !== true) return;
    Object.assign(this.#current, { score: 0, expected: NaN, lower: NaN, upper: allowed });
    this.#current.parts.fill(NaN);
    const series = Math.floor(slot / this.#fieldCount);
    const row = this.#put(slot, series, time, time, silence, this.#thresholds.values[slot]!);
    this.#out.phase[row] = ENDED;
  }

  #tellLate(slot: number, time: number, interval: number): void {
    const cells = this.#cells.values;
    const cell = slot * ARRIVAL_CELLS;
    const usual = cells[cell + USUAL]!;
    takePace(cells, cell, interval);
    const series = Math.floor(slot / this.#fieldCount);
    if (isPlanned(this.#definition.planned, series, this.#nameOf, time)) return;
    const current = this.#current;
    const upper = LATE_RATIO * usual;
    Object.assign(current, { score: interval / upper, expected: usual, lower: NaN, upper });
    current.parts[SILENCE] = NaN;
    current.parts[LATE] = interval / usual;
    this.#put(slot, series, time, time, interval, 1);
  }

  /** Whether another field of the series fell silent at the same time, which was told. */
  #isToldByAnother(slot: number, series: number): boolean {
    const cells = this.#cells.values;
    const cell = slot * ARRIVAL_CELLS;
    for (const field of this.#fields) {
      const other = (series * this.#fieldCount + field) * ARRIVAL_CELLS;
      if (other === cell || cells[other + DUE] !== Infinity) continue;
      const apart = Math.abs(cells[other + LAST]! - cells[cell + LAST]!);
      if (apart === 0 || apart <= cells[cell + USUAL]! || apart <= cells[other + USUAL]!) return true;
    }
    return false;
  }

  #put(slot: number, series: number, start: number, end: number, value: number, threshold: number): number {
    const field = slot - series * this.#fieldCount;
    const out = this.#out;
    const row = putRow(out, series, field, this.#firstRule + field, this.#current, threshold);
    out.start[row] = start;
    out.end[row] = end;
    out.value[row] = value;
    out.offset[row] = this.#offset;
    out.recordTime[row] = this.#recordTime;
    return row;
  }

  reserve(series: number): void {
    const before = this.#thresholds.slots;
    const slots = series * this.#fieldCount;
    if (slots <= before) return;
    this.#cells.reserve(slots);
    this.#thresholds.reserve(slots);
    for (let slot = before; slot < slots; slot++) this.#clear(slot);
    for (let id = before / this.#fieldCount; id < series; id++) this.appear(id);
  }

  appear(series: number): void {
    const threshold = watchThreshold(this.#definition, () => this.#nameOf(series));
    this.#thresholds.values.fill(threshold, series * this.#fieldCount, (series + 1) * this.#fieldCount);
  }

  reset(series: number): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) this.#clear(slot);
  }

  lastTime(series: number): number {
    let last = -Infinity;
    for (const field of this.#fields) {
      const time = this.#cells.values[(series * this.#fieldCount + field) * ARRIVAL_CELLS + LAST]!;
      if (time > last) last = time;
    }
    return last;
  }

  pack(series: number, out: StateRow): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) {
      this.#cells.pack(slot, out);
    }
  }

  unpack(series: number, from: StateRow): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) {
      this.#cells.unpack(slot, from);
      this.#restoreTimer(slot);
    }
  }

  snapshot(state: StateWriter): void {
    this.#cells.snapshot(state, 'arrivals');
  }

  restore(state: StateReader): void {
    const slots = state.length('arrivals') / ARRIVAL_CELLS;
    this.reserve(Math.ceil(slots / this.#fieldCount));
    this.#cells.values.set(state.f64('arrivals'));
    for (let slot = 0; slot < slots; slot++) this.#restoreTimer(slot);
  }

  describe(series: number): Json {
    const cells = this.#cells.values;
    return Array.from({ length: this.#fieldCount }, (_, field) => {
      const slot = series * this.#fieldCount + field;
      const cell = slot * ARRIVAL_CELLS;
      const number = (value: number) => (Number.isFinite(value) ? value : null);
      return {
        values: cells[cell + COUNT]!,
        last_time_ms: number(cells[cell + LAST]!),
        usual_interval_ms: cells[cell + COUNT]! > 0 ? cells[cell + USUAL]! : null,
        longest_interval_ms: cells[cell + COUNT]! > 0 ? cells[cell + LONGEST]! : null,
        spread: cells[cell + SPREAD]!,
        is_regular: isRegular(cells, cell),
        allowed_silence_ms: number(this.#allowedMs(slot)),
        is_told: cells[cell + DUE] === Infinity,
      };
    });
  }

  /** The heap is not in a snapshot: it follows from the slots. */
  #restoreTimer(slot: number): void {
    const cell = slot * ARRIVAL_CELLS;
    const dueMs = this.#cells.values[cell + DUE]!;
    const sequence = this.#cells.values[cell + SEQUENCE]!;
    if (!(dueMs < Infinity)) return;
    this.#timers.push(dueMs, sequence, 0, slot, 0);
    if (sequence >= this.#sequence) this.#sequence = sequence + 1;
  }

  #clear(slot: number): void {
    this.#cells.reset(slot);
    this.#cells.values[slot * ARRIVAL_CELLS + LAST] = NaN;
    this.#cells.values[slot * ARRIVAL_CELLS + DUE] = NaN;
  }
}

const PARTS = ['silence', 'late'] as const;
const SILENCE = 0;
const LATE = 1;
