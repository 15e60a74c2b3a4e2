import type { PipelineConfig } from '../config/pipelineConfig.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import type { ColdStore } from '../engine/coldStore.ts';
import { BatchDecoder } from '../engine/decode/decoder.ts';
import type { PipelineDefinition } from '../engine/definition.ts';
import { KeyDictionary } from '../engine/keys.ts';
import type { OperatorState } from '../engine/operatorState.ts';
import { PartitionPipeline } from '../engine/pipeline.ts';
import type { SnapshotCut } from '../engine/pipelineState.ts';
import { RecordSelect } from '../engine/recordSelect.ts';
import type { CutKind } from '../engine/rowSnapshot.ts';
import type { SourceSchemas } from './input/sourceSchemas.ts';
import type { RowPlace } from './output/rowObjects.ts';
import { seriesLimit } from './series/seriesLimit.ts';
import type { Task } from './task.ts';

/** Decodes the records of a partition into columns and runs its pipeline over them. */
export class RecordTask implements Task {
  readonly topic: string;
  readonly partition: number;
  readonly pipeline: PartitionPipeline;
  lastRejectReason = '';
  readonly #decoder: BatchDecoder;
  readonly #select: RecordSelect | undefined;
  readonly #schemas: SourceSchemas;
  readonly #place: RowPlace;
  /** Rejects of the last piece: from this row of the decoder's on, up to that one. */
  #firstReject = 0;
  #endReject = 0;

  constructor(
    topic: string,
    partition: number,
    definition: PipelineDefinition,
    config: PipelineConfig,
    schemas: SourceSchemas,
    cold?: { readonly store: ColdStore; readonly hotSeries: number },
  ) {
    this.topic = topic;
    this.partition = partition;
    this.#place = { topic, partition };
    this.#schemas = schemas;
    const keys = new KeyDictionary();
    this.#select = definition.select === undefined ? undefined : new RecordSelect(definition.select);
    this.#decoder = new BatchDecoder({
      keys,
      schemas: schemas.readers,
      format: config.source.format,
      ...(config.source.columns.length > 0 && { csvColumns: config.source.columns }),
      maxAheadMs: config.time.maxAheadMs,
      ...(this.#select !== undefined && { select: this.#select }),
    });
    this.pipeline = new PartitionPipeline(definition, keys, cold);
  }

  get rejectCount(): number {
    return this.#endReject - this.#firstReject + this.pipeline.limitRows.length;
  }

  get filteredCount(): number {
    return this.#select?.filteredCount ?? 0;
  }

  /** In the order of the batch, whether the decoder or the pipeline left the record out. */
  reject(row: number): { readonly index: number; readonly reason: string } {
    const { limitRows } = this.pipeline;
    if (limitRows.length === 0) return this.#undecoded(row);
    let undecoded = 0;
    const count = this.#endReject - this.#firstReject;
    for (let limited = 0; ; ) {
      const isLimit =
        limited < limitRows.length && (undecoded === count || limitRows[limited]! < this.#undecoded(undecoded).index);
      if (undecoded + limited === row) {
        if (!isLimit) return this.#undecoded(undecoded);
        return { index: limitRows[limited]!, reason: seriesLimit(this.pipeline.definition) };
      }
      if (isLimit) limited++;
      else undecoded++;
    }
  }

  #undecoded(row: number): { readonly index: number; readonly reason: string } {
    const at = row + this.#firstReject;
    return { index: this.#decoder.rejectIndexes[at]!, reason: this.#decoder.rejectText(at) };
  }

  placeOf(): RowPlace {
    return this.#place;
  }

  decode(batch: ColumnBatch): Promise<void> | undefined {
    this.pipeline.release();
    this.#endReject = 0;
    const done = this.#decoder.decode(batch);
    return done < batch.count ? this.#decodeRest(batch, done) : undefined;
  }

  run(batch: ColumnBatch, from: number, to: number): void {
    this.pipeline.process(batch, from, to);
    const { rejectCount, rejectIndexes } = this.#decoder;
    // Rejects come by index, and so do pieces.
    let row = this.#endReject;
    while (row < rejectCount && rejectIndexes[row]! < from) row++;
    this.#firstReject = row;
    while (row < rejectCount && rejectIndexes[row]! < to) row++;
    this.#endReject = row;
    if (this.rejectCount > 0) this.lastRejectReason = this.reject(this.rejectCount - 1).reason;
  }

  close(): void {
    this.pipeline.close();
  }

  cut(kind: CutKind): SnapshotCut {
    return this.pipeline.cut(kind);
  }

  restore(operators: readonly OperatorState[], allow: ReadonlySet<string>): void {
    this.pipeline.restore(operators, allow);
  }

  async #decodeRest(batch: ColumnBatch, from: number): Promise<void> {
    for (let done = from; done < batch.count; done = this.#decoder.decode(batch, done)) {
      await this.#schemas.load(this.#decoder.missingSchema);
    }
  }
}
