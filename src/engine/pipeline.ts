import type { ColumnBatch } from './batch.ts';
import type { ColdStore } from './coldStore.ts';
import { ColumnScoring } from './columnScoring.ts';
import { type PipelineDefinition, scoresRecords } from './definition.ts';
import { FeatureColumns } from './featureColumns.ts';
import { KeyDictionary } from './keys.ts';
import type { ModelStage } from './model/modelStage.ts';
import type { OperatorState } from './operatorState.ts';
import { PipelineState, type SnapshotCut } from './pipelineState.ts';
import { type CutKind, isRows } from './rowSnapshot.ts';
import { AlertRows, LateRows, type Rule, WindowRows } from './rows.ts';
import { factsOf } from './scoreFacts.ts';
import type { ScoreObserver } from './scoreObserver.ts';
import { ScoreRun } from './scoreRun.ts';
import { ScoreStage } from './scoring.ts';
import type { StateReader, StateWriter } from './state.ts';
import type { Clock } from './time/clock.ts';
import { createClock } from './time/createClock.ts';
import { WatchSet } from './watches/watchSet.ts';
import { extraColumns } from './windows/aggregates.ts';
import { WindowSet } from './windows/windowSet.ts';

/**
 * All operators of one partition. Results depend on the partition's records and their order only, never on where a
 * batch, a commit or a snapshot ends: a batch is cut at the records whose watermark can close a window, each piece runs
 * through every operator column by column, and only then the watermark takes effect.
 *
 * Order of what is put out: alerts of records by offset; then, after the record that moved the watermark, closed
 * windows in the order that WindowSet states; then the alerts of those windows in the same order.
 */
export class PartitionPipeline {
  readonly definition: PipelineDefinition;
  readonly keys: KeyDictionary;
  readonly windowRows: WindowRows;
  readonly alertRows: AlertRows;
  /** What `alertRows.rule` is an index into. */
  readonly rules: readonly Rule[];
  /** What `alertRows.origin` is an index into: where thresholds come from. */
  readonly origins: readonly string[];
  /** Indexes into the batch given to the last `process`. */
  readonly lateRows = new LateRows();
  /** Indexes into it of records that were left out, as their series is one too many. */
  readonly limitRows: number[] = [];
  recordCount = 0;
  lateCount = 0;

  readonly #clock: Clock;
  readonly #windows: WindowSet;
  readonly features: FeatureColumns;
  readonly score: ScoreStage | undefined;
  /** Where scored values wait for a model; absent where there is none. */
  readonly model: ModelStage | undefined;
  readonly #watches: WatchSet;
  readonly #run: ScoreRun;
  readonly #state: PipelineState;
  #boundary = -Infinity;
  #nextSweep = -Infinity;
  #lastOffset = -1;
  #lastRecordTime = 0;

