import {
  BATCH_PREFIX_BYTES,
  type BatchHeader,
  hasValidCrc,
  readBatchHeader,
  readInt32,
} from '../../wire/batchHeader.ts';
import { KafkaError } from '../protocol/errorCodes.ts';

const MAGIC_AT = 16;
const LENGTH_AT = 8;
const ZSTD = 4;
/** A record takes 7 bytes at the least; only compression brings it lower. */
const MIN_RECORD_BYTES = 7;

export interface BatchLimits {
  /** Topic config max.message.bytes. */
  readonly maxBytes: number;
  /** Latest record time that is taken, epoch milliseconds; Infinity where the broker sets the times itself. */
  readonly latestTimestampMs: number;
  /** Earliest one, likewise. */
  readonly earliestTimestampMs: number;
  /** Version of the Produce request: 7 is the first that may carry zstd, 3 the first with message format 2. */
  readonly produceVersion: number;
  /** Whether the request names a transactional id, without which it may not hold transactional records. */
  readonly isTransactional: boolean;
}

/**
 * Checks what a producer sent for one partition: exactly one batch of message format 2, whole, with the right CRC.
 * Fills `header`; returns 0 or the error code. The records inside are not looked at.
 */
export function checkBatch(batch: Buffer | null, header: BatchHeader, limits: BatchLimits): number {
  if (batch === null || batch.length <= MAGIC_AT) return KafkaError.INVALID_RECORD;
  const magic = batch.readInt8(MAGIC_AT);
  if (magic === 0 || magic === 1) return KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT;
  if (magic !== 2 || limits.produceVersion < 3) return KafkaError.INVALID_RECORD;
  if (batch.length > limits.maxBytes) return KafkaError.MESSAGE_TOO_LARGE;
  const length = readInt32(batch, LENGTH_AT);
  // Read before readBatchHeader, which throws on a length that cannot be; more than one batch is refused as well.
  if (length + BATCH_PREFIX_BYTES !== batch.length) return KafkaError.INVALID_RECORD;
  if (length < 49 || !readBatchHeader(batch, 0, header)) return KafkaError.CORRUPT_MESSAGE;
  if (!hasValidCrc(batch, header)) return KafkaError.CORRUPT_MESSAGE;
  if (header.recordCount < 1 || header.lastOffsetDelta !== header.recordCount - 1) return KafkaError.INVALID_RECORD;
  if (header.codec === 0 && header.recordCount * MIN_RECORD_BYTES > batch.length) return KafkaError.INVALID_RECORD;
  if (header.codec > ZSTD) return KafkaError.UNSUPPORTED_COMPRESSION_TYPE;
  if (header.codec === ZSTD && limits.produceVersion < 7) return KafkaError.UNSUPPORTED_COMPRESSION_TYPE;
  if (header.isControl) return KafkaError.INVALID_RECORD;
  if (header.isTransactional && !limits.isTransactional) return KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  if (header.maxTimestamp > limits.latestTimestampMs || header.baseTimestamp < limits.earliestTimestampMs)
    return KafkaError.INVALID_TIMESTAMP;
  return KafkaError.NONE;
}
