import { AnomalyError } from '../../errors.ts';
import { KafkaCode, protocolFailure, topicMissing } from '../kafkaErrors.ts';
import type { Cluster } from './cluster.ts';
import type { PartitionQueue } from './partitionQueue.ts';

/**
 * Asks who leads partitions whose leader is not known, or no longer believed. Rejects for a passing reason where one
 * still has no leader, and for good where a topic or a partition does not exist.
 */
export async function findLeaders(
  cluster: Cluster,
  topics: readonly string[],
  stale: readonly PartitionQueue[],
): Promise<void> {
  const answer = await cluster.metadata(topics, 'report');
  for (const topic of answer.topics) {
    if (topic.errorCode === KafkaCode.unknownTopicOrPartition) throw topicMissing(topic.name ?? '');
    if (topic.errorCode !== 0) throw protocolFailure(topic.errorCode, `produce to topic ${topic.name}`);
  }
  for (const queue of stale) {
    const count = cluster.partitionCount(queue.topic);
    if (queue.partition >= count) {
      throw new AnomalyError(
        'ANM_PRODUCE',
        `cannot produce to ${queue.topic} partition ${queue.partition} as the topic has ${count} partitions`,
      );
    }
    queue.leaderStale = false;
  }
  const leaderless = stale.find((queue) => cluster.leader(queue.topic, queue.partition) < 0);
  if (leaderless !== undefined)
    throw protocolFailure(5, `produce to ${leaderless.topic} partition ${leaderless.partition}`);
}
