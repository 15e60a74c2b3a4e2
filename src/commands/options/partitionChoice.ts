import type { TopicInfo } from '../../clients/client.ts';
import type { TopicPartition } from '../../clients/topicPartition.ts';
import { AnomalyError } from '../../errors.ts';

/** The partitions of --partition, all of them without it. @throws ANM_USAGE for one that the topic does not have */
export function choosePartitions(topic: TopicInfo, wanted: readonly number[] | undefined): TopicPartition[] {
  const missing = wanted?.find((partition) => !topic.partitions.some((each) => each.partition === partition));
  if (missing !== undefined) {
    const last = topic.partitions.length - 1;
    throw new AnomalyError('ANM_USAGE', `topic ${topic.name} has no partition ${missing}; its last one is ${last}`);
  }
  return topic.partitions
    .filter(({ partition }) => wanted === undefined || wanted.includes(partition))
    .map(({ partition }) => ({ topic: topic.name, partition }));
}
