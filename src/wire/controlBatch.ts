import { type BatchHeader, readInt16, writeInt16, writeInt32 } from './batchHeader.ts';
import { BatchWriter } from './batchWriter.ts';
import { readVarint } from './varint.ts';

/**
 * Transaction markers: a batch with the control flag and one record, whose key is version int16 and type int16, and
 * whose value is version int16 and coordinator epoch int32. Source: Kafka documentation, "Control Batches"; KIP-98.
 */
export const ABORT_MARKER = 0;
export const COMMIT_MARKER = 1;

/** The marker type of a control batch, or -1 when its record is no marker. */
export function markerType(bytes: Uint8Array, header: BatchHeader): number {
  if (header.recordCount < 1) return -1;
  const cursor = { bytes, pos: header.recordsStart, end: header.end };
  try {
    readVarint(cursor);
    cursor.pos++;
    readVarint(cursor);
    readVarint(cursor);
    const keyLength = readVarint(cursor);
    return keyLength < 4 || cursor.pos + 4 > header.end ? -1 : readInt16(bytes, cursor.pos + 2);
  } catch {
    // A cut varint: the CRC held, so a broker wrote something that is no marker that we know.
    return -1;
  }
}

export interface MarkerOptions {
  readonly isCommit: boolean;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly timestampMs: number;
  readonly baseOffset: number;
  readonly coordinatorEpoch?: number;
  readonly partitionLeaderEpoch?: number;
}

/** A marker batch as a broker appends it. */
export function markerBatch(options: MarkerOptions): Uint8Array {
  const key = new Uint8Array(4);
  writeInt16(key, 2, options.isCommit ? COMMIT_MARKER : ABORT_MARKER);
  const value = new Uint8Array(6);
  writeInt32(value, 2, options.coordinatorEpoch ?? 0);
  const writer = new BatchWriter(128);
  writer.append(options.timestampMs, key, 0, key.length, value, 0, value.length);
  return writer.finish({
    producerId: options.producerId,
    producerEpoch: options.producerEpoch,
    transactional: true,
    control: true,
    baseOffset: options.baseOffset,
    partitionLeaderEpoch: options.partitionLeaderEpoch ?? 0,
  });
}
