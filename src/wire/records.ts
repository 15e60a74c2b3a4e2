import type { ColumnBatch } from '../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../errors.ts';
import { type BatchHeader, hasValidCrc } from './batchHeader.ts';
import { type DecompressedBytes, decompress } from './compression.ts';

/**
 * The records of one batch as columns, in one loop that makes nothing per record.
 *
 * A record: length varint, attributes int8, timestampDelta varlong, offsetDelta varint, key length varint (-1 = null),
 * key, value length varint, value, header count varint, headers (key length, key, value length, value).
 * Source: Kafka documentation, "Record" in "Message Format".
 */

/** length, attributes, two deltas, two lengths, header count: a byte each at the least. */
const MIN_RECORD_BYTES = 7;

export interface ReadRecordsOptions {
  /** Records below it are left out: a fetch returns whole batches. Default: all. */
  readonly startOffset?: number;
  /** Default true. */
  readonly checkCrc?: boolean;
}

/**
 * Fills offsets, record times and byte ranges of `out` from the batch that `header` describes in `bytes`, decompressed
 * into `scratch` if need be; returns the number of records. `out.firstOffset` is the batch's base offset, or
 * `startOffset` where that lies inside; `out.nextOffset` is the batch's, gaps left by compaction included.
 * Ranges point into `out.bytes`: `bytes` itself, or the scratch buffer until its next use.
 * Throws ANM_CORRUPT_BATCH on a wrong CRC, length, count or delta; then `out.count` is 0.
 */
export function readRecords(
  bytes: Uint8Array,
  header: BatchHeader,
  out: ColumnBatch,
  scratch: DecompressedBytes,
  options: ReadRecordsOptions = {},
): number {
  const startOffset = options.startOffset ?? header.baseOffset;
  out.count = 0;
  out.firstOffset = Math.max(header.baseOffset, startOffset);
  out.nextOffset = header.nextOffset;
  out.isAppendTime = header.isLogAppendTime;
  if (options.checkCrc !== false && !hasValidCrc(bytes, header)) throw corrupt(header, 'its CRC-32C does not match');
  let source = bytes;
  let pos = header.recordsStart;
  let end = header.end;
  if (header.codec !== 0) {
    try {
      decompress(header.codec, bytes, pos, end, scratch);
    } catch (cause) {
      if (isAnomalyError(cause) && cause.code !== 'ANM_CORRUPT_BATCH') throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw corrupt(header, `its records cannot be decompressed: ${reason}`, cause);
    }
    source = scratch.bytes;
    pos = 0;
    end = scratch.length;
  }
  const { recordCount, lastOffsetDelta } = header;
  if (lastOffsetDelta < 0) throw corrupt(header, `its last offset delta is ${lastOffsetDelta}`);
  if (recordCount < 0 || recordCount * MIN_RECORD_BYTES > end - pos || recordCount > lastOffsetDelta + 1) {
    throw corrupt(header, `its count of ${recordCount} records is impossible in ${end - pos} bytes`);
  }
  out.reserve(recordCount);
  out.bytes = source;
  const kept = walk(source, pos, end, header, out, startOffset);
  out.count = kept;
  return kept;
}

/** Position after the varint of several bytes that was read last. */
let after = 0;

/**
 * The walk. Varints of one byte are read in place, longer ones by a call. Reads past the end give undefined, never
 * another's bytes, and every range is checked against its record's end before it is kept.  */
function walk(
  bytes: Uint8Array,
  start: number,
  end: number,
  header: BatchHeader,
  out: ColumnBatch,
  startOffset: number,
): number {
  const { offsets, recordTimes, keyStart, keyEnd, valueStart, valueEnd, headerStart, headerEnd } = out;
  const { baseOffset, recordCount, lastOffsetDelta } = header;
  const isLogAppendTime = header.isLogAppendTime;
  const baseTime = isLogAppendTime ? header.maxTimestamp : header.baseTimestamp;
  let pos = start;
  let previousDelta = -1;
  let kept = 0;
  for (let i = 0; i < recordCount; i++) {
    let length = bytes[pos++]!;
    if (length < 0x80) length = (length >>> 1) ^ -(length & 1);
    else {
      length = longVarint(bytes, pos);
      pos = after;
    }
    const recordEnd = pos + length;
    if (length < MIN_RECORD_BYTES - 1 || recordEnd > end) throw misplaced(header, i, 'record length', length);
    // One byte of attributes, unused so far.
    let timestampDelta = bytes[++pos]!;
    pos++;
    if (timestampDelta < 0x80) timestampDelta = (timestampDelta >>> 1) ^ -(timestampDelta & 1);
    else {
      timestampDelta = longVarlong(bytes, pos);
      pos = after;
    }
    let offsetDelta = bytes[pos++]!;
    if (offsetDelta < 0x80) offsetDelta = (offsetDelta >>> 1) ^ -(offsetDelta & 1);
    else {
      offsetDelta = longVarint(bytes, pos);
      pos = after;
    }
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta) {
      throw misplaced(header, i, 'offset delta', offsetDelta);
    }
    previousDelta = offsetDelta;
    let keyLength = bytes[pos++]!;
    if (keyLength < 0x80) keyLength = (keyLength >>> 1) ^ -(keyLength & 1);
    else {
      keyLength = longVarint(bytes, pos);
      pos = after;
    }
    const keyAt = pos;
    if (keyLength > 0) pos += keyLength;
    if (keyLength < -1 || pos >= recordEnd) throw misplaced(header, i, 'key length', keyLength);
    let valueLength = bytes[pos++]!;
    if (valueLength < 0x80) valueLength = (valueLength >>> 1) ^ -(valueLength & 1);
    else {
      valueLength = longVarint(bytes, pos);
      pos = after;
    }
    const valueAt = pos;
    if (valueLength > 0) pos += valueLength;
    if (valueLength < -1 || pos >= recordEnd) throw misplaced(header, i, 'value length', valueLength);
    if (bytes[pos] !== 0 || pos + 1 !== recordEnd) checkHeaders(bytes, pos, recordEnd, header, i);
    if (baseOffset + offsetDelta >= startOffset) {
      offsets[kept] = baseOffset + offsetDelta;
      recordTimes[kept] = isLogAppendTime ? baseTime : baseTime + timestampDelta;
      keyStart[kept] = keyLength < 0 ? -1 : keyAt;
      keyEnd[kept] = keyLength < 0 ? -1 : keyAt + keyLength;
      valueStart[kept] = valueLength < 0 ? -1 : valueAt;
      valueEnd[kept] = valueLength < 0 ? -1 : valueAt + valueLength;
      headerStart[kept] = pos;
      headerEnd[kept] = recordEnd;
      kept++;
    }
    pos = recordEnd;
  }
  if (pos !== end) throw corrupt(header, `${end - pos} bytes are left after its ${recordCount} records`);
  return kept;
}

