/** What the first bytes of a file say that it is. */
export type Magic = 'gzip' | 'zstd' | 'parquet' | 'encrypted parquet' | 'avro' | 'text';

/** Bytes that `magicOf` looks at. */
export const MAGIC_BYTES = 4;

/**
 * Sources: RFC 1952 (gzip), RFC 8878 (Zstandard, skippable frames included), Apache Parquet and Avro file formats.
 * Anything else is taken for text.
 */
export function magicOf(bytes: Uint8Array, length: number): Magic {
  if (length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  if (length < MAGIC_BYTES) return 'text';
  const word = ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
  if (word === 0x28b52ffd || (word & 0xf0ffffff) >>> 0 === 0x502a4d18) return 'zstd';
  if (word === 0x50415231) return 'parquet';
  if (word === 0x50415245) return 'encrypted parquet';
  return word === 0x4f626a01 ? 'avro' : 'text';
}
