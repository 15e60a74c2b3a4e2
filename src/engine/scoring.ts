import { AlertDecision } from './alertDecision.ts';
import type { VerdictOutcome } from './alertHistory.ts';
import type { ColumnBatch } from './batch.ts';
import type { ScoreDefinition } from './definition.ts';
import { createDetector } from './detectors/create.ts';
import type { Detector, ScoreHandler } from './detectors/detector.ts';
import { SlotCells } from './detectors/slotBlocks.ts';
import { MODEL_PART, ModelStage } from './model/modelStage.ts';
import type { Json } from './operatorState.ts';
import type { AlertRows, Rule, WindowRows } from './rows.ts';
import { factsBy, scoreWithout } from './scoreFacts.ts';
import type { ScoreObserver } from './scoreObserver.ts';
import { SeriesKnowledge } from './seriesKnowledge.ts';
import type { RowState, StateRow } from './stateRow.ts';

/**
 * Runs one detector over a column, holds its scores against the threshold of the series, shapes what is above it into
 * alerts, and writes those as rows. A slot is a series and field: series * fields + field.
 */
export class ScoreStage implements ScoreHandler, RowState {
  readonly detector: Detector;
  /** One a field. */
  readonly rules: readonly Rule[];
  /** Where a model has a say: scored values wait there for it. */
  readonly model: ModelStage | undefined;
  readonly #knowledge: SeriesKnowledge;
  readonly #decision: AlertDecision;
  readonly #thresholds = new SlotCells(1);
  readonly #fields: number;
  #out!: AlertRows;
  #observer: ScoreObserver | undefined;
  #slots = new Int32Array(1024);
  #series = 0;
  // What is being scored, for onScore: the columns behind the index that it gets.
  #field = 0;
  #fieldOf: Int32Array | undefined;
  #seriesOf: Int32Array = this.#slots;
  #values: Float64Array = EMPTY;
  #starts: Float64Array = EMPTY;
  #ends: Float64Array = EMPTY;
  #offsets: Float64Array = EMPTY;
  #recordTimes: Float64Array = EMPTY;

