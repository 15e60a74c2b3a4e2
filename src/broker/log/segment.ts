import { patchBatchOffset, patchLogAppendTime, readInt32 } from '../../wire/batchHeader.ts';

const LAST_OFFSET_DELTA_AT = 23;

/**
 * A stretch of a partition's log: batches one after the other in one buffer, which is only ever appended to. So a fetch
 * hands slices of it to the socket without a copy, and several batches go out as one slice.
 *
 * The index has one row per batch in typed arrays: 28 bytes, whatever the batch holds.
 */
export class Segment {
  readonly baseOffset: number;
  nextOffset: number;
  bytesUsed = 0;
  batchCount = 0;
  maxTimestamp = -1;
  private readonly buffer: Buffer;
  private offsets = new Float64Array(16);
  private maxTimestamps = new Float64Array(16);
  /** Where each batch begins; the end of batch i is the begin of i + 1, or bytesUsed. */
  private positions = new Int32Array(16);

  constructor(baseOffset: number, capacityBytes: number) {
    this.baseOffset = baseOffset;
    this.nextOffset = baseOffset;
    this.buffer = Buffer.allocUnsafeSlow(capacityBytes);
  }

  get capacityBytes(): number {
    return this.buffer.length;
  }

  hasRoomFor(bytes: number): boolean {
    return this.bytesUsed + bytes <= this.buffer.length;
  }

  /** Copies one batch in, and sets its offset and epoch. `logAppendTimeMs` >= 0 replaces the producer's times. */
  append(
    batch: Buffer,
    recordCount: number,
    maxTimestamp: number,
    leaderEpoch: number,
    logAppendTimeMs: number,
  ): number {
    const at = this.bytesUsed;
    const row = this.batchCount;
    if (row === this.offsets.length) this.growIndex();
    this.buffer.set(batch, at);
    patchBatchOffset(this.buffer, at, this.nextOffset, leaderEpoch);
    if (logAppendTimeMs >= 0) patchLogAppendTime(this.buffer, at, logAppendTimeMs);
    const stampMs = logAppendTimeMs >= 0 ? logAppendTimeMs : maxTimestamp;
    this.offsets[row] = this.nextOffset;
    this.maxTimestamps[row] = stampMs;
    this.positions[row] = at;
    if (stampMs > this.maxTimestamp) this.maxTimestamp = stampMs;
    this.bytesUsed = at + batch.length;
    this.batchCount = row + 1;
    const baseOffset = this.nextOffset;
    this.nextOffset += recordCount;
    return baseOffset;
  }

  /**
   * Row of the batch that holds `offset`, which lies in this segment; of the one after it where none does, `batchCount`
   * when that was the last.
   */
  rowOf(offset: number): number {
    let low = 0;
    let high = this.batchCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offsets[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low < this.batchCount && this.nextOffsetOfRow(low) <= offset ? low + 1 : low;
  }

  /** First row whose newest record is at or after a time, or -1. */
  rowAtTime(timestampMs: number, fromRow: number): number {
    if (this.maxTimestamp < timestampMs) return -1;
    for (let row = fromRow; row < this.batchCount; row++) if (this.maxTimestamps[row]! >= timestampMs) return row;
    return -1;
  }

  offsetOfRow(row: number): number {
    return this.offsets[row]!;
  }

  /** Bytes of one batch. */
  batchAt(row: number): Buffer {
    return this.buffer.subarray(this.positions[row], this.endOfRow(row));
  }

  /**
   * Whole batches from `row` on that begin before `endOffset`, at most `maxBytes`; at least one of them when
   * `atLeastOne`. Null when none fits.
   */
  slice(row: number, maxBytes: number, atLeastOne: boolean, endOffset = Number.POSITIVE_INFINITY): Buffer | null {
    const start = this.positions[row]!;
    const rows = this.rowsBefore(endOffset);
    if (rows <= row) return null;
    let last = row - 1;
    if (this.endOfRow(rows - 1) - start <= maxBytes) {
      last = rows - 1;
    } else {
      let high = rows - 1;
      while (last < high) {
        const middle = (last + high + 1) >> 1;
        if (this.endOfRow(middle) - start <= maxBytes) last = middle;
        else high = middle - 1;
      }
    }
    if (last < row) {
      if (!atLeastOne) return null;
      last = row;
    }
    return this.buffer.subarray(start, this.endOfRow(last));
  }

  /** Whether a slice reaches to the last batch. */
  endsWith(slice: Buffer): boolean {
    return slice.byteOffset + slice.length === this.buffer.byteOffset + this.bytesUsed;
  }

  /** Where the batch after a slice begins. */
  offsetAfter(slice: Buffer): number {
    const end = slice.byteOffset + slice.length - this.buffer.byteOffset;
    if (end >= this.bytesUsed) return this.nextOffset;
    let low = 0;
    let high = this.batchCount - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.positions[middle]! < end) low = middle + 1;
      else high = middle;
    }
    return this.offsets[low]!;
  }

  private nextOffsetOfRow(row: number): number {
    return this.offsets[row]! + readInt32(this.buffer, this.positions[row]! + LAST_OFFSET_DELTA_AT) + 1;
  }

  /** How many batches begin before an offset. */
  private rowsBefore(offset: number): number {
    if (offset >= this.nextOffset) return this.batchCount;
    let low = 0;
    let high = this.batchCount;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private endOfRow(row: number): number {
    return row + 1 < this.batchCount ? this.positions[row + 1]! : this.bytesUsed;
  }

  private growIndex(): void {
    const rows = this.offsets.length * 2;
    const offsets = new Float64Array(rows);
    const maxTimestamps = new Float64Array(rows);
    const positions = new Int32Array(rows);
    offsets.set(this.offsets);
    maxTimestamps.set(this.maxTimestamps);
    positions.set(this.positions);
    this.offsets = offsets;
    this.maxTimestamps = maxTimestamps;
    this.positions = positions;
  }
}
