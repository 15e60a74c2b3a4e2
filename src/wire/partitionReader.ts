import type { ColumnBatch } from '../engine/batch.ts';
import { isAnomalyError } from '../errors.ts';
import { BATCH_HEADER_BYTES, BatchHeader, batchSizeBytes, hasValidCrc, readBatchHeader } from './batchHeader.ts';
import { DecompressedBytes } from './compression.ts';
import { OffsetContinuity, type OffsetHole } from './continuity.ts';
import { ABORT_MARKER, markerType } from './controlBatch.ts';
import { readRecords } from './records.ts';

/**
 * What `next` found: a batch of records in the columns; the end of the fetched bytes; a hole in the offsets that
 * nothing explains; or a batch that cannot be read.
 */
export type ReadResult = 'data' | 'end' | 'hole' | 'corrupt';

export interface PartitionReaderOptions {
  readonly isolation: 'read_committed' | 'read_uncommitted';
  /** Default true. */
  readonly checkCrc?: boolean;
  readonly isCompacted?: boolean;
  /** May be shared by readers whose batches are not in use at once. */
  readonly scratch?: DecompressedBytes;
}

/** A batch that cannot be read, by place and offsets. */
export interface CorruptRange {
  /** [start, end) in the fetched bytes. */
  readonly start: number;
  readonly end: number;
  /** Offsets [firstOffset, nextOffset) that it stands for, as far as its header can be believed. */
  readonly firstOffset: number;
  readonly nextOffset: number;
  /** As the header says; 0 where that is impossible. */
  readonly recordCount: number;
  readonly reason: string;
}

const NONE: readonly number[] = [];
const EMPTY = new Uint8Array(0);

/**
 * Walks the fetched bytes of one partition, batch by batch, into columns. Control batches and, under read_committed,
 * the records of aborted transactions are stepped over; every batch header is held against the offsets before it.
 * One reader per partition: it keeps the position from fetch to fetch.
 */
export class PartitionReader {
  readonly continuity: OffsetContinuity;
  /** After 'hole': the offsets to fetch again raw; then `acceptHole` and `next`, or an error. */
  hole: OffsetHole | null = null;
  /** After 'corrupt': fetch again once; then `skipCorrupt` and `next`. */
  corrupt: CorruptRange | null = null;
  readonly #isCommitted: boolean;
  readonly #checkCrc: boolean;
  readonly #scratch: DecompressedBytes;
  readonly #header = new BatchHeader();
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #at = 0;
  #end = 0;
  #logStartOffset = -1;
  /** Where the batch before ended: the base offset is not under the CRC, but it never goes back. */
  #previousNext = 0;
  /** Producer id and first offset in turns, by first offset; how many numbers of it are used up. */
  #aborted = NONE;
  #abortedUsed = 0;
  readonly #abortedProducers = new Set<number>();

  constructor(position: number, options: PartitionReaderOptions) {
    this.continuity = new OffsetContinuity(position, options.isCompacted);
    this.#isCommitted = options.isolation === 'read_committed';
    this.#checkCrc = options.checkCrc !== false;
    this.#scratch = options.scratch ?? new DecompressedBytes();
  }

  /** The next offset to read, past control batches and explained holes: what may be fetched from and committed. */
  get position(): number {
    return this.continuity.position;
  }

  /**
   * Bytes of a whole batch when the open bytes hold not even their first one, else 0: a fetch that should allow more.
   */
  get cutBatchBytes(): number {
    return this.#at === this.#start && this.#at < this.#end ? batchSizeBytes(this.#bytes, this.#at, this.#end) : 0;
  }

  /** Goes on at another offset; what is open is dropped. */
  seek(position: number): void {
    this.continuity.seek(position);
    this.open(EMPTY, 0, 0, NONE, -1);
  }

