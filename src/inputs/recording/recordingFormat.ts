import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { readVarint, type VarintCursor, writeVarint } from '../../wire/varint.ts';

/**
 * A recording: records of topics, whole, in an Avro object container file that any Avro library reads. Each block holds
 * records of one partition in the order of their offsets; blocks of several partitions lie in any order.
 *
 * `headers` in Avro's encoding are, but for a last zero byte, the very bytes that they are in a record batch: only a null
 * value, for which Avro has another shape, is written as an empty one that `null_headers` names. `schema` is the schema
 * that the value names by its id, at the first record that does.
 */
export const RECORDING_SCHEMA = {
  type: 'record',
  name: 'RecordedRecord',
  namespace: 'anomaly',
  fields: [
    { name: 'topic', type: 'string' },
    { name: 'partition', type: 'int' },
    { name: 'offset', type: 'long' },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'key', type: ['null', 'bytes'] },
    { name: 'value', type: ['null', 'bytes'] },
    {
      name: 'headers',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Header',
          fields: [
            { name: 'key', type: 'string' },
            { name: 'value', type: 'bytes' },
          ],
        },
      },
    },
    { name: 'null_headers', type: { type: 'array', items: 'int' } },
    {
      name: 'schema',
      type: [
        'null',
        {
          type: 'record',
          name: 'RecordedSchema',
          fields: [
            { name: 'id', type: 'long' },
            { name: 'type', type: 'string' },
            { name: 'text', type: 'string' },
          ],
        },
      ],
    },
  ],
} as const;

/** Key of the file's metadata under which `RecordingMeta` stands as JSON: what tells a recording from other files. */
export const RECORDING_KEY = 'anomaly.recording';

export interface RecordingMeta {
  readonly version: 1;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: number;
    /** retention.ms; null where the broker does not tell. */
    readonly retentionMs: string | null;
  }[];
  /** Where each partition was read from, and to (exclusive); null where it was stopped, so that the last record tells. */
  readonly from: readonly TopicPartitionOffset[];
  readonly to: readonly TopicPartitionOffset[] | null;
  /** The topic among them that is the journal of a pipeline; null without one. */
  readonly journal: string | null;
}

export interface RecordedSchema {
  readonly id: number;
  readonly type: string;
  readonly text: string;
}

/** Bytes in Avro's encoding, appended one after the other. */
export class BlockBytes {
  bytes = Buffer.allocUnsafe(65_536);
  length = 0;
  count = 0;

  /** Appends record i of a batch. */
  add(batch: ColumnBatch, i: number, topic: Uint8Array, schema: RecordedSchema | null): void {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd, partition, offsets, recordTimes } = batch;
    const headerBytes = batch.headerEnd[i]! - batch.headerStart[i]!;
    const ranges = Math.max(0, keyEnd[i]! - keyStart[i]!) + Math.max(0, valueEnd[i]! - valueStart[i]!) + headerBytes;
    this.#reserve(ranges + topic.length + FIXED_BYTES);
    this.#range(topic, 0, topic.length);
    this.#number(partition);
    this.#number(offsets[i]!);
    this.#number(recordTimes[i]!);
    this.#optional(bytes, keyStart[i]!, keyEnd[i]!);
    this.#optional(bytes, valueStart[i]!, valueEnd[i]!);
    this.#headers(batch, i);
    if (schema === null) this.#number(0);
    else this.#schema(schema);
    this.count++;
  }

  clear(): void {
    this.length = 0;
    this.count = 0;
  }

  #headers(batch: ColumnBatch, i: number): void {
    const [start, end] = [batch.headerStart[i]!, batch.headerEnd[i]!];
    const from = this.length;
    if (end > start) this.bytes.set(batch.bytes.subarray(start, end), from);
    else this.bytes[from] = 0;
    this.length += Math.max(1, end - start);
    const nulls = patchNulls(this.bytes, from, this.length);
    // The mark of the array's end; an empty one is that mark alone.
    if (this.bytes[from] !== 0) this.bytes[this.length++] = 0;
    this.#reserve((nulls.length + 2) * 5 + 10);
    if (nulls.length > 0) {
      this.#number(nulls.length);
      for (const index of nulls) this.#number(index);
    }
    this.#number(0);
  }

  #schema({ id, type, text }: RecordedSchema): void {
    const [typeBytes, textBytes] = [Buffer.from(type), Buffer.from(text)];
    this.#reserve(typeBytes.length + textBytes.length + FIXED_BYTES);
    this.#number(1);
    this.#number(id);
    this.#range(typeBytes, 0, typeBytes.length);
    this.#range(textBytes, 0, textBytes.length);
  }

  #optional(bytes: Uint8Array, start: number, end: number): void {
    this.#number(start < 0 ? 0 : 1);
    if (start >= 0) this.#range(bytes, start, end);
  }

  #range(bytes: Uint8Array, start: number, end: number): void {
    this.#number(end - start);
    this.bytes.set(bytes.subarray(start, end), this.length);
    this.length += end - start;
  }

  #number(value: number): void {
    this.length = writeVarint(this.bytes, this.length, value);
  }

  #reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.length + size, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

