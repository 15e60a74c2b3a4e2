import { gunzipSync, gzipSync } from 'node:zlib';
import { AnomalyError } from '../errors.ts';

/** The codecs of record batches by their number in the batch attributes. */
export const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CodecName = (typeof CODEC_NAMES)[number];

/** Most bytes that one batch may decompress to; more is taken for a decompression bomb. */
export const MAX_DECOMPRESSED_BYTES = 128 * 1024 * 1024;

/** Output of `decompress`, kept by the caller so that batches share one buffer. */
export class DecompressedBytes {
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
}

export async function prepareCodecs(): Promise<void> {}

export function decompress(codec: number, bytes: Uint8Array, start: number, end: number, out: DecompressedBytes): void {
  const input = bytes.subarray(start, end);
  if (codec !== 1) throw new AnomalyError('ANM_UNSUPPORTED', `cannot decompress codec ${codec}`);
  out.bytes = gunzipSync(input, { maxOutputLength: MAX_DECOMPRESSED_BYTES });
  out.length = out.bytes.length;
}

export function compress(codec: number, bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (codec !== 1) throw new AnomalyError('ANM_UNSUPPORTED', `cannot compress codec ${codec}`);
  return gzipSync(bytes.subarray(start, end));
}
