import type { Admin, GroupInfo, GroupLook, TopicInfo, TopicLook } from '../client.ts';
import { inTurns } from '../inTurns.ts';
import type { TopicPartitionOffset } from '../topicPartition.ts';

/** librdkafka asks for the offsets of one group, and of partitions that all have a leader: so one at a time, some at once. */
const AT_ONCE = 8;

export async function lookAtGroups(admin: Admin, groupIds: readonly string[]): Promise<GroupLook[]> {
  return inTurns(groupIds, AT_ONCE, async (groupId) => {
    try {
      const [info, offsets] = await Promise.all([admin.describeGroup(groupId), admin.groupOffsets(groupId)]);
      return { info, offsets: offsets.filter(({ offset }) => offset >= 0), problem: null };
    } catch (error) {
      const info: GroupInfo = { groupId, state: 'Unknown', protocol: '', members: [] };
      const offsets: TopicPartitionOffset[] = [];
      return { info, offsets, problem: (error as Error).message };
    }
  });
}

export async function lookAtTopics(admin: Admin, names: readonly string[]): Promise<TopicLook[]> {
  const known = new Map((await admin.topics(names)).map((topic) => [topic.name, topic]));
  return inTurns(names, AT_ONCE, async (topic) => {
    const info = known.get(topic);
    if (info === undefined) return { topic, problem: 'the topic does not exist any more', partitions: [] };
    return { topic, problem: null, partitions: await logsOf(admin, info) };
  });
}

async function logsOf(admin: Admin, { name, partitions }: TopicInfo): Promise<TopicLook['partitions']> {
  const asked = partitions.filter(({ leader }) => leader >= 0).map(({ partition }) => ({ topic: name, partition }));
  const [starts, ends] = [new Map<number, number>(), new Map<number, number>()];
  let problem = 'the broker gave no answer for it';
  try {
    const found = await Promise.all([admin.listOffsets(asked, 'earliest'), admin.listOffsets(asked, 'latest')]);
    for (const { partition, offset } of found[0]) starts.set(partition, offset);
    for (const { partition, offset } of found[1]) ends.set(partition, offset);
  } catch (error) {
    problem = (error as Error).message;
  }
  return partitions.map(({ partition, leader }) => {
    const [start, end] = [starts.get(partition) ?? null, ends.get(partition) ?? null];
    const own = leader < 0 ? 'the partition has no leader' : start === null || end === null ? problem : null;
    return { partition, start, end, problem: own };
  });
}
