import type { ColumnBatch } from './batch.ts';
import { type PipelineDefinition, scoresRecords } from './definition.ts';
import type { FeatureColumns } from './featureColumns.ts';
import type { WindowRows } from './rows.ts';
import type { ScoreStage } from './scoring.ts';
import type { WatchSet } from './watches/watchSet.ts';

/** Computes the features, then has the column that the score is of scored and watched. */
export class ColumnScoring {
  readonly #definition: PipelineDefinition;
  readonly #features: FeatureColumns;
  readonly #score: ScoreStage | undefined;
  readonly #watches: WatchSet;

  constructor(
    definition: PipelineDefinition,
    features: FeatureColumns,
    score: ScoreStage | undefined,
    watches: WatchSet,
  ) {
    this.#definition = definition;
    this.#features = features;
    this.#score = score;
    this.#watches = watches;
  }

  /** Records from <= i < to: alerts come column by column. */
  ofRecords(batch: ColumnBatch, from: number, to: number): void {
    this.#features.ofRecords(batch, from, to);
    const on = this.#definition.score?.on;
    if (on === undefined) return;
    this.#score!.model?.beginRecords(batch, from, to);
    if (on === null) {
      for (let f = 0; f < batch.fields.length; f++) this.#column(batch, f, batch.fields[f]!, from, to);
    } else if (on.kind === 'field') {
      this.#column(batch, on.field, batch.fields[on.field]!, from, to);
    } else if (on.kind === 'feature' && this.#features.isOfRecords(on.feature)) {
      this.#column(batch, this.#features.fieldOf(on.feature), this.#features.column(on.feature), from, to);
    }
    this.#modelReads(batch, from, to);
    if (this.#watches.readsVectors) {
      this.#watches.ofVectors(batch, this.#score!.slotsOfRecords(batch, 0, from, to), from, to);
    }
  }

  /** Rows of windows from `from` on: alerts come row by row. `at` is the offset of the record that was processed last. */
  ofWindows(rows: WindowRows, from: number, at: number): void {
    this.#features.ofWindows(rows, from);
    const on = this.#definition.score?.on;
    if (on === undefined || on === null || on.kind === 'field') return;
    if (on.kind === 'aggregate') {
      this.#rows(rows, on.window, rows.aggregate(on.aggregate), from, at);
    } else if (!this.#features.isOfRecords(on.feature)) {
      this.#rows(rows, this.#features.windowOf(on.feature), rows.features[on.feature]!, from, at);
    }
  }

  /** After the columns were scored: which of the values get a window is known then. */
  #modelReads(batch: ColumnBatch, from: number, to: number): void {
    const { on, model } = this.#definition.score!;
    if (model === undefined || !scoresRecords(this.#definition)) return;
    const columns =
      on?.kind === 'feature'
        ? [this.#features.column(on.feature)]
        : model.channels.map((channel) => batch.fields[channel]!);
    const slots = this.#score!.slotsOfRecords(batch, model.channels[0]!, from, to);
    this.#score!.model!.endRecords(batch, slots, columns, from, to);
  }

  #column(batch: ColumnBatch, field: number, values: Float64Array, from: number, to: number): void {
    const score = this.#score!;
    score.scoreRecords(batch, field, values, from, to);
    if (!this.#watches.readsColumns) return;
    this.#watches.ofColumn(batch, score.slotsOfRecords(batch, field, from, to), values, from, to);
  }

  #rows(rows: WindowRows, window: number, values: Float64Array, from: number, at: number): void {
    const score = this.#score!;
    if (!this.#watches.readsColumns) {
      score.scoreWindows(rows, window, values, from, rows.count, at);
      return;
    }
    for (let row = from; row < rows.count; row++) {
      score.scoreWindows(rows, window, values, row, row + 1, at);
      this.#watches.ofWindows(rows, score.slotsOfWindows(rows, window, row, row + 1), values, row, row + 1);
    }
  }
}
