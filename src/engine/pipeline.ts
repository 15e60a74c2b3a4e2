import { AlertGate } from './alertGate.ts';
import type { ColumnBatch } from './batch.ts';
import type { PipelineDefinition } from './definition.ts';
import { createDetector } from './detectors/create.ts';
import { FeatureColumns } from './featureColumns.ts';
import type { KeyDictionary } from './keys.ts';
import { AlertRows, LateRows, WindowRows } from './rows.ts';
import { ScoreStage } from './scoring.ts';
import type { StateReader, StateWriter } from './state.ts';
import { TumblingWindow } from './windows.ts';

/**
 * All operators of one partition. Results depend on the partition's records and their order only, never on where a
 * batch, a commit or a snapshot ends: a batch is cut at the records whose watermark can close a window, each piece runs
 * through every operator column by column, and only then the watermark takes effect.
 *
 * Order of what is put out: alerts of records by offset; then, after the record that moved the watermark, closed
 * windows by end, by the window's place in the configuration, and by first appearance of the series; then the alerts
 * of those windows in the same order.
 */
export class PartitionPipeline {
  readonly definition: PipelineDefinition;
  readonly keys: KeyDictionary;
  readonly windowRows: WindowRows;
  readonly alertRows: AlertRows;
  /** Indexes into the batch given to the last `process`. */
  readonly lateRows = new LateRows();
  /** Largest event time so far minus the allowed out-of-orderness; -Infinity before the first record. */
  watermark = -Infinity;
  recordCount = 0;
  lateCount = 0;

  readonly #windows: TumblingWindow[];
  readonly #features: FeatureColumns;
  readonly #score: ScoreStage | undefined;
  #watermarks = new Float64Array(1024);
  #boundary = -Infinity;
  #reserved = 0;
  #lastOffset = -1;
  #lastRecordTime = 0;

  constructor(definition: PipelineDefinition, keys: KeyDictionary) {
    this.definition = definition;
    this.keys = keys;
    const fields = definition.fields.length;
    this.#windows = definition.windows.map((window, i) => new TumblingWindow(i, window.sizeMs, fields));
    this.#features = new FeatureColumns(definition);
    this.windowRows = new WindowRows(definition.features.length);
    this.#boundary = this.#windows.length === 0 ? Infinity : -Infinity;
    const { score } = definition;
    if (score === undefined) {
      this.alertRows = new AlertRows();
      return;
    }
    const bySlot =
      <T>(of: (series: string) => T) =>
      (slot: number) =>
        of(keys.text(Math.floor(slot / fields)));
    const detector = createDetector(
      score.detector,
      bySlot(score.limits),
      score.thresholdOf === undefined ? undefined : bySlot(score.thresholdOf),
    );
    this.alertRows = new AlertRows(detector.partNames.length);
    this.#score = new ScoreStage(detector, new AlertGate(score.refractoryMs), fields, this.alertRows);
  }

  /** Names of the parts behind an alert's score. */
  get partNames(): readonly string[] {
    return this.#score?.detector.partNames ?? [];
  }

  /** Empties the output tables: after a sink took them, before the next `process`. */
  clearOutput(): void {
    this.windowRows.clear();
    this.alertRows.clear();
    this.lateRows.clear();
  }

