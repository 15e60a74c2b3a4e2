import type { ColumnBatch } from '../engine/batch.ts';
import type { ColdStore } from '../engine/coldStore.ts';
import type { PipelineDefinition } from '../engine/definition.ts';
import { hexName, isText } from '../engine/keyNames.ts';
import { KeyDictionary } from '../engine/keys.ts';
import type { OperatorState } from '../engine/operatorState.ts';
import { PartitionPipeline } from '../engine/pipeline.ts';
import type { SnapshotCut } from '../engine/pipelineState.ts';
import type { CutKind } from '../engine/rowSnapshot.ts';
import { scoredWindow, type WindowWatch } from './definition/windowWatch.ts';
import { isWindow } from './input/lines.ts';
import type { ObjectDecoder } from './input/objectDecoder.ts';
import { aggregateOf, type RowPlace, type WindowObject } from './output/rowObjects.ts';
import { seriesLimit } from './series/seriesLimit.ts';
import type { Task } from './task.ts';

/** Scores windows that an earlier stage closed: rows of schemas/window.avsc from a topic, or lines of a pipe. */
export class WindowRowTask implements Task {
  readonly topic: string;
  readonly partition: number;
  readonly pipeline: PartitionPipeline;
  rejectCount = 0;
  lastRejectReason = '';
  /** source.where was for the records that the windows were made of. */
  readonly filteredCount = 0;
  readonly #definition: PipelineDefinition;
  readonly #decoder: ObjectDecoder | undefined;
  readonly #watch: WindowWatch;
  /** Its rows are scored. */
  readonly #scored: ReturnType<typeof scoredWindow>;
  /** Values of the last batch; an Error where one cannot be decoded. */
  readonly #rows: unknown[] = [];
  readonly #rejects: { index: number; reason: string }[] = [];
  /** Sources of the rows: those of one window topic may come from several source topics. */
  readonly #places: RowPlace[] = [];
  readonly #placeOf = new Map<string, number>();

  constructor(
    topic: string,
    partition: number,
    definition: PipelineDefinition,
    decoder: ObjectDecoder | undefined,
    watch: WindowWatch,
    cold?: { readonly store: ColdStore; readonly hotSeries: number },
  ) {
    this.topic = topic;
    this.partition = partition;
    this.#definition = definition;
    this.#decoder = decoder;
    this.#watch = watch;
    this.#scored = scoredWindow(definition);
    this.pipeline = new PartitionPipeline(definition, new KeyDictionary(), cold);
  }

  async decode(batch: ColumnBatch): Promise<void> {
    this.pipeline.release();
    this.#rows.length = 0;
    for (let i = 0; i < batch.count; i++) this.#rows.push(await this.#decoder!.value(batch, i));
  }

  run(batch: ColumnBatch, from: number, to: number): void {
    this.#rejects.length = 0;
    for (let i = from; i < to; i++) {
      const row = this.#rows[i];
      if (row instanceof Error) this.#rejects.push({ index: i, reason: row.message });
      else if (isWindow(row)) {
        if (!this.add(row, keyOf(batch, i), batch.offsets[i]!))
          this.#rejects.push({ index: i, reason: seriesLimit(this.#definition) });
      }
      // A tombstone is no data, as in a source topic.
      else if (row !== null) this.#rejects.push({ index: i, reason: 'the value is no window of an earlier stage' });
    }
    this.rejectCount = this.#rejects.length;
    this.lastRejectReason = this.#rejects.at(-1)?.reason ?? this.lastRejectReason;
  }

  /**
   * Takes one window row; alerts of it are appended to the pipeline's alert rows. `key` is the record key of the row,
   * where there is one: of a series that is no text, the row itself has only the name. `at` is the offset of the record. False where its series is one
   * more than state.max_series.
   */
  add(row: Record<string, unknown>, key: Uint8Array | undefined, at = -1): boolean {
    const { windowRows: rows, keys } = this.pipeline;
    const value = row as unknown as WindowObject;
    const window = this.#definition.windows.findIndex(({ name }) => name === value.window);
    const field = this.#definition.fields.indexOf(value.field);
    const scored = this.#scored;
    const isNamed = scored !== undefined && window === scored.window;
    // A window without a number has no mean either, and needs none.
    const hasValue = isNamed && (!Number.isNaN(aggregateOf(value, scored.aggregate)) || Number(value.count) === 0);
    this.#watch.row(value.window, isNamed, hasValue);
    if (window >= 0 && field < 0) this.#watch.passField(value.field);
    // Early rows, updates by late records, and rows that only end the lateness are of values that are scored once.
    if (window < 0 || field < 0 || value.on_time === false) return true;
    const name = seriesKey(value.series, key);
    rows.clear();
    rows.reserve(1);
    rows.count = 1;
    rows.series[0] = keys.intern(name, 0, name.length);
    rows.window[0] = window;
    rows.field[0] = field;
    rows.start[0] = Number(value.start);
    rows.end[0] = Number(value.end);
    rows.values[0] = Number(value.count);
    rows.mean[0] = value.mean ?? Number.NaN;
    rows.min[0] = value.min ?? Number.NaN;
    rows.max[0] = value.max ?? Number.NaN;
    rows.stddev[0] = value.stddev ?? Number.NaN;
    rows.offset[0] = Number(value.offset);
    rows.recordTime[0] = Number(value.record_time);
    rows.onTime[0] = 1;
    for (const name of rows.extraNames) rows.aggregate(name)[0] = aggregateOf(value, name);
    const isTaken = this.pipeline.processWindowRow(at, this.#place(value));
    rows.clear();
    return isTaken;
  }

  reject(row: number): { readonly index: number; readonly reason: string } {
    return this.#rejects[row]!;
  }

  placeOf(row: number): RowPlace {
    return this.#places[this.pipeline.alertRows.place[row]!]!;
  }

  #place({ topic, partition }: WindowObject): number {
    const name = `${topic}/${partition}`;
    let place = this.#placeOf.get(name);
    if (place === undefined) {
      place = this.#places.push({ topic, partition }) - 1;
      this.#placeOf.set(name, place);
    }
    return place;
  }

  close(): void {}

  cut(kind: CutKind): SnapshotCut {
    return this.pipeline.cut(kind);
  }

  restore(operators: readonly OperatorState[], allow: ReadonlySet<string>): void {
    this.pipeline.restore(operators, allow);
  }
}

/** The bytes that a series was interned by: its name, or the record key that the name is the hexadecimal form of. */
function seriesKey(series: string, key: Uint8Array | undefined): Uint8Array {
  if (
    key !== undefined &&
    series.startsWith('0x') &&
    series === hexName(key, 0, key.length) &&
    !isText(key, 0, key.length)
  )
    return key;
  return new TextEncoder().encode(series);
}

function keyOf({ bytes, keyStart, keyEnd }: ColumnBatch, i: number): Uint8Array | undefined {
  return keyStart[i]! < 0 ? undefined : bytes.subarray(keyStart[i]!, keyEnd[i]!);
}
