import { ColumnBatch } from '../../engine/batch.ts';
import { isAnomalyError } from '../../errors.ts';
import { BatchHeader, readBatchHeader } from '../../wire/batchHeader.ts';
import { DecompressedBytes, prepareCodecs } from '../../wire/compression.ts';
import { readRecords } from '../../wire/records.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import type { PartitionLog } from './partitionLog.ts';

export interface Found {
  readonly errorCode: number;
  /** -1 where there is no such record. */
  readonly offset: number;
  readonly timestamp: number;
}

/** The first record at or after a time, from the log start on. */
export async function findRecord(log: PartitionLog, timestampMs: number): Promise<Found> {
  const header = new BatchHeader();
  for (let from = log.logStartOffset; from < log.highWatermark; from = header.nextOffset) {
    const batch = log.batchAtTime(timestampMs, from);
    if (batch === null) break;
    readBatchHeader(batch, 0, header);
    if (header.codec !== 0) await prepareCodecs();
    const found = findInBatch(log, batch, header, timestampMs);
    // A header may promise a later time than its records have, or the record is deleted: then on to the next batch.
    if (found !== null) return found;
  }
  return { errorCode: KafkaError.NONE, offset: -1, timestamp: -1 };
}

/** Looks into the records, as Kafka does. */
function findInBatch(log: PartitionLog, batch: Buffer, header: BatchHeader, timestampMs: number): Found | null {
  const records = new ColumnBatch(0, header.recordCount);
  try {
    readRecords(batch, header, records, new DecompressedBytes(), { startOffset: log.logStartOffset, checkCrc: false });
  } catch (error) {
    // The producer's records do not match their header. The client is told; the broker did what it could.
    if (!isAnomalyError(error)) throw error;
    return { errorCode: KafkaError.CORRUPT_MESSAGE, offset: -1, timestamp: -1 };
  }
  for (let i = 0; i < records.count; i++) {
    const timestamp = records.recordTimes[i]!;
    if (timestamp >= timestampMs) return { errorCode: KafkaError.NONE, offset: records.offsets[i]!, timestamp };
  }
  return null;
}
