import { copyBytes, copyMatch, type DecompressedBytes, malformed } from './byteOutput.ts';
import { findMatches, MATCH_BLOCK_BYTES, matchSequences } from './lzMatches.ts';
import { xxHash32 } from './xxhash32.ts';

/**
 * The LZ4 frame format. Read: frames one after another, skippable ones too, blocks of every size, dependent or not,
 * checksums verified where present. Written: as the Java client does, independent blocks of 64 KiB without checksums
 * (Java refuses dependent ones).
 * Source: lz4_Frame_format.md and lz4_Block_format.md of the LZ4 project.
 */

const FRAME_MAGIC = 0x184d2204;
/** 0x184D2A50 to 0x184D2A5F. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const UNCOMPRESSED = 0x80000000;
const INDEPENDENT = 0x20;
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const CONTENT_CHECKSUM = 0x04;
const DICTIONARY = 0x01;
/** Distances have 16 bits. */
const WINDOW_BYTES = 65_535;

/** Appends the decompressed frames of bytes[start, end) to `out`. */
export function decompressLz4(bytes: Uint8Array, start: number, end: number, out: DecompressedBytes): void {
  let pos = start;
  while (pos < end) {
    const magic = readUint32(bytes, pos, end);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) pos += 8 + readUint32(bytes, pos + 4, end);
    else if (magic === FRAME_MAGIC) pos = decompressFrame(bytes, pos + 4, end, out);
    else throw malformed(`no LZ4 frame begins at byte ${pos - start}`);
  }
  if (pos !== end || start === end) throw malformed('an LZ4 frame is cut');
}

/** `start` is behind the magic; returns the position after the frame. */
function decompressFrame(bytes: Uint8Array, start: number, end: number, out: DecompressedBytes): number {
  if (end - start < 3) throw malformed('an LZ4 frame header is cut');
  const flags = bytes[start]!;
  const sizeCode = (bytes[start + 1]! >> 4) & 7;
  if (flags >> 6 !== 1 || sizeCode < 4) throw malformed('an LZ4 frame header has an unknown version or block size');
  if ((flags & DICTIONARY) !== 0) throw malformed('an LZ4 frame needs a dictionary');
  const maxBlockBytes = 1 << (8 + 2 * sizeCode);
  let pos = start + 2 + ((flags & CONTENT_SIZE) !== 0 ? 8 : 0);
  if (pos >= end || bytes[pos] !== ((xxHash32(bytes, start, pos) >>> 8) & 255)) {
    throw malformed('the checksum of an LZ4 frame header is wrong');
  }
  pos++;
  const first = out.length;
  for (;;) {
    const word = readUint32(bytes, pos, end);
    pos += 4;
    if (word === 0) break;
    const isStored = word >= UNCOMPRESSED;
    const size = isStored ? word - UNCOMPRESSED : word;
    if (size > maxBlockBytes || size > end - pos) throw malformed(`an LZ4 block of ${size} bytes is too long`);
    const base = (flags & INDEPENDENT) !== 0 ? out.length : Math.max(first, out.length - WINDOW_BYTES);
    if (isStored) {
      copyBytes(bytes, pos, size, out.reserve(size), out.length);
      out.length += size;
    } else decompressBlock(bytes, pos, pos + size, out, base, maxBlockBytes);
    pos += size;
    if ((flags & BLOCK_CHECKSUM) !== 0) {
      if (readUint32(bytes, pos, end) !== xxHash32(bytes, pos - size, pos)) throw malformed('an LZ4 block is damaged');
      pos += 4;
    }
  }
  if ((flags & CONTENT_CHECKSUM) !== 0) {
    const stored = readUint32(bytes, pos, end);
    if (stored !== xxHash32(out.bytes, first, out.length)) throw malformed('the content of an LZ4 frame is damaged');
    pos += 4;
  }
  return pos;
}

