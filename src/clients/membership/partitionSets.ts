import type { TopicPartition } from '../topicPartition.ts';

/** A key for maps by partition. Topic names cannot hold a slash. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Those of `partitions` that are not among `others`. */
export function without(
  partitions: readonly TopicPartition[],
  others: readonly TopicPartition[],
): readonly TopicPartition[] {
  if (others.length === 0) return partitions;
  const known = new Set(others.map(keyOf));
  return partitions.filter((each) => !known.has(keyOf(each)));
}