  /** @param cold where the state of series goes that is not among the `hotSeries` in memory; absent: all are */
  constructor(
    definition: PipelineDefinition,
    keys: KeyDictionary,
    cold?: { readonly store: ColdStore; readonly hotSeries: number },
  ) {
    this.definition = definition;
    this.keys = keys;
    const fields = definition.fields.length;
    this.#clock = createClock(definition);
    this.features = new FeatureColumns(definition);
    this.windowRows = new WindowRows(definition.features.length, extraColumns(definition.windows));
    this.#windows = new WindowSet(definition, this.windowRows, this.lateRows, (slot) => this.#thresholdOf(slot));
    const { score } = definition;
    const nameOf = (slot: number) => keys.name(this.#state.seriesAt(Math.floor(slot / fields)));
    if (score !== undefined) this.score = new ScoreStage(score, definition.fields, nameOf, scoresRecords(definition));
    const detected = this.score?.rules ?? [];
    this.#watches = new WatchSet(definition, detected.length, this.#clock.lagMs, {
      ofPlace: (place) => keys.name(this.#state.seriesAt(place)),
      of: (series) => keys.name(series),
    });
    this.origins = score?.origins ?? [];
    this.rules = [...detected, ...this.#watches.rules];
    this.alertRows = new AlertRows(this.rules);
    this.score?.putInto(this.alertRows);
    this.model = this.score?.model;
    this.#watches.putInto(this.alertRows);
    const [snapshot, restore] = [this.#writeTime.bind(this), this.#readTime.bind(this)];
    const time = { id: 'time', clock: this.#clock, snapshot, restore };
    const windows = definition.windows.map(({ name, type }, w) => ({
      id: `window/${name}`,
      state: this.#windows.operators[w]!,
      isTimed: type !== 'count',
    }));
    const rows = definition.features.map(({ name }) => ({
      id: `feature/${name}`,
      state: this.features.stateOf(name),
    }));
    this.#state = new PipelineState(
      definition,
      keys,
      time,
      [...windows, ...this.#watches.inMemory],
      [...rows, ...this.#stages(), ...this.#watches.rows],
      this.model,
      cold,
    );
    const scoring = new ColumnScoring(definition, this.features, this.score, this.#watches);
    this.#run = new ScoreRun(definition, this.#state, scoring, this.#watches, this);
    this.#findBoundary();
  }

  /** Tells every score, before threshold and shaping: for evaluation, before the first record. */
  observeScores(observer: ScoreObserver): void {
    this.score?.observe(observer);
  }

  /** Empties the output tables: after a sink took them, before the next `process`. */
  clearOutput(): void {
    this.windowRows.clear();
    this.alertRows.clear();
    this.lateRows.clear();
    this.limitRows.length = 0;
  }

  /** Largest event time so far minus the allowed out-of-orderness; -Infinity before the first record. */
  get watermark(): number {
    return this.#clock.watermark;
  }

  /** Runs records from <= i < to, whose series ids are of `keys`. Output is appended to the row tables. */
  process(batch: ColumnBatch, from: number, to: number): void {
    const state = this.#state;
    state.reserve();
    const late = this.lateRows.count;
    let i = from;
    let admitted = from;
    while (i < to) {
      if (admitted === i) admitted = this.#admit(batch, i, to);
      const before = this.#clock.watermark;
      const most = Math.min(admitted, i + state.mostRecords);
      const end = this.#clock.cut(batch, i, most, this.#boundary, this.#nextSweep);
      state.before(batch.series, i, end);
      state.table.touch(batch, i, end);
      const [firstRow, firstAlert] = [this.windowRows.count, this.alertRows.count];
      this.#run.records(batch, i, end, before);
      this.#windows.alerts.take(batch, i, end, this.alertRows, firstAlert);
      this.#windows.update(batch, i, end, this.#clock.marks);
      this.#lastOffset = batch.offsets[end - 1]!;
      this.#lastRecordTime = batch.recordTimes[end - 1]!;
      if (this.#clock.isDue) this.#advance(before, this.#clock.floor);
      // Sessions that the last records opened may end before what was due until now.
      else this.#boundary = this.#windows.nextBoundary(this.watermark);
      if (this.windowRows.count > firstRow) this.#run.windows(firstRow, this.#lastOffset);
      // Where series were forgotten, those of the next records may have to be admitted again.
      if (this.#sweep()) admitted = end;
      i = end;
    }
    this.recordCount += to - from;
    this.lateCount += this.lateRows.count - late;
  }

  /**
   * Takes the last of `windowRows`, which an earlier stage closed, `at` the offset of its record (-1: none), of the source
   * `place` (see `alertRows.place`). False where its series is one too many.
   */
  processWindowRow(at: number, place: number): boolean {
    const { table } = this.#state;
    this.#lastOffset = at;
    this.#run.place = place;
    const rows = this.windowRows;
    const row = rows.count - 1;
    this.recordCount++;
    this.#state.reserve();
    const series = rows.series[row]!;
    if (table.admit(rows.series, row, row + 1) === row && !table.admitFull(series)) return false;
    this.#state.before(rows.series, row, row + 1);
    table.touchOne(series, rows.end[row]!);
    this.#run.windows(row, this.#lastOffset);
    // Rows have no watermark, and need one only for what is forgotten by event time.
    if (this.#nextSweep < Infinity) this.#clock.watermark = Math.max(this.watermark, rows.end[row]!);
    this.#sweep();
    return true;
  }

  /**
   * Moves the watermark on without a record, as silence of the partition does. Rows carry the offset and record time of
   * the last record. Below `nextClosing` it changes nothing that is put out, apart from early rows.
   */
  advanceWatermark(watermark: number): void {
    if (!(watermark > this.#clock.watermark)) return;
    const first = this.windowRows.count;
    const before = this.#clock.watermark;
    this.#clock.watermark = watermark;
    this.#run.advance(watermark, this.#lastOffset, this.#lastRecordTime);
    this.#advance(before, this.#clock.floor);
    if (this.windowRows.count > first) this.#run.windows(first, this.#lastOffset);
    this.#sweep();
  }

  /** The lowest watermark for `advanceWatermark` that closes or tells something as things are; Infinity when there is none. */
  get nextClosing(): number {
    return Math.min(this.#windows.nextDue + this.#clock.lagMs, this.#watches.nextDue);
  }

  /** Closes every open window, as the end of the input does; a count window that is not full stays. */
  close(): void {
    this.#windows.scheduleAll();
    // Only up to the last open window: records of a later start, after a restart, are not late.
    for (let due = this.#windows.nextDue; due < Infinity; due = this.#windows.nextDue) {
      const first = this.windowRows.count;
      this.#advance(due, due);
      this.#clock.pass(due, this.windowRows, first);
      if (this.windowRows.count > first) this.#run.windows(first, this.#lastOffset);
    }
  }

  /** Puts out windows by count that are not full, as they are: for people, after close(). */
  showOpen(): void {
    const first = this.windowRows.count;
    this.#windows.writeOpen();
    if (this.windowRows.count > first) this.#run.windows(first, this.#lastOffset);
  }

  get openWindows(): number {
    return this.#windows.openCount;
  }

  /** The state of every operator as it is now, at once. */
  snapshot(): OperatorState[] {
    const cut = this.cut('copy');
    cut.step(Infinity);
    return cut.operators();
  }

  /** Begins a snapshot of the state as it is now, which is taken while processing goes on. */
  cut(kind: CutKind): SnapshotCut {
    this.model?.requireSettled();
    return this.#state.cut(kind);
  }

  /**
   * Takes back what `snapshot` gave, into a pipeline that has not processed anything. Operators that the snapshot does
   * not have start empty.
   *
   * @param allow ids of operators whose state may be dropped: those that are gone, or are defined otherwise now
   * @throws ANM_STATE_INCOMPATIBLE, ANM_STATE_CORRUPT
   */
  restore(operators: readonly OperatorState[], allow: ReadonlySet<string>): void {
    let rows = operators;
    if (this.#state.hot !== undefined && operators.some(({ id, bytes }) => /^[fs]/.test(id) && !isRows(bytes))) {
      // Arrays of all series, as version 0.1 wrote them: they become rows where there is room for all.
      const whole = new PartitionPipeline(this.definition, new KeyDictionary());
      whole.restore(operators, allow);
      rows = whole.snapshot();
    }
    this.#state.restore(rows, allow);
    if (this.keys.count === 0) this.#clock.forget();
    this.#findBoundary();
  }

  /** Of single series: for what tells, moves or redistributes it. */
  get state(): PipelineState {
    return this.#state;
  }

  /** Frees the ids of forgotten series: between two batches, when what was put out is written and no row waits. */
  release(): void {
    if (this.pendingCount === 0) this.#state.table.release();
  }

  /** Scored values that wait for the model. Nothing waits where a snapshot is cut. */
  get pendingCount(): number {
    return this.model?.pending.waiting ?? 0;
  }

  /**
   * Takes the scores of the next asked rows, in their order, NaN where the model gave none; alerts are appended to
   * `alertRows`. An empty column puts out what waits for nothing.
   *
   * @param by index of the model that gave them, of `model.indexOf`, or one a score
   */
  fuse(scores: Float32Array, by: number | Int32Array): void {
    this.#run.fuse(scores, by);
  }

  #writeTime(state: StateWriter): void {
    this.#clock.snapshot(state);
    state.number('records', this.recordCount);
    state.number('late', this.lateCount);
    state.number('lastOffset', this.#lastOffset);
    state.number('lastRecordTime', this.#lastRecordTime);
    if (this.model !== undefined) state.number('asked', this.model.pending.askedEver);
  }

  #readTime(state: StateReader): void {
    this.#clock.restore(state);
    this.recordCount = state.number('records');
    this.lateCount = state.number('late');
    this.#lastOffset = state.number('lastOffset');
    this.#lastRecordTime = state.number('lastRecordTime');
    if (this.model !== undefined && state.has('asked')) this.model.pending.askedEver = state.number('asked');
  }

  /** Admits series from record `from` on; returns up to where. What is refused is no record of a series any more. */
  #admit(batch: ColumnBatch, from: number, to: number): number {
    const { table } = this.#state;
    const end = table.admit(batch.series, from, to);
    if (end > from) return end;
    if (!table.admitFull(batch.series[from]!)) {
      batch.series[from] = -1;
      this.limitRows.push(from);
    }
    return from + 1;
  }

  /** Puts out what the watermark has made due. */
  #advance(before: number, watermark: number): void {
    this.#windows.advance(before, watermark, this.#lastOffset, this.#lastRecordTime);
    this.#boundary = this.#windows.nextBoundary(this.watermark);
  }

  /** Forgets what the watermark has made old; returns whether a series lost all of its state. */
  #sweep(): boolean {
    if (this.watermark < this.#nextSweep) return false;
    const isSwept = this.#state.sweep(this.watermark);
    this.#nextSweep = this.#state.table.nextSweep(this.watermark);
    return isSwept;
  }

  #findBoundary(): void {
    this.#boundary = this.#windows.nextBoundary(this.watermark);
    this.#nextSweep = this.#state.table.nextSweep(this.watermark);
  }

  /** Of a slot of the series, wherever the state of the series is. */
  #thresholdOf(slot: number): number {
    const { score, fields } = this.definition;
    if (score === undefined) return NaN;
    if (this.#state.hot === undefined) return this.score!.threshold(slot);
    return factsOf(score, this.keys.name(Math.floor(slot / fields.length))).threshold;
  }

  /** Operators with a row a series, beside features and watches. */
  #stages() {
    const score = this.score === undefined ? [] : [{ id: 'score', state: this.score }];
    return this.model === undefined ? score : [...score, { id: 'model', state: this.model }];
  }
}
