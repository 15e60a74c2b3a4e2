import type { PartitionLog } from './partitionLog.ts';
import type { Segment } from './segment.ts';

/**
 * Retention as Kafka has it: whole segments go, oldest first; by size while the log stays at retention.bytes or above
 * without them, by time when the newest record time in them is past retention.ms. So old data loaded with its own
 * times goes at once. Moves the log start; returns how many bytes were freed.
 */
export function applyRetention(log: PartitionLog, nowMs: number): number {
  const { configs } = log;
  if (!configs.isDeleted) return 0;
  const sizeBefore = log.sizeBytes;
  const active = log.activeSegment;
  if (active === undefined) return 0;
  let size = sizeBefore;
  let upTo = -1;
  for (const segment of [...log.closedSegments, active]) {
    const isTooMuch = size - segment.sizeBytes >= configs.retentionBytes;
    if (!isTooMuch && !isExpired(segment, nowMs - configs.retentionMs)) break;
    upTo = segment.nextOffset;
    size -= segment.sizeBytes;
  }
  if (upTo > log.logStartOffset) log.deleteBefore(upTo);
  return sizeBefore - log.sizeBytes;
}

/** Records without a time count from the segment's beginning; one that compaction emptied goes with its neighbours. */
function isExpired({ maxTimestamp, batchCount, createdMs }: Segment, beforeMs: number): boolean {
  return (maxTimestamp < 0 && batchCount > 0 ? createdMs : maxTimestamp) < beforeMs;
}

/** Ends the active segment when its time is over, so that retention and compaction get at it without a new record. */
export function rollByTime(log: PartitionLog, nowMs: number): void {
  const active = log.activeSegment;
  if (active === undefined || active.batchCount === 0) return;
  const { configs } = log;
  const longestMs = configs.isCompacted ? Math.min(configs.segmentMs, configs.maxCompactionLagMs) : configs.segmentMs;
  if (nowMs - active.createdMs >= longestMs) log.roll();
}
