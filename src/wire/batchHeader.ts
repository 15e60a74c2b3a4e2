import { AnomalyError } from '../errors.ts';
import { crc32c } from './crc32c.ts';

/**
 * The header of a record batch, message format 2: 61 bytes, big-endian, the same in Produce, Fetch and on disk.
 *
 *   0 baseOffset int64 | 8 batchLength int32 | 12 partitionLeaderEpoch int32 | 16 magic int8 | 17 crc uint32
 *   21 attributes int16 | 23 lastOffsetDelta int32 | 27 baseTimestamp int64 | 35 maxTimestamp int64
 *   43 producerId int64 | 51 producerEpoch int16 | 53 baseSequence int32 | 57 recordCount int32 | 61 records
 *
 * batchLength counts from byte 12; the CRC covers bytes 21 to the end, so a broker may set offset and epoch without it.
 * Source: Kafka documentation, "Message Format" (KIP-98).
 */
export const BATCH_HEADER_BYTES = 61;
/** Bytes in front of what batchLength counts. */
export const BATCH_PREFIX_BYTES = 12;
const MIN_BATCH_LENGTH = BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES;

const LENGTH_AT = 8;
const EPOCH_AT = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
/** Where the bytes that the CRC covers begin. */
export const CRC_START = 21;
export const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const BASE_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const PRODUCER_EPOCH_AT = 51;
const BASE_SEQUENCE_AT = 53;
export const RECORD_COUNT_AT = 57;

export const CODEC_MASK = 0x07;
export const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;

/** One batch header as numbers; reused from batch to batch. Times in epoch milliseconds. */
export class BatchHeader {
  baseOffset = 0;
  batchLength = 0;
  partitionLeaderEpoch = -1;
  magic = 2;
  crc = 0;
  attributes = 0;
  lastOffsetDelta = 0;
  baseTimestamp = -1;
  maxTimestamp = -1;
  /** -1 without idempotence. */
  producerId = -1;
  producerEpoch = -1;
  baseSequence = -1;
  recordCount = 0;
  /** Where the batch lies in the bytes that it was read from: [position, end). */
  position = 0;
  end = 0;

  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  get codec(): number {
    return this.attributes & CODEC_MASK;
  }

  /** Whether the broker's append time (maxTimestamp) stands for every record's own. */
  get isLogAppendTime(): boolean {
    return (this.attributes & LOG_APPEND_TIME) !== 0;
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL) !== 0;
  }

  /** Control batches hold transaction markers, never data. */
  get isControl(): boolean {
    return (this.attributes & CONTROL) !== 0;
  }

  /** The offset after the last that this batch covers; kept by compaction even when its last records are gone. */
  get nextOffset(): number {
    return this.baseOffset + this.lastOffsetDelta + 1;
  }

  get recordsStart(): number {
    return this.position + BATCH_HEADER_BYTES;
  }
}

/**
 * Bytes that the batch at `pos` takes, or 0 when too few are there to tell (fewer than 17 before `end`).
 * The batch itself may reach beyond `end`: a fetch response is cut anywhere.
 * Throws ANM_UNSUPPORTED on message formats 0 and 1, ANM_CORRUPT_BATCH on a length or magic that cannot be.
 */
export function batchSizeBytes(bytes: Uint8Array, pos: number, end = bytes.length): number {
  if (end - pos <= MAGIC_AT) return 0;
  const magic = bytes[pos + MAGIC_AT]!;
  const length = readInt32(bytes, pos + LENGTH_AT);
  const baseOffset = readInt64(bytes, pos);
  if (magic < 2) {
    throw new AnomalyError(
      'ANM_UNSUPPORTED',
      `cannot read the records at offset ${baseOffset} as they are in message format ${magic}, older than Kafka 0.11`,
      {
        hint: 'rewrite the topic with a current producer, for instance by mirroring it',
        details: { firstOffset: baseOffset, magic, position: pos },
      },
    );
  }
  if (magic > 2 || length < MIN_BATCH_LENGTH) {
    const reason = magic > 2 ? `its magic is ${magic}, not 2` : `its length ${length} is below ${MIN_BATCH_LENGTH}`;
    throw new AnomalyError('ANM_CORRUPT_BATCH', `cannot read the batch at offset ${baseOffset} as ${reason}`, {
      details: { firstOffset: baseOffset, magic, batchLength: length, position: pos },
    });
  }
  return BATCH_PREFIX_BYTES + length;
}

/**
 * Reads the header at `pos` into `into`. False when the whole batch is not before `end`: the normal cut at the end of
 * a fetch. Throws as `batchSizeBytes` does; the CRC is not checked here.
 */
