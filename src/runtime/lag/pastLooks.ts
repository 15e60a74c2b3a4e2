import type { KafkaClient } from '../../clients/client.ts';
import type { PastLook } from '../../observe/lag/analysis.ts';
import type { MemberStatus } from '../../observe/status.ts';
import { decodeStatus } from '../../observe/statusRecord.ts';
import { statusTopic } from '../topics/operationTopics.ts';

/** Records of a status topic that are read: at one in 3 s from ten members a minute and a half and more. */
const RECORDS = 400;
/** Groups whose pipelines are looked for. */
const MOST_GROUPS = 50;
const POLL_MS = 100;
const QUIET_POLLS = 20;

/**
 * What the members of pipelines told of their own lag, so that one look has a history: the topic is compacted, but the last
 * minutes are mostly there still. In order of time; empty for groups that are no pipelines.
 */
export async function pastLooks(client: KafkaClient, groups: readonly string[]): Promise<PastLook[]> {
  const asked = groups.slice(0, MOST_GROUPS);
  const topics = (await client.admin.topics(asked.map(statusTopic))).map(({ name }) => name);
  if (topics.length === 0) return [];
  const wanted = new Set(groups);
  const looks: PastLook[] = [];
  for (const status of await readTails(client, topics)) {
    if (!wanted.has(status.group)) continue;
    for (const { topic, partition, committed, end } of status.partitions) {
      looks.push({ group: status.group, topic, partition, atMs: status.atMs, committed, end });
    }
  }
  return looks.sort((a, b) => a.atMs - b.atMs);
}

async function readTails(client: KafkaClient, topics: readonly string[]): Promise<MemberStatus[]> {
  const partitions = topics.map((topic) => ({ topic, partition: 0 }));
  const [starts, ends] = await Promise.all([
    client.admin.listOffsets(partitions, 'earliest'),
    client.admin.listOffsets(partitions, 'latest'),
  ]);
  const found: MemberStatus[] = [];
  const consumer = await client.createConsumer({ isolation: 'read_uncommitted', maxWaitMs: POLL_MS });
  try {
    await consumer.assign(
      ends.map(({ topic, partition, offset }, i) => ({
        ...{ topic, partition },
        offset: Math.max(starts[i]?.offset ?? 0, offset - RECORDS, 0),
      })),
    );
    const isDone = () => ends.every(({ topic, partition, offset }) => consumer.position(topic, partition) >= offset);
    for (let quiet = 0; !isDone() && quiet < QUIET_POLLS; ) {
      const batch = await consumer.poll(POLL_MS);
      quiet = batch === null ? quiet + 1 : 0;
      for (let i = 0; batch !== null && i < batch.count; i++) {
        const start = batch.valueStart[i]!;
        const status = start < 0 ? null : decodeStatus(batch.bytes.subarray(start, batch.valueEnd[i]));
        if (status !== null) found.push(status);
      }
    }
  } finally {
    await consumer.close();
  }
  return found;
}
