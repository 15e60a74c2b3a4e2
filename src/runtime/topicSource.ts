import type { CorruptBatch, KafkaClient, TopicPartitionOffset } from '../clients/client.ts';
import type { ColumnBatch } from '../engine/batch.ts';

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
  fieldCount = 0,
): AsyncGenerator<ColumnBatch> {
  const consumer = await client.createConsumer({ isolation: 'read_committed', fieldCount });
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

const POLL_MS = 200;
