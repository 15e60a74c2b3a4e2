import type { ColumnBatch } from '../../engine/batch.ts';
import { BatchFilter } from './batchFilter.ts';
import type { PartitionLog } from './partitionLog.ts';
import type { Segment } from './segment.ts';
import type { KeptBatch } from './segmentStore.ts';

/** Keys that one pass keeps in memory, about; segments behind them are left to the next pass. */
const MAX_KEYS = 2_000_000;
/** Segment.cleanedMs of one whose tombstones are gone. */
const SWEPT = 0;
/** Stands for the bytes of a batch that stays as it is. */
const WHOLE = Buffer.alloc(0);

/** What a pass did. */
export interface Compacted {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Offset of the newest record of each key, as far as a pass looks. */
type NewestByKey = ReadonlyMap<string, number>;

/**
 * Log compaction: of each key only the newest record stays, as far as closed segments reach, and records keep their
 * offsets. A tombstone (null value) stays for delete.retention.ms after the pass that first saw it, so that a reader
 * who began before learns of the removal. Segments that have become small are put together, up to segment.bytes.
 * Records without a key count as one key, as on Redpanda. Of a transaction that was aborted nothing stays but its marker;
 * markers stay as long as the log reaches back to them.
 *
 * Returns null where nothing is due: too little is new (min.cleanable.dirty.ratio) or it is too young
 * (min.compaction.lag.ms). The codecs have to be prepared. Source: Kafka documentation, "Log Compaction".
 */
export function compact(log: PartitionLog, nowMs: number): Compacted | null {
  const steps = compactInSteps(log, nowMs);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * The same, a batch a step: between two of them records may come and segments may go, and it may be left. Only the
 * bytes that stay are written in one go, a segment at a time.
 */
export function* compactInSteps(log: PartitionLog, nowMs: number): Generator<void, Compacted | null, void> {
  const segments = compactable(log, nowMs);
  const firstDirty = segments.findIndex(({ cleanedMs }) => cleanedMs < 0);
  const clean = firstDirty < 0 ? segments : segments.slice(0, firstDirty);
  const dirty = firstDirty < 0 ? [] : segments.slice(firstDirty);
  const isSweepDue = clean.some((segment) => mustSweep(segment, log, nowMs));
  if (!isSweepDue && !isDirtyEnough(log, clean, dirty, nowMs)) return null;
  const filter = new BatchFilter((header) => log.transactions.isAborted(header));
  const newest = new Map<string, number>();
  const isThere = (segment: Segment) => log.has(segment);
  const collected: Segment[] = [];
  for (const segment of dirty) {
    if (newest.size >= MAX_KEYS) break;
    if (!isThere(segment)) continue;
    yield* collect(segment, filter, newest, isThere);
    collected.push(segment);
  }
  let bytesBefore = 0;
  let bytesAfter = 0;
  for (const group of [...cleanGroups(clean, log, nowMs), ...merged(collected, log)]) {
    const sweeps = group.every(({ cleanedMs }) => cleanedMs >= 0 && nowMs >= cleanedMs + log.configs.deleteRetentionMs);
    const cleanedMs = sweeps
      ? SWEPT
      : Math.max(...group.map((segment) => (segment.cleanedMs < 0 ? nowMs : segment.cleanedMs)));
    const kept = yield* keptBatches(group, filter, keeper(newest, sweeps), isThere);
    if (kept === null) continue;
    for (const segment of group) bytesBefore += segment.sizeBytes;
    bytesAfter += log.rewrite(group, readAgain(kept), cleanedMs).sizeBytes;
  }
  return { bytesBefore, bytesAfter };
}

/** Closed segments up to the first that holds a record younger than min.compaction.lag.ms, or an open transaction's. */
function compactable(log: PartitionLog, nowMs: number): readonly Segment[] {
  const closed = log.closedSegments;
  const youngestMs = nowMs - log.configs.minCompactionLagMs;
  const { lastStableOffset } = log;
  const end = closed.findIndex(
    ({ maxTimestamp, nextOffset }) => maxTimestamp > youngestMs || nextOffset > lastStableOffset,
  );
  return end < 0 ? closed : closed.slice(0, end);
}

function isDirtyEnough(
  log: PartitionLog,
  clean: readonly Segment[],
  dirty: readonly Segment[],
  nowMs: number,
): boolean {
  const dirtyBytes = sizeOf(dirty);
  if (dirtyBytes === 0) return false;
  if (nowMs - dirty[0]!.createdMs >= log.configs.maxCompactionLagMs) return true;
  return dirtyBytes >= log.configs.minDirtyRatio * (dirtyBytes + sizeOf(clean));
}

/** Whether its tombstones have stayed long enough. */
function mustSweep({ cleanedMs }: Segment, log: PartitionLog, nowMs: number): boolean {
  return cleanedMs > SWEPT && nowMs >= cleanedMs + log.configs.deleteRetentionMs;
}

/** Cleaned neighbours are put together only where none of them still counts its tombstones' time. */
function cleanGroups(clean: readonly Segment[], log: PartitionLog, nowMs: number): Segment[][] {
  const counts = ({ cleanedMs }: Segment) =>
    Number.isFinite(log.configs.deleteRetentionMs) && nowMs < cleanedMs + log.configs.deleteRetentionMs;
  return runsOf(clean, (segment, before) => !counts(segment) && !counts(before)).flatMap((run) => merged(run, log));
}

function runsOf(segments: readonly Segment[], belongs: (segment: Segment, before: Segment) => boolean): Segment[][] {
  const runs: Segment[][] = [];
  for (const segment of segments) {
    const run = runs.at(-1);
    if (run !== undefined && belongs(segment, run.at(-1)!)) run.push(segment);
    else runs.push([segment]);
  }
  return runs;
}

/** Neighbours that fit into one segment together. */
function merged(segments: readonly Segment[], log: PartitionLog): Segment[][] {
  let bytes = 0;
  return runsOf(segments, (segment, before) => {
    bytes = bytes === 0 ? before.sizeBytes + segment.sizeBytes : bytes + segment.sizeBytes;
    if (bytes <= log.configs.segmentBytes) return true;
    bytes = segment.sizeBytes;
    return false;
  });
}

type IsThere = (segment: Segment) => boolean;
type IsKept = (records: ColumnBatch, i: number) => boolean;

/** What is left of a batch; where that is all of it, its bytes are read again when they are needed. */
interface Remainder extends KeptBatch {
  readonly segment: Segment;
  readonly row: number;
}

function* collect(
  segment: Segment,
  filter: BatchFilter,
  newest: Map<string, number>,
  isThere: IsThere,
): Generator<void, void, void> {
  for (let row = 0; row < segment.batchCount; row++) {
    const records = filter.open(segment.batchAt(row));
    for (let i = 0; i < (records?.count ?? 0); i++) newest.set(keyOf(records!, i), records!.offsets[i]!);
    yield;
    if (!isThere(segment)) return;
  }
}

function keeper(newest: NewestByKey, sweeps: boolean): IsKept {
  return (records, i) => {
    if (sweeps && records.valueStart[i]! < 0) return false;
    const newestOffset = newest.get(keyOf(records, i));
    return newestOffset === undefined || newestOffset <= records.offsets[i]!;
  };
}

/** Null when retention or DeleteRecords took a part of the group meanwhile: the next pass has the rest. */
function* keptBatches(
  group: readonly Segment[],
  filter: BatchFilter,
  isKept: IsKept,
  isThere: IsThere,
): Generator<void, Remainder[] | null, void> {
  const remainders: Remainder[] = [];
  for (const segment of group) {
    for (let row = 0; row < segment.batchCount; row++) {
      if (!group.every(isThere)) return null;
      const batch = segment.batchAt(row);
      const kept = filter.keep(batch, isKept);
      if (kept !== null) remainders.push({ ...kept, bytes: kept.bytes === batch ? WHOLE : kept.bytes, segment, row });
      yield;
    }
  }
  return group.every(isThere) ? remainders : null;
}

function* readAgain(remainders: readonly Remainder[]): IterableIterator<KeptBatch> {
  for (const remainder of remainders) {
    const { segment, row, bytes } = remainder;
    yield bytes === WHOLE ? { ...remainder, bytes: segment.batchAt(row) } : remainder;
  }
}

/** One character per byte. */
function keyOf({ bytes, keyStart, keyEnd }: ColumnBatch, i: number): string {
  const start = keyStart[i]!;
  if (start < 0) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, keyEnd[i]! - start).toString('latin1');
}

function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
