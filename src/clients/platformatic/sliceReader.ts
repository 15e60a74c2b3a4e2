import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { BatchHeader, batchSizeBytes, readBatchHeader } from '../../wire/batchHeader.ts';
import { DecompressedBytes } from '../../wire/compression.ts';
import { readRecords } from '../../wire/records.ts';
import type { CorruptBatch } from '../client.ts';
import type { FetchedResponse, FetchedSlice } from './brokerFetcher.ts';

/** Reads the batches of a fetch response one after the other into the consumer's column batch. */
export class SliceReader {
  readonly #batch: ColumnBatch;
  readonly #isolation: 'read_committed' | 'read_uncommitted';
  readonly #header = new BatchHeader();
  readonly #scratch = new DecompressedBytes();
  #corrupt: CorruptBatch[] = [];

  constructor(batch: ColumnBatch, isolation: 'read_committed' | 'read_uncommitted') {
    this.#batch = batch;
    this.#isolation = isolation;
  }

  takeCorrupt(): CorruptBatch[] {
    const taken = this.#corrupt;
    this.#corrupt = [];
    return taken;
  }

  /** Finds the end of the last whole batch, cuts the slice there, and sets where the next fetch goes on. */
  open(slice: FetchedSlice, bytes: Uint8Array): void {
    let at = slice.at;
    for (;;) {
      if (!readBatchHeader(bytes, at, this.#header, slice.end)) break;
      at = this.#header.end;
      slice.partition.fetchOffset = Math.max(slice.partition.fetchOffset, this.#header.nextOffset);
    }
    slice.end = at;
  }

  /** The next batch with records of ours, or null at the end of the response. */
  next(response: FetchedResponse): ColumnBatch | null {
    for (; response.index < response.slices.length; response.index++) {
      const slice = response.slices[response.index]!;
      const { partition } = slice;
      while (slice.at < slice.end && slice.epoch === partition.epoch && !partition.isRevoked) {
        if (this.#read(slice, response.bytes)) return this.#batch;
      }
    }
    return null;
  }

  #read(slice: FetchedSlice, bytes: Uint8Array): boolean {
    const { partition } = slice;
    const header = this.#header;
    readBatchHeader(bytes, slice.at, header, slice.end);
    slice.at = header.end;
    if (header.nextOffset <= partition.position) return false;
    if (header.isControl) {
      partition.position = header.nextOffset;
      return false;
    }
    const batch = this.#batch;
    const count = readRecords(bytes, header, batch, this.#scratch, { startOffset: partition.position });
    batch.topic = partition.topic;
    batch.partition = partition.partition;
    partition.position = header.nextOffset;
    return count > 0;
  }
}
