import { AnomalyError } from '../../errors.ts';
import type { ColumnBatch } from '../batch.ts';
import type { ColumnRef, PipelineDefinition } from '../definition.ts';
import type { RowOperator } from '../rowSnapshot.ts';
import type { AlertRows, Rule, WindowRows } from '../rows.ts';
import type { WindowState } from '../stateOperators.ts';
import type { WatchDefinition } from './definition.ts';
import { FlatWatch } from './flat.ts';
import { GroupMultivariateWatch } from './groupMultivariate.ts';
import { DRIFT, LevelWatch, SHIFT } from './level.ts';
import { MissingWatch } from './missing.ts';
import { MultivariateWatch } from './multivariate.ts';
import { PeersWatch } from './peers.ts';
import { plannedTimes } from './planned.ts';
import { SubsequenceWatch } from './subsequence.ts';
import type { ValueWatch } from './valueWatch.ts';
import { WatchStage } from './watchStage.ts';

/** How the names of series are found. */
export interface SeriesNames {
  /** By the place in the arrays of operators whose series may be cold. */
  ofPlace(place: number): string;
  /** By series id. */
  of(series: number): string;
}

/**
 * The watches of a partition, each an operator of its own. Those over single values, and over the fields of a record, keep their
 * state in rows, also of cold series; those that know of other series or of time keep it in memory.
 */
export class WatchSet {
  readonly rules: readonly Rule[];
  /** By place: run where the columns of a batch have places. */
  readonly rows: readonly RowOperator[];
  /** By series id. */
  readonly inMemory: readonly WindowState[];
  readonly #values: WatchStage[] = [];
  #vectors: MultivariateWatch | undefined;
  #missing: MissingWatch | undefined;
  readonly #groups: (PeersWatch | GroupMultivariateWatch)[] = [];

  /** @param firstRule number of the rules before those of the watches */
  constructor(definition: PipelineDefinition, firstRule: number, lagMs: number, names: SeriesNames) {
    const rules: Rule[] = [];
    const count = definition.fields.length;
    const planned = plannedTimes(definition.score);
    for (const given of definition.score?.watches ?? []) {
      const watch = planned === undefined ? given : { planned, ...given };
      const first = firstRule + rules.length;
      const stage = this.#create(watch, definition, first, lagMs, names, { count, watched: watchedFields(definition) });
      rules.push(...stage.rules);
    }
    this.rules = rules;
    const vectors = this.#vectors === undefined ? [] : [this.#vectors];
    this.rows = [...this.#values, ...vectors].map((state) => ({ id: state.id, state }));
    const missing = this.#missing === undefined ? [] : [this.#missing];
    this.inMemory = [...missing, ...this.#groups].map((state) => ({ id: state.id, state, isTimed: false }));
  }

  get count(): number {
    return this.rules.length;
  }

  /** Whether any of them reads single values. */
  get readsColumns(): boolean {
    return this.#values.length > 0;
  }

  get readsVectors(): boolean {
    return this.#vectors !== undefined;
  }

  /** No watermark below this one makes anything due. */
  get nextDue(): number {
    return this.#missing === undefined ? Infinity : this.#missing.nextDue;
  }

  putInto(out: AlertRows): void {
    for (const watch of this.#values) watch.putInto(out);
    this.#vectors?.putInto(out);
    this.#missing?.putInto(out);
    for (const watch of this.#groups) watch.putInto(out);
  }

  /** @param slots of the column's values, -1 for none */
  ofColumn(batch: ColumnBatch, slots: Int32Array, values: Float64Array, from: number, to: number): void {
    for (const watch of this.#values) watch.ofRecords(batch, slots, values, from, to);
  }

  ofWindows(rows: WindowRows, slots: Int32Array, values: Float64Array, from: number, to: number): void {
    for (const watch of this.#values) watch.ofWindows(rows, slots, values, from, to);
  }

  /** Whole records, after their columns; by place as the columns. @param slots of their first fields, -1 for none */
  ofVectors(batch: ColumnBatch, slots: Int32Array, from: number, to: number): void {
    this.#vectors?.ofRecords(batch, slots, from, to);
  }

  /** The same records by series id. @param watermark the partition's before the first of them */
  ofRecords(batch: ColumnBatch, from: number, to: number, watermark: number): void {
    for (const watch of this.#groups) watch.ofRecords(batch, from, to);
    this.#missing?.ofRecords(batch, from, to, watermark);
  }

  /** A watermark without a record; rows carry offset and record time of the last one. */
  advance(watermark: number, offset: number, recordTime: number): void {
    this.#missing?.advance(watermark, offset, recordTime);
  }

  #create(
    watch: WatchDefinition,
    definition: PipelineDefinition,
    firstRule: number,
    lagMs: number,
    names: SeriesNames,
    fields: { readonly count: number; readonly watched: readonly number[] },
  ): { readonly rules: readonly Rule[] } {
    const nameOf = (series: number) => names.of(series);
    switch (watch.watch) {
      case 'missing':
        this.#missing = new MissingWatch(
          watch,
          fields,
          { slackMs: definition.outOfOrdernessMs, lagMs },
          firstRule,
          nameOf,
        );
        return this.#missing;
      case 'peers':
        this.#groups.push(new PeersWatch(watch, fields, firstRule, nameOf));
        return this.#groups.at(-1)!;
      case 'multivariate':
        if (watch.groupBy !== undefined) {
          this.#groups.push(new GroupMultivariateWatch(watch, fields, firstRule, nameOf));
          return this.#groups.at(-1)!;
        }
        this.#vectors = new MultivariateWatch(watch, definition.fields, firstRule, (place) => names.ofPlace(place));
        return this.#vectors;
      default: {
        const ofSlot = (slot: number) => names.ofPlace(Math.floor(slot / fields.count));
        const stage = new WatchStage(watch, createWatch(watch), fields.count, firstRule, ofSlot);
        this.#values.push(stage);
        return stage;
      }
    }
  }
}

function createWatch({ watch, length }: WatchDefinition): ValueWatch {
  switch (watch) {
    case 'flat':
      return new FlatWatch();
    case 'shift':
      return new LevelWatch(SHIFT);
    case 'drift':
      return new LevelWatch(DRIFT);
    case 'subsequence':
      return new SubsequenceWatch(length ?? SHAPE_LENGTH);
    default:
      throw new AnomalyError('ANM_CONFIG', `cannot watch as score.watch has ${watch}`);
  }
}

const SHAPE_LENGTH = 32;

/** The fields of records that the score is of. */
function watchedFields({ fields, features, score }: PipelineDefinition): readonly number[] {
  const fieldOf = (column: ColumnRef): readonly number[] => {
    if (column.kind === 'field') return [column.field];
    if (column.kind === 'feature') return fieldOf(features[column.feature]!.of);
    return [];
  };
  const on = score?.on ?? null;
  return on === null ? fields.map((_, field) => field) : fieldOf(on);
}