  /**
   * @param nameOf name of the series of a slot, for what the configuration says of it
   * @param isOfRecords whether what is scored comes a record
   */
  constructor(
    score: ScoreDefinition,
    fieldNames: readonly string[],
    nameOf: (slot: number) => string,
    isOfRecords: boolean,
  ) {
    const fields = fieldNames.length;
    this.#fields = fields;
    const limits = factsBy(score, nameOf);
    this.detector = createDetector(score.detector, (slot) => limits(slot));
    this.#knowledge = new SeriesKnowledge(factsBy(score, nameOf), score.calendars);
    this.#decision = new AlertDecision(score.shaping);
    const { name: detector, partNames } = this.detector;
    const reads = (field: number) => score.model?.channels.includes(field) === true;
    this.rules = score.rules.map((rule, field) => {
      return { name: rule, partNames: reads(field) ? [...partNames, MODEL_PART] : partNames, detector };
    });
    if (score.model === undefined) return;
    this.model = new ModelStage({
      ...{ model: score.model, fields, decision: this.#decision, shaping: score.shaping },
      partOf: score.rules.map((_, field) => (reads(field) ? partNames.length : -1)),
      whenFields: isOfRecords ? fieldNames : [SCORED_VALUE],
      limitsPart: partNames.indexOf('limits'),
      nameOf: (series) => nameOf(series * fields),
      tell: (row) => this.#tellPending(row),
    });
  }

  /** Where alerts go: before the first value. */
  putInto(out: AlertRows): void {
    this.#out = out;
    this.model?.putInto(out);
  }

  /** Before the first value: from then on every score is worked out and told. */
  observe(observer: ScoreObserver): void {
    this.#observer = observer;
  }

  reserve(series: number): void {
    this.#series = Math.max(this.#series, series);
    const slots = series * this.#fields;
    const before = this.#thresholds.slots;
    this.detector.reserve(slots);
    this.#decision.reserve(slots);
    this.#knowledge.reserve(slots);
    this.#thresholds.reserve(slots);
    for (let slot = before; slot < slots; slot++) this.#setThreshold(slot);
  }

  /** The score above which a value of the slot may alert, as configured. */
  threshold(slot: number): number {
    return this.#knowledge.threshold(slot);
  }

  /** What the configuration says of the series of each slot. */
  get knowledge(): SeriesKnowledge {
    return this.#knowledge;
  }

  /** Verdicts on alerts of the slot that were applied so far. */
  verdicts(slot: number): number {
    return this.#decision.history.applied(slot);
  }

  /** Takes an operator's verdict; AlertHistory states the rule by which it moves the threshold. */
  judge(slot: number, timeMs: number, isTrue: boolean, before: number): VerdictOutcome {
    const outcome = this.#decision.history.judge(slot, timeMs, isTrue, before);
    this.#setThreshold(slot);
    return outcome;
  }

  /** The threshold of the slot as it is now: configured, and moved by verdicts. */
  thresholdNow(slot: number): number {
    return this.#thresholds.values[slot]!;
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
    const slots = this.slotsOfRecords(batch, field, from, to);
    this.detector.score(slots, batch.eventTimes, values, from, to, this);
  }

  /**
   * Scores rows of one window (those with `rows.window[i] === window`): an aggregate or a feature of it. `at` is the
   * offset of the record that was processed last.
   */
  scoreWindows(rows: WindowRows, window: number, values: Float64Array, from: number, to: number, at: number): void {
    this.#fieldOf = rows.field;
    this.#seriesOf = rows.series;
    this.#values = values;
    this.#starts = rows.start;
    this.#ends = rows.end;
    this.#offsets = rows.offset;
    this.#recordTimes = rows.recordTime;
    const slots = this.slotsOfWindows(rows, window, from, to);
    this.model?.beginWindows(rows, values, from, to);
    this.detector.score(slots, rows.start, values, from, to, this);
    this.model?.endWindows(rows, slots, values, from, to, at);
  }

  /** Slots of records, -1 in a calendar; the series column itself when there is one field and no calendar. */
  slotsOfRecords({ series, eventTimes }: ColumnBatch, field: number, from: number, to: number): Int32Array {
    const knowledge = this.#knowledge;
    const isPlain = !knowledge.hasCalendars;
    if (this.#fields === 1 && isPlain) return series;
    const slots = this.#room(to);
    for (let i = from; i < to; i++) {
      const slot = series[i]! < 0 ? -1 : series[i]! * this.#fields + field;
      slots[i] = isPlain || slot < 0 || !knowledge.isQuiet(slot, eventTimes[i]!, eventTimes[i]!) ? slot : -1;
    }
    return slots;
  }

  /** A window that a calendar holds some of is left out as a whole. */
  slotsOfWindows(rows: WindowRows, window: number, from: number, to: number): Int32Array {
    const knowledge = this.#knowledge;
    const isPlain = !knowledge.hasCalendars;
    const slots = this.#room(to);
    for (let i = from; i < to; i++) {
      const isScored = rows.window[i] === window && rows.onTime[i] === 1;
      const slot = isScored ? rows.series[i]! * this.#fields + rows.field[i]! : -1;
      slots[i] = isPlain || slot < 0 || !knowledge.isQuiet(slot, rows.start[i]!, rows.end[i]!) ? slot : -1;
    }
    return slots;
  }

  onScore(index: number, detector: Detector): void {
    const field = this.#fieldOf === undefined ? this.#field : this.#fieldOf[index]!;
    const slot = this.#seriesOf[index]! * this.#fields + field;
    const threshold = this.#thresholds.values[slot]!;
    if (this.model !== undefined) {
      this.#await(this.model, index, slot, field, threshold);
      return;
    }
    const score = this.#weigh(slot, this.#values[index]!, threshold, detector);
    if (this.#observer !== undefined) this.#tell(this.#observer, index, slot, score, threshold);
    const { shaper } = this.#decision;
    if (!shaper.next(slot, this.#starts[index]!, score, threshold) && !shaper.hasEnded) return;
    detector.explain(threshold);
    const row = this.#write(this.#out, index, slot, field, score);
    this.#decision.note(this.#out, row, slot);
  }

  /** What can alert by the model or without it waits for the model, and so does what comes after it in the shaping. */
  #await(model: ModelStage, index: number, slot: number, field: number, threshold: number): void {
    const { detector } = this;
    const value = this.#values[index]!;
    const score = this.#weigh(slot, value, threshold, detector);
    const isWanted = model.wants(index, field, score);
    const mayAlert = isWanted || score > threshold;
    const isSeen = mayAlert || this.#observer !== undefined;
    if (!isSeen && !this.#decision.shaper.seesAll) return;
    if (mayAlert) detector.explain(threshold);
    const row = this.#write(model.pending, index, slot, field, score);
    model.begin(row, index, isWanted, !isSeen || this.#isWorth(slot, value, threshold, detector));
    model.pending.chances[row] = detector.chances?.() ?? 0;
  }

  #write(out: AlertRows, index: number, slot: number, field: number, score: number): number {
    const { current } = this.detector;
    const row = out.add(this.#seriesOf[index]!, field, field);
    out.start[row] = this.#starts[index]!;
    out.end[row] = this.#ends[index]!;
    out.value[row] = this.#values[index]!;
    out.score[row] = score;
    out.threshold[row] = this.#thresholds.values[slot]!;
    out.expected[row] = current.expected;
    out.lower[row] = current.lower;
    out.upper[row] = current.upper;
    out.offset[row] = this.#offsets[index]!;
    out.recordTime[row] = this.#recordTimes[index]!;
    out.parts.set(current.parts, row * out.partCount);
    out.origin[row] = this.#knowledge.origin(slot);
    out.configured[row] = this.#knowledge.threshold(slot);
    out.season[row] = this.detector.season?.() ?? NaN;
    return row;
  }

  pack(series: number, out: StateRow): void {
    for (let slot = series * this.#fields; slot < (series + 1) * this.#fields; slot++) {
      this.detector.pack(slot, out);
      this.#decision.pack(slot, out);
    }
  }

  unpack(series: number, from: StateRow): void {
    for (let slot = series * this.#fields; slot < (series + 1) * this.#fields; slot++) {
      this.detector.unpack(slot, from);
      this.#decision.unpack(slot, from);
      this.#setThreshold(slot);
    }
  }

  reset(series: number): void {
    for (let slot = series * this.#fields; slot < (series + 1) * this.#fields; slot++) {
      this.detector.reset(slot);
      this.#decision.reset(slot);
      this.#setThreshold(slot);
    }
  }

  appear(series: number): void {
    for (let slot = series * this.#fields; slot < (series + 1) * this.#fields; slot++) {
      this.detector.appear(slot);
      this.#knowledge.ask(slot);
      this.#setThreshold(slot);
    }
  }

  describe(series: number): Json {
    const first = series * this.#fields;
    return Array.from({ length: this.#fields }, (_, field) => {
      const slot = first + field;
      const missing = this.missing(slot);
      return {
        detector: this.detector.name,
        status: missing > 0 ? 'learning' : 'ready',
        ...(missing > 0 && { missing_values: missing }),
        ...this.detector.describe(slot, this.thresholdNow(slot)),
        last_alert: this.#decision.shaper.describe(slot),
        alerts: this.#decision.history.describe(slot),
      };
    });
  }

  /** How many values the slot has yet to see before it can alert by its score. */
  missing(slot: number): number {
    return this.detector.missing?.(slot) ?? 0;
  }

  /** How many of these series have a field that cannot alert by its score yet. */
  learning(has: (series: number) => boolean): number {
    let count = 0;
    for (let series = 0; series < this.#series; series++) {
      if (!has(series)) continue;
      const first = series * this.#fields;
      for (let slot = first; slot < first + this.#fields; slot++) {
        if (this.missing(slot) === 0) continue;
        count++;
        break;
      }
    }
    return count;
  }

  /** The score as far as it counts: 0 where what is known of the series rules the value out. */
  #weigh(slot: number, value: number, threshold: number, detector: Detector): number {
    const muted = this.#knowledge.muted(slot);
    const score = muted === 0 ? detector.current.score : scoreWithout(detector, muted);
    return score > threshold && !this.#isWorth(slot, value, threshold, detector) ? 0 : score;
  }

  #isWorth(slot: number, value: number, threshold: number, detector: Detector): boolean {
    if (!this.#knowledge.isSelective(slot)) return true;
    detector.explain(threshold);
    const { expected, lower, upper } = detector.current;
    return this.#knowledge.isWorth(slot, value, expected, lower, upper);
  }

  #setThreshold(slot: number): void {
    const threshold = this.#decision.history.moved(slot, this.#knowledge.threshold(slot));
    this.#thresholds.values[slot] = threshold;
    // A muted part may hold the mean of the others down.
    const seesAll =
      this.#decision.shaper.seesAll ||
      this.#observer !== undefined ||
      this.model !== undefined ||
      this.#knowledge.muted(slot) !== 0;
    this.detector.setFloor(slot, seesAll ? -Infinity : threshold);
  }

  /** What is not worth an alert would be none at any other threshold either. */
  #tell(observer: ScoreObserver, index: number, slot: number, score: number, threshold: number): void {
    const value = this.#values[index]!;
    const isWorth = score > threshold || this.#isWorth(slot, value, threshold, this.detector);
    const [series, field] = [Math.floor(slot / this.#fields), slot % this.#fields];
    observer.onValue(series, field, this.#offsets[index]!, this.#starts[index]!, value, isWorth ? score : 0);
  }

  #tellPending(row: number): void {
    const { series, field, offset, start, value, score } = this.model!.pending;
    this.#observer?.onValue(series[row]!, field[row]!, offset[row]!, start[row]!, value[row]!, score[row]!);
  }

  #room(count: number): Int32Array {
    if (count > this.#slots.length) this.#slots = new Int32Array(Math.max(count, this.#slots.length * 2));
    return this.#slots;
  }
}

/** What score.when calls the value where windows are scored. */
export const SCORED_VALUE = 'value';

const EMPTY = new Float64Array(0);
