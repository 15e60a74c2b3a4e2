import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { BatchHeader, hasValidCrc, readBatchHeader } from '../../wire/batchHeader.ts';
import { LEADER_EPOCH } from '../log/partitionLog.ts';
import { asidePath } from './asidePath.ts';
import type { ScannedSegment } from './scanSegment.ts';

/** How far behind the damage whole batches are looked for. */
const MAX_SEARCH_BYTES = 64 * 1024 * 1024;
/** From byte 12 on every batch of a log has the leader's epoch and the message format. */
const EPOCH_AT = 12;
const EPOCH_AND_MAGIC = Buffer.from([0, 0, 0, LEADER_EPOCH, 2]);

/** Cuts a segment file behind its last whole batch; whole batches behind the damage are kept beside it. Says so. */
export function cutSegment(path: string, base: number, found: ScannedSegment): string {
  const { index, validBytes, fileBytes, problem } = found;
  const next = index.count === 0 ? base : index.nextOffsetOf(index.count - 1);
  let message = `cut ${fileBytes - validBytes} bytes off ${path} behind offset ${next - 1}, its last whole batch: ${problem}`;
  const tail = readTail(path, validBytes);
  const wholeAt = nextBatch(tail, next);
  if (wholeAt >= 0) {
    const kept = asidePath(`${path}.cut`);
    writeFileSync(kept, tail);
    message += `; whole batches follow from byte ${validBytes + wholeAt} on, they are in ${kept}`;
  }
  truncateSync(path, validBytes);
  return message;
}

/** Whether a segment file holds whole batches behind its damage, so that it is no torn tail. */
export function isDamagedWithin(path: string, base: number, { index, validBytes }: ScannedSegment): boolean {
  const next = index.count === 0 ? base : index.nextOffsetOf(index.count - 1);
  return nextBatch(readTail(path, validBytes), next) >= 0;
}

/** Segment files out of the log, under names that no start reads. Returns the new paths. */
export function putAside(paths: readonly string[]): string[] {
  return paths.map((path) => {
    const kept = asidePath(`${path}.cut`);
    renameSync(path, kept);
    rmSync(path.replace(/\.log$/, '.index'), { force: true });
    return kept;
  });
}

export function corrupt(path: string, { validBytes, problem }: ScannedSegment): AnomalyError {
  return new AnomalyError(
    'ANM_DATA_CORRUPT',
    `cannot start from ${path} as ${problem} at byte ${validBytes}, and newer segments follow`,
    {
      details: { path, position: validBytes },
      hint: `move the partition's folder away to go on without it: ${basename(join(path, '..'))}`,
    },
  );
}

function readTail(path: string, from: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const tail = Buffer.allocUnsafeSlow(Math.max(0, fstatSync(fd).size - from));
    for (let done = 0; done < tail.length; ) {
      const count = readSync(fd, tail, done, tail.length - done, from + done);
      if (count === 0) return tail.subarray(0, done);
      done += count;
    }
    return tail;
  } finally {
    closeSync(fd);
  }
}

/** Where the first whole batch lies that has an offset from `next` on; -1 without any. */
function nextBatch(tail: Buffer, next: number): number {
  const searched = tail.subarray(0, MAX_SEARCH_BYTES);
  const header = new BatchHeader();
  let hit = searched.indexOf(EPOCH_AND_MAGIC, EPOCH_AT + 1);
  for (; hit >= 0; hit = searched.indexOf(EPOCH_AND_MAGIC, hit + 1)) {
    if (isWhole(tail, hit - EPOCH_AT, header) && header.baseOffset >= next) return hit - EPOCH_AT;
  }
  return -1;
}

function isWhole(bytes: Buffer, at: number, header: BatchHeader): boolean {
  try {
    return readBatchHeader(bytes, at, header) && hasValidCrc(bytes, header);
  } catch (error) {
    if (isAnomalyError(error)) return false;
    throw error;
  }
}
