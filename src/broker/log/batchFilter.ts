import { ColumnBatch } from '../../engine/batch.ts';
import { isAnomalyError } from '../../errors.ts';
import {
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  BatchHeader,
  patchCrc,
  readBatchHeader,
  writeBatchHeader,
} from '../../wire/batchHeader.ts';
import { CODEC_NAMES, compress, DecompressedBytes } from '../../wire/compression.ts';
import { readRecords } from '../../wire/records.ts';
import type { KeptBatch } from './segmentStore.ts';

/** Takes records out of batches. What is left keeps its offsets and times, and the batch its range of offsets. */
export class BatchFilter {
  private readonly header = new BatchHeader();
  private readonly records = new ColumnBatch(0, 0);
  private readonly scratch = new DecompressedBytes();
  private readonly isAborted: (header: BatchHeader) => boolean;

  constructor(isAborted: (header: BatchHeader) => boolean) {
    this.isAborted = isAborted;
  }

  /**
   * The records of a data batch, valid until the next call, none where they are aborted; null for a transaction marker,
   * and for records that do not match their header, which are the producer's to explain: such a batch stays as it is.
   */
  open(batch: Buffer): ColumnBatch | null {
    readBatchHeader(batch, 0, this.header);
    if (this.header.isControl) return null;
    if (this.header.isTransactional && this.isAborted(this.header)) {
      this.records.count = 0;
      return this.records;
    }
    try {
      readRecords(batch, this.header, this.records, this.scratch, { checkCrc: false });
      return this.records;
    } catch (error) {
      if (!isAnomalyError(error)) throw error;
      return null;
    }
  }

  /** The batch with the records that `isKept` keeps: as it is when that is all of them, null when it is none. */
  keep(batch: Buffer, isKept: (records: ColumnBatch, i: number) => boolean): KeptBatch | null {
    const { header } = this;
    const records = this.open(batch);
    if (records === null) return kept(batch, header);
    const chosen: number[] = [];
    for (let i = 0; i < records.count; i++) if (isKept(records, i)) chosen.push(i);
    if (chosen.length === 0) return null;
    return kept(chosen.length === header.recordCount ? batch : this.rebuilt(chosen), header);
  }

  /** Records are copied byte by byte, their deltas stay right as the base does. Leaves its header in `this.header`. */
  private rebuilt(chosen: readonly number[]): Buffer {
    const { header, records } = this;
    const { bytes, headerEnd, recordTimes } = records;
    // Decompressed records begin the scratch buffer.
    const first = header.codec === 0 ? header.recordsStart : 0;
    const startOf = (i: number) => (i === 0 ? first : headerEnd[i - 1]!);
    const size = chosen.reduce((sum, i) => sum + headerEnd[i]! - startOf(i), 0);
    const plain = Buffer.allocUnsafe(size);
    let at = 0;
    let maxTimestamp = -1;
    for (const i of chosen) {
      plain.set(bytes.subarray(startOf(i), headerEnd[i]!), at);
      at += headerEnd[i]! - startOf(i);
      maxTimestamp = Math.max(maxTimestamp, recordTimes[i]!);
    }
    const body = CODEC_NAMES[header.codec] === 'none' ? plain : compress(header.codec, plain, 0, size);
    const whole = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + body.length);
    whole.set(body, BATCH_HEADER_BYTES);
    header.batchLength = whole.length - BATCH_PREFIX_BYTES;
    header.recordCount = chosen.length;
    if (!header.isLogAppendTime) header.maxTimestamp = maxTimestamp;
    writeBatchHeader(whole, 0, header);
    patchCrc(whole, 0);
    return whole;
  }
}

function kept(bytes: Buffer, { baseOffset, lastOffsetDelta, maxTimestamp, isControl }: BatchHeader): KeptBatch {
  return { bytes, baseOffset, lastOffsetDelta, maxTimestamp: isControl ? -1 : maxTimestamp };
}
