import { REASON } from './reasons.ts';

/**
 * Avro binary scalars (Avro 1.11 specification, "Binary Encoding"), read at `pos` and never at or after `end`. Each
 * function gives the position after the value, or minus a REASON code; a value goes into column[i].
 */
const CUT_SHORT = -REASON.cutShort;
const BAD_VARINT = -REASON.badVarint;
const BAD_LENGTH = -REASON.badLength;

/** A long as a double, which rounds beyond 2^53. At most ten bytes, of which the last holds one bit. */
export function readLong(bytes: Uint8Array, pos: number, end: number, column: Float64Array, i: number): number {
  let at = pos;
  let low = 0;
  let byte = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (at >= end) return CUT_SHORT;
    byte = bytes[at++]!;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      column[i] = (low >>> 1) ^ -(low & 1);
      return at;
    }
  }
  return readLongRest(bytes, at, end, low, column, i);
}

/** The bytes after the first four, whose 28 bits are `low`. The parts stay below 2^31, so they are exact. */
function readLongRest(
  bytes: Uint8Array,
  pos: number,
  end: number,
  low: number,
  column: Float64Array,
  i: number,
): number {
  let at = pos;
  let middle = 0;
  let byte = 0x80;
  for (let shift = 0; shift < 28 && byte >= 0x80; shift += 7) {
    if (at >= end) return CUT_SHORT;
    byte = bytes[at++]!;
    middle |= (byte & 0x7f) << shift;
  }
  let high = middle;
  if (byte >= 0x80) {
    if (at >= end) return CUT_SHORT;
    byte = bytes[at++]!;
    let top = byte & 0x7f;
    if (byte >= 0x80) {
      if (at >= end) return CUT_SHORT;
      byte = bytes[at++]!;
      if (byte > 1) return BAD_VARINT;
      top |= byte << 7;
    }
    high += top * 2 ** 28;
  }
  // Zigzag: the lowest bit is the sign, -n - 1 for odd ones. One addition, so that it rounds once.
  const half = low >>> 1;
  column[i] = (low & 1) === 0 ? high * 2 ** 27 + half : -(high * 2 ** 27 + (half + 1));
  return at;
}

/**
 * As readLong, with a straight way for six bytes, which epoch milliseconds take from 1987 to 2039: no loop, and one
 * branch on all bytes together. Twice as fast for them.
 */
export function readTime(bytes: Uint8Array, pos: number, end: number, column: Float64Array, i: number): number {
  if (pos + 6 > end) return readLong(bytes, pos, end, column, i);
  const b0 = bytes[pos]!;
  const b1 = bytes[pos + 1]!;
  const b2 = bytes[pos + 2]!;
  const b3 = bytes[pos + 3]!;
  const b4 = bytes[pos + 4]!;
  const b5 = bytes[pos + 5]!;
  if ((b0 & b1 & b2 & b3 & b4) < 0x80 || b5 >= 0x80) return readLong(bytes, pos, end, column, i);
  const half = ((b0 & 0x7f) >>> 1) | ((b1 & 0x7f) << 6) | ((b2 & 0x7f) << 13) | ((b3 & 0x7f) << 20);
  const high = (b4 & 0x7f) | (b5 << 7);
  column[i] = (b0 & 1) === 0 ? high * 2 ** 27 + half : -(high * 2 ** 27 + (half + 1));
  return pos + 6;
}

/** An int: at most five bytes, of which the last holds four bits. */
export function readInt(bytes: Uint8Array, pos: number, end: number, column: Float64Array, i: number): number {
  let at = pos;
  let bits = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (at >= end) return CUT_SHORT;
    const byte = bytes[at++]!;
    bits |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (shift === 28 && byte > 0x0f) return BAD_VARINT;
      column[i] = (bits >>> 1) ^ -(bits & 1);
      return at;
    }
  }
  return BAD_VARINT;
}

/** Steps over a varint of at most `maxBytes`: 5 for int, 10 for long. */
export function skipVarint(bytes: Uint8Array, pos: number, end: number, maxBytes: number): number {
  const last = pos + maxBytes;
  for (let at = pos; at < last; at++) {
    if (at >= end) return CUT_SHORT;
    if (bytes[at]! < 0x80) return at + 1;
  }
  return BAD_VARINT;
}

/** Steps over a length and that many bytes: string, bytes. */
export function skipBytes(bytes: Uint8Array, pos: number, end: number): number {
  if (pos >= end) return CUT_SHORT;
  const first = bytes[pos]!;
  if (first >= 0x80) return skipManyBytes(bytes, pos, end);
  if ((first & 1) !== 0) return BAD_LENGTH;
  const next = pos + 1 + (first >>> 1);
  return next <= end ? next : BAD_LENGTH;
}

function skipManyBytes(bytes: Uint8Array, pos: number, end: number): number {
  const at = readLong(bytes, pos, end, LENGTH, 0);
  if (at < 0) return at;
  const length = LENGTH[0]!;
  return length >= 0 && length <= end - at ? at + length : BAD_LENGTH;
}

export function skipFixed(pos: number, end: number, size: number): number {
  return size <= end - pos ? pos + size : CUT_SHORT;
}

/** Infinities are read as null, as NaN is: one of them would stay in running statistics for ever. */
export function readDouble(view: DataView, pos: number, end: number, column: Float64Array, i: number): number {
  if (pos + 8 > end) return CUT_SHORT;
  const value = view.getFloat64(pos, true);
  column[i] = value - value === 0 ? value : Number.NaN;
  return pos + 8;
}

export function readFloat(view: DataView, pos: number, end: number, column: Float64Array, i: number): number {
  if (pos + 4 > end) return CUT_SHORT;
  const value = view.getFloat32(pos, true);
  column[i] = value - value === 0 ? value : Number.NaN;
  return pos + 4;
}

export function readBoolean(bytes: Uint8Array, pos: number, end: number, column: Float64Array, i: number): number {
  if (pos >= end) return CUT_SHORT;
  const value = bytes[pos]!;
  if (value > 1) return -REASON.badBoolean;
  column[i] = value;
  return pos + 1;
}

/**
 * A big-endian two's complement number, as logical type decimal has it, before its scale; rounds beyond 2^53, and is NaN
 * beyond the doubles.
 */
export function unscaledDecimal(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  const flip = start < end && bytes[start]! >= 0x80 ? 0xff : 0;
  for (let i = start; i < end; i++) value = value * 256 + (bytes[i]! ^ flip);
  if (value === Infinity) return Number.NaN;
  return flip === 0 ? value : -value - 1;
}

const LENGTH = new Float64Array(1);
