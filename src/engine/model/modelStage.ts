import { AnomalyError } from '../../errors.ts';
import { AlertDecision } from '../alertDecision.ts';
import type { AlertShaping } from '../alertShaper.ts';
import type { ColumnBatch } from '../batch.ts';
import type { ModelDefinition, ModelName } from '../definition.ts';
import { MAX_SCORE } from '../detectors/parts/part.ts';
import type { Json } from '../operatorState.ts';
import type { PipelineState } from '../pipelineState.ts';
import type { AlertRows, WindowRows } from '../rows.ts';
import { type RowState, StateRow } from '../stateRow.ts';
import { ModelInputs } from './modelInputs.ts';
import { ModelTails, modelDigest } from './modelTails.ts';
import { PendingScores } from './pendingScores.ts';
import { WhenCondition } from './whenCondition.ts';

/** Name of the model's part in an alert. */
export const MODEL_PART = 'model';

/** What the model stage needs of the pipeline that it is in. */
export interface ModelStageOptions {
  readonly model: ModelDefinition;
  readonly fields: number;
  /** Names of the fields; of windows the one name `value`. */
  readonly whenFields: readonly string[];
  readonly decision: AlertDecision;
  readonly shaping: AlertShaping;
  /** By field, the place of the model's part among the rule's; -1 where the model does not read the field. */
  readonly partOf: readonly number[];
  /** Place of the detector's part for configured limits; -1 for none. */
  readonly limitsPart: number;
  /** Name of the series of a row of state. */
  readonly nameOf: (place: number) => string;
  /** Called with each row that has its score. */
  readonly tell: (row: number) => void;
}

/**
 * The model's side of a score stage, without the model: keeps the windows that it is asked with, the rows that wait for
 * its scores, and takes the scores back in order. A score becomes -log10 p by the tail of its series, and what alerts is
 * the mean of the detector's and the model's, each 8 at most; the detector's alone where the model was not asked, gave no
 * score, or its tail is still learning.
 *
 * A model of several fields is asked once a record, and speaks with the field whose detector score is the highest.
 */
export class ModelStage implements RowState {
  pending!: PendingScores;
  /** What alert rows call a model by its index. */
  readonly models: ModelName[] = [];
  readonly #options: ModelStageOptions;
  readonly #inputs: ModelInputs;
  readonly #tails = new ModelTails();
  readonly #when: WhenCondition | undefined;
  readonly #digests: number[] = [];
  readonly #indexes = new WeakMap<ModelName, number>();
  // By model, of this process: for what watches over a new one.
  readonly #calibrated: number[] = [];
  readonly #extreme: number[] = [];
  readonly #aside: Aside[] = [];
  readonly #found: { tails: ModelTails; decision: AlertDecision; series: number };
  #first = 0;

  constructor(options: ModelStageOptions) {
    const { model, whenFields } = options;
    this.#options = options;
    this.#inputs = new ModelInputs(model);
    this.#found = { tails: this.#tails, decision: options.decision, series: 0 };
    if (model.when !== undefined) this.#when = new WhenCondition(model.when, whenFields, options.nameOf);
  }

