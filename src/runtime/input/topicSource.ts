import type { CorruptBatch, KafkaClient } from '../../clients/client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { ColumnBatch } from '../../engine/batch.ts';

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

/**
 * How far committed records go now: up to the first open transaction, which a process that died may leave for a minute.
 * Where a broker does not tell in time, the end of the log.
 */
export async function stableEnds(
  client: KafkaClient,
  partitions: readonly TopicPartition[],
): Promise<TopicPartitionOffset[]> {
  const ends = await client.admin.listOffsets(partitions, 'latest');
  if (ends.every(({ offset }) => offset === 0)) return ends;
  const consumer = await client.createConsumer({ isolation: 'read_committed', maxWaitMs: 1 });
  try {
    await consumer.assign(ends);
    const of = ({ topic, partition }: TopicPartition) => consumer.endOffset(topic, partition);
    for (let polls = 0; polls < STABLE_POLLS && ends.some((end) => of(end) < 0); polls++) {
      await consumer.poll(STABLE_POLL_MS);
      consumer.takeCorrupt();
    }
    return ends.map((end) => ({ ...end, offset: of(end) < 0 ? end.offset : Math.min(end.offset, of(end)) }));
  } finally {
    await consumer.close();
  }
}

const POLL_MS = 200;
/** No records are waited for, only an answer. */
const STABLE_POLL_MS = 5;
const STABLE_POLLS = 1000;
