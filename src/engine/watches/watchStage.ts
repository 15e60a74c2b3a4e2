import { AlertShaper } from '../alertShaper.ts';
import type { ColumnBatch } from '../batch.ts';
import type { Verdict } from '../detectors/detector.ts';
import { SlotCells } from '../detectors/slotBlocks.ts';
import type { Json } from '../operatorState.ts';
import type { AlertRows, Rule, WindowRows } from '../rows.ts';
import type { RowState, StateRow } from '../stateRow.ts';
import type { WatchDefinition } from './definition.ts';
import type { FoundHandler, ValueWatch } from './valueWatch.ts';

/** Runs one watch over columns, and writes what it finds as alert rows. A slot is series * fields + field. */
export class WatchStage implements FoundHandler, RowState {
  readonly id: string;
  readonly rules: readonly Rule[];
  readonly #definition: WatchDefinition;
  readonly #watch: ValueWatch;
  readonly #shaper: AlertShaper;
  readonly #thresholds = new SlotCells(1);
  readonly #fields: number;
  readonly #firstRule: number;
  readonly #nameOf: (slot: number) => string;
  #out!: AlertRows;
  // What is being watched, for onFound: the columns behind the index that it gets.
  #slots: Int32Array = new Int32Array(0);
  #starts: Float64Array = new Float64Array(0);
  #ends: Float64Array = this.#starts;
  #values: Float64Array = this.#starts;
  #offsets: Float64Array = this.#starts;
  #recordTimes: Float64Array = this.#starts;

  /**
   * @param firstRule index of the first of its rules among the pipeline's
   * @param nameOf name of the series of a slot
   */
  constructor(
    definition: WatchDefinition,
    watch: ValueWatch,
    fields: number,
    firstRule: number,
    nameOf: (slot: number) => string,
  ) {
    this.id = `watch/${definition.watch}`;
    this.rules = definition.rules.map((name) => ({ name, partNames: watch.partNames }));
    this.#definition = definition;
    this.#watch = watch;
    this.#shaper = new AlertShaper(definition.shaping);
    this.#fields = fields;
    this.#firstRule = firstRule;
    this.#nameOf = nameOf;
  }

  putInto(out: AlertRows): void {
    this.#out = out;
  }

  /** @param slots of the values, -1 for none: those of `ScoreStage.slotsOfRecords` */
  ofRecords(batch: ColumnBatch, slots: Int32Array, values: Float64Array, from: number, to: number): void {
    this.#slots = slots;
    this.#starts = batch.eventTimes;
    this.#ends = batch.eventTimes;
    this.#values = values;
    this.#offsets = batch.offsets;
    this.#recordTimes = batch.recordTimes;
    this.#watch.observe(slots, batch.eventTimes, values, from, to, this);
  }

  ofWindows(rows: WindowRows, slots: Int32Array, values: Float64Array, from: number, to: number): void {
    this.#slots = slots;
    this.#starts = rows.start;
    this.#ends = rows.end;
    this.#values = values;
    this.#offsets = rows.offset;
    this.#recordTimes = rows.recordTime;
    this.#watch.observe(slots, rows.start, values, from, to, this);
  }

  onFound(index: number): void {
    const { current } = this.#watch;
    const slot = this.#slots[index]!;
    const threshold = this.#thresholds.values[slot]!;
    if (!this.#shaper.next(slot, this.#starts[index]!, current.score, threshold)) return;
    const series = Math.floor(slot / this.#fields);
    const field = slot - series * this.#fields;
    const row = putRow(this.#out, series, field, this.#firstRule + field, current, threshold);
    const out = this.#out;
    out.start[row] = this.#starts[index]!;
    out.end[row] = this.#ends[index]!;
    out.value[row] = this.#values[index]!;
    out.offset[row] = this.#offsets[index]!;
    out.recordTime[row] = this.#recordTimes[index]!;
  }

  reserve(series: number): void {
    const slots = series * this.#fields;
    const before = this.#thresholds.slots;
    this.#watch.reserve(slots);
    this.#shaper.reserve(slots);
    this.#thresholds.reserve(slots);
    for (let slot = before; slot < slots; slot++) this.#askThreshold(slot);
  }

  appear(series: number): void {
    for (let slot = series * this.#fields; slot < (series + 1) * this.#fields; slot++) this.#askThreshold(slot);
  }

  pack(series: number, out: StateRow): void {
    for (let slot = series * this.#fields; slot < (series + 1) * this.#fields; slot++) {
      this.#watch.pack(slot, out);
      this.#shaper.pack(slot, out);
    }
  }

  unpack(series: number, from: StateRow): void {
    for (let slot = series * this.#fields; slot < (series + 1) * this.#fields; slot++) {
      this.#watch.unpack(slot, from);
      this.#shaper.unpack(slot, from);
    }
  }

  reset(series: number): void {
    for (let slot = series * this.#fields; slot < (series + 1) * this.#fields; slot++) {
      this.#watch.reset(slot);
      this.#shaper.reset(slot);
    }
  }

  describe(series: number): Json {
    const first = series * this.#fields;
    return Array.from({ length: this.#fields }, (_, field) => ({
      ...this.#watch.describe(first + field),
      threshold: this.#thresholds.values[first + field]!,
      last_alert: this.#shaper.describe(first + field),
    }));
  }

  #askThreshold(slot: number): void {
    const threshold = watchThreshold(this.#definition, () => this.#nameOf(slot));
    this.#thresholds.values[slot] = threshold;
    this.#watch.setThreshold(slot, threshold);
  }
}

/** The threshold of a series: an override's, or that of all. */
export function watchThreshold(definition: WatchDefinition, nameOf: () => string): number {
  const { threshold, thresholdOf } = definition;
  return (thresholdOf === undefined ? undefined : thresholdOf(nameOf())) ?? threshold;
}

/** Appends a row with what a watch says; time, value and offset are for the caller to fill in. */
export function putRow(
  out: AlertRows,
  series: number,
  field: number,
  rule: number,
  current: Verdict,
  threshold: number,
): number {
  const row = out.add(series, field, rule);
  out.score[row] = current.score;
  out.threshold[row] = threshold;
  out.expected[row] = current.expected;
  out.lower[row] = current.lower;
  out.upper[row] = current.upper;
  out.parts.set(current.parts, row * out.partCount);
  return row;
}
