import { AnomalyError } from '../../errors.ts';
import { encodeProduceRequest, ProducedPartition, readProduceResponse } from '../../wire/produce.ts';
import type { OutgoingBatch, PartitionQueue } from './partitionQueue.ts';
import { partitionKey } from './partitions.ts';

/** A batch in a request, with the queue that it goes back to if it must be sent again. */
export interface SentBatch {
  readonly queue: PartitionQueue;
  readonly batch: OutgoingBatch;
}

const ACKS_ALL = -1;

/** One request for the batches, in chunks; at most one batch of a partition. */
export function encodeProduce(
  correlationId: number,
  clientId: string,
  timeoutMs: number,
  sent: readonly SentBatch[],
  transactionalId?: string,
): { chunks: Uint8Array[]; bytes: number; sentMs: number } {
  const topics = new Map<string, { topic: string; partitions: number[]; batches: Uint8Array[] }>();
  for (const { queue, batch } of sent) {
    let topic = topics.get(queue.topic);
    if (topic === undefined) {
      topic = { topic: queue.topic, partitions: [], batches: [] };
      topics.set(queue.topic, topic);
    }
    topic.partitions.push(queue.partition);
    topic.batches.push(batch.bytes!);
  }
  const limits = {
    acks: ACKS_ALL,
    timeoutMs,
    ...(transactionalId === undefined ? {} : { transactionalId }),
  } as const;
  const chunks = encodeProduceRequest(correlationId, clientId, limits, [...topics.values()]);
  return { chunks, bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0), sentMs: Date.now() };
}

/**
 * Calls `onBatch` for each batch of the request with the error code of its partition, in the request's order.
 *
 * @returns when the broker appended, by its clock, epoch ms; -1 where no topic of the request has LogAppendTime
 */
export function readProduceAnswer(
  frame: Uint8Array,
  sent: readonly SentBatch[],
  onBatch: (sent: SentBatch, errorCode: number) => void,
): number {
  const codes = new Map<string, number>();
  let appendedMs = -1;
  readProduceResponse(frame, new ProducedPartition(), ({ topic, partition, errorCode, logAppendTimeMs }) => {
    codes.set(partitionKey(topic, partition), errorCode);
    appendedMs = Math.max(appendedMs, logAppendTimeMs);
  });
  for (const each of sent) {
    const { topic, partition } = each.queue;
    const errorCode = codes.get(partitionKey(topic, partition));
    if (errorCode === undefined) {
      throw new AnomalyError('ANM_PROTOCOL', `the broker did not answer for ${topic} partition ${partition}`);
    }
    onBatch(each, errorCode);
  }
  return appendedMs;
}
