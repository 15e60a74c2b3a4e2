import type { CorruptBatch } from '../../clients/client.ts';
import type { Producer, RecordHeader } from '../../clients/producer.ts';
import type { PipelineConfig, SinkConfig } from '../../config/pipelineConfig.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { readHeaders } from '../../wire/headers.ts';
import type { Crash } from '../poison/crashMemory.ts';
import type { Task } from '../task.ts';
import { TIME_LIMITS } from '../topics/topicTable.ts';
import { OWN_TIME } from './deadLetter.ts';
import type { OutputSchemas } from './outputSchemas.ts';
import { RowEncoder } from './rowEncoder.ts';
import { anomalyObject, type WindowShown, windowObject, windowShown } from './rowObjects.ts';
import type { Emit, RowSink, RunnerSink } from './rowSink.ts';

/**
 * Writes the rows of a task to topics. An output record has the key of its series, the partition of its source, and
 * as timestamp the record time of its evidence, so a replay writes the same bytes.
 */
export class TopicSink implements RowSink, RunnerSink {
  readonly takesEveryBatch = false;
  readonly names: SinkConfig;
  readonly #producer: Producer;
  readonly #encoder: RowEncoder;
  readonly #shown: WindowShown;
  readonly #windowNames: readonly string[];
  readonly #now: () => number;
  readonly #emit: Emit;

  /** @param emit rows that the stage puts out; it may have windows only in order to score them */
  constructor(producer: Producer, config: PipelineConfig, schemas: OutputSchemas, emit: Emit, now: () => number) {
    this.#emit = emit;
    this.names = config.sinks;
    this.#now = now;
    this.#producer = producer;
    this.#shown = windowShown(config);
    this.#windowNames = config.windows.map((window) => window.name);
    this.#encoder = new RowEncoder(this.#shown, schemas.windowId, schemas.anomalyId);
  }

  /** `batch` is what the task processed last: late and rejected records are indexes into it. */
  write(task: Task, batch: ColumnBatch | undefined): void {
    if (this.names.format === 'json') this.#writeJson(task);
    else this.#writeAvro(task);
    if (batch === undefined) return;
    const { lateRows } = task.pipeline;
    for (let row = 0; row < lateRows.count; row++) {
      this.#forward(this.names.late, batch, lateRows.index[row]!, [
        header('late_by_ms', String(lateRows.lateByMs[row])),
        header('window', this.#windowNames[lateRows.window[row]!]!),
      ]);
    }
    for (let row = 0; row < task.rejectCount; row++) {
      const { index, reason } = task.reject(row);
      this.#forward(this.names.deadLetters, batch, index, [
        header('__streams.errors.exception', 'ANM_BAD_DATA'),
        header('__streams.errors.message', reason),
      ]);
    }
  }

  ready(): Promise<void> | null {
    return this.#producer.ready();
  }

  async finish(): Promise<void> {
    await this.#producer.flush();
  }

  /** A batch that failed its CRC twice: one dead letter with the raw bytes, which stands for all its records. */
  corrupt(batch: CorruptBatch): void {
    const { topic, partition, firstOffset, nextOffset, recordCount, reason, bytes } = batch;
    // A batch near the broker's limit would not fit with what says where it was.
    const length = Math.min(bytes.length, CORRUPT_BYTES_MAX);
    this.#producer.append(this.names.deadLetters, partition, this.#now(), null, -1, -1, bytes, 0, length, [
      header('__streams.errors.exception', 'ANM_CORRUPT_BATCH'),
      header('__streams.errors.message', reason),
      ...source(topic, partition, firstOffset),
      header('next_offset', String(nextOffset)),
      header('record_count', String(recordCount)),
      header('batch_bytes', String(bytes.length)),
    ]);
  }

  /** A record whose processing threw, as it came, with what was thrown. */
  poison(one: ColumnBatch, { error, stack }: Crash): void {
    const colon = error.indexOf(': ');
    this.#forward(this.names.deadLetters, one, 0, [
      header('__streams.errors.exception', colon < 0 ? 'Error' : error.slice(0, colon)),
      header('__streams.errors.message', colon < 0 ? error : error.slice(colon + 2)),
      header('__streams.errors.stacktrace', stack.slice(0, STACK_CHARACTERS_MAX)),
    ]);
  }

  #writeAvro(task: Task): void {
    const { pipeline, partition } = task;
    const { windowRows, alertRows, keys } = pipeline;
    const encoder = this.#encoder;
    for (let row = 0; row < windowRows.count && this.#emit.windows; row++) {
      encoder.window(pipeline, row, task.placeOf(row));
      this.#append(this.names.windows, partition, windowRows.recordTime[row]!, keys, windowRows.series[row]!, encoder);
    }
    for (let row = 0; row < alertRows.count; row++) {
      encoder.anomaly(pipeline, row, task.placeOf(row));
      this.#append(this.names.anomalies, partition, alertRows.recordTime[row]!, keys, alertRows.series[row]!, encoder);
    }
  }

  #writeJson(task: Task): void {
    const { pipeline, partition } = task;
    const { windowRows, alertRows, keys } = pipeline;
    const write = (topic: string, time: number, series: number, value: unknown) => {
      const bytes = new TextEncoder().encode(JSON.stringify(value));
      this.#append(topic, partition, time, keys, series, { bytes, length: bytes.length });
    };
    for (let row = 0; row < windowRows.count && this.#emit.windows; row++) {
      const value = windowObject(pipeline, row, task.placeOf(row), this.#shown);
      write(this.names.windows, windowRows.recordTime[row]!, windowRows.series[row]!, value);
    }
    for (let row = 0; row < alertRows.count; row++) {
      const value = anomalyObject(pipeline, row, task.placeOf(row));
      write(this.names.anomalies, alertRows.recordTime[row]!, alertRows.series[row]!, value);
    }
  }

  #append(
    topic: string,
    partition: number,
    time: number,
    keys: Task['pipeline']['keys'],
    series: number,
    value: { bytes: Uint8Array; length: number },
  ): void {
    const start = keys.startOf(series);
    this.#producer.append(topic, partition, time, keys.arena, start, keys.endOf(series), value.bytes, 0, value.length);
  }

  /** The record as it came, with where it came from. */
  #forward(topic: string, batch: ColumnBatch, index: number, headers: readonly RecordHeader[]): void {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd, recordTimes, offsets, partition } = batch;
    const all = [...headersOf(batch, index), ...headers, ...source(batch.topic, partition, offsets[index]!)];
    const start = valueStart[index]!;
    const kept = keptValueBytes(batch, index, all);
    if (start >= 0 && kept < valueEnd[index]! - start)
      all.push(header('value_bytes', String(valueEnd[index]! - start)));
    const time = takenTime(recordTimes[index]!, this.#now());
    if (time !== recordTimes[index]) all.push(header(OWN_TIME, String(recordTimes[index])));
    this.#producer.append(
      topic,
      partition,
      time,
      keyStart[index]! < 0 ? null : bytes,
      keyStart[index]!,
      keyEnd[index]!,
      start < 0 ? null : bytes,
      start,
      start + kept,
      all,
    );
  }
}

