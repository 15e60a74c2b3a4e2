import { AnomalyError } from '../errors.ts';

/** Most bytes that one batch may decompress to; more is taken for a decompression bomb. */
export const MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024;

/** A growing, reused output of the decompressors, bounded by `limitBytes`. */
export class DecompressedBytes {
  bytes: Uint8Array = new Uint8Array(0);
  /** How many of `bytes` are filled. */
  length = 0;
  readonly limitBytes: number;

  constructor(limitBytes = MAX_DECOMPRESSED_BYTES) {
    this.limitBytes = limitBytes;
  }

  /**
   * Makes room for `more` bytes after `length`, keeps what is there and returns the buffer.
   * Throws ANM_CORRUPT_BATCH above the limit.
   */
  reserve(more: number): Uint8Array {
    const needed = this.length + more;
    if (needed > this.limitBytes) throw tooLong(this.limitBytes);
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.min(this.limitBytes, Math.max(needed, this.bytes.length * 2)));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    return this.bytes;
  }
}

export function tooLong(limitBytes: number): AnomalyError {
  return malformed(`it would take more than the limit of ${limitBytes} bytes`);
}

/** ANM_CORRUPT_BATCH with the reason alone: the reader of the batch adds the place. */
export function malformed(reason: string): AnomalyError {
  return new AnomalyError('ANM_CORRUPT_BATCH', reason);
}

/**
 * Copies `length` bytes from `distance` back to `at`, as LZ formats mean it: overlapping bytes repeat. The caller has
 * made room.
 */
export function copyMatch(bytes: Uint8Array, at: number, distance: number, length: number): void {
  if (length > LOOP_BYTES && distance >= length) {
    bytes.copyWithin(at, at - distance, at - distance + length);
    return;
  }
  for (let i = at, end = at + length; i < end; i++) bytes[i] = bytes[i - distance]!;
}

/** Copies source[start, start + length) to target[at, ...). Short runs by a loop: a view costs more. */
export function copyBytes(source: Uint8Array, start: number, length: number, target: Uint8Array, at: number): void {
  if (length > LOOP_BYTES) {
    target.set(source.subarray(start, start + length), at);
    return;
  }
  const shift = start - at;
  for (let i = at, end = at + length; i < end; i++) target[i] = source[i + shift]!;
}

const LOOP_BYTES = 128;
