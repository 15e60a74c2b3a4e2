import { beginRequest, ProtocolReader, ProtocolWriter } from './protocolBytes.ts';

/**
 * Produce in version 7, the newest that Redpanda has (Kafka 2.1 to 4.x take it too).
 * Source: Kafka protocol guide, Produce.
 */
export const PRODUCE_KEY = 0;
export const PRODUCE_VERSION = 7;

/** Index, error, base offset, append time, log start. */
const PARTITION_RESPONSE_BYTES = 30;

export interface ProduceLimits {
  /** -1: all in-sync replicas, 1: the leader, 0: none, and then there is no response. */
  readonly acks: -1 | 0 | 1;
  /** How long the broker may wait for the replicas. */
  readonly timeoutMs: number;
  readonly transactionalId?: string;
}

/** Partitions of one topic: two arrays of one length, one finished record batch per partition. */
export interface ProduceTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly batches: readonly Uint8Array[];
}

/**
 * A whole request, size included, as chunks to be written one after the other: the batches are not copied, so they
 * must stay as they are until the socket has taken them.
 */
export function encodeProduceRequest(
  correlationId: number,
  clientId: string,
  limits: ProduceLimits,
  topics: readonly ProduceTopic[],
): Uint8Array[] {
  const head = beginRequest(PRODUCE_KEY, PRODUCE_VERSION, correlationId, clientId);
  head
    .string(limits.transactionalId ?? null)
    .int16(limits.acks)
    .int32(limits.timeoutMs)
    .int32(topics.length);
  const chunks: Uint8Array[] = [];
  let open = head;
  let totalBytes = 0;
  const close = () => {
    totalBytes += open.length;
    if (open !== head) chunks.push(open.bytes);
    open = new ProtocolWriter();
  };
  for (const { topic, partitions, batches } of topics) {
    open.string(topic).int32(partitions.length);
    for (let i = 0; i < partitions.length; i++) {
      const batch = batches[i]!;
      open.int32(partitions[i]!).int32(batch.length);
      close();
      chunks.push(batch);
      totalBytes += batch.length;
    }
  }
  if (open.length > 0) close();
  head.setInt32(0, totalBytes - 4);
  return [head.bytes, ...chunks];
}

/** What a broker answers for one partition; reused from one to the next. */
export class ProducedPartition {
  topic = '';
  partition = 0;
  /** Kafka's error code, 0 without. */
  errorCode = 0;
  /** Offset of the first record, -1 on an error. */
  baseOffset = -1;
  /** Epoch ms on topics with LogAppendTime, else -1. */
  logAppendTimeMs = -1;
  logStartOffset = -1;
}

/**
 * Reads a response frame that starts with the correlation id, and calls `onPartition` for each partition, in order,
 * with the same object. Throws ANM_PROTOCOL when the frame is cut.
 */
export function readProduceResponse(
  frame: Uint8Array,
  into: ProducedPartition,
  onPartition: (produced: ProducedPartition) => void,
): void {
  const reader = new ProtocolReader(frame, 'Produce response');
  // Correlation id.
  reader.skip(4);
  for (let topics = reader.count(6); topics > 0; topics--) {
    into.topic = reader.string() ?? '';
    for (let partitions = reader.count(PARTITION_RESPONSE_BYTES); partitions > 0; partitions--) {
      into.partition = reader.int32();
      into.errorCode = reader.int16();
      into.baseOffset = reader.int64();
      into.logAppendTimeMs = reader.int64();
      into.logStartOffset = reader.int64();
      onPartition(into);
    }
  }
}