/**
 * How much of a record's value fits into a record beside its key and the headers that say where it was: all, but near
 * the broker's limit. A record that could not be put out would stop the pipeline at every start.
 */
function keptValueBytes(batch: ColumnBatch, index: number, headers: readonly RecordHeader[]): number {
  const valueBytes = batch.valueEnd[index]! - batch.valueStart[index]!;
  const keyBytes = Math.max(0, batch.keyEnd[index]! - batch.keyStart[index]!);
  if (valueBytes + keyBytes < RECORD_BYTES_MAX / 2) return valueBytes;
  const headerBytes = headers.reduce(
    (sum, { key, value }) => sum + 3 * key.length + (value?.length ?? 0) + HEADER_OVERHEAD_BYTES,
    HEADER_OVERHEAD_BYTES,
  );
  return Math.max(0, Math.min(valueBytes, RECORD_BYTES_MAX - keyBytes - headerBytes));
}

/** A record's time as any broker takes it: what is far ahead of its clock it refuses, and that would stop the pipeline, too. */
function takenTime(recordTime: number, nowMs: number): number {
  return recordTime > nowMs + AHEAD_MAX_MS ? nowMs : recordTime;
}

/** Headers of a record; lines of a pipe have none. */
export function headersOf(batch: ColumnBatch, index: number): readonly RecordHeader[] {
  return batch.headerEnd[index]! > batch.headerStart[index]! ? readHeaders(batch, index) : [];
}

const AHEAD_MAX_MS = Number(TIME_LIMITS['message.timestamp.after.max.ms']);
/** Raw bytes of a corrupt batch that are kept: a record of them has to fit into Kafka's default limit of 1 MiB. */
const CORRUPT_BYTES_MAX = 900_000;
/** Of a stack that goes on and on, the part that says where it began. */
const STACK_CHARACTERS_MAX = 16_384;
/** Key, value and headers of a record that fits into a batch of Kafka's default limit (1,048,588 with its header). */
const RECORD_BYTES_MAX = 1_048_000;
/** Lengths of a header's name and value as varints, with room for one header more. */
const HEADER_OVERHEAD_BYTES = 40;

/** Provenance under the names of Kafka Streams' dead letter queue (KIP-1034). */
function source(topic: string, partition: number, offset: number): RecordHeader[] {
  return [
    header('__streams.errors.topic', topic),
    header('__streams.errors.partition', String(partition)),
    header('__streams.errors.offset', String(offset)),
  ];
}

function header(key: string, text: string): RecordHeader {
  return { key, value: new TextEncoder().encode(text) };
}
