import type { ColumnBatch } from '../engine/batch.ts';
import type { PipelineDefinition } from '../engine/definition.ts';
import { KeyDictionary } from '../engine/keys.ts';
import { PartitionPipeline } from '../engine/pipeline.ts';
import { SnapshotReader, SnapshotWriter } from '../engine/state.ts';
import type { Logger } from '../output/logger.ts';
import type { ObjectDecoder } from './objectDecoder.ts';
import type { RowPlace, WindowObject } from './rowObjects.ts';
import type { Task } from './task.ts';
import { isWindow } from './topicSource.ts';

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
  readonly #onPassedBy: (field: string) => void;
  readonly #rejects: { index: number; reason: string }[] = [];
  /** Source of each alert row: the rows of one window topic may come from several source topics. */
  readonly #places: RowPlace[] = [];

  constructor(
    topic: string,
    partition: number,
    definition: PipelineDefinition,
    decoder: ObjectDecoder | undefined,
    onPassedBy: (field: string) => void,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.#definition = definition;
    this.#decoder = decoder;
    this.#onPassedBy = onPassedBy;
    this.pipeline = new PartitionPipeline(definition, new KeyDictionary());
  }

  async process(batch: ColumnBatch): Promise<void> {
    this.#rejects.length = 0;
    for (let i = 0; i < batch.count; i++) {
      const row = await this.#decoder!.value(batch, i);
      if (row instanceof Error) this.#rejects.push({ index: i, reason: row.message });
      else if (isWindow(row)) this.add(row);
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

  /** Takes one window row; alerts of it are appended to the pipeline's alert rows. */
  add(row: Record<string, unknown>): void {
    const { windowRows: rows, keys, alertRows } = this.pipeline;
    if (alertRows.count === 0) this.#places.length = 0;
    const value = row as unknown as WindowObject;
    const window = this.#definition.windows.findIndex(({ name }) => name === value.window);
    const field = this.#definition.fields.indexOf(value.field);
    // Rows of other windows pass by as a matter of course, those of other fields are worth a word.
    if (window >= 0 && field < 0) this.#onPassedBy(value.field);
    if (window < 0 || field < 0) return;
    const name = new TextEncoder().encode(value.series);
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

/** Says once of each field that its windows are not scored. */
export function warnOfPassedBy(logger: Logger): (field: string) => void {
  const said = new Set<string>();
  return (field) => {
    if (said.has(field)) return;
    said.add(field);
    logger.warn(`windows of field ${field} are not scored: name it by --field ${field}`);
  };
}
