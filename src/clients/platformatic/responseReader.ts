import type { ColumnBatch } from '../../engine/batch.ts';
import { isAnomalyError } from '../../errors.ts';
import { BatchHeader, readBatchHeader } from '../../wire/batchHeader.ts';
import type { OffsetHole } from '../../wire/continuity.ts';
import type { CorruptBatch } from '../client.ts';
import type { AssignedPartition } from './assignedPartition.ts';
import type { FetchedResponse, FetchedSlice } from './brokerFetcher.ts';

/** A partition whose offsets have a hole, to be looked into before it is read on. */
export interface FoundHole extends OffsetHole {
  readonly partition: AssignedPartition;
  /** The log said that it ends later, and sent nothing: what is found there is simply read. */
  readonly isAtEnd: boolean;
}

/** Codec number of Zstandard in a batch's attributes (KIP-110). */
const ZSTD = 4;

/** Reads fetch responses, batch by batch, into the consumer's column batch. */
export class ResponseReader {
  readonly #batch: ColumnBatch;
  readonly #header = new BatchHeader();
  readonly #onHole: (hole: FoundHole) => void;
  /** A batch in zstd has come, whose decoder is loaded only then: it costs a tenth of a second at a start. */
  hasZstd = false;
  #corrupt: CorruptBatch[] = [];

  constructor(batch: ColumnBatch, onHole: (hole: FoundHole) => void) {
    this.#batch = batch;
    this.#onHole = onHole;
  }

  takeCorrupt(): CorruptBatch[] {
    const taken = this.#corrupt;
    this.#corrupt = [];
    return taken;
  }

  /** Sets where the partition's next fetch goes on: behind the last whole batch of the slice. */
  lookAhead(slice: FetchedSlice, bytes: Uint8Array): void {
    const { partition } = slice;
    let at = slice.start;
    try {
      while (readBatchHeader(bytes, at, this.#header, slice.end)) {
        at = this.#header.end;
        if (this.#header.codec === ZSTD) this.hasZstd = true;
        partition.fetchOffset = Math.max(partition.fetchOffset, this.#header.nextOffset);
      }
    } catch (error) {
      // The walk meets the same batch and deals with it.
      if (!isAnomalyError(error)) throw error;
    }
  }

  /** The next batch with records of ours, or null at the end of the response. */
  next(response: FetchedResponse): ColumnBatch | null {
    for (; response.index < response.slices.length; response.index++) {
      const slice = response.slices[response.index]!;
      const { partition } = slice;
      if (slice.epoch !== partition.epoch || partition.isRevoked || slice.errorCode !== 0) continue;
      if (!slice.isOpen) {
        slice.isOpen = true;
        partition.reader.open(response.bytes, slice.start, slice.end, slice.aborted, slice.logStartOffset);
      }
      try {
        if (this.#read(slice, response)) return this.#batch;
      } catch (error) {
        if (!isAnomalyError(error)) throw error;
        partition.fail(error);
      }
    }
    return null;
  }

  /** True with a batch of records; false when the slice has no more to give. */
  #read(slice: FetchedSlice, response: FetchedResponse): boolean {
    const { partition } = slice;
    const { reader } = partition;
    for (;;) {
      switch (reader.next(this.#batch)) {
        case 'data':
          this.#batch.topic = partition.topic;
          this.#batch.partition = partition.partition;
          this.#batch.waitedMs = performance.now() - response.arrivedMs;
          return true;
        case 'end':
          partition.wantedBytes = Math.max(reader.cutBatchBytes, 0);
          if (response.isEmpty) this.#readNothing(slice);
          return false;
        case 'hole':
          this.#onHole({ partition, ...reader.hole!, isAtEnd: false });
          return false;
        case 'corrupt':
          if (!this.#readCorrupt(partition, response.bytes)) return false;
      }
    }
  }

  /** The log is said to go on, and a fetch that had room for it found nothing. */
  #readNothing(slice: FetchedSlice): void {
    const { partition } = slice;
    const hole = partition.reader.continuity.observeEmpty(partition.endOffset, slice.logStartOffset);
    if (hole !== null) this.#onHole({ partition, ...hole, isAtEnd: true });
  }

  /** The first time: fetch it again. The second time: keep its bytes for the dead letters, and go on behind it. */
  #readCorrupt(partition: AssignedPartition, bytes: Uint8Array): boolean {
    const range = partition.reader.corrupt!;
    if (partition.corruptOffset !== range.firstOffset) {
      partition.corruptOffset = range.firstOffset;
      partition.rewind();
      return false;
    }
    this.#corrupt.push({
      topic: partition.topic,
      partition: partition.partition,
      firstOffset: range.firstOffset,
      nextOffset: range.nextOffset,
      bytes: bytes.slice(range.start, range.end),
      recordCount: range.recordCount,
      reason: range.reason,
    });
    partition.corruptOffset = -1;
    partition.reader.skipCorrupt();
    return true;
  }
}
