import { KafkaCode, kafkaError, protocolFailure, topicMissing } from '../kafkaErrors.ts';
import type { TopicPartition, TopicPartitionOffset } from '../topicPartition.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import type { Cluster, WhenUnreachable } from './cluster.ts';
import { byLeader, groupByTopic, partitionKey } from './partitions.ts';

export const LATEST = -1n;
export const EARLIEST = -2n;

/** Asks each partition's leader. `timestamp` is LATEST, EARLIEST or epoch ms; the answer -1 = no record that late. */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  timestamp: bigint,
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<TopicPartitionOffset[]> {
  const found = new Map<string, number>();
  const missing = () => partitions.filter((p) => !found.has(partitionKey(p.topic, p.partition)));
  await cluster.retry('list offsets', async () => {
    await requireTopics(cluster, missing());
    const byBroker = byLeader(cluster, missing());
    const leaderless = byBroker.get(-1)?.[0];
    if (leaderless !== undefined) {
      throw protocolFailure(5, `list the offsets of ${leaderless.topic} partition ${leaderless.partition}`);
    }
    for (const [nodeId, wanted] of byBroker) {
      const socket = await cluster.connection(nodeId, 'control');
      const answer = await cluster.call(
        socket,
        cluster.apis.listOffsets,
        -1,
        isolation === 'read_committed' ? 1 : 0,
        [...groupByTopic(wanted)].map(([name, list]) => ({
          name,
          partitions: list.map((p) => ({ partitionIndex: p.partition, currentLeaderEpoch: -1, timestamp })),
        })),
      );
      for (const topic of answer.topics) {
        for (const partition of topic.partitions) {
          if (partition.errorCode !== 0) {
            throw protocolFailure(
              partition.errorCode,
              `list the offsets of ${topic.name} partition ${partition.partitionIndex}`,
            );
          }
          found.set(partitionKey(topic.name, partition.partitionIndex), Number(partition.offset));
        }
      }
    }
  });
  return partitions.map((p) => ({ ...p, offset: found.get(partitionKey(p.topic, p.partition)) ?? -1 }));
}

/** Refreshes the leaders of the partitions' topics; a topic or partition that is not there is an error. */
export async function requireTopics(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  whenUnreachable: WhenUnreachable = 'repeat',
): Promise<void> {
  const names = [...groupByTopic(partitions).keys()];
  if (names.length === 0) return;
  const answer = await cluster.metadata(names, whenUnreachable);
  for (const topic of answer.topics) {
    if (topic.errorCode === KafkaCode.unknownTopicOrPartition) throw topicMissing(topic.name ?? '');
    if (topic.errorCode !== 0 && kafkaError(topic.errorCode).retry === 'no') {
      throw protocolFailure(topic.errorCode, `use topic ${topic.name}`);
    }
  }
  for (const { topic, partition } of partitions) {
    const count = cluster.partitionCount(topic);
    if (count > 0 && partition >= count) {
      throw protocolFailure(KafkaCode.unknownTopicOrPartition, `use partition ${partition} of topic ${topic}`, {
        hint: `topic ${topic} has ${count} partitions, counted from 0`,
        final: true,
      });
    }
  }
}

/** Offsets that a group committed: of the named partitions (-1 where none), or of all that it has. */
export async function fetchOffsets(
  cluster: Cluster,
  socket: BrokerSocket,
  groupId: string,
  partitions?: readonly TopicPartition[],
  requireStable = false,
): Promise<TopicPartitionOffset[]> {
  const found = await fetchCommitted(cluster, socket, groupId, partitions, requireStable);
  return found.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
}

/** The same with the text that was committed beside each offset, '' for none. */
export async function fetchCommitted(
  cluster: Cluster,
  socket: BrokerSocket,
  groupId: string,
  partitions?: readonly TopicPartition[],
  requireStable = false,
): Promise<(TopicPartitionOffset & { readonly metadata: string })[]> {
  const topics =
    partitions === undefined
      ? null
      : [...groupByTopic(partitions)].map(([name, list]) => ({ name, partitionIndexes: list.map((p) => p.partition) }));
  const group = { groupId, topics } as unknown as Parameters<
    typeof cluster.library.offsetFetchV8.createRequest
  >[0][number];
  const answer = await cluster.call(socket, cluster.apis.offsetFetch, [group], requireStable);
  const action = `read the offsets of group ${groupId}`;
  const result: (TopicPartitionOffset & { readonly metadata: string })[] = [];
  for (const found of answer.groups) {
    if (found.errorCode !== 0) throw protocolFailure(found.errorCode, action);
    for (const topic of found.topics) {
      for (const partition of topic.partitions) {
        if (partition.errorCode !== 0) throw protocolFailure(partition.errorCode, action);
        result.push({
          topic: topic.name,
          partition: partition.partitionIndex,
          offset: Number(partition.committedOffset),
          metadata: partition.metadata ?? '',
        });
      }
    }
  }
  if (partitions === undefined) return result;
  const byKey = new Map(result.map((p) => [partitionKey(p.topic, p.partition), p]));
  return partitions.map(({ topic, partition }) => {
    const none = { topic, partition, offset: -1, metadata: '' };
    return byKey.get(partitionKey(topic, partition)) ?? none;
  });
}

/** Commits as the group member given, or as nobody (generation -1) when the group has no members of ours. */
export async function commitOffsets(
  cluster: Cluster,
  socket: BrokerSocket,
  groupId: string,
  member: { readonly generation: number; readonly memberId: string; readonly instanceId: string | null },
  offsets: readonly TopicPartitionOffset[],
): Promise<number> {
  const answer = await cluster.call(
    socket,
    cluster.apis.offsetCommit,
    groupId,
    member.generation,
    member.memberId,
    member.instanceId,
    [...groupByTopic(offsets)].map(([name, list]) => ({
      name,
      partitions: list.map((p) => ({
        partitionIndex: p.partition,
        committedOffset: BigInt(p.offset),
        committedLeaderEpoch: -1,
        committedMetadata: null,
      })),
    })),
  );
  for (const topic of answer.topics) {
    for (const partition of topic.partitions) if (partition.errorCode !== 0) return partition.errorCode;
  }
  return 0;
}
