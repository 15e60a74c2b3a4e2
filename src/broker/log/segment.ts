import { type BatchHeader, patchBatchOffset, patchLogAppendTime } from '../../wire/batchHeader.ts';
import { BatchIndex } from './batchIndex.ts';
import type { SegmentBytes } from './segmentBytes.ts';

/** What a segment is besides its batches. */
export interface SegmentOptions {
  /** Broker's time of its beginning, which segment.ms counts from. */
  readonly createdMs: number;
  readonly index?: BatchIndex;
  /** Where the next segment begins, when compaction took the last batches. */
  readonly nextOffset?: number;
  /** When what it holds was compacted first; -1 before. delete.retention.ms counts from it. */
  readonly cleanedMs?: number;
}

/** A stretch of a partition's log: batches one after the other, and an index of them in memory. */
export class Segment {
  readonly baseOffset: number;
  readonly createdMs: number;
  readonly cleanedMs: number;
  nextOffset: number;
  readonly index: BatchIndex;
  readonly bytes: SegmentBytes;

  constructor(baseOffset: number, bytes: SegmentBytes, options: SegmentOptions) {
    this.baseOffset = baseOffset;
    this.bytes = bytes;
    this.index = options.index ?? new BatchIndex();
    this.createdMs = options.createdMs;
    this.cleanedMs = options.cleanedMs ?? -1;
    const { count } = this.index;
    this.nextOffset = options.nextOffset ?? (count === 0 ? baseOffset : this.index.nextOffsetOf(count - 1));
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  get batchCount(): number {
    return this.index.count;
  }

  /** The newest record time that any batch states; -1 without batches. */
  get maxTimestamp(): number {
    return this.index.maxTimestamp;
  }

  hasRoomFor(bytes: number): boolean {
    return this.bytes.length + bytes <= this.bytes.capacity;
  }

  /**
   * Gives one batch the next offset and the epoch, in place, and takes it in. `logAppendTimeMs` >= 0 replaces the
   * producer's times. Returns the base offset. @throws StorageError, and then nothing was taken
   */
  append(batch: Buffer, header: BatchHeader, leaderEpoch: number, logAppendTimeMs: number): number {
    const baseOffset = this.nextOffset;
    patchBatchOffset(batch, 0, baseOffset, leaderEpoch);
    if (logAppendTimeMs >= 0) patchLogAppendTime(batch, 0, logAppendTimeMs);
    const maxTimestamp = logAppendTimeMs >= 0 ? logAppendTimeMs : header.maxTimestamp;
    // No search by time finds a marker, as its time is none of a record.
    this.appendAsIs(batch, baseOffset, header.lastOffsetDelta, header.isControl ? -1 : maxTimestamp);
    return baseOffset;
  }

  /** A batch that has its offset already, at or after the next one. */
  appendAsIs(batch: Buffer, baseOffset: number, lastOffsetDelta: number, maxTimestamp: number): void {
    const position = this.bytes.length;
    this.bytes.append(batch);
    this.index.add(baseOffset, lastOffsetDelta, maxTimestamp, position);
    this.nextOffset = baseOffset + lastOffsetDelta + 1;
  }

  /** Bytes of one batch. */
  batchAt(row: number): Buffer {
    return this.read(row, row + 1);
  }

  /** Bytes of the batches of rows [from, to). */
  read(from: number, to: number): Buffer {
    const start = this.index.positionOf(from);
    return this.bytes.read(start, this.startOf(to) - start);
  }

  /** The row after the last one that fits into `maxBytes` from `row` on; `row` itself where not even that one does. */
  rowsWithin(row: number, maxBytes: number): number {
    const start = this.index.positionOf(row);
    if (this.bytes.length - start <= maxBytes) return this.index.count;
    let fits = row;
    let high = this.index.count;
    while (fits < high) {
      const middle = (fits + high + 1) >> 1;
      if (this.startOf(middle) - start <= maxBytes) fits = middle;
      else high = middle - 1;
    }
    return fits;
  }

  /** How many batches begin before an offset. */
  rowsBefore(offset: number): number {
    return offset >= this.nextOffset ? this.index.count : this.index.rowsBefore(offset);
  }

  /** Where the batch of a row begins; past the last one, where the next segment does. */
  offsetAfter(row: number): number {
    return row < this.index.count ? this.index.baseOffsetOf(row) : this.nextOffset;
  }

  private startOf(row: number): number {
    return row < this.index.count ? this.index.positionOf(row) : this.bytes.length;
  }
}
