import type { ColumnBatch } from './batch.ts';
import type { ColumnScoring } from './columnScoring.ts';
import { columnsRead, type PipelineDefinition } from './definition.ts';
import type { ModelStage } from './model/modelStage.ts';
import type { PipelineState } from './pipelineState.ts';
import type { AlertRows, Rule, WindowRows } from './rows.ts';
import type { WatchSet } from './watches/watchSet.ts';

/** What a pipeline's scores are read from and put into. */
interface Tables {
  readonly windowRows: WindowRows;
  readonly alertRows: AlertRows;
  readonly rules: readonly Rule[];
  readonly model: ModelStage | undefined;
}

/** Runs features, score and watches, wherever the state of the series is, and brings their alerts into one order. */
export class ScoreRun {
  readonly #state: PipelineState;
  readonly #scoring: ColumnScoring;
  readonly #watches: WatchSet;
  readonly #out: Tables;
  readonly #reads: ReturnType<typeof columnsRead>;
  /** Tables whose rows name series. */
  readonly #tables: readonly AlertRows[];

  constructor(
    definition: PipelineDefinition,
    state: PipelineState,
    scoring: ColumnScoring,
    watches: WatchSet,
    out: Tables,
  ) {
    this.#state = state;
    this.#scoring = scoring;
    this.#watches = watches;
    this.#out = out;
    this.#reads = columnsRead(definition);
    this.#tables = out.model === undefined ? [out.alertRows] : [out.alertRows, out.model.pending];
  }

  /** Which source the next rows are of. */
  set place(place: number) {
    for (const table of this.#tables) table.placeNow = place;
  }

  /** Records from <= i < to of a batch. @param watermark the partition's before the first of them */
  records(batch: ColumnBatch, from: number, to: number, watermark: number): void {
    const { alertRows, model, rules } = this.#out;
    const state = this.#state;
    const first = alertRows.count;
    const waiting = model?.pending.count ?? 0;
    if (state.hot === undefined || !this.#reads.has('field')) this.#scoring.ofRecords(batch, from, to);
    else state.recordsByPlace(batch, from, to, this.#tables, () => this.#scoring.ofRecords(batch, from, to));
    if (this.#watches.count > 0) this.#watches.ofRecords(batch, from, to, watermark);
    // Columns were taken one after the other.
    if (model !== undefined) model.holdRecords(alertRows, first, waiting);
    else if (alertRows.count > first + 1 && rules.length > 1) alertRows.sortFrom(first);
  }

  /** Rows of windows from `from` on; `at` is the offset of the record that was processed last. */
  windows(from: number, at: number): void {
    const { windowRows: rows, alertRows, model } = this.#out;
    const reads = this.#reads.has('aggregate');
    const first = alertRows.count;
    if (reads) this.#state.changing(rows.series, from, rows.count);
    if (this.#state.hot === undefined || !reads) this.#scoring.ofWindows(rows, from, at);
    else this.#state.windowsByPlace(rows, from, this.#tables, (start) => this.#scoring.ofWindows(rows, start, at));
    model?.hold(alertRows, first);
  }

  /** A watermark without a record; rows carry offset and record time of the last one. */
  advance(watermark: number, offset: number, recordTime: number): void {
    const { alertRows, model } = this.#out;
    const first = alertRows.count;
    this.#watches.advance(watermark, offset, recordTime);
    model?.hold(alertRows, first);
  }

  /** As PartitionPipeline.fuse. */
  fuse(scores: Float32Array, by: number | Int32Array): void {
    this.#out.model?.fuse(scores, by, this.#state, this.#out.alertRows);
  }
}
