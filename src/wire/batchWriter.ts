import {
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  BatchHeader,
  CONTROL,
  LOG_APPEND_TIME,
  patchCrc,
  TRANSACTIONAL,
  writeBatchHeader,
} from './batchHeader.ts';
import { CODEC_NAMES, type CodecName, compress } from './compression.ts';
import { varintSize, writeVarint } from './varint.ts';

export interface WriterHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export interface FinishOptions {
  readonly compression?: CodecName;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly transactional?: boolean;
  /** The records are transaction markers: for brokers only. */
  readonly control?: boolean;
  /** Default 0, as producers send it; a broker sets its own. */
  readonly baseOffset?: number;
  readonly partitionLeaderEpoch?: number;
  /** Broker's append time, epoch ms: sets the timestamp type and the max timestamp. */
  readonly logAppendTimeMs?: number;
}

const INITIAL_BYTES = 4096;
/** Longest head of a record besides key, value and headers: five varints of at most ten bytes, attributes, count. */
const MAX_RECORD_OVERHEAD = 64;
/** Above this a bulk copy is cheaper than a loop, in spite of the view that it makes. */
const BULK_COPY_BYTES = 96;

const encoder = new TextEncoder();

/**
 * Accumulates the records of one batch as bytes in a buffer that grows and is reused. The bytes appended are copied at
 * once; nothing is made per record, but for headers and for the view that copies a long value.
 */
export class BatchWriter {
  #bytes: Uint8Array;
  #end = BATCH_HEADER_BYTES;
  #count = 0;
  #nextDelta = 0;
  #baseTimestamp = -1;
  #maxTimestamp = -1;
  #compressed: Uint8Array = new Uint8Array(0);
  readonly #header = new BatchHeader();

  constructor(initialBytes = INITIAL_BYTES) {
    this.#bytes = new Uint8Array(Math.max(initialBytes, BATCH_HEADER_BYTES + MAX_RECORD_OVERHEAD));
  }

  /** Records appended since the last reset. */
  get count(): number {
    return this.#count;
  }

  /** Size of the batch if it were finished now without compression, in bytes. */
  get sizeBytes(): number {
    return this.#end;
  }

  /** Timestamp of the newest record (epoch ms), -1 when empty. */
  get maxTimestampMs(): number {
    return this.#maxTimestamp;
  }