  /**
   * Opens the records of a fetch from `position`: bytes[start, end), with the aborted transactions (producer id and
   * first offset in turns) and the log start of the same response. The bytes must stay as they are until 'end'.
   */
  open(bytes: Uint8Array, start: number, end: number, aborted: readonly number[] = NONE, logStartOffset = -1): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.#logStartOffset = logStartOffset;
    this.#aborted = sortedByOffset(aborted);
    this.#previousNext = 0;
    this.#abortedUsed = 0;
    this.#abortedProducers.clear();
    this.hole = null;
    this.corrupt = null;
  }

  /**
   * Reads up to the next batch with records for the caller into `out` (see `readRecords`). Throws ANM_UNSUPPORTED on
   * message formats before 2 and on unknown codecs.
   */
  next(out: ColumnBatch): ReadResult {
    const header = this.#header;
    for (;;) {
      if (this.corrupt !== null) return 'corrupt';
      try {
        if (!readBatchHeader(this.#bytes, this.#at, header, this.#end)) return 'end';
      } catch (error) {
        return this.#corruptBy(error, false);
      }
      if (this.#checkCrc && !hasValidCrc(this.#bytes, header))
        return this.#markCorrupt('its CRC-32C does not match', true);
      if (header.baseOffset < this.#previousNext) {
        return this.#markCorrupt(`its offset lies before ${this.#previousNext}, where the last one ended`, true);
      }
      if (header.nextOffset <= this.position) {
        this.#step(header);
        this.#followTransaction(header);
        continue;
      }
      const startOffset = Math.max(this.position, header.baseOffset);
      const { baseOffset, nextOffset, isTransactional } = header;
      // The position moves past the batch only once it is read.
      this.hole = this.continuity.observe(baseOffset, baseOffset, isTransactional, this.#logStartOffset);
      if (this.hole !== null) return 'hole';
      const isSkipped = this.#followTransaction(header);
      out.count = 0;
      if (!isSkipped) {
        try {
          readRecords(this.#bytes, header, out, this.#scratch, { startOffset, checkCrc: false });
        } catch (error) {
          return this.#corruptBy(error, true);
        }
      }
      this.continuity.observe(baseOffset, nextOffset, isTransactional, this.#logStartOffset);
      this.#step(header);
      if (out.count > 0) return 'data';
    }
  }

  #step(header: BatchHeader): void {
    this.#at = header.end;
    this.#previousNext = header.nextOffset;
  }

  /** The hole was fetched again, raw, and nothing is there: `next` goes on behind it. */
  acceptHole(): void {
    if (this.hole !== null) this.continuity.accept(this.hole.to);
    this.hole = null;
  }

  /** Steps past the batch that could not be read. */
  skipCorrupt(): void {
    if (this.corrupt === null) return;
    this.#at = this.corrupt.end;
    this.continuity.seek(Math.max(this.position, this.corrupt.nextOffset));
    this.corrupt = null;
  }

  /** Keeps track of aborted producers; true when the batch holds nothing for the caller. */
  #followTransaction(header: BatchHeader): boolean {
    if (!header.isTransactional && !header.isControl) return false;
    if (this.#isCommitted) {
      while (this.#abortedUsed < this.#aborted.length && this.#aborted[this.#abortedUsed + 1]! < header.nextOffset) {
        this.#abortedProducers.add(this.#aborted[this.#abortedUsed]!);
        this.#abortedUsed += 2;
      }
    }
    if (!header.isControl) return this.#abortedProducers.has(header.producerId);
    if (markerType(this.#bytes, header) === ABORT_MARKER) this.#abortedProducers.delete(header.producerId);
    return true;
  }

  #corruptBy(error: unknown, hasHeader: boolean): ReadResult {
    if (!isAnomalyError(error) || error.code !== 'ANM_CORRUPT_BATCH') throw error;
    return this.#markCorrupt(String(error.details['reason'] ?? error.message), hasHeader);
  }

  /**
   * Takes the offset range from the header where that is plausible, else up to the batch that follows where one of the
   * header's two counts agrees, else one offset: too little is read again, too much would be lost.
   */
  #markCorrupt(reason: string, hasHeader: boolean): ReadResult {
    const header = this.#header;
    const firstOffset = this.position;
    const end = hasHeader ? header.end : this.#end;
    const following = hasHeader ? this.#followingOffset(end) : -1;
    const covered = following - firstOffset;
    let nextOffset = firstOffset + 1;
    let recordCount = 0;
    if (hasHeader && this.#isPlausible(header, firstOffset)) {
      nextOffset = covered > 0 ? Math.min(header.nextOffset, following) : header.nextOffset;
      recordCount = Math.min(header.recordCount, nextOffset - firstOffset);
    } else if (covered > 0 && (covered === header.recordCount || covered === header.lastOffsetDelta + 1)) {
      nextOffset = following;
      recordCount = covered;
    }
    this.corrupt = { start: this.#at, end, firstOffset, nextOffset, recordCount, reason };
    return 'corrupt';
  }

  /** Whether a header whose CRC fails may still be right about its offsets: they follow, and fit its record count. */
  #isPlausible(header: BatchHeader, position: number): boolean {
    const { baseOffset, nextOffset, recordCount, lastOffsetDelta } = header;
    const { isCompacted, hasTransactions } = this.continuity;
    if (recordCount < 1 || recordCount > lastOffsetDelta + 1) return false;
    if (baseOffset < this.#previousNext || nextOffset <= position) return false;
    if (!isCompacted && recordCount !== lastOffsetDelta + 1) return false;
    return baseOffset <= position || isCompacted || (hasTransactions && baseOffset === position + 1);
  }

  /** Base offset of the batch at `pos`, when its CRC vouches for it, else -1. */
  #followingOffset(pos: number): number {
    if (this.#end - pos < BATCH_HEADER_BYTES) return -1;
    const header = new BatchHeader();
    try {
      if (!readBatchHeader(this.#bytes, pos, header, this.#end)) return -1;
    } catch {
      // No batch begins there, so the length of the damaged one cannot be believed either.
      return -1;
    }
    return hasValidCrc(this.#bytes, header) ? header.baseOffset : -1;
  }
}

/** Brokers send them in order; a wrong order would let aborted records through, so it is made sure. */
function sortedByOffset(aborted: readonly number[]): readonly number[] {
  for (let i = 3; i < aborted.length; i += 2) {
    if (aborted[i]! >= aborted[i - 2]!) continue;
    const pairs = Array.from({ length: aborted.length / 2 }, (_, k) => [aborted[2 * k]!, aborted[2 * k + 1]!] as const);
    return pairs.sort((a, b) => a[1] - b[1]).flat();
  }
  return aborted;
}