export function readBatchHeader(bytes: Uint8Array, pos: number, into: BatchHeader, end = bytes.length): boolean {
  const size = batchSizeBytes(bytes, pos, end);
  if (size === 0 || pos + size > end) return false;
  into.position = pos;
  into.end = pos + size;
  into.baseOffset = readInt64(bytes, pos);
  into.batchLength = size - BATCH_PREFIX_BYTES;
  into.partitionLeaderEpoch = readInt32(bytes, pos + EPOCH_AT);
  into.magic = bytes[pos + MAGIC_AT]!;
  into.crc = readInt32(bytes, pos + CRC_AT) >>> 0;
  into.attributes = readInt16(bytes, pos + ATTRIBUTES_AT);
  into.lastOffsetDelta = readInt32(bytes, pos + LAST_OFFSET_DELTA_AT);
  into.baseTimestamp = readInt64(bytes, pos + BASE_TIMESTAMP_AT);
  into.maxTimestamp = readInt64(bytes, pos + MAX_TIMESTAMP_AT);
  into.producerId = readInt64(bytes, pos + PRODUCER_ID_AT);
  into.producerEpoch = readInt16(bytes, pos + PRODUCER_EPOCH_AT);
  into.baseSequence = readInt32(bytes, pos + BASE_SEQUENCE_AT);
  into.recordCount = readInt32(bytes, pos + RECORD_COUNT_AT);
  return true;
}

/** Writes every field of `header` at `pos`, with batchLength and CRC as they stand in it. */
export function writeBatchHeader(bytes: Uint8Array, pos: number, header: BatchHeader): void {
  writeInt64(bytes, pos, header.baseOffset);
  writeInt32(bytes, pos + LENGTH_AT, header.batchLength);
  writeInt32(bytes, pos + EPOCH_AT, header.partitionLeaderEpoch);
  bytes[pos + MAGIC_AT] = header.magic;
  writeInt32(bytes, pos + CRC_AT, header.crc);
  writeInt16(bytes, pos + ATTRIBUTES_AT, header.attributes);
  writeInt32(bytes, pos + LAST_OFFSET_DELTA_AT, header.lastOffsetDelta);
  writeInt64(bytes, pos + BASE_TIMESTAMP_AT, header.baseTimestamp);
  writeInt64(bytes, pos + MAX_TIMESTAMP_AT, header.maxTimestamp);
  writeInt64(bytes, pos + PRODUCER_ID_AT, header.producerId);
  writeInt16(bytes, pos + PRODUCER_EPOCH_AT, header.producerEpoch);
  writeInt32(bytes, pos + BASE_SEQUENCE_AT, header.baseSequence);
  writeInt32(bytes, pos + RECORD_COUNT_AT, header.recordCount);
}

/** Sets offset and leader epoch, as a broker does on append; both lie outside the CRC. */
export function patchBatchOffset(bytes: Uint8Array, pos: number, baseOffset: number, leaderEpoch: number): void {
  writeInt64(bytes, pos, baseOffset);
  writeInt32(bytes, pos + EPOCH_AT, leaderEpoch);
}

/** Turns a batch to LogAppendTime at `timestampMs`, as a broker does on such topics, and renews the CRC. */
export function patchLogAppendTime(bytes: Uint8Array, pos: number, timestampMs: number): void {
  const attributes = readInt16(bytes, pos + ATTRIBUTES_AT) | LOG_APPEND_TIME;
  writeInt16(bytes, pos + ATTRIBUTES_AT, attributes);
  writeInt64(bytes, pos + MAX_TIMESTAMP_AT, timestampMs);
  patchCrc(bytes, pos);
}

/** Computes the CRC of the whole batch at `pos` and stores it. */
export function patchCrc(bytes: Uint8Array, pos: number): void {
  const end = pos + BATCH_PREFIX_BYTES + readInt32(bytes, pos + LENGTH_AT);
  writeInt32(bytes, pos + CRC_AT, crc32c(bytes, pos + CRC_START, end));
}

/** Whether the stored CRC is the one of the bytes. */
export function hasValidCrc(bytes: Uint8Array, header: BatchHeader): boolean {
  return crc32c(bytes, header.position + CRC_START, header.end) === header.crc;
}

export function readInt16(bytes: Uint8Array, pos: number): number {
  return (((bytes[pos]! << 8) | bytes[pos + 1]!) << 16) >> 16;
}

export function readInt32(bytes: Uint8Array, pos: number): number {
  return (bytes[pos]! << 24) | (bytes[pos + 1]! << 16) | (bytes[pos + 2]! << 8) | bytes[pos + 3]!;
}

/** Exact within +-2^53, without a BigInt. */
export function readInt64(bytes: Uint8Array, pos: number): number {
  return readInt32(bytes, pos) * 0x100000000 + (readInt32(bytes, pos + 4) >>> 0);
}

export function writeInt16(bytes: Uint8Array, pos: number, value: number): void {
  bytes[pos] = value >> 8;
  bytes[pos + 1] = value;
}

export function writeInt32(bytes: Uint8Array, pos: number, value: number): void {
  bytes[pos] = value >> 24;
  bytes[pos + 1] = value >> 16;
  bytes[pos + 2] = value >> 8;
  bytes[pos + 3] = value;
}

export function writeInt64(bytes: Uint8Array, pos: number, value: number): void {
  const high = Math.floor(value / 0x100000000);
  writeInt32(bytes, pos, high);
  writeInt32(bytes, pos + 4, value - high * 0x100000000);
}
