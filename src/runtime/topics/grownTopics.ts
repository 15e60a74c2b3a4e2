import type { TopicPartition } from '../../clients/topicPartition.ts';
import type { RunnerOptions } from '../runnerOptions.ts';

/** Tells of partitions that their topics did not have when the run began. */
export async function checkGrown(
  { partitionCounts, onGrown }: Pick<RunnerOptions, 'partitionCounts' | 'onGrown'>,
  partitions: readonly TopicPartition[],
): Promise<void> {
  for (const { topic, partition } of partitions) {
    if (partition >= (partitionCounts?.get(topic) ?? Infinity)) await onGrown?.(partition);
  }
}
