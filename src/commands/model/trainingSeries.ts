import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { BatchDecoder } from '../../engine/decode/decoder.ts';
import { KeyDictionary } from '../../engine/keys.ts';
import { RecordSelect } from '../../engine/recordSelect.ts';
import type { ScoreObserver } from '../../engine/scoreObserver.ts';
import type { TrainingSeries } from '../../models/training/scaledSeries.ts';
import { defineSelect } from '../../runtime/definition/defineSelect.ts';
import { definePipeline } from '../../runtime/definition/definition.ts';
import { fieldNames } from '../../runtime/definition/fieldNames.ts';
import type { SourceSchemas } from '../../runtime/input/sourceSchemas.ts';
import { RecordTask } from '../../runtime/recordTask.ts';
import { runWhole } from '../../runtime/task.ts';
import type { CommandContext } from '../command.ts';

export interface TrainingSource {
  /** By name. */
  readonly series: readonly TrainingSeries[];
  readonly records: number;
  /** Records that could not be read, or had no key or time. */
  readonly rejected: number;
  /** Of the last one. */
  readonly rejectReason: string | undefined;
}

/** Takes batches and makes series of them. */
export interface SeriesReader {
  take(batch: ColumnBatch): Promise<void>;
  result(): TrainingSource;
}

/** The records themselves, or, where score.on names another column, the aggregates that a pipeline would score. */
export function seriesReader(context: CommandContext, config: PipelineConfig, schemas: SourceSchemas): SeriesReader {
  const { score } = config;
  return score === undefined || score.on === 'record'
    ? new RecordReader(context, config, schemas)
    : new ColumnReader(context, config, schemas);
}

/** Partitions are read as they come, and what is trained must not depend on it. */
function byName(series: TrainingSeries[]): TrainingSeries[] {
  return series.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Records by series, decoded as a pipeline decodes them. */
export class RecordReader implements SeriesReader {
  readonly #context: CommandContext;
  readonly #keys = new KeyDictionary();
  readonly #schemas: SourceSchemas;
  readonly #decoder: BatchDecoder;
  readonly #channels: number;
  readonly #series: SeriesBuffer[] = [];
  #records = 0;
  #rejected = 0;
  #rejectReason: string | undefined;

  constructor(context: CommandContext, config: PipelineConfig, schemas: SourceSchemas) {
    this.#context = context;
    this.#schemas = schemas;
    this.#channels = fieldNames(config).length;
    const select = defineSelect(config);
    this.#decoder = new BatchDecoder({
      ...{ keys: this.#keys, schemas: schemas.readers, format: config.source.format },
      // History is all behind its record time or loaded long after it.
      maxAheadMs: Number.POSITIVE_INFINITY,
      ...(config.source.columns.length > 0 && { csvColumns: config.source.columns }),
      ...(select !== undefined && { select: new RecordSelect(select) }),
    });
  }

  async take(batch: ColumnBatch): Promise<void> {
    for (let done = this.#decoder.decode(batch); done < batch.count; done = this.#decoder.decode(batch, done)) {
      await this.#schemas.load(this.#decoder.missingSchema);
    }
    const { rejectCount } = this.#decoder;
    if (rejectCount > 0) this.#rejectReason = this.#decoder.rejectText(rejectCount - 1);
    this.#rejected += rejectCount;
    this.#records += batch.count;
    while (this.#series.length < this.#keys.size) this.#series.push(new SeriesBuffer(this.#channels));
    for (let i = 0; i < batch.count; i++) {
      const id = batch.series[i]!;
      if (id >= 0) this.#series[id]!.add(batch.eventTimes[i]!, batch.fields, i);
    }
    this.#context.progress.update(() => `reading: ${this.#records.toLocaleString('en-US')} records`);
  }

  result(): TrainingSource {
    const series = this.#series.map((buffer, id) => buffer.series(this.#keys.name(id)));
    return {
      series: byName(series),
      records: this.#records,
      rejected: this.#rejected,
      rejectReason: this.#rejectReason,
    };
  }
}

/** What a pipeline scores, told by its score stage: a window's aggregate or a feature, of the one field there is. */
class ColumnReader implements SeriesReader {
  readonly #context: CommandContext;
  readonly #config: PipelineConfig;
  readonly #schemas: SourceSchemas;
  readonly #tasks = new Map<string, RecordTask>();
  readonly #series = new Map<string, SeriesBuffer>();
  #records = 0;
  #rejected = 0;
  #rejectReason: string | undefined;

  constructor(context: CommandContext, config: PipelineConfig, schemas: SourceSchemas) {
    this.#context = context;
    // History is all behind its record time or loaded long after it.
    this.#config = { ...unmodelled(config), time: { ...config.time, maxAheadMs: Number.POSITIVE_INFINITY } };
    this.#schemas = schemas;
  }

  async take(batch: ColumnBatch): Promise<void> {
    const task = this.#taskOf(batch);
    await runWhole(task, batch);
    this.#records += batch.count;
    this.#rejected += task.rejectCount;
    if (task.rejectCount > 0) this.#rejectReason = task.lastRejectReason;
    task.pipeline.clearOutput();
    this.#context.progress.update(() => `reading: ${this.#records.toLocaleString('en-US')} records`);
  }

  result(): TrainingSource {
    const series = [...this.#series].map(([name, buffer]) => buffer.series(name));
    return {
      series: byName(series),
      ...{ records: this.#records, rejected: this.#rejected, rejectReason: this.#rejectReason },
    };
  }

  #taskOf({ topic, partition }: ColumnBatch): RecordTask {
    const place = `${partition} ${topic}`;
    const known = this.#tasks.get(place);
    if (known !== undefined) return known;
    const task = new RecordTask(topic, partition, definePipeline(this.#config), this.#config, this.#schemas);
    task.pipeline.observeScores({
      onValue: (series, _field, _offset, timeMs, value) => {
        this.#bufferOf(task.pipeline.keys.name(series)).add(timeMs, [Float64Array.of(value)], 0);
      },
    } satisfies ScoreObserver);
    this.#tasks.set(place, task);
    return task;
  }

  #bufferOf(name: string): SeriesBuffer {
    let buffer = this.#series.get(name);
    if (buffer === undefined) {
      buffer = new SeriesBuffer(1);
      this.#series.set(name, buffer);
    }
    return buffer;
  }
}

/** The model that a pipeline asks may be the one that is to be made. */
function unmodelled({ score, ...config }: PipelineConfig): PipelineConfig {
  if (score === undefined) return config;
  const { model: _, when: __, ...plain } = score;
  return { ...config, score: plain };
}

/** Growing columns of one series. */
class SeriesBuffer {
  readonly #channels: number;
  #count = 0;
  #times: Float64Array = new Float64Array(64);
  #values: Float64Array;

  constructor(channels: number) {
    this.#channels = channels;
    this.#values = new Float64Array(64 * channels);
  }

  add(timeMs: number, fields: readonly Float64Array[], row: number): void {
    if (this.#count === this.#times.length) {
      this.#times = doubled(this.#times);
      this.#values = doubled(this.#values);
    }
    this.#times[this.#count] = timeMs;
    for (let c = 0; c < this.#channels; c++) this.#values[this.#count * this.#channels + c] = fields[c]![row]!;
    this.#count++;
  }

  series(name: string): TrainingSeries {
    return { name, count: this.#count, times: this.#times, values: this.#values };
  }
}

function doubled(values: Float64Array): Float64Array {
  const grown = new Float64Array(2 * values.length);
  grown.set(values);
  return grown;
}
