import type { TimeRule } from './avroProgram.ts';
import { readDouble, readTime, skipBytes, skipFixed, skipVarint } from './avroScalars.ts';
import { REASON } from './reasons.ts';
import { timeOfNumber } from './times.ts';

/**
 * One instruction over the records from <= i < to: `positions[i]` is where record i is read next, or minus a REASON
 * code once it failed; `ends[i]` is its end. A function a kind of value, each one tight loop: this is what makes it
 * fast, and V8 optimizes such loops wherever they are called from.
 */
export function longColumn(
  bytes: Uint8Array,
  positions: Int32Array,
  ends: Int32Array,
  from: number,
  to: number,
  column: Float64Array,
): void {
  for (let i = from; i < to; i++) {
    const pos = positions[i]!;
    if (pos >= 0) positions[i] = readTime(bytes, pos, ends[i]!, column, i);
  }
}

export function doubleColumn(
  view: DataView,
  positions: Int32Array,
  ends: Int32Array,
  from: number,
  to: number,
  column: Float64Array,
): void {
  for (let i = from; i < to; i++) {
    const pos = positions[i]!;
    if (pos >= 0) positions[i] = readDouble(view, pos, ends[i]!, column, i);
  }
}

/** A union of null and double; `nullByte` is the encoded index of its null branch, 0 or 2. */
export function nullableDoubleColumn(
  bytes: Uint8Array,
  view: DataView,
  positions: Int32Array,
  ends: Int32Array,
  from: number,
  to: number,
  column: Float64Array,
  nullByte: number,
): void {
  for (let i = from; i < to; i++) {
    const pos = positions[i]!;
    if (pos < 0) continue;
    if (pos >= ends[i]!) positions[i] = -REASON.cutShort;
    else if (bytes[pos] === 2 - nullByte) positions[i] = readDouble(view, pos + 1, ends[i]!, column, i);
    else if (bytes[pos] === nullByte) {
      column[i] = Number.NaN;
      positions[i] = pos + 1;
    } else positions[i] = -REASON.badUnion;
  }
}

/** Key ranges of a string or bytes: its content within the value. */
export function keyColumn(
  bytes: Uint8Array,
  positions: Int32Array,
  ends: Int32Array,
  from: number,
  to: number,
  keyStart: Int32Array,
  keyEnd: Int32Array,
): void {
  for (let i = from; i < to; i++) {
    const pos = positions[i]!;
    if (pos < 0) continue;
    const next = skipBytes(bytes, pos, ends[i]!);
    positions[i] = next;
    if (next < 0) continue;
    keyStart[i] = contentStart(bytes, pos, next);
    keyEnd[i] = next;
  }
}

export function skipBytesColumn(
  bytes: Uint8Array,
  positions: Int32Array,
  ends: Int32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const pos = positions[i]!;
    if (pos >= 0) positions[i] = skipBytes(bytes, pos, ends[i]!);
  }
}

/** @param maxBytes 5 for int, 10 for long */
export function skipVarintColumn(
  bytes: Uint8Array,
  positions: Int32Array,
  ends: Int32Array,
  from: number,
  to: number,
  maxBytes: number,
): void {
  for (let i = from; i < to; i++) {
    const pos = positions[i]!;
    if (pos >= 0) positions[i] = skipVarint(bytes, pos, ends[i]!, maxBytes);
  }
}

export function skipFixedColumn(positions: Int32Array, ends: Int32Array, from: number, to: number, size: number): void {
  for (let i = from; i < to; i++) {
    const pos = positions[i]!;
    if (pos >= 0) positions[i] = skipFixed(pos, ends[i]!, size);
  }
}

/** Numbers just read into `times` become epoch milliseconds. */
export function timeColumn(positions: Int32Array, from: number, to: number, times: Float64Array, rule: TimeRule): void {
  for (let i = from; i < to; i++) {
    if (positions[i]! >= 0) times[i] = timeOfNumber(times[i]!, rule);
  }
}

/** Where the content of a string or bytes at `pos` begins, after it was found to end at `next`. */
export function contentStart(bytes: Uint8Array, pos: number, next: number): number {
  return bytes[pos]! < 0x80 ? pos + 1 : skipVarint(bytes, pos, next, 10);
}
