import type { PipelineConfig } from '../config/pipelineConfig.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import { BatchDecoder } from '../engine/decode/decoder.ts';
import type { PipelineDefinition } from '../engine/definition.ts';
import { KeyDictionary } from '../engine/keys.ts';
import { PartitionPipeline } from '../engine/pipeline.ts';
import { SnapshotReader, SnapshotWriter } from '../engine/state.ts';
import type { RowPlace } from './rowObjects.ts';
import type { SourceSchemas } from './sourceSchemas.ts';
import type { Task } from './task.ts';

/** Decodes the records of a partition into columns and runs its pipeline over them. */
export class RecordTask implements Task {
  readonly topic: string;
  readonly partition: number;
  readonly pipeline: PartitionPipeline;
  suppressBelow = 0;
  lastRejectReason = '';
  readonly #decoder: BatchDecoder;
  readonly #schemas: SourceSchemas;
  readonly #place: RowPlace;
  /** Rejects of the last batch from this row on are to be put out. */
  #firstReject = 0;

  constructor(
    topic: string,
    partition: number,
    definition: PipelineDefinition,
    config: PipelineConfig,
    schemas: SourceSchemas,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.#place = { topic, partition };
    this.#schemas = schemas;
    const keys = new KeyDictionary();
    this.#decoder = new BatchDecoder({
      keys,
      schemas: schemas.readers,
      format: config.source.format,
      ...(config.source.columns.length > 0 && { csvColumns: config.source.columns }),
      maxAheadMs: config.time.maxAheadMs,
    });
    this.pipeline = new PartitionPipeline(definition, keys);
  }

  get rejectCount(): number {
    return this.#decoder.rejectCount - this.#firstReject;
  }

  reject(row: number): { readonly index: number; readonly reason: string } {
    const at = row + this.#firstReject;
    return { index: this.#decoder.rejectIndexes[at]!, reason: this.#decoder.rejectText(at) };
  }

  placeOf(): RowPlace {
    return this.#place;
  }

  process(batch: ColumnBatch): Promise<void> | undefined {
    const done = this.#decoder.decode(batch);
    if (done < batch.count) return this.#processRest(batch, done);
    this.#run(batch);
    return undefined;
  }

  close(): void {
    this.pipeline.close();
  }

  snapshot(): Uint8Array {
    const state = new SnapshotWriter();
    this.pipeline.snapshot(state);
    return state.encode();
  }

  restore(state: Uint8Array): void {
    this.pipeline.restore(new SnapshotReader(state));
  }

  async #processRest(batch: ColumnBatch, from: number): Promise<void> {
    for (let done = from; done < batch.count; done = this.#decoder.decode(batch, done)) {
      await this.#schemas.load(this.#decoder.missingSchema);
    }
    this.#run(batch);
  }

  #run(batch: ColumnBatch): void {
    const { rejectCount } = this.#decoder;
    this.#firstReject = 0;
    let from = 0;
    if (batch.count > 0 && batch.offsets[0]! < this.suppressBelow) {
      // The effect on the state is kept, what was put out before the restart is not put out again.
      while (from < batch.count && batch.offsets[from]! < this.suppressBelow) from++;
      this.pipeline.process(batch, 0, from);
      this.pipeline.clearOutput();
      while (this.#firstReject < rejectCount && this.#decoder.rejectIndexes[this.#firstReject]! < from)
        this.#firstReject++;
    }
    this.pipeline.process(batch, from, batch.count);
    if (this.rejectCount > 0) this.lastRejectReason = this.#decoder.rejectText(rejectCount - 1);
  }
}
