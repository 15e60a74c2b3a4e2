import { ColumnBatch } from '../src/engine/batch.ts';
import type { ColdStore } from '../src/engine/coldStore.ts';
import { BatchDecoder, SchemaReaders } from '../src/engine/decode/decoder.ts';
import type { PipelineDefinition } from '../src/engine/definition.ts';
import { KeyDictionary } from '../src/engine/keys.ts';
import { PartitionPipeline } from '../src/engine/pipeline.ts';
import { BatchHeader, hasValidCrc, readBatchHeader } from '../src/wire/batchHeader.ts';
import { BatchWriter } from '../src/wire/batchWriter.ts';
import { DecompressedBytes } from '../src/wire/compression.ts';
import { readRecords } from '../src/wire/records.ts';
import { encodeReading, SCHEMA } from './load.ts';

const BATCH = 2048;
const NAME_BYTES = 12;

/** A window, a rolling mean and the rolling z rule, as a user of many sensors has them. */
export const MANY_SERIES: PipelineDefinition = {
  fields: ['value'],
  outOfOrdernessMs: 5_000,
  windows: [{ name: 'w5m', sizeMs: 300_000 }],
  features: [{ name: 'mean_12', rolling: 12, statistic: 'mean', of: { kind: 'field', field: 0 } }],
  score: {
    on: null,
    detector: { detector: 'rolling-z', threshold: 6, window: 64, minCount: 8, stepMs: 900_000 },
    rules: ['rolling-z@value'],
    shaping: { refractoryMs: 0 },
    limits: () => ({ min: -Infinity, max: Infinity }),
    isUniform: true,
  },
};

/** One partition that is fed readings of its series in random order, keys and all. */
export class SeriesFeed {
  readonly pipeline: PartitionPipeline;
  readonly series: number;
  readonly #batch = new ColumnBatch(1, BATCH);
  readonly #names: Uint8Array;
  readonly #decoder: BatchDecoder;
  readonly #header = new BatchHeader();
  readonly #scratch = new DecompressedBytes();
  #offset = 0;
  #state: number;
  alerts = 0;
  windows = 0;

  constructor(
    series: number,
    seed: number,
    cold?: { readonly store: ColdStore; readonly hotSeries: number },
    definition: PipelineDefinition = MANY_SERIES,
  ) {
    this.pipeline = new PartitionPipeline(definition, new KeyDictionary(), cold);
    const schemas = new SchemaReaders({ key: 'sensor_id', time: 'ts', fields: ['value'] });
    schemas.add(1, JSON.parse(SCHEMA));
    const { keys } = this.pipeline;
    this.#decoder = new BatchDecoder({ keys, schemas, format: 'avro', maxAheadMs: Infinity });
    this.series = series;
    this.#state = seed;
    this.#names = new Uint8Array(series * NAME_BYTES);
    for (let id = 0; id < series; id++) {
      for (let k = NAME_BYTES - 1, rest = id; k >= 0; k--, rest = Math.floor(rest / 10)) {
        this.#names[id * NAME_BYTES + k] = 48 + (rest % 10);
      }
    }
  }

  /** One batch: each series once in their order to begin with, then at random. Returns the number of records. */
  step(records = BATCH): number {
    const batch = this.#batch;
    this.#fill(Math.min(records, BATCH));
    this.pipeline.release();
    this.pipeline.keys.internColumn(this.#names, batch.keyStart, batch.keyEnd, 0, batch.count, batch.series);
    this.#process();
    return batch.count;
  }

  /** The next batches as a broker has them, for `take`, in order. */
  encode(batches: number): Uint8Array[] {
    const { keyStart, keyEnd, eventTimes, fields } = this.#batch;
    const writer = new BatchWriter();
    const bytes = new Uint8Array(64);
    const view = new DataView(bytes.buffer);
    return Array.from({ length: batches }, () => {
      this.#fill(BATCH);
      writer.reset();
      for (let i = 0; i < BATCH; i++) {
        const key = this.#names.subarray(keyStart[i]!, keyEnd[i]!);
        const time = Math.floor(eventTimes[i]!);
        const length = encodeReading(bytes, view, 1, key, time, fields[0]![i]!);
        writer.append(time, key, 0, key.length, bytes, 0, length);
      }
      return writer.finish({ compression: 'none' }).slice();
    });
  }

  /** Reads, decodes and processes a record batch, as a run does. Returns the number of records. */
  take(bytes: Uint8Array): number {
    const batch = this.#batch;
    readBatchHeader(bytes, 0, this.#header);
    if (!hasValidCrc(bytes, this.#header)) throw new Error('the CRC is wrong');
    readRecords(bytes, this.#header, batch, this.#scratch);
    this.pipeline.release();
    if (this.#decoder.decode(batch) !== batch.count || this.#decoder.rejectCount > 0) throw new Error('not decoded');
    this.#process();
    return batch.count;
  }

  #process(): void {
    this.pipeline.process(this.#batch, 0, this.#batch.count);
    this.alerts += this.pipeline.alertRows.count;
    this.windows += this.pipeline.windowRows.count;
    this.pipeline.clearOutput();
  }

  #fill(count: number): void {
    const batch = this.#batch;
    batch.count = count;
    for (let i = 0; i < count; i++) {
      const at = this.#offset + i;
      const id = at < this.series ? at : this.#random() % this.series;
      batch.offsets[i] = at;
      batch.eventTimes[i] = 1_700_000_000_000 + at / 100;
      batch.recordTimes[i] = batch.eventTimes[i]!;
      batch.keyStart[i] = id * NAME_BYTES;
      batch.keyEnd[i] = batch.keyStart[i]! + NAME_BYTES;
      batch.fields[0]![i] = 20 + (this.#random() % 1000) / 100;
    }
    this.#offset += count;
  }

  run(records: number): void {
    for (let done = 0; done < records; ) done += this.step(records - done);
  }

  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state >>> 8;
  }
}
