import type { CorruptBatch, KafkaClient, TopicPartitionOffset } from '../clients/client.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import type { RecordLine } from './ndjson.ts';
import type { ObjectDecoder } from './objectDecoder.ts';

export interface TopicRange {
  /** Where to begin, one entry a partition. */
  readonly from: readonly TopicPartitionOffset[];
  /** Where to stop, exclusive, for the same partitions; undefined: never. */
  readonly to: readonly TopicPartitionOffset[] | undefined;
}

/** Batches of a range of a topic, without a group and without commits. A batch is valid until the next one. */
export async function* topicBatches(
  client: KafkaClient,
  range: TopicRange,
  signal: AbortSignal,
  onCorrupt: (batch: CorruptBatch) => void,
): AsyncGenerator<ColumnBatch> {
  const consumer = await client.createConsumer({ isolation: 'read_committed' });
  try {
    await consumer.assign(range.from);
    const left = () =>
      range.to?.some(({ topic, partition, offset }) => consumer.position(topic, partition) < offset) ?? true;
    while (left() && !signal.aborted) {
      const batch = await consumer.poll(POLL_MS);
      for (const corrupt of consumer.takeCorrupt()) onCorrupt(corrupt);
      if (batch === null) continue;
      const end = range.to?.find(
        ({ topic, partition }) => topic === batch.topic && partition === batch.partition,
      )?.offset;
      // The last batch may reach beyond the range.
      if (end !== undefined) while (batch.count > 0 && batch.offsets[batch.count - 1]! >= end) batch.count--;
      if (batch.count > 0) yield batch;
    }
  } finally {
    await consumer.close();
  }
}

/** The same as lines of a pipe: records, or windows where the values are rows of schemas/window.avsc. */
export async function* topicLines(
  batches: AsyncIterable<ColumnBatch>,
  decoder: ObjectDecoder,
  onBad: (batch: ColumnBatch, index: number, reason: string) => void,
): AsyncGenerator<Record<string, unknown>[]> {
  for await (const batch of batches) {
    const lines: Record<string, unknown>[] = [];
    for (let i = 0; i < batch.count; i++) {
      const value = await decoder.value(batch, i);
      if (value instanceof Error) onBad(batch, i, value.message);
      else lines.push(isWindow(value) ? { type: 'window', ...value } : recordLine(batch, i, value));
    }
    yield lines;
  }
}

/** Whether a value has the shape of schemas/window.avsc. */
export function isWindow(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return ['series', 'window', 'field', 'start', 'end', 'record_time'].every((name) => name in value);
}

function recordLine(batch: ColumnBatch, i: number, value: unknown): Record<string, unknown> {
  const { bytes, keyStart, keyEnd, topic, partition, offsets, recordTimes } = batch;
  const key =
    keyStart[i]! < 0
      ? null
      : Buffer.from(bytes.buffer, bytes.byteOffset + keyStart[i]!, keyEnd[i]! - keyStart[i]!).toString();
  const line: Omit<RecordLine, 'watermark'> = {
    type: 'record',
    topic,
    partition,
    offset: offsets[i]!,
    record_time: recordTimes[i]!,
    key,
    value,
  };
  return { ...line };
}

const POLL_MS = 200;
