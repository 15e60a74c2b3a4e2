import type { PartitionTransactions } from './partitionTransactions.ts';
import type { ProducerStates } from './producerStates.ts';
import { Segment } from './segment.ts';
import { MemoryBudget, MemoryBytes, type SegmentBytes } from './segmentBytes.ts';

/** A batch that stays when a segment is written anew; its offsets are set. */
export interface KeptBatch {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  readonly lastOffsetDelta: number;
  readonly maxTimestamp: number;
}

/** What a log knows besides its batches; it can be told from them. */
export interface LogState {
  readonly producers: ProducerStates;
  readonly transactions: PartitionTransactions;
}

/** The offset that a transaction takes when it reaches a partition. */
export interface Fence {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly offset: number;
}

/** What was there at the start. */
export interface Recovered {
  readonly segments: readonly Segment[];
  readonly logStartOffset: number;
}

/** Makes and keeps the segments of one partition, in memory or in files. */
export interface SegmentStore {
  /** Called once, before anything else; fills `state`. */
  recover(state: LogState): Recovered;
  /** Room for a new active segment that takes `firstBytes` at the least and `segmentBytes` at the most. */
  create(baseOffset: number, firstBytes: number, segmentBytes: number): SegmentBytes;
  /** Nothing more comes into this segment: what is needed to find it again quickly is kept beside it. */
  seal(segment: Segment, state: LogState): void;
  /** Puts one segment with these batches into the place of neighbours: all of it, or nothing. */
  rewrite(group: readonly Segment[], batches: Iterable<KeptBatch>, cleanedMs: number): Segment;
  drop(segment: Segment): void;
  /** A transaction takes the next offset, and no batch will be there. Called before it does. */
  fenced(fence: Fence): void;
  /** That transaction's marker is in the log. */
  unfenced(producerId: number): void;
  /** The log starts later now. Called before what lies before it is dropped. */
  startMoved(offset: number): void;
  /** The end of an orderly life. */
  close(segments: readonly Segment[], state: LogState): void;
  /** The partition is gone. */
  remove(segments: readonly Segment[]): void;
}

/** Segments in memory start small, as most topics of a test hold little, and double up to 4 MiB. */
const FIRST_SEGMENT_BYTES = 16 * 1024;
const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;

/** Segments that live as long as the process. */
export class MemorySegments implements SegmentStore {
  private readonly budget: MemoryBudget;
  private nextBytes = FIRST_SEGMENT_BYTES;

  constructor(budget = new MemoryBudget()) {
    this.budget = budget;
  }

  recover(): Recovered {
    return { segments: [], logStartOffset: 0 };
  }

  create(_baseOffset: number, firstBytes: number, segmentBytes: number): SegmentBytes {
    const bytes = new MemoryBytes(Math.max(firstBytes, Math.min(this.nextBytes, segmentBytes)), this.budget);
    this.nextBytes = Math.min(this.nextBytes * 2, MAX_SEGMENT_BYTES);
    return bytes;
  }

  seal(segment: Segment): void {
    segment.index.trim();
  }

  rewrite(group: readonly Segment[], batches: Iterable<KeptBatch>, cleanedMs: number): Segment {
    const kept = [...batches];
    const size = kept.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const segment = rewritten(group, new MemoryBytes(size, this.budget), cleanedMs);
    for (const batch of kept) put(segment, batch);
    finish(segment, group);
    for (const old of group) old.bytes.remove();
    return segment;
  }

  drop(segment: Segment): void {
    segment.bytes.remove();
  }

  fenced(): void {}

  unfenced(): void {}

  startMoved(): void {}

  close(): void {}

  remove(segments: readonly Segment[]): void {
    for (const segment of segments) segment.bytes.remove();
  }
}

/** An empty segment that begins where its group does. */
export function rewritten(group: readonly Segment[], bytes: SegmentBytes, cleanedMs: number): Segment {
  const [first] = group;
  return new Segment(first!.baseOffset, bytes, { createdMs: first!.createdMs, cleanedMs });
}

export function put(segment: Segment, { bytes, baseOffset, lastOffsetDelta, maxTimestamp }: KeptBatch): void {
  segment.appendAsIs(bytes, baseOffset, lastOffsetDelta, maxTimestamp);
}

/** It ends where its group did, even if the last batches are gone. */
export function finish(segment: Segment, group: readonly Segment[]): void {
  segment.nextOffset = group[group.length - 1]!.nextOffset;
  segment.index.trim();
}