/** Sequences of a token, literals, a 16-bit distance and a match; matches reach back to `base` at most. */
function decompressBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: DecompressedBytes,
  base: number,
  maxBytes: number,
): void {
  // What the block can give at the most: 255 bytes for each of its own.
  const room = Math.min(maxBytes, (end - start) * 255);
  const target = out.reserve(Math.min(room, Math.max(0, out.limitBytes - out.length)));
  const last = Math.min(out.length + room, target.length);
  let at = out.length;
  let pos = start;
  while (pos < end) {
    const token = bytes[pos++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255 && pos < end) {
        byte = bytes[pos++]!;
        literals += byte;
      }
    }
    if (literals > end - pos || literals > last - at) throw malformed(`an LZ4 run of ${literals} literals is too long`);
    copyBytes(bytes, pos, literals, target, at);
    pos += literals;
    at += literals;
    if (pos === end) break;
    if (end - pos < 2) throw malformed('an LZ4 match is cut');
    const distance = bytes[pos]! | (bytes[pos + 1]! << 8);
    pos += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let byte = 255;
      while (byte === 255 && pos < end) {
        byte = bytes[pos++]!;
        length += byte;
      }
    }
    if (distance === 0 || distance > at - base || length > last - at || pos >= end) {
      throw malformed(`an LZ4 match of ${length} bytes from ${distance} back is out of range`);
    }
    copyMatch(target, at, distance, length);
    at += length;
  }
  out.length = at;
}

function readUint32(bytes: Uint8Array, pos: number, end: number): number {
  if (pos + 4 > end) throw malformed('an LZ4 frame is cut');
  return (bytes[pos]! | (bytes[pos + 1]! << 8) | (bytes[pos + 2]! << 16) | (bytes[pos + 3]! << 24)) >>> 0;
}

/** Most bytes that `compressLz4` writes for `length` bytes of input: a block that does not shrink is stored. */
export function lz4Bound(length: number): number {
  return 64 + length + Math.ceil(length / 255) + 8 * Math.ceil(length / MATCH_BLOCK_BYTES);
}

/** Writes bytes[start, end) as one LZ4 frame to `target` from `at` on; returns the position after it. */
export function compressLz4(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  writeUint32(target, at, FRAME_MAGIC);
  target[at + 4] = (1 << 6) | INDEPENDENT;
  target[at + 5] = 4 << 4;
  target[at + 6] = (xxHash32(target, at + 4, at + 6) >>> 8) & 255;
  let to = at + 7;
  for (let block = start; block < end; block += MATCH_BLOCK_BYTES) {
    const blockEnd = Math.min(end, block + MATCH_BLOCK_BYTES);
    const length = blockEnd - block;
    const written = compressBlock(bytes, block, blockEnd, target, to + 4) - to - 4;
    if (written < length) {
      writeUint32(target, to, written);
      to += 4 + written;
    } else {
      writeUint32(target, to, length + UNCOMPRESSED);
      copyBytes(bytes, block, length, target, to + 4);
      to += 4 + length;
    }
  }
  writeUint32(target, to, 0);
  return to + 4;
}

function compressBlock(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const count = findMatches(bytes, start, end);
  let to = at;
  let pos = start;
  for (let i = 0; i < count; i++) {
    const literals = matchSequences[i * 3]!;
    const distance = matchSequences[i * 3 + 1]!;
    const length = matchSequences[i * 3 + 2]!;
    const stored = length - 4;
    target[to++] = (Math.min(literals, 15) << 4) | Math.min(stored, 15);
    to = writeRun(literals, target, to);
    copyBytes(bytes, pos, literals, target, to);
    to += literals;
    target[to++] = distance & 255;
    target[to++] = distance >> 8;
    to = writeRun(stored, target, to);
    pos += literals + length;
  }
  const rest = end - pos;
  target[to++] = Math.min(rest, 15) << 4;
  to = writeRun(rest, target, to);
  copyBytes(bytes, pos, rest, target, to);
  return to + rest;
}

/** What of a length does not fit in its four bits of the token: bytes of 255, then the rest. */
function writeRun(length: number, target: Uint8Array, at: number): number {
  if (length < 15) return at;
  let to = at;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) target[to++] = 255;
  target[to++] = rest;
  return to;
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}
