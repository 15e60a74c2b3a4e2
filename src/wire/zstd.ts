import * as zlib from 'node:zlib';
import { AnomalyError } from '../errors.ts';
import { type DecompressedBytes, malformed, tooLong } from './byteOutput.ts';

/**
 * Zstandard: node:zlib where it has it (Node 22.15, Bun), else the reference library as WebAssembly, which
 * `prepareZstd` loads. Output is bounded before anything is allocated, since the frame tells how long it can get.
 * Source: RFC 8878, sections 3.1.1 (frames) and 3.1.2 (skippable frames).
 */

interface ZstdFunctions {
  compress(bytes: Uint8Array): Uint8Array;
  /** `boundBytes` is what the output takes at the most. */
  decompress(bytes: Uint8Array, boundBytes: number): Uint8Array;
}

interface ZlibWithZstd {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
}

const LEVEL = 3;
const FRAME_MAGIC = 0xfd2fb528;
/** 0x184D2A50 to 0x184D2A5F. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK_BYTES = 128 * 1024;

let functions: ZstdFunctions | null = ofZlib();

/** Loads WebAssembly where node:zlib lacks Zstandard; then compress and decompress are synchronous. */
export async function prepareZstd(): Promise<void> {
  if (functions !== null) return;
  const module = await import('@bokuweb/zstd-wasm');
  await module.init();
  functions = {
    compress: (bytes) => module.compress(bytes, LEVEL),
    decompress: (bytes, boundBytes) => module.decompress(bytes, { defaultHeapSize: boundBytes }),
  };
}

function ofZlib(): ZstdFunctions | null {
  const { zstdCompressSync, zstdDecompressSync } = zlib as ZlibWithZstd;
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return null;
  return {
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes, boundBytes) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, boundBytes) }),
  };
}

function prepared(): ZstdFunctions {
  if (functions === null) {
    throw new AnomalyError('ANM_INTERNAL', 'cannot use zstd as prepareCodecs was not awaited');
  }
  return functions;
}

/** Appends the decompressed frames of bytes[start, end) to `out`. */
export function decompressZstd(bytes: Uint8Array, start: number, end: number, out: DecompressedBytes): void {
  const zstd = prepared();
  let pos = start;
  while (pos < end) {
    const frame = measureFrame(bytes, pos, end);
    if (!frame.isSkippable) {
      const room = out.limitBytes - out.length;
      if (frame.leastBytes > room) throw tooLong(out.limitBytes);
      let content: Uint8Array;
      try {
        content = zstd.decompress(bytes.subarray(pos, frame.end), Math.min(frame.mostBytes, room));
      } catch (cause) {
        throw malformed(`zstd refuses it: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
      out.reserve(content.length).set(content, out.length);
      out.length += content.length;
    }
    pos = frame.end;
  }
  if (start === end) throw malformed('a zstd frame is cut');
}

export function compressZstd(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return prepared().compress(bytes.subarray(start, end));
}

interface FrameSize {
  /** Position after the frame. */
  end: number;
  isSkippable: boolean;
  /** Bounds of the content: what is declared or stands there raw, and what the blocks can give at the most. */
  leastBytes: number;
  mostBytes: number;
}

/** Walks the frame header and the block headers at `start`: three bytes a block, nothing is decoded. */
function measureFrame(bytes: Uint8Array, start: number, end: number): FrameSize {
  const magic = littleEndian(bytes, start, 4, end);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
    const frameEnd = start + 8 + littleEndian(bytes, start + 4, 4, end);
    if (frameEnd > end) throw malformed('a skippable zstd frame is cut');
    return { end: frameEnd, isSkippable: true, leastBytes: 0, mostBytes: 0 };
  }
  if (magic !== FRAME_MAGIC) throw malformed('no zstd frame begins there');
  const descriptor = littleEndian(bytes, start + 4, 1, end);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeCode = descriptor >> 6;
  const sizeBytes = sizeCode === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeCode;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  let pos = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  const declared = sizeBytes === 0 ? -1 : littleEndian(bytes, pos, sizeBytes, end) + (sizeBytes === 2 ? 256 : 0);
  pos += sizeBytes;
  let least = 0;
  let most = 0;
  for (let isLast = false; !isLast; ) {
    const head = littleEndian(bytes, pos, 3, end);
    isLast = (head & 1) === 1;
    const kind = (head >> 1) & 3;
    const size = head >> 3;
    // Raw and run-length blocks tell their output; a compressed one gives at most the block limit.
    if (kind === 3 || size > MAX_BLOCK_BYTES)
      throw malformed(`a zstd block of kind ${kind} and ${size} bytes is wrong`);
    if (kind !== 2) least += size;
    most += kind === 2 ? MAX_BLOCK_BYTES : size;
    pos += 3 + (kind === 1 ? 1 : size);
  }
  pos += (descriptor & 0x04) !== 0 ? 4 : 0;
  if (pos > end) throw malformed('a zstd frame is cut');
  if (declared < 0) return { end: pos, isSkippable: false, leastBytes: least, mostBytes: most };
  if (declared > most) throw malformed(`zstd declares ${declared} bytes where ${most} are the most`);
  return { end: pos, isSkippable: false, leastBytes: declared, mostBytes: declared };
}

function littleEndian(bytes: Uint8Array, pos: number, size: number, end: number): number {
  if (pos + size > end) throw malformed('a zstd frame is cut');
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[pos + i]!;
  return value;
}
