/**
 * The match finder that the LZ4 and Snappy writers share: greedy, four bytes at the least, distances below 64 KiB.
 * Its output is plain numbers, so that each format only has to spell them.
 * Source: the LZ4 block format description (end conditions) and the Snappy format description; both are met.
 */

const HASH_BITS = 14;
const MIN_MATCH = 4;
/** LZ4: the last match starts at least 12 bytes before the end, and the last 5 bytes are literals. */
const NO_MATCH_FROM_END = 12;
const LITERALS_AT_END = 5;
/** After this many misses the search skips one more byte each time: fast through what does not compress. */
const SKIP_TRIGGER = 6;

/** Blocks of at most this many bytes: every distance fits in 16 bits. */
export const MATCH_BLOCK_BYTES = 65_536;

const table = new Int32Array(1 << HASH_BITS);
/** Triples of literal length, distance, match length; literals after the last match are not in it. */
const sequences = new Int32Array(3 * (MATCH_BLOCK_BYTES / MIN_MATCH + 1));

export { sequences as matchSequences };

/** Finds the matches of bytes[start, end), at most MATCH_BLOCK_BYTES; returns how many triples are in the array. */
export function findMatches(bytes: Uint8Array, start: number, end: number): number {
  table.fill(-1);
  const lastStart = end - NO_MATCH_FROM_END;
  const lastMatchEnd = end - LITERALS_AT_END;
  let filled = 0;
  let literalStart = start;
  let pos = start;
  let misses = 1 << SKIP_TRIGGER;
  while (pos <= lastStart) {
    const word = readWord(bytes, pos);
    const slot = Math.imul(word, -1640531535) >>> (32 - HASH_BITS);
    const candidate = table[slot]!;
    table[slot] = pos;
    if (candidate < 0 || pos - candidate >= MATCH_BLOCK_BYTES || readWord(bytes, candidate) !== word) {
      pos += misses++ >> SKIP_TRIGGER;
      continue;
    }
    let matchEnd = pos + MIN_MATCH;
    const distance = pos - candidate;
    while (matchEnd < lastMatchEnd && bytes[matchEnd] === bytes[matchEnd - distance]) matchEnd++;
    sequences[filled++] = pos - literalStart;
    sequences[filled++] = distance;
    sequences[filled++] = matchEnd - pos;
    pos = matchEnd;
    literalStart = matchEnd;
    misses = 1 << SKIP_TRIGGER;
  }
  return filled / 3;
}

function readWord(bytes: Uint8Array, pos: number): number {
  return bytes[pos]! | (bytes[pos + 1]! << 8) | (bytes[pos + 2]! << 16) | (bytes[pos + 3]! << 24);
}
