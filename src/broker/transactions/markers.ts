import { BatchHeader, readBatchHeader } from '../../wire/batchHeader.ts';
import { markerBatch } from '../../wire/controlBatch.ts';
import type { PartitionLog } from '../log/partitionLog.ts';
import type { ProducerIdentity } from './transaction.ts';

const header = new BatchHeader();

/**
 * A partition becomes part of a transaction. With `hasFence` that takes one offset, which no fetch returns: Redpanda
 * keeps a record of its own there (tx_fence).
 */
export function beginInPartition(
  log: PartitionLog,
  producer: ProducerIdentity,
  hasFence: boolean,
  nowMs: number,
): void {
  const { producerId, producerEpoch } = producer;
  const firstOffset = hasFence ? log.skipOffset() : -1;
  log.transactions.begin(producerId, producerEpoch, firstOffset);
  log.producers.beginTransaction(producerId, producerEpoch, nowMs);
}

/**
 * Appends the marker that ends a producer's transaction in a partition, and wakes who waits for it. A partition in
 * which nothing of it is open any more (its topic was made anew, say) is left as it is.
 */
export function endInPartition(log: PartitionLog, producer: ProducerIdentity, isCommit: boolean, nowMs: number): void {
  const { producerId, producerEpoch } = producer;
  if (log.transactions.openOf(producerId) === undefined) return;
  const bytes = markerBatch({ isCommit, producerId, producerEpoch, timestampMs: nowMs, baseOffset: 0 });
  const batch = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  readBatchHeader(batch, 0, header);
  const offset = log.append(batch, header, -1);
  log.transactions.end(producerId, offset, isCommit);
  log.notify(batch.length);
}
