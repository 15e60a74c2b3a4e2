import { BatchHeader, readBatchHeader } from '../../wire/batchHeader.ts';
import { markerBatch } from '../../wire/controlBatch.ts';
import type { PartitionLog } from '../log/partitionLog.ts';
import type { ProducerIdentity } from './transaction.ts';

const header = new BatchHeader();

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
  log.endTransaction(producerId, offset, isCommit);
  log.notify(batch.length);
}
