import type { TopicPartition } from '../../clients/topicPartition.ts';

/** A partition for people and as a key: topic/partition. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
