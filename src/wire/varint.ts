import { AnomalyError } from '../errors.ts';

/**
 * Variable-length integers as record batches and compact protocol fields use them: seven bits a byte, lowest first, the
 * top bit set on every byte but the last. Signed values are zigzag encoded (0, -1, 1, -2 become 0, 1, 2, 3), so
 * int32 ("varint") and int64 ("varlong") differ only in how long they may get; one function serves both here.
 * Values are JavaScript numbers: exact from -(2^53 - 1) to 2^53 - 1.
 * Source: Kafka protocol guide, "Protocol Primitive Types"; Protocol Buffers encoding, "Base 128 Varints".
 */

const TWO_31 = 0x80000000;
/** A 64-bit value needs ten groups of seven bits. */
const MAX_BYTES = 10;

/** A position in bytes that the read functions advance; `end` is the first byte that they may not touch. */
export interface VarintCursor {
  bytes: Uint8Array;
  pos: number;
  end: number;
}

/** Number of bytes that `writeUvarint` takes; `value` >= 0. */
export function uvarintSize(value: number): number {
  let size = 1;
  let rest = value;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    size++;
  }
  return size;
}

/** Number of bytes that `writeVarint` takes. */
export function varintSize(value: number): number {
  if (value >= -0x40000000 && value < 0x40000000) {
    const raw = (value << 1) ^ (value >> 31);
    if (raw < 0x80) return 1;
    if (raw < 0x4000) return 2;
    if (raw < 0x200000) return 3;
    return raw < 0x10000000 ? 4 : 5;
  }
  // Zigzag doubles the magnitude, which a double no longer holds exactly beyond 2^52: count the top bits alone.
  const magnitude = value < 0 ? -(value + 1) : value;
  return 1 + uvarintSize(Math.floor(magnitude / 64));
}

/** Writes an unsigned value at `pos`; returns the position after it. */
export function writeUvarint(bytes: Uint8Array, pos: number, value: number): number {
  let at = pos;
  let rest = value;
  while (rest >= TWO_31) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  let low = rest | 0;
  while (low >= 0x80) {
    bytes[at++] = (low & 0x7f) | 0x80;
    low >>>= 7;
  }
  bytes[at++] = low;
  return at;
}

/** Writes a signed value with zigzag at `pos`; returns the position after it. */
export function writeVarint(bytes: Uint8Array, pos: number, value: number): number {
  if (value >= -0x40000000 && value < 0x40000000) {
    let low = (value << 1) ^ (value >> 31);
    let at = pos;
    while (low >= 0x80) {
      bytes[at++] = (low & 0x7f) | 0x80;
      low >>>= 7;
    }
    bytes[at++] = low;
    return at;
  }
  // The six low bits and the sign go first; what is left stays below 2^48 and needs no zigzag.
  const magnitude = value < 0 ? -(value + 1) : value;
  bytes[pos] = ((magnitude % 64) * 2 + (value < 0 ? 1 : 0)) | 0x80;
  return writeUvarint(bytes, pos + 1, Math.floor(magnitude / 64));
}

/** Reads an unsigned value and advances the cursor. Throws ANM_CORRUPT_BATCH past `end` or beyond 2^53. */
export function readUvarint(cursor: VarintCursor): number {
  return readGroups(cursor, cursor.pos, 0, 1);
}

/** Reads a zigzag value and advances the cursor. Throws ANM_CORRUPT_BATCH past `end` or beyond 2^53. */
export function readVarint(cursor: VarintCursor): number {
  if (cursor.pos >= cursor.end) throw truncated(cursor);
  const first = cursor.bytes[cursor.pos]!;
  let magnitude = (first & 0x7f) >>> 1;
  if (first < 0x80) cursor.pos++;
  else magnitude = readGroups(cursor, cursor.pos + 1, magnitude, 64);
  return (first & 1) === 0 ? magnitude : -magnitude - 1;
}

/** `base` plus the groups from `start` on, the first of them worth `firstScale`. The cursor moves only on success. */
function readGroups(cursor: VarintCursor, start: number, base: number, firstScale: number): number {
  const { bytes, end } = cursor;
  let value = base;
  let scale = firstScale;
  for (let pos = start; pos < start + MAX_BYTES; pos++) {
    if (pos >= end) throw truncated(cursor);
    const byte = bytes[pos]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (value > Number.MAX_SAFE_INTEGER) break;
      cursor.pos = pos + 1;
      return value;
    }
    scale *= 0x80;
  }
  throw tooLarge(cursor);
}

function truncated(cursor: VarintCursor): AnomalyError {
  return new AnomalyError(
    'ANM_CORRUPT_BATCH',
    `cannot read a varint at byte ${cursor.pos} as the data ends at ${cursor.end}`,
    { details: { position: cursor.pos, end: cursor.end } },
  );
}

function tooLarge(cursor: VarintCursor): AnomalyError {
  return new AnomalyError(
    'ANM_CORRUPT_BATCH',
    `cannot read a varint at byte ${cursor.pos} as its value is beyond 2^53`,
    { details: { position: cursor.pos } },
  );
}
