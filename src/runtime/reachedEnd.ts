import type { TopicPartitionOffset } from '../clients/topicPartition.ts';
import type { PartitionAtWork } from './partitionAtWork.ts';

/** Whether every partition has run all records below its end; false where there is none, or no end is known. */
export function reachedEnd(
  partitions: ReadonlyMap<string, PartitionAtWork>,
  until: readonly TopicPartitionOffset[] | undefined,
): boolean {
  if (until === undefined || partitions.size === 0) return false;
  for (const { topic, partition, position, isRestoring, isReplaying } of partitions.values()) {
    if (isRestoring || isReplaying) return false;
    const end = until.find((each) => each.partition === partition && each.topic === topic);
    if (end !== undefined && position < end.offset) return false;
  }
  return true;
}
