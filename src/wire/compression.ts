import { gunzipSync, gzipSync } from 'node:zlib';
import { AnomalyError } from '../errors.ts';
import { type DecompressedBytes, malformed, tooLong } from './byteOutput.ts';
import { loadFastCrc32c } from './crc32c.ts';
import { compressLz4, decompressLz4, lz4Bound } from './lz4.ts';
import { compressSnappy, decompressSnappy, snappyBound } from './snappy.ts';
import { compressZstd, decompressZstd, prepareZstd } from './zstd.ts';

export { DecompressedBytes, MAX_DECOMPRESSED_BYTES } from './byteOutput.ts';

/** The codecs of record batches by their number in the batch attributes (KIP-110 added zstd). */
export const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CodecName = (typeof CODEC_NAMES)[number];

const GZIP = 1;
const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;

/** Reused by the compressors that write into a buffer of ours. */
let output = new Uint8Array(0);

/**
 * To be awaited once before batches are read or written, which is synchronous: loads what this runtime lacks (zstd on
 * Node before 22.15, about 40 ms) and its fastest CRC-32C.
 */
export async function prepareCodecs(): Promise<void> {
  await Promise.all([prepareZstd(), loadFastCrc32c()]);
}

/**
 * Decompresses bytes[start, end) to the beginning of `out`. Throws ANM_CORRUPT_BATCH on malformed input and above
 * `out.limitBytes`, ANM_UNSUPPORTED on a codec number that does not exist.
 */
export function decompress(codec: number, bytes: Uint8Array, start: number, end: number, out: DecompressedBytes): void {
  out.length = 0;
  switch (codec) {
    case GZIP:
      decompressGzip(bytes.subarray(start, end), out);
      return;
    case SNAPPY:
      decompressSnappy(bytes, start, end, out);
      return;
    case LZ4:
      decompressLz4(bytes, start, end, out);
      return;
    case ZSTD:
      decompressZstd(bytes, start, end, out);
      return;
    default:
      throw unknownCodec(codec);
  }
}

/**
 * Compresses bytes[start, end). The result may lie in a shared buffer: it is valid until the next call.
 * Throws ANM_UNSUPPORTED on a codec number that does not exist.
 */
export function compress(codec: number, bytes: Uint8Array, start: number, end: number): Uint8Array {
  switch (codec) {
    case GZIP:
      return gzipSync(bytes.subarray(start, end));
    case SNAPPY:
      reserve(snappyBound(end - start));
      return output.subarray(0, compressSnappy(bytes, start, end, output, 0));
    case LZ4:
      reserve(lz4Bound(end - start));
      return output.subarray(0, compressLz4(bytes, start, end, output, 0));
    case ZSTD:
      return compressZstd(bytes, start, end);
    default:
      throw unknownCodec(codec);
  }
}

function decompressGzip(input: Uint8Array, out: DecompressedBytes): void {
  try {
    const content = gunzipSync(input, { maxOutputLength: out.limitBytes });
    // A plain view, not a Buffer: the record walk is fastest when it sees one kind of array.
    out.bytes = new Uint8Array(content.buffer, content.byteOffset, content.length);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLong(out.limitBytes);
    throw malformed(`gzip refuses it: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  out.length = out.bytes.length;
}

function reserve(bytes: number): void {
  if (output.length < bytes) output = new Uint8Array(bytes + (bytes >> 2));
}

function unknownCodec(codec: number): AnomalyError {
  return new AnomalyError('ANM_UNSUPPORTED', `cannot read compression ${codec} as only 0 to ${ZSTD} are defined`);
}
