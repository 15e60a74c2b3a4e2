/**
 * The bytes of several arrays in pieces of `size`, the last one shorter. What lies within one array is a view of it;
 * only a piece that spans several is copied.
 */
export function* pieces(parts: readonly Uint8Array[], size: number): Generator<Buffer, undefined> {
  let rest = parts.reduce((sum, part) => sum + part.length, 0);
  let part = 0;
  let at = 0;
  while (rest > 0) {
    const length = Math.min(size, rest);
    while (at === parts[part]!.length) {
      part++;
      at = 0;
    }
    const first = parts[part]!;
    if (first.length - at >= length) {
      yield Buffer.from(first.buffer, first.byteOffset + at, length);
      at += length;
    } else {
      const piece = Buffer.allocUnsafe(length);
      for (let filled = 0; filled < length; ) {
        const from = parts[part]!;
        const take = Math.min(from.length - at, length - filled);
        piece.set(from.subarray(at, at + take), filled);
        filled += take;
        at += take;
        if (at === from.length && filled < length) {
          part++;
          at = 0;
        }
      }
      yield piece;
    }
    rest -= length;
  }
  return undefined;
}