  /** Runs records from <= i < to, whose series ids are of `keys`. Output is appended to the row tables. */
  process(batch: ColumnBatch, from: number, to: number): void {
    this.#reserve();
    if (to > this.#watermarks.length) this.#watermarks = new Float64Array(Math.max(to, this.#watermarks.length * 2));
    const late = this.lateRows.count;
    let i = from;
    while (i < to) {
      const end = this.#cut(batch, i, to);
      for (const window of this.#windows) window.update(batch, i, end, this.#watermarks, this.lateRows);
      this.#scoreRecords(batch, i, end);
      this.#lastOffset = batch.offsets[end - 1]!;
      this.#lastRecordTime = batch.recordTimes[end - 1]!;
      if (this.watermark >= this.#boundary) this.#advance();
      i = end;
    }
    if (this.#windows.length > 1 && this.lateRows.count > late + 1) this.lateRows.sortFrom(late);
    this.recordCount += to - from;
    this.lateCount += this.lateRows.count - late;
  }

  /** Takes rows of windows that an earlier stage closed; they are already in `windowRows`, from row `from` on. */
  processWindowRows(from: number): void {
    this.#reserve();
    this.#scoreWindows(from);
    this.recordCount += this.windowRows.count - from;
  }

  /** Closes every open window, as the end of the input does. */
  close(): void {
    for (const window of this.#windows) {
      while (window.openCount > 0) {
        // Only up to the last open window: records of a later start, after a restart, are not late.
        this.watermark = Math.max(this.watermark, this.#oldestEnd());
        this.#advance();
      }
    }
  }

  get openWindows(): number {
    return this.#windows.reduce((sum, window) => sum + window.openCount, 0);
  }

  snapshot(state: StateWriter): void {
    state.number('watermark', this.watermark);
    state.number('records', this.recordCount);
    state.number('late', this.lateCount);
    state.number('lastOffset', this.#lastOffset);
    state.number('lastRecordTime', this.#lastRecordTime);
    this.keys.snapshot(state.scope('keys'));
    for (let w = 0; w < this.#windows.length; w++) this.#windows[w]!.snapshot(state.scope(`window/${w}`));
    this.#features.snapshot(state.scope('features'));
    this.#score?.snapshot(state.scope('score'));
  }

  restore(state: StateReader): void {
    this.watermark = state.number('watermark');
    this.recordCount = state.number('records');
    this.lateCount = state.number('late');
    this.#lastOffset = state.number('lastOffset');
    this.#lastRecordTime = state.number('lastRecordTime');
    this.keys.restore(state.scope('keys'));
    this.#reserve();
    for (let w = 0; w < this.#windows.length; w++) this.#windows[w]!.restore(state.scope(`window/${w}`));
    this.#features.restore(state.scope('features'));
    this.#score?.restore(state.scope('score'));
    this.#boundary = this.#nextBoundary();
  }

  #reserve(): void {
    const series = this.keys.size;
    if (series === this.#reserved) return;
    for (const window of this.#windows) window.reserve(series);
    this.#features.reserve(series);
    this.#score?.reserve(series);
    this.#reserved = series;
  }

  /** Moves the watermark record by record up to the first that can close a window; returns the index after it. */
  #cut(batch: ColumnBatch, from: number, to: number): number {
    const { series, eventTimes } = batch;
    const watermarks = this.#watermarks;
    const slack = this.definition.outOfOrdernessMs;
    const boundary = this.#boundary;
    let watermark = this.watermark;
    let i = from;
    while (i < to) {
      watermarks[i] = watermark;
      const reached = eventTimes[i]! - slack;
      const moves = series[i]! >= 0 && reached > watermark;
      i++;
      if (moves) {
        watermark = reached;
        if (watermark >= boundary) break;
      }
    }
    this.watermark = watermark;
    return i;
  }

  /** Closes what the watermark has passed, in the order of the windows' ends. */
  #advance(): void {
    const first = this.windowRows.count;
    for (;;) {
      let next: TumblingWindow | undefined;
      for (const window of this.#windows) {
        if (window.oldestEnd <= this.watermark && (next === undefined || window.oldestEnd < next.oldestEnd))
          next = window;
      }
      if (next === undefined) break;
      next.closeOldest(this.windowRows, this.#lastOffset, this.#lastRecordTime);
    }
    this.#boundary = this.#nextBoundary();
    if (this.windowRows.count > first) this.#scoreWindows(first);
  }

  #nextBoundary(): number {
    let boundary = Infinity;
    for (const window of this.#windows) boundary = Math.min(boundary, window.nextBoundary(this.watermark));
    return boundary;
  }

  #oldestEnd(): number {
    return this.#windows.reduce((end, window) => Math.min(end, window.oldestEnd), Infinity);
  }

  #scoreRecords(batch: ColumnBatch, from: number, to: number): void {
    this.#features.ofRecords(batch, from, to);
    const score = this.#score;
    const on = this.definition.score?.on;
    if (score === undefined || on === undefined) return;
    const first = this.alertRows.count;
    if (on === null) {
      for (let f = 0; f < batch.fields.length; f++) score.scoreRecords(batch, f, batch.fields[f]!, from, to);
      if (batch.fields.length > 1 && this.alertRows.count > first + 1) this.alertRows.sortFrom(first);
    } else if (on.kind === 'field') {
      score.scoreRecords(batch, on.field, batch.fields[on.field]!, from, to);
    } else if (on.kind === 'feature' && this.#features.isOfRecords(on.feature)) {
      const values = this.#features.column(on.feature);
      score.scoreRecords(batch, this.#features.fieldOf(on.feature), values, from, to);
    }
  }

  #scoreWindows(from: number): void {
    const rows = this.windowRows;
    this.#features.ofWindows(rows, from);
    const on = this.definition.score?.on;
    if (this.#score === undefined || on === undefined || on === null || on.kind === 'field') return;
    if (on.kind === 'aggregate') {
      this.#score.scoreWindows(rows, on.window, rows.aggregate(on.aggregate), from, rows.count);
    } else if (!this.#features.isOfRecords(on.feature)) {
      const window = this.#features.windowOf(on.feature);
      this.#score.scoreWindows(rows, window, rows.features[on.feature]!, from, rows.count);
    }
  }
}
