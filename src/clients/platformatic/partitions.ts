import type { TopicPartition } from '../topicPartition.ts';
import type { Cluster } from './cluster.ts';

/** Partitions in the shape of most requests: one entry a topic. */
export function groupByTopic<T extends TopicPartition>(partitions: readonly T[]): Map<string, T[]> {
  const result = new Map<string, T[]>();
  for (const partition of partitions) {
    const list = result.get(partition.topic);
    if (list === undefined) result.set(partition.topic, [partition]);
    else list.push(partition);
  }
  return result;
}

/** Partitions by the broker that leads them; -1 where no leader is known. */
export function byLeader<T extends TopicPartition>(cluster: Cluster, partitions: readonly T[]): Map<number, T[]> {
  const result = new Map<number, T[]>();
  for (const partition of partitions) {
    const leader = cluster.leader(partition.topic, partition.partition);
    const list = result.get(leader);
    if (list === undefined) result.set(leader, [partition]);
    else list.push(partition);
  }
  return result;
}

/** A key for maps by partition. Topic names cannot hold a slash. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