/** Room for the numbers of a record, each of at most ten bytes. */
const FIXED_BYTES = 128;
/** Zigzag of the lengths 0 and -1: an empty value and a null one, a byte each. */
const EMPTY_LENGTH = 0;
const NULL_LENGTH = 1;

/** Makes empty values of null ones in the headers of bytes[from, end); their indexes. */
function patchNulls(bytes: Uint8Array, from: number, end: number): number[] {
  const nulls: number[] = [];
  const cursor: VarintCursor = { bytes, pos: from, end };
  const count = readVarint(cursor);
  for (let h = 0; h < count; h++) {
    const nameBytes = readVarint(cursor);
    cursor.pos += nameBytes;
    const at = cursor.pos;
    const length = readVarint(cursor);
    if (length >= 0) cursor.pos += length;
    else {
      bytes[at] = EMPTY_LENGTH;
      nulls.push(h);
    }
  }
  return nulls;
}

/**
 * Fills a batch from a block's bytes, which it then holds views of; `onSchema` hears of the schemas in it.
 * @throws Error that says what does not fit
 */
export function readBlock(
  bytes: Uint8Array,
  count: number,
  batch: ColumnBatch,
  onSchema: (schema: RecordedSchema) => void,
): void {
  const cursor: VarintCursor = { bytes, pos: 0, end: bytes.length };
  batch.reserve(count);
  batch.count = count;
  batch.bytes = bytes;
  for (let i = 0; i < count; i++) {
    const topic = text(cursor);
    const partition = readVarint(cursor);
    if (i === 0) {
      batch.topic = topic;
      batch.partition = partition;
    } else if (topic !== batch.topic || partition !== batch.partition) {
      throw new Error(`it has records of ${batch.topic}/${batch.partition} and of ${topic}/${partition}`);
    }
    batch.offsets[i] = readVarint(cursor);
    if (i > 0 && batch.offsets[i]! <= batch.offsets[i - 1]!) throw new Error('its offsets do not ascend');
    batch.recordTimes[i] = readVarint(cursor);
    batch.keyStart[i] = optional(cursor);
    batch.keyEnd[i] = batch.keyStart[i]! < 0 ? -1 : cursor.pos;
    batch.valueStart[i] = optional(cursor);
    batch.valueEnd[i] = batch.valueStart[i]! < 0 ? -1 : cursor.pos;
    readHeaderArray(cursor, batch, i);
    if (readVarint(cursor) === 1) onSchema({ id: readVarint(cursor), type: text(cursor), text: text(cursor) });
  }
  if (cursor.pos !== bytes.length) throw new Error(`${bytes.length - cursor.pos} bytes are left over`);
  batch.firstOffset = batch.offsets[0]!;
  batch.nextOffset = batch.offsets[count - 1]! + 1;
}

function readHeaderArray(cursor: VarintCursor, batch: ColumnBatch, i: number): void {
  const valueLengthAt: number[] = [];
  batch.headerStart[i] = cursor.pos;
  const count = readVarint(cursor);
  if (count < 0) throw new Error('its headers are in a form that anomaly does not write');
  for (let h = 0; h < count; h++) {
    skip(cursor, readVarint(cursor));
    valueLengthAt.push(cursor.pos);
    skip(cursor, readVarint(cursor));
  }
  batch.headerEnd[i] = cursor.pos;
  if (count > 0 && readVarint(cursor) !== 0) throw new Error('its headers are in more than one piece');
  for (let nulls = readVarint(cursor); nulls !== 0; nulls = readVarint(cursor)) {
    if (nulls < 0) throw new Error('its headers are in a form that anomaly does not write');
    for (; nulls > 0; nulls--) {
      const at = valueLengthAt[readVarint(cursor)];
      if (at === undefined || cursor.bytes[at] !== EMPTY_LENGTH) throw new Error('a null header is not there');
      cursor.bytes[at] = NULL_LENGTH;
    }
  }
}

function optional(cursor: VarintCursor): number {
  const branch = readVarint(cursor);
  if (branch === 0) return -1;
  if (branch !== 1) throw new Error(`a union has no branch ${branch}`);
  const length = readVarint(cursor);
  const start = cursor.pos;
  skip(cursor, length);
  return start;
}

function text(cursor: VarintCursor): string {
  const length = readVarint(cursor);
  const start = cursor.pos;
  skip(cursor, length);
  return Buffer.from(cursor.bytes.buffer, cursor.bytes.byteOffset + start, length).toString();
}

function skip(cursor: VarintCursor, length: number): void {
  if (length < 0 || cursor.pos + length > cursor.end) throw new Error(`a length of ${length} leads beyond its end`);
  cursor.pos += length;
}
