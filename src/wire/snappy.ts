import { copyBytes, copyMatch, type DecompressedBytes, malformed } from './byteOutput.ts';
import { findMatches, MATCH_BLOCK_BYTES, matchSequences } from './lzMatches.ts';
import { readUvarint, uvarintSize, writeUvarint } from './varint.ts';

/**
 * Snappy, as Kafka clients write it: either one raw Snappy block (librdkafka, Go clients), or the framing of
 * snappy-java (Java): magic, two version numbers, then chunks of a length and a raw block. Both are read; raw is
 * written, since every client reads that while @platformatic/kafka 1.35 fails on the framing.
 * Source: google/snappy format_description.txt; xerial/snappy-java SnappyOutputStream.
 */

const XERIAL_MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00);
const XERIAL_HEADER_BYTES = 16;
/** A copy element of 3 bytes gives 64 at the most: a declared length beyond that ratio is a lie. */
const MAX_RATIO = 22;

/** Appends the decompressed bytes[start, end) to `out`. */
export function decompressSnappy(bytes: Uint8Array, start: number, end: number, out: DecompressedBytes): void {
  if (!isXerial(bytes, start, end)) {
    decompressRaw(bytes, start, end, out);
    return;
  }
  let pos = start + XERIAL_HEADER_BYTES;
  while (pos < end) {
    if (end - pos < 4) throw malformed(`a snappy chunk length is cut at byte ${pos - start}`);
    const length = bytes[pos]! * 0x1000000 + ((bytes[pos + 1]! << 16) | (bytes[pos + 2]! << 8) | bytes[pos + 3]!);
    pos += 4;
    if (length > end - pos) throw malformed(`a snappy chunk of ${length} bytes is cut at byte ${pos - start}`);
    decompressRaw(bytes, pos, pos + length, out);
    pos += length;
  }
}

function isXerial(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < XERIAL_HEADER_BYTES) return false;
  for (let i = 0; i < XERIAL_MAGIC.length; i++) if (bytes[start + i] !== XERIAL_MAGIC[i]) return false;
  return true;
}

function decompressRaw(bytes: Uint8Array, start: number, end: number, out: DecompressedBytes): void {
  const cursor = { bytes, pos: start, end };
  const total = readUvarint(cursor);
  let pos = cursor.pos;
  if (total > (end - pos) * MAX_RATIO) throw malformed(`snappy declares ${total} bytes in ${end - start}`);
  const target = out.reserve(total);
  const first = out.length;
  const last = first + total;
  let at = first;
  while (pos < end) {
    const tag = bytes[pos++]!;
    const kind = tag & 3;
    let length = (tag >> 2) + 1;
    if (kind === 0) {
      if (length > 60) {
        const extra = length - 60;
        if (pos + extra > end) throw malformed('a snappy literal length is cut');
        length = littleEndian(bytes, pos, extra) + 1;
        pos += extra;
      }
      if (length > end - pos || length > last - at) throw malformed(`a snappy literal of ${length} bytes is too long`);
      copyBytes(bytes, pos, length, target, at);
      pos += length;
    } else {
      let distance: number;
      const size = kind === 1 ? 1 : kind === 2 ? 2 : 4;
      if (pos + size > end) throw malformed('a snappy copy is cut');
      if (kind === 1) {
        length = ((tag >> 2) & 7) + 4;
        distance = ((tag >> 5) << 8) | bytes[pos]!;
      } else distance = littleEndian(bytes, pos, size);
      pos += size;
      if (distance === 0 || distance > at - first || length > last - at) {
        throw malformed(`a snappy copy of ${length} bytes from ${distance} back is out of range`);
      }
      copyMatch(target, at, distance, length);
    }
    at += length;
  }
  if (at !== last) throw malformed(`snappy declares ${total} bytes and holds ${at - first}`);
  out.length = last;
}

function littleEndian(bytes: Uint8Array, pos: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[pos + i]!;
  return value;
}

/** Most bytes that `compressSnappy` writes for `length` bytes of input. */
export function snappyBound(length: number): number {
  return 32 + length + Math.ceil(length / 6);
}

/** Writes bytes[start, end) as one raw Snappy block to `target` from `at` on; returns the position after it. */
export function compressSnappy(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  writeUvarint(target, at, end - start);
  let to = at + uvarintSize(end - start);
  for (let block = start; block < end; block += MATCH_BLOCK_BYTES) {
    const blockEnd = Math.min(end, block + MATCH_BLOCK_BYTES);
    const count = findMatches(bytes, block, blockEnd);
    let pos = block;
    for (let i = 0; i < count; i++) {
      const literals = matchSequences[i * 3]!;
      const length = matchSequences[i * 3 + 2]!;
      if (literals > 0) to = writeLiteral(bytes, pos, literals, target, to);
      to = writeCopies(matchSequences[i * 3 + 1]!, length, target, to);
      pos += literals + length;
    }
    if (pos < blockEnd) to = writeLiteral(bytes, pos, blockEnd - pos, target, to);
  }
  return to;
}

/** At most 65,536 bytes: the length minus one fits in the tag, or in one or two bytes after it. */
function writeLiteral(bytes: Uint8Array, start: number, length: number, target: Uint8Array, at: number): number {
  let to = at;
  const stored = length - 1;
  if (stored < 60) target[to++] = stored << 2;
  else {
    target[to++] = (stored < 256 ? 60 : 61) << 2;
    target[to++] = stored & 255;
    if (stored >= 256) target[to++] = stored >> 8;
  }
  copyBytes(bytes, start, length, target, to);
  return to + length;
}

/** Copies of at most 64 bytes each; short near ones in the two-byte form. */
function writeCopies(distance: number, length: number, target: Uint8Array, at: number): number {
  let to = at;
  let rest = length;
  while (rest > 0) {
    // Never leave fewer than four bytes: the short form starts there.
    const size = rest > 64 ? Math.min(64, rest - MIN_COPY) : rest;
    if (size >= MIN_COPY && size < 12 && distance < 2048) {
      target[to++] = 1 | ((size - 4) << 2) | ((distance >> 8) << 5);
      target[to++] = distance & 255;
    } else {
      target[to++] = 2 | ((size - 1) << 2);
      target[to++] = distance & 255;
      target[to++] = distance >> 8;
    }
    rest -= size;
  }
  return to;
}

const MIN_COPY = 4;