  /** Where alerts go: before the first value. */
  putInto(out: AlertRows): void {
    this.pending = new PendingScores(out.rules, this.#inputs.size);
  }

  /** Bytes of state a series. */
  get seriesBytes(): number {
    return this.#inputs.seriesBytes + this.#tails.seriesBytes;
  }

  reserve(series: number): void {
    this.#inputs.reserve(series);
    this.#tails.reserve(series);
  }

  /** How many scores of a model were calibrated so far, and how many of them are such as one in a hundred is. */
  extremes(model: number): { readonly calibrated: number; readonly extreme: number } {
    return { calibrated: this.#calibrated[model] ?? 0, extreme: this.#extreme[model] ?? 0 };
  }

  /** Index of a model for `fuse`. */
  indexOf(model: ModelName): number {
    const known = this.#indexes.get(model);
    if (known !== undefined) return known;
    const index = this.#find(model);
    this.#indexes.set(model, index);
    return index;
  }

  #find(model: ModelName): number {
    const digest = modelDigest(model);
    const found = this.models.findIndex((each) => modelDigest(each) === digest && each.version === model.version);
    if (found >= 0) return found;
    this.#digests.push(digest);
    return this.models.push(model) - 1;
  }

  /** A piece of records is about to be scored, field by field. */
  beginRecords(batch: ColumnBatch, from: number, to: number): void {
    this.#first = this.pending.count;
    this.#when?.begin(batch.fields, batch.series, from, to);
  }

  /** Rows of windows are about to be scored. */
  beginWindows(rows: WindowRows, values: Float64Array, from: number, to: number): void {
    this.#first = this.pending.count;
    this.#when?.begin([values], rows.series, from, to);
  }

  /** Whether the model is to be asked for value `index` of a field, which the detector gave this score. */
  wants(index: number, field: number, score: number): boolean {
    if (this.#options.partOf[field]! < 0) return false;
    return this.#when === undefined || this.#when.holds(index, score);
  }

  /** What a new row of value `index` has beside its columns as an alert; what it `isWanted` for ends with its piece. */
  begin(row: number, index: number, isWanted: boolean, isWorth: boolean): void {
    const { pending } = this;
    const part = this.#options.partOf[pending.field[row]!]!;
    if (part >= 0) pending.parts[row * pending.partCount + part] = NaN;
    pending.begin(row, index, isWanted, isWorth);
  }

  /** Takes alerts of other rules, from row `first` of the table on: they come behind what waits. */
  hold(alerts: AlertRows, first: number): void {
    if (alerts.count > first) this.pending.hold(alerts, first);
  }

  /** The same, among the rows that wait from row `waiting` on: by record, as all alerts of records. */
  holdRecords(alerts: AlertRows, first: number, waiting: number): void {
    if (alerts.count === first) return;
    this.pending.hold(alerts, first);
    this.pending.sortFrom(waiting);
  }

  /**
   * Ends a piece of records: their values go into the windows, and the rows that get one are asked.
   *
   * @param slots of the records, -1 for those that are left out
   */
  endRecords(batch: ColumnBatch, slots: Int32Array, columns: readonly Float64Array[], from: number, to: number): void {
    const { pending } = this;
    if (this.#options.fields > 1) pending.sortFrom(this.#first);
    const { series, eventTimes, offsets } = batch;
    let row = this.#first;
    for (let i = from; i < to; i++) {
      const isWhole = slots[i]! >= 0 && this.#inputs.push(series[i]!, eventTimes[i]!, columns, i);
      row = this.#askBest(row, i, isWhole, offsets[i]!);
    }
  }

  /** The same for rows of one window and field, whose slots are not negative. */
  endWindows(rows: WindowRows, slots: Int32Array, values: Float64Array, from: number, to: number, at: number): void {
    const columns = [values];
    const [field] = this.#options.model.channels;
    let row = this.#first;
    for (let i = from; i < to; i++) {
      const isRead = slots[i]! >= 0 && rows.field[i] === field;
      const isWhole = isRead && this.#inputs.push(rows.series[i]!, rows.start[i]!, columns, i);
      row = this.#askBest(row, i, isWhole, at);
    }
  }

  /**
   * Takes the scores of the next asked rows in their order, NaN where there is none, and puts out what alerts of the rows
   * that they settle. An empty column puts out what waits for nothing.
   *
   * @param by index of the model that gave them, or one a score
   */
  fuse(scores: Float32Array, by: number | Int32Array, state: PipelineState, out: AlertRows): void {
    const { pending } = this;
    const to = pending.settledBy(scores.length);
    if (to === pending.head) return;
    let next = 0;
    const settle = (from: number, end: number, places: Int32Array) => {
      for (let row = from; row < end; row++) {
        if (pending.ready[row] === 1) out.append(pending, row);
        else if (pending.asked[row] === 0) this.#settle(row, places[row]!, NaN, -1, out);
        else {
          this.#settle(row, places[row]!, scores[next]!, typeof by === 'number' ? by : by[next]!, out);
          next++;
        }
      }
    };
    state.placesBy(pending.owners(to), pending.head, to, settle);
    pending.settle(to);
    if (pending.waiting === 0) this.#aside.length = 0;
  }

  /** @throws ANM_INTERNAL where values wait: what they lead to would be in no snapshot */
  requireSettled(): void {
    const { waiting } = this.pending;
    if (waiting === 0) return;
    throw new AnomalyError('ANM_INTERNAL', `cannot cut a state while ${waiting} values wait for a model`);
  }

  /**
   * Sets aside what the rows that wait need of a series whose state is about to be forgotten: they are of records before
   * that. `placeOf` brings its state.
   */
  setAside(series: number, placeOf: () => number): void {
    const { pending } = this;
    let aside = -1;
    for (let row = pending.head; row < pending.count; row++) {
      if (pending.series[row] !== series || pending.aside[row]! >= 0) continue;
      if (aside < 0) aside = this.#aside.push(this.#copyOf(placeOf())) - 1;
      pending.aside[row] = aside;
    }
  }

  pack(series: number, out: StateRow): void {
    this.#inputs.pack(series, out);
    this.#tails.pack(series, out);
  }

  unpack(series: number, from: StateRow): void {
    this.#inputs.unpack(series, from);
    this.#tails.unpack(series, from);
  }

  reset(series: number): void {
    this.#inputs.reset(series);
    this.#tails.reset(series);
  }

  describe(series: number): Json {
    return { window: this.#inputs.count(series), ...this.#tails.describe(series) };
  }

  /** Of the rows of value `index`, from `row` on, the one that is asked; returns the first row behind them. */
  #askBest(first: number, index: number, isWhole: boolean, at: number): number {
    const { pending } = this;
    let best = -1;
    let row = first;
    for (; row < pending.count && pending.index[row] === index; row++) {
      pending.at[row] = at;
      const isWanted = pending.asked[row] === 1;
      pending.asked[row] = 0;
      if (isWanted && isWhole && (best < 0 || pending.score[row]! > pending.score[best]!)) best = row;
    }
    if (best < 0) return row;
    const { buffer, at: place } = pending.ask(best);
    this.#inputs.copy(pending.series[best]!, buffer, place);
    return row;
  }

  #settle(row: number, place: number, raw: number, model: number, out: AlertRows): void {
    const { pending } = this;
    const { fields, decision: own, tell } = this.#options;
    const { tails, decision, series } = this.#stateOf(row, place, own);
    const field = pending.field[row]!;
    if (raw - raw === 0) {
      const score = tails.next(series, raw, this.#digests[model]!);
      if (!Number.isNaN(score)) {
        this.#fuse(row, field, score, model);
        this.#calibrated[model] = (this.#calibrated[model] ?? 0) + 1;
        if (score >= EXTREME) this.#extreme[model] = (this.#extreme[model] ?? 0) + 1;
      }
    }
    if (pending.worth[row] === 0) pending.score[row] = 0;
    tell(row);
    const slot = series * fields + field;
    const { shaper } = decision;
    const isTold = shaper.next(slot, pending.start[row]!, pending.score[row]!, pending.threshold[row]!);
    if (!isTold && !shaper.hasEnded) return;
    out.append(pending, row);
    decision.note(out, out.count - 1, slot);
  }

  #fuse(row: number, field: number, score: number, model: number): void {
    const { pending } = this;
    pending.parts[row * pending.partCount + this.#options.partOf[field]!] = score;
    pending.model[row] = model;
    // A limit is not a matter of opinion.
    const { limitsPart } = this.#options;
    if (limitsPart >= 0 && pending.parts[row * pending.partCount + limitsPart]! > 0) return;
    const counted = Math.max(0, score - pending.chances[row]!);
    pending.score[row] = (Math.min(MAX_SCORE, pending.score[row]!) + counted) / 2;
  }

  /** The states that a row is settled with, and the series that it is in them; `place` is that of its series. */
  #stateOf(
    row: number,
    place: number,
    decision: AlertDecision,
  ): { tails: ModelTails; decision: AlertDecision; series: number } {
    const { pending } = this;
    const found = this.#found;
    const aside = this.#aside[pending.aside[row]!];
    found.tails = aside?.tails ?? this.#tails;
    found.decision = aside?.decision ?? decision;
    found.series = aside === undefined ? place : 0;
    return found;
  }

  #copyOf(place: number): Aside {
    const { fields, decision, shaping } = this.#options;
    const row = new StateRow();
    const copy = { tails: new ModelTails(), decision: new AlertDecision(shaping) };
    copy.tails.reserve(1);
    copy.decision.reserve(fields);
    this.#tails.pack(place, row);
    for (let field = 0; field < fields; field++) decision.pack(place * fields + field, row);
    copy.tails.unpack(0, row);
    for (let field = 0; field < fields; field++) copy.decision.unpack(field, row);
    return copy;
  }
}

/** -log10 of one in a hundred. */
const EXTREME = 2;

/** State of a series that was forgotten while rows of it wait. */
interface Aside {
  readonly tails: ModelTails;
  readonly decision: AlertDecision;
}