  /**
   * Adds a record with the key key[keyStart, keyEnd) and the value value[valueStart, valueEnd); null is Kafka's null.
   * `timestampMs` is an integer.
   */
  append(
    timestampMs: number,
    key: Uint8Array | null,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array | null,
    valueStart: number,
    valueEnd: number,
    headers?: readonly WriterHeader[],
  ): void {
    if (this.#count === 0) {
      this.#baseTimestamp = timestampMs;
      this.#maxTimestamp = timestampMs;
    } else if (timestampMs > this.#maxTimestamp) this.#maxTimestamp = timestampMs;
    const timestampDelta = timestampMs - this.#baseTimestamp;
    const offsetDelta = this.#nextDelta;
    const keyLength = key === null ? -1 : keyEnd - keyStart;
    const valueLength = value === null ? -1 : valueEnd - valueStart;
    const hasHeaders = headers !== undefined && headers.length > 0;
    const headerBytes = hasHeaders ? encodeHeaders(headers) : null;
    const keyBytes = Math.max(0, keyLength);
    const valueBytes = Math.max(0, valueLength);
    const length =
      1 +
      varintSize(timestampDelta) +
      varintSize(offsetDelta) +
      varintSize(keyLength) +
      keyBytes +
      varintSize(valueLength) +
      valueBytes +
      (headerBytes === null ? 1 : headerBytes.length);
    this.#reserve(length + MAX_RECORD_OVERHEAD);
    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#end, length);
    bytes[at++] = 0;
    at = writeVarint(bytes, at, timestampDelta);
    at = writeVarint(bytes, at, offsetDelta);
    at = writeVarint(bytes, at, keyLength);
    if (key !== null) at = copyRange(key, keyStart, keyEnd, bytes, at);
    at = writeVarint(bytes, at, valueLength);
    if (value !== null) at = copyRange(value, valueStart, valueEnd, bytes, at);
    if (headerBytes === null) bytes[at++] = 0;
    else at = copyRange(headerBytes, 0, headerBytes.length, bytes, at);
    this.#end = at;
    this.#count++;
    this.#nextDelta = offsetDelta + 1;
  }

  /** Leaves `count` offsets out, as compaction does, before the next record or at the end of the batch. */
  skipOffsets(count: number): void {
    this.#nextDelta += count;
  }

  /**
   * Completes the batch and returns it, CRC included. The bytes are the writer's own: valid until the next append,
   * finish or reset; keep a copy, or one writer per batch in flight.
   */
  finish(options: FinishOptions = {}): Uint8Array {
    const codec = CODEC_NAMES.indexOf(options.compression ?? 'none');
    const header = this.#header;
    header.baseOffset = options.baseOffset ?? 0;
    header.partitionLeaderEpoch = options.partitionLeaderEpoch ?? -1;
    header.attributes =
      codec |
      (options.transactional === true ? TRANSACTIONAL : 0) |
      (options.control === true ? CONTROL : 0) |
      (options.logAppendTimeMs === undefined ? 0 : LOG_APPEND_TIME);
    header.lastOffsetDelta = this.#nextDelta - 1;
    header.baseTimestamp = this.#baseTimestamp;
    header.maxTimestamp = options.logAppendTimeMs ?? this.#maxTimestamp;
    header.producerId = options.producerId ?? -1;
    header.producerEpoch = options.producerEpoch ?? -1;
    header.baseSequence = options.baseSequence ?? -1;
    header.recordCount = this.#count;
    let target = this.#bytes;
    let end = this.#end;
    if (codec !== 0) {
      const packed = compress(codec, this.#bytes, BATCH_HEADER_BYTES, this.#end);
      end = BATCH_HEADER_BYTES + packed.length;
      if (this.#compressed.length < end) this.#compressed = new Uint8Array(end + (end >> 2));
      target = this.#compressed;
      target.set(packed, BATCH_HEADER_BYTES);
    }
    header.batchLength = end - BATCH_PREFIX_BYTES;
    writeBatchHeader(target, 0, header);
    patchCrc(target, 0);
    return target.subarray(0, end);
  }

  /** Forgets the records and keeps the buffers. */
  reset(): void {
    this.#end = BATCH_HEADER_BYTES;
    this.#count = 0;
    this.#nextDelta = 0;
    this.#baseTimestamp = -1;
    this.#maxTimestamp = -1;
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}

function copyRange(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const length = end - start;
  if (length > BULK_COPY_BYTES) target.set(source.subarray(start, end), at);
  else for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
  return at + length;
}

/** The headers section: count, then per header key length, key, value length (-1 = null), value. */
function encodeHeaders(headers: readonly WriterHeader[]): Uint8Array {
  const keys = headers.map((header) => encoder.encode(header.key));
  let size = varintSize(headers.length);
  for (let i = 0; i < headers.length; i++) {
    const key = keys[i]!;
    const value = headers[i]!.value;
    const valueLength = value === null ? -1 : value.length;
    size += varintSize(key.length) + key.length + varintSize(valueLength) + Math.max(0, valueLength);
  }
  const bytes = new Uint8Array(size);
  let at = writeVarint(bytes, 0, headers.length);
  for (let i = 0; i < headers.length; i++) {
    const key = keys[i]!;
    const value = headers[i]!.value;
    at = writeVarint(bytes, at, key.length);
    at = copyRange(key, 0, key.length, bytes, at);
    at = writeVarint(bytes, at, value === null ? -1 : value.length);
    if (value !== null) at = copyRange(value, 0, value.length, bytes, at);
  }
  return bytes;
}
