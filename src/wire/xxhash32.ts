/**
 * xxHash, 32 bits, seed 0: the checksum of LZ4 frames.
 * Source: Y. Collet, "XXH32 algorithm description" (xxhash_spec.md).
 */

const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/** Hash of bytes[start, end) as an unsigned number. */
export function xxHash32(bytes: Uint8Array, start: number, end: number): number {
  let pos = start;
  let hash = PRIME_5;
  if (end - start >= 16) {
    let a = (PRIME_1 + PRIME_2) | 0;
    let b = PRIME_2;
    let c = 0;
    let d = -PRIME_1 | 0;
    for (const last = end - 16; pos <= last; pos += 16) {
      a = round(a, readWord(bytes, pos));
      b = round(b, readWord(bytes, pos + 4));
      c = round(c, readWord(bytes, pos + 8));
      d = round(d, readWord(bytes, pos + 12));
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  }
  hash = (hash + end - start) | 0;
  for (; pos + 4 <= end; pos += 4) {
    hash = Math.imul(rotate((hash + Math.imul(readWord(bytes, pos), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; pos < end; pos++) hash = Math.imul(rotate((hash + Math.imul(bytes[pos]!, PRIME_5)) | 0, 11), PRIME_1);
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function readWord(bytes: Uint8Array, pos: number): number {
  return bytes[pos]! | (bytes[pos + 1]! << 8) | (bytes[pos + 2]! << 16) | (bytes[pos + 3]! << 24);
}
