import type { BatchHeader } from '../../wire/batchHeader.ts';
import { PartitionTransactions } from './partitionTransactions.ts';
import { ProducerStates } from './producerStates.ts';
import { Segment } from './segment.ts';

/** The epoch of the one leader that there is. */
export const LEADER_EPOCH = 1;

/** Segments start small, as most topics of a test hold little, and double up to 4 MiB. */
const FIRST_SEGMENT_BYTES = 16 * 1024;
const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;

export interface LogRead {
  readonly chunks: readonly Buffer[];
  readonly bytes: number;
  /** Where the next batch begins; the offset asked for where nothing was read. */
  readonly endOffset: number;
}

/** Something that waits for records to arrive: a fetch in its long poll. */
export interface AppendListener {
  appended(bytes: number): void;
}

/** The records of one partition, in memory. One node: what is appended is committed, so high watermark = log end. */
export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly producers = new ProducerStates();
  readonly transactions = new PartitionTransactions();
  readonly listeners = new Set<AppendListener>();
  /** The first offset that may be read; DeleteRecords moves it. */
  logStartOffset = 0;
  /** Records taken from producers since the start; markers and fences are none. */
  recordsProduced = 0;
  private segments: Segment[] = [];

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get highWatermark(): number {
    return this.segments.length === 0 ? this.logStartOffset : this.segments[this.segments.length - 1]!.nextOffset;
  }

  /** Where a reader of committed records has to stop. */
  get lastStableOffset(): number {
    return this.transactions.lastStableOffset(this.logStartOffset, this.highWatermark);
  }

  /** Bytes of all batches kept. */
  get sizeBytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.bytesUsed;
    return bytes;
  }

  /** Appends one checked batch; returns its base offset. `logAppendTimeMs` is -1 to keep the producer's times. */
  append(batch: Buffer, header: BatchHeader, logAppendTimeMs: number): number {
    // No search by time finds a marker, as its time is none of a record.
    const maxTimestamp = header.isControl ? -1 : header.maxTimestamp;
    const segment = this.segmentFor(batch.length);
    return segment.append(batch, header.recordCount, maxTimestamp, LEADER_EPOCH, logAppendTimeMs);
  }

  /** Takes the next offset for something that no fetch returns, and returns it. */
  skipOffset(): number {
    return this.segmentFor(0).nextOffset++;
  }

  /**
   * Whole batches from the one that holds `offset`, or follows it, up to those that begin at `endOffset`. `offset` lies
   * within the log, or is its end.
   */
  read(offset: number, maxBytes: number, atLeastOne: boolean, endOffset = Number.POSITIVE_INFINITY): LogRead {
    if (offset >= this.highWatermark || offset >= endOffset) return { chunks: [], bytes: 0, endOffset: offset };
    const chunks: Buffer[] = [];
    let bytes = 0;
    let next = offset;
    let at = this.segmentOf(offset);
    let row = this.segments[at]!.rowOf(offset);
    for (; at < this.segments.length; at++, row = 0) {
      const segment = this.segments[at]!;
      if (row >= segment.batchCount) continue;
      const chunk = segment.slice(row, maxBytes - bytes, atLeastOne && bytes === 0, endOffset);
      if (chunk === null) break;
      chunks.push(chunk);
      bytes += chunk.length;
      next = segment.offsetAfter(chunk);
      // What follows a batch that did not fit must not go out either: it would leave a hole.
      if (bytes >= maxBytes || !segment.endsWith(chunk)) break;
    }
    return { chunks, bytes, endOffset: next };
  }

  /** The first batch with a record at or after a time, from the batch that holds offset `from` on. */
  batchAtTime(timestampMs: number, from: number): Buffer | null {
    for (const segment of this.segments) {
      if (segment.nextOffset <= from) continue;
      const row = segment.rowAtTime(timestampMs, from <= segment.baseOffset ? 0 : segment.rowOf(from));
      if (row >= 0) return segment.batchAt(row);
    }
    return null;
  }

  /** The newest record time that any batch states; -1 in an empty log. */
  newestTimestamp(): number {
    let newest = -1;
    for (const segment of this.segments) newest = Math.max(newest, segment.maxTimestamp);
    return newest;
  }

  /** Moves the log start; segments that lie wholly before it are freed. The offset is within the log. */
  deleteBefore(offset: number): void {
    if (offset <= this.logStartOffset) return;
    this.logStartOffset = offset;
    this.transactions.forgetBefore(offset);
    // The last segment stays, as it knows the next offset.
    const keepFrom = this.segments.findIndex((segment) => segment.nextOffset > offset);
    const from = keepFrom < 0 ? this.segments.length - 1 : keepFrom;
    if (from > 0) this.segments = this.segments.slice(from);
  }

  /** Wakes the fetches that wait here. */
  notify(bytes: number): void {
    for (const listener of this.listeners) listener.appended(bytes);
  }

  private segmentFor(bytes: number): Segment {
    const last = this.segments[this.segments.length - 1];
    if (last?.hasRoomFor(bytes)) return last;
    const grown = last === undefined ? FIRST_SEGMENT_BYTES : last.capacityBytes * 2;
    const segment = new Segment(this.highWatermark, Math.max(bytes, Math.min(grown, MAX_SEGMENT_BYTES)));
    this.segments.push(segment);
    return segment;
  }

  private segmentOf(offset: number): number {
    let low = 0;
    let high = this.segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.segments[middle]!.baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
