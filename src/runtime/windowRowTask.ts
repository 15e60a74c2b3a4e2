import type { ColumnBatch } from '../engine/batch.ts';
import type { PipelineDefinition } from '../engine/definition.ts';
import { hexName, isText } from '../engine/keyNames.ts';
import { KeyDictionary } from '../engine/keys.ts';
import { PartitionPipeline } from '../engine/pipeline.ts';
import { SnapshotReader, SnapshotWriter } from '../engine/state.ts';
import { isWindow } from './lines.ts';
import type { ObjectDecoder } from './objectDecoder.ts';
import type { RowPlace, WindowObject } from './rowObjects.ts';
import type { Task } from './task.ts';
import { scoredWindow, type WindowWatch } from './windowWatch.ts';

/** Scores windows that an earlier stage closed: rows of schemas/window.avsc from a topic, or lines of a pipe. */
export class WindowRowTask implements Task {
  readonly topic: string;
  readonly partition: number;
  readonly pipeline: PartitionPipeline;
  suppressBelow = 0;
  rejectCount = 0;
  lastRejectReason = '';
  readonly #definition: PipelineDefinition;
  readonly #decoder: ObjectDecoder | undefined;
  readonly #watch: WindowWatch;
  /** Its rows are scored. */
  readonly #scored: ReturnType<typeof scoredWindow>;
  readonly #rejects: { index: number; reason: string }[] = [];
  /** Source of each alert row: the rows of one window topic may come from several source topics. */
  readonly #places: RowPlace[] = [];

  constructor(
    topic: string,
    partition: number,
    definition: PipelineDefinition,
    decoder: ObjectDecoder | undefined,
    watch: WindowWatch,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.#definition = definition;
    this.#decoder = decoder;
    this.#watch = watch;
    this.#scored = scoredWindow(definition);
    this.pipeline = new PartitionPipeline(definition, new KeyDictionary());
  }

  async process(batch: ColumnBatch): Promise<void> {
    this.#rejects.length = 0;
    for (let i = 0; i < batch.count; i++) {
      const row = await this.#decoder!.value(batch, i);
      if (row instanceof Error) this.#rejects.push({ index: i, reason: row.message });
      else if (isWindow(row)) this.add(row, keyOf(batch, i));
      // A tombstone is no data, as in a source topic.
      else if (row !== null) this.#rejects.push({ index: i, reason: 'the value is no window of an earlier stage' });
      // The effect on the state is kept, what was put out before the restart is not put out again.
      if (batch.offsets[i]! >= this.suppressBelow) continue;
      this.#clear();
      this.#rejects.length = 0;
    }
    this.rejectCount = this.#rejects.length;
    this.lastRejectReason = this.#rejects.at(-1)?.reason ?? this.lastRejectReason;
  }

  /**
   * Takes one window row; alerts of it are appended to the pipeline's alert rows. `key` is the record key of the row,
   * where there is one: of a series that is no text, the row itself has only the name.
   */
  add(row: Record<string, unknown>, key: Uint8Array | undefined): void {
    const { windowRows: rows, keys, alertRows } = this.pipeline;
    if (alertRows.count === 0) this.#places.length = 0;
    const value = row as unknown as WindowObject;
    const window = this.#definition.windows.findIndex(({ name }) => name === value.window);
    const field = this.#definition.fields.indexOf(value.field);
    const scored = this.#scored;
    const isNamed = scored !== undefined && window === scored.window;
    // A window without a number has no mean either, and needs none.
    const hasValue = isNamed && (typeof value[scored.aggregate as 'mean'] === 'number' || Number(value.count) === 0);
    this.#watch.row(value.window, isNamed, hasValue);
    if (window >= 0 && field < 0) this.#watch.passField(value.field);
    if (window < 0 || field < 0) return;
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
    this.pipeline.processWindowRows(0);
    rows.clear();
    const place = { topic: value.topic, partition: value.partition };
    while (this.#places.length < alertRows.count) this.#places.push(place);
  }

  reject(row: number): { readonly index: number; readonly reason: string } {
    return this.#rejects[row]!;
  }

  placeOf(row: number): RowPlace {
    return this.#places[row]!;
  }

  close(): void {}

  snapshot(): Uint8Array {
    const state = new SnapshotWriter();
    this.pipeline.snapshot(state);
    return state.encode();
  }

  restore(state: Uint8Array): void {
    this.pipeline.restore(new SnapshotReader(state));
  }

  #clear(): void {
    this.pipeline.clearOutput();
    this.#places.length = 0;
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