/** No length and no delta: fails every check on them. */
const NO_VARINT = -0x80000000;

/**
 * The rest of a zigzag varint (int32) whose first byte, at `pos` - 1, says that more follow; leaves its end in `after`.
 * Always a 32-bit integer, since one double among the lengths would turn the positions of the walk into doubles.
 */
function longVarint(bytes: Uint8Array, pos: number): number {
  let at = pos;
  let raw = bytes[pos - 1]! & 0x7f;
  for (let shift = 7; shift < 35; shift += 7) {
    const byte = bytes[at++]!;
    raw |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      after = at;
      return (raw >>> 1) ^ -(raw & 1);
    }
  }
  after = pos;
  return NO_VARINT;
}

/** The same for a varlong (int64): timestamp deltas. */
function longVarlong(bytes: Uint8Array, pos: number): number {
  let at = pos;
  let raw = bytes[pos - 1]! & 0x7f;
  for (let shift = 7; shift < 28; shift += 7) {
    const byte = bytes[at++]!;
    raw |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      after = at;
      return (raw >>> 1) ^ -(raw & 1);
    }
  }
  return veryLongVarlong(bytes, pos - 1);
}

/** Five to ten bytes, as a double; when it does not end, the next varint at the same place will not end either. */
function veryLongVarlong(bytes: Uint8Array, pos: number): number {
  const negative = (bytes[pos]! & 1) === 1;
  let value = (bytes[pos]! & 0x7f) >>> 1;
  let scale = 64;
  for (let i = 1; i < 10; i++) {
    const byte = bytes[pos + i]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      after = pos + i + 1;
      return negative ? -value - 1 : value;
    }
    scale *= 0x80;
  }
  after = pos;
  return Number.NaN;
}

/** Holds the headers section against its own lengths, so that later readers may trust it. */
function checkHeaders(bytes: Uint8Array, start: number, end: number, header: BatchHeader, index: number): void {
  const count = anyVarint(bytes, start);
  let pos = after;
  if (count < 0) throw misplaced(header, index, 'header count', count);
  for (let i = 0; i < count; i++) {
    const keyLength = anyVarint(bytes, pos);
    pos = after + keyLength;
    if (keyLength < 0 || pos >= end) throw misplaced(header, index, 'header key length', keyLength);
    const valueLength = anyVarint(bytes, pos);
    pos = after + Math.max(0, valueLength);
    if (valueLength < -1 || pos > end) throw misplaced(header, index, 'header value length', valueLength);
  }
  if (pos !== end) throw misplaced(header, index, 'end of headers', pos);
}

/** A varint of any length; leaves its end in `after`. */
function anyVarint(bytes: Uint8Array, pos: number): number {
  const raw = bytes[pos]!;
  if (!(raw < 0x80)) return longVarint(bytes, pos + 1);
  after = pos + 1;
  return (raw >>> 1) ^ -(raw & 1);
}

function misplaced(header: BatchHeader, index: number, what: string, value: number): AnomalyError {
  return corrupt(header, `the ${what} of its record ${index} is ${value}`);
}

function corrupt(header: BatchHeader, reason: string, cause?: unknown): AnomalyError {
  return new AnomalyError(
    'ANM_CORRUPT_BATCH',
    `cannot read the batch of offsets ${header.baseOffset} to ${header.nextOffset - 1} as ${reason}`,
    {
      cause,
      details: {
        firstOffset: header.baseOffset,
        nextOffset: header.nextOffset,
        recordCount: header.recordCount,
        position: header.position,
        reason,
      },
    },
  );
}
