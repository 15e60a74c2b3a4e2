/**
 * Hash of a key by words of four bytes, the last of which may overlap the one before: one multiplication a word, and
 * the finalizer of MurmurHash3 (A. Appleby). Signed 32 bits.
 */
export function hashKey(view: DataView, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start);
  const tail = end - 4;
  let i = start;
  if (tail < start) {
    for (; i < end; i++) hash = Math.imul(hash ^ view.getUint8(i), 0x9e3779b1);
  } else {
    for (; i < tail; i += 4) {
      hash = Math.imul(hash ^ view.getInt32(i, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ view.getInt32(tail, true), 0x9e3779b1);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Whether two ranges of equal length hold the same bytes. */
export function sameBytes(a: DataView, start: number, end: number, b: DataView, from: number): boolean {
  const tail = end - 4;
  let i = start;
  let k = from;
  if (tail < start) {
    for (; i < end; i++, k++) if (a.getUint8(i) !== b.getUint8(k)) return false;
    return true;
  }
  for (; i < tail; i += 4, k += 4) if (a.getInt32(i, true) !== b.getInt32(k, true)) return false;
  // The last four bytes, which may overlap the word before: no loop over single bytes.
  return a.getInt32(tail, true) === b.getInt32(k + tail - i, true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A longer copy, filled up with `rest`. */
export function resized(values: Int32Array, length: number, rest: number): Int32Array {
  const grown = new Int32Array(length).fill(rest);
  grown.set(values);
  return grown;
}
