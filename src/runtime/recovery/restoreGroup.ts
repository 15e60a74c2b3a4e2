import type { KafkaClient } from '../../clients/client.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { AnomalyError } from '../../errors.ts';
import type { SnapshotReference } from '../../stores/checkpointStore.ts';
import { type JournalRecord, journalTopic } from '../journal/journalRecord.ts';
import { ensureJournal } from '../journal/journalTopic.ts';
import { JournalWriter } from '../journal/journalWriter.ts';
import { partitionName } from '../topics/partitionName.ts';

/** A partition's new start: a stored snapshot, and the offset that it is of. */
export interface RestorePoint extends TopicPartitionOffset {
  readonly reference: SnapshotReference;
  readonly checkpoint: string;
  readonly savepoint?: string;
}

/** Where a restore would begin, seen from the topic and the group. */
export interface RestorePlace extends TopicPartitionOffset {
  /** The group's offset now, -1 for none. */
  readonly committed: number;
  readonly logStart: number;
  readonly logEnd: number;
}

/**
 * Looks at the group and at the source before a restore, and refuses what would go wrong.
 *
 * @throws ANM_GROUP_RUNNING, ANM_TOPIC_MISSING, ANM_CHECKPOINT_UNKNOWN where a partition with records has no snapshot,
 *   ANM_OFFSET_OUT_OF_RANGE where the topic ends before a snapshot
 */
export async function checkRestore(
  client: KafkaClient,
  group: string,
  points: readonly TopicPartitionOffset[],
): Promise<RestorePlace[]> {
  const { admin } = client;
  const { state, members } = await admin.describeGroup(group);
  if (members.length > 0) {
    throw new AnomalyError(
      'ANM_GROUP_RUNNING',
      `cannot restore group ${group} as it has ${members.length} member${members.length === 1 ? '' : 's'} (${state})`,
      { hint: 'stop the pipeline first, or restore into another group by --to-group' },
    );
  }
  const names = [...new Set(points.map(({ topic }) => topic))];
  const topics = await admin.topics(names);
  const missing = names.find((name) => topics.every((topic) => topic.name !== name));
  if (missing !== undefined) {
    throw new AnomalyError('ANM_TOPIC_MISSING', `cannot restore group ${group} as there is no topic ${missing} here`);
  }
  const all = topics.flatMap(({ name, partitions }) => partitions.map(({ partition }) => ({ topic: name, partition })));
  const [starts, ends, committed] = await Promise.all([
    admin.listOffsets(all, 'earliest'),
    admin.listOffsets(all, 'latest'),
    admin.groupOffsets(group, all),
  ]);
  const offsetIn = (list: readonly TopicPartitionOffset[], name: string) =>
    list.find((each) => partitionName(each) === name)?.offset ?? -1;
  const restored = new Set(points.map(partitionName));
  const left = all.filter((each) => !restored.has(partitionName(each)) && offsetIn(ends, partitionName(each)) > 0);
  if (left.length > 0) {
    throw new AnomalyError(
      'ANM_CHECKPOINT_UNKNOWN',
      `cannot restore group ${group} as the checkpoint has no snapshot of ${left.map(partitionName).join(', ')}`,
      { hint: 'give latest, which is the newest snapshot of each partition, or a savepoint' },
    );
  }
  return points.map((point) => {
    const name = partitionName(point);
    const logEnd = offsetIn(ends, name);
    if (logEnd < point.offset) {
      throw new AnomalyError(
        'ANM_OFFSET_OUT_OF_RANGE',
        `cannot restore ${name} at offset ${point.offset} as its log ends at ${logEnd}: it is another topic, or another cluster`,
        { hint: 'offsets of one cluster mean nothing on another' },
      );
    }
    const { topic, partition, offset } = point;
    return { topic, partition, offset, committed: offsetIn(committed, name), logStart: offsetIn(starts, name), logEnd };
  });
}

/**
 * Makes snapshots the start of a stopped group: names them in its journal, then commits their offsets. A failure between
 * the two is mended by doing it again: the next start then finds a snapshot that is not of the group's offset, and
 * replays to there, or refuses.
 */
export async function restoreGroup(
  client: KafkaClient,
  group: string,
  points: readonly RestorePoint[],
  now: () => number,
): Promise<void> {
  const names = [...new Set(points.map(({ topic }) => topic))];
  const topics = await client.admin.topics(names);
  const partitions = Math.max(...topics.map((topic) => topic.partitions.length));
  await ensureJournal(client.admin, journalTopic(group), partitions);
  const producer = await client.createProducer({ idempotent: true });
  try {
    const journal = new JournalWriter(journalTopic(group), producer, now);
    for (const point of points) journal.append(recordOf(point));
    await producer.flush();
  } finally {
    await producer.close();
  }
  const consumer = await client.createConsumer({ groupId: group });
  try {
    await consumer.commit(points.map(({ topic, partition, offset }) => ({ topic, partition, offset })));
  } finally {
    await consumer.close();
  }
}

function recordOf({ topic, partition, offset, reference, checkpoint, savepoint }: RestorePoint): JournalRecord {
  return {
    type: 'restore',
    topic,
    partition,
    offset,
    generation: -1,
    member: 'anomaly checkpoint restore',
    ...reference,
    checkpoint,
    ...(savepoint !== undefined && { savepoint }),
  };
}
