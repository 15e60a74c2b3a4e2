import { AnomalyError } from '../../errors.ts';
import { readInt16, readInt32, writeInt16, writeInt32 } from '../../wire/batchHeader.ts';
import { PRODUCE_KEY, PRODUCE_VERSION } from './apis.ts';
import type { OutgoingBatch, PartitionQueue } from './partitionQueue.ts';

/** A batch in a request, with the queue that it goes back to if it must be sent again. */
export interface SentBatch {
  readonly queue: PartitionQueue;
  readonly batch: OutgoingBatch;
}

const ACKS_ALL = -1;
const encoder = new TextEncoder();

/**
 * A Produce v7 request as chunks to write one after the other, so that batches are not copied: size, header v1, then
 * transactional id (null), acks, timeout, and per topic its name and per partition index, size and record batch.
 * Source: Kafka protocol guide, Produce.
 */
export function encodeProduce(
  correlationId: number,
  clientId: string,
  timeoutMs: number,
  batches: readonly SentBatch[],
): { chunks: Uint8Array[]; bytes: number } {
  const byTopic = new Map<string, SentBatch[]>();
  for (const sent of batches) {
    const list = byTopic.get(sent.queue.topic);
    if (list === undefined) byTopic.set(sent.queue.topic, [sent]);
    else list.push(sent);
  }
  const chunks: Uint8Array[] = [];
  const client = encoder.encode(clientId);
  const head = new Uint8Array(4 + 10 + client.length + 2 + 2 + 4 + 4);
  let at = 4;
  writeInt16(head, at, PRODUCE_KEY);
  writeInt16(head, at + 2, PRODUCE_VERSION);
  writeInt32(head, at + 4, correlationId);
  writeInt16(head, at + 8, client.length);
  head.set(client, at + 10);
  at += 10 + client.length;
  writeInt16(head, at, -1);
  writeInt16(head, at + 2, ACKS_ALL);
  writeInt32(head, at + 4, timeoutMs);
  writeInt32(head, at + 8, byTopic.size);
  chunks.push(head);
  let bytes = head.length;
  for (const [topic, list] of byTopic) {
    const name = encoder.encode(topic);
    let between = new Uint8Array(2 + name.length + 4 + 8);
    writeInt16(between, 0, name.length);
    between.set(name, 2);
    writeInt32(between, 2 + name.length, list.length);
    for (const { queue, batch } of list) {
      const records = batch.bytes!;
      writeInt32(between, between.length - 8, queue.partition);
      writeInt32(between, between.length - 4, records.length);
      chunks.push(between, records);
      bytes += between.length + records.length;
      between = new Uint8Array(8);
    }
  }
  writeInt32(head, 0, bytes - 4);
  return { chunks, bytes };
}

/** Calls `onBatch` for each batch of the request with the error code of its partition, in the request's order. */
export function readProduceAnswer(
  frame: Uint8Array,
  batches: readonly SentBatch[],
  onBatch: (sent: SentBatch, errorCode: number) => void,
): void {
  const codes = new Map<string, number>();
  let at = 4;
  const topics = readInt32(frame, at);
  at += 4;
  for (let i = 0; i < topics; i++) {
    const nameBytes = readInt16(frame, at);
    const topic = Buffer.from(frame.subarray(at + 2, at + 2 + nameBytes)).toString();
    at += 2 + nameBytes;
    const partitions = readInt32(frame, at);
    at += 4;
    for (let j = 0; j < partitions; j++) {
      codes.set(`${topic}/${readInt32(frame, at)}`, readInt16(frame, at + 4));
      at += PARTITION_ANSWER_BYTES;
    }
  }
  for (const sent of batches) {
    const code = codes.get(`${sent.queue.topic}/${sent.queue.partition}`);
    if (code === undefined) {
      throw new AnomalyError(
        'ANM_PROTOCOL',
        `the broker did not answer for ${sent.queue.topic} partition ${sent.queue.partition}`,
      );
    }
    onBatch(sent, code);
  }
}

/** index int32, error int16, base offset int64, append time int64, log start offset int64. */
const PARTITION_ANSWER_BYTES = 30;
