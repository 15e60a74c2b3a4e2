import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isAnomalyError } from '../../errors.ts';
import {
  BATCH_PREFIX_BYTES,
  BatchHeader,
  batchSizeBytes,
  hasValidCrc,
  readBatchHeader,
} from '../../wire/batchHeader.ts';
import { BatchIndex } from '../log/batchIndex.ts';

const CHUNK_BYTES = 1 << 20;
const LENGTH_FIELD_END = BATCH_PREFIX_BYTES + 5;

export interface ScannedSegment {
  readonly index: BatchIndex;
  /** Bytes of whole batches with a right CRC, from the begin on. */
  readonly validBytes: number;
  readonly fileBytes: number;
  /** Why the rest is not taken; null where there is no rest. */
  readonly problem: string | null;
}

/**
 * Reads a segment file batch by batch, up to the first that is not whole, fails its CRC or steps back in the offsets.
 * `each` sees every batch that is taken, and the bytes that it lies in.
 */
export function scanSegment(
  path: string,
  baseOffset: number,
  each: (header: BatchHeader, bytes: Uint8Array) => void,
): ScannedSegment {
  const fd = openSync(path, 'r');
  try {
    return scan(fd, fstatSync(fd).size, baseOffset, each);
  } finally {
    closeSync(fd);
  }
}

function scan(
  fd: number,
  fileBytes: number,
  baseOffset: number,
  each: (header: BatchHeader, bytes: Uint8Array) => void,
): ScannedSegment {
  const index = new BatchIndex();
  const header = new BatchHeader();
  let chunk = Buffer.alloc(0);
  let chunkAt = 0;
  let at = 0;
  let nextOffset = baseOffset;
  let problem: string | null = null;
  /** Makes bytes [at, at + length) available; they are within the file. */
  const load = (length: number) => {
    if (at - chunkAt + length <= chunk.length) return;
    const size = Math.min(Math.max(length, CHUNK_BYTES), fileBytes - at);
    const fresh = Buffer.allocUnsafeSlow(size);
    for (let done = 0; done < size; ) done += readSync(fd, fresh, done, size - done, at + done);
    chunk = fresh;
    chunkAt = at;
  };
  while (at < fileBytes && problem === null) {
    if (fileBytes - at < LENGTH_FIELD_END) {
      problem = `${fileBytes - at} bytes are no batch`;
      break;
    }
    load(LENGTH_FIELD_END);
    try {
      const size = batchSizeBytes(chunk, at - chunkAt, chunk.length);
      if (size > fileBytes - at) {
        problem = `${fileBytes - at} of the ${size} bytes of a batch are there`;
        break;
      }
      load(size);
      readBatchHeader(chunk, at - chunkAt, header);
      if (!hasValidCrc(chunk, header)) problem = 'the CRC of a batch does not match';
      else if (header.baseOffset < nextOffset || header.lastOffsetDelta < 0) {
        problem = `offset ${header.baseOffset} follows where ${nextOffset} is next`;
      } else {
        index.add(header.baseOffset, header.lastOffsetDelta, header.isControl ? -1 : header.maxTimestamp, at);
        each(header, chunk);
        nextOffset = header.nextOffset;
        at += size;
      }
    } catch (error) {
      if (!isAnomalyError(error)) throw error;
      problem = error.message;
    }
  }
  return { index, validBytes: at, fileBytes, problem };
}
