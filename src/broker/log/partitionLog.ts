import type { BatchHeader } from '../../wire/batchHeader.ts';
import { type Clock, systemClock } from '../clock.ts';
import { TopicConfigs } from '../topicConfigs.ts';
import { PartitionTransactions } from './partitionTransactions.ts';
import { ProducerStates } from './producerStates.ts';
import { Segment } from './segment.ts';
import { type KeptBatch, MemorySegments, type SegmentStore } from './segmentStore.ts';

/** The epoch of the one leader that there is. */
export const LEADER_EPOCH = 1;

export interface LogRead {
  readonly chunks: readonly Buffer[];
  readonly bytes: number;
  /** Where the batch after those begins. */
  readonly endOffset: number;
}

/** Something that waits for records to arrive: a fetch in its long poll. */
export interface AppendListener {
  appended(bytes: number): void;
}

/** What a log lives in. */
export interface LogEnvironment {
  readonly clock: Clock;
  readonly configs: TopicConfigs;
  readonly store: SegmentStore;
  /** See ProducerStates. Default: of none. */
  readonly isKnownProducer?: (producerId: number) => boolean;
}

/** The records of one partition. One node: what is appended is committed, so high watermark = log end. */
export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly producers: ProducerStates;
  readonly transactions = new PartitionTransactions();
  readonly listeners = new Set<AppendListener>();
  /** The first offset that may be read; retention and DeleteRecords move it. */
  logStartOffset: number;
  /** Records taken from producers since the start; markers and fences are none. */
  recordsProduced = 0;
  bytesProduced = 0;
  /** What fetches were sent of it since the start. */
  recordsFetched = 0;
  bytesFetched = 0;
  private readonly environment: LogEnvironment;
  private segments: Segment[];

  /** Without an environment it lives in memory, with the default configuration. */
  constructor(topic: string, partition: number, environment?: LogEnvironment) {
    this.topic = topic;
    this.partition = partition;
    this.environment = environment ?? {
      clock: systemClock,
      configs: new TopicConfigs(),
      store: new MemorySegments(),
    };
    const { clock, isKnownProducer = () => false } = this.environment;
    this.producers = new ProducerStates(clock, isKnownProducer);
    const { segments, logStartOffset } = this.environment.store.recover(this);
    this.segments = [...segments];
    this.logStartOffset = logStartOffset;
  }

  get configs(): TopicConfigs {
    return this.environment.configs;
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
    for (const segment of this.segments) bytes += segment.sizeBytes;
    return bytes;
  }

  /** All but the one that is appended to. */
  get closedSegments(): readonly Segment[] {
    return this.segments.slice(0, -1);
  }

  get activeSegment(): Segment | undefined {
    return this.segments[this.segments.length - 1];
  }

  /**
   * Appends one checked batch; returns its base offset, which is written into the batch. `logAppendTimeMs` is -1 to
   * keep the producer's times. @throws StorageError, and then nothing was appended
   */
  append(batch: Buffer, header: BatchHeader, logAppendTimeMs: number): number {
    return this.segmentFor(batch.length).append(batch, header, LEADER_EPOCH, logAppendTimeMs);
  }

  /**
   * The partition becomes part of a producer's transaction. With `hasFence` that takes one offset, which no fetch
   * returns: Redpanda keeps a record of its own there (tx_fence). @throws StorageError
   */
  beginTransaction(producerId: number, producerEpoch: number, hasFence: boolean): void {
    let fence = -1;
    if (hasFence) {
      const segment = this.segmentFor(0);
      fence = segment.nextOffset;
      this.environment.store.fenced({ producerId, producerEpoch, offset: fence });
      segment.nextOffset++;
    }
    this.transactions.begin(producerId, producerEpoch, fence);
    this.producers.beginTransaction(producerId, producerEpoch);
  }

  /** Its marker was appended. */
  endTransaction(producerId: number, markerOffset: number, isCommit: boolean): void {
    this.transactions.end(producerId, markerOffset, isCommit);
    this.environment.store.unfenced(producerId);
  }

  /** Ends the active segment, if it holds anything, so that retention and compaction may have it. */
  roll(firstBytes = 0): Segment {
    const { clock, store, configs } = this.environment;
    const base = this.highWatermark;
    let ended = this.activeSegment;
    if (ended !== undefined && ended.batchCount === 0 && ended.nextOffset === ended.baseOffset) {
      if (ended.hasRoomFor(firstBytes)) return ended;
      store.drop(this.segments.pop()!);
      ended = undefined;
    }
    // First what may fail: the old segment stays the active one then.
    const bytes = store.create(base, firstBytes, configs.segmentBytes);
    if (ended !== undefined) store.seal(ended, this);
    const segment = new Segment(base, bytes, { createdMs: clock.now() });
    this.segments.push(segment);
    return segment;
  }

  /**
   * Whole batches from the one that holds `offset`, or follows it, up to those that begin at `endOffset`. `offset` lies
   * within the log, or is its end. @throws StorageError
   */
  read(offset: number, maxBytes: number, atLeastOne: boolean, endOffset = Number.POSITIVE_INFINITY): LogRead {
    const chunks: Buffer[] = [];
    if (offset >= this.highWatermark || offset >= endOffset) return { chunks, bytes: 0, endOffset: offset };
    let bytes = 0;
    let next = offset;
    let at = this.segmentOf(offset);
    let row = this.segments[at]!.index.rowOf(offset);
    for (; at < this.segments.length; at++, row = 0) {
      const segment = this.segments[at]!;
      const rows = segment.rowsBefore(endOffset);
      if (row >= rows) continue;
      let end = Math.min(rows, segment.rowsWithin(row, maxBytes - bytes));
      if (end === row && atLeastOne && bytes === 0) end = row + 1;
      if (end === row) break;
      const chunk = segment.read(row, end);
      chunks.push(chunk);
      bytes += chunk.length;
      next = segment.offsetAfter(end);
      // What follows a batch that did not fit must not go out either: it would leave a hole.
      if (bytes >= maxBytes || end < segment.batchCount) break;
    }
    return { chunks, bytes, endOffset: next };
  }

  /** The first batch with a record at or after a time, from the batch that holds offset `from` on. */
  batchAtTime(timestampMs: number, from: number): Buffer | null {
    for (const segment of this.segments) {
      if (segment.nextOffset <= from) continue;
      const row = segment.index.rowAtTime(timestampMs, segment.index.rowOf(from));
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
    if (offset === this.highWatermark) this.roll();
    this.environment.store.startMoved(offset);
    this.logStartOffset = offset;
    this.transactions.forgetBefore(offset);
    // The last segment stays, as it knows the next offset.
    while (this.segments.length > 1 && this.segments[0]!.nextOffset <= offset) {
      this.environment.store.drop(this.segments.shift()!);
    }
  }

  /** Whether a segment is still one of the log's. */
  has(segment: Segment): boolean {
    return this.segments[this.segmentOf(segment.baseOffset)] === segment;
  }

  /** Writes neighbouring closed segments anew, with these batches only. */
  rewrite(group: readonly Segment[], batches: Iterable<KeptBatch>, cleanedMs: number): Segment {
    const at = this.segments.indexOf(group[0]!);
    const segment = this.environment.store.rewrite(group, batches, cleanedMs);
    this.segments.splice(at, group.length, segment);
    return segment;
  }

  /** Wakes the fetches that wait here. */
  notify(bytes: number): void {
    for (const listener of this.listeners) listener.appended(bytes);
  }

  close(): void {
    this.environment.store.close(this.segments, this);
  }

  /** The topic is deleted. A fetch that waits here looks again, and finds that it is gone. */
  remove(): void {
    this.environment.store.remove(this.segments);
    this.notify(Number.POSITIVE_INFINITY);
  }

  private segmentFor(bytes: number): Segment {
    const segment = this.activeSegment;
    return segment === undefined || this.isFull(segment, bytes) ? this.roll(bytes) : segment;
  }

  private isFull(segment: Segment, moreBytes: number): boolean {
    if (segment.batchCount === 0) return !segment.hasRoomFor(moreBytes);
    const { configs, clock } = this.environment;
    if (segment.sizeBytes + moreBytes > configs.segmentBytes || !segment.hasRoomFor(moreBytes)) return true;
    return clock.now() - segment.createdMs >= configs.segmentMs;
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
