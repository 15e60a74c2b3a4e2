// A full look at the lag of 1,000 consumer groups on 10,000 partitions of one `anomaly dev`: members, offsets, ends, and the
// judgement of all that. Every lag is checked against what was written and committed.
// usage: npm run bench -- lag [--lag-groups N] [--lag-topics N]

import type { KafkaClient } from '../src/clients/client.ts';
import { connect } from '../src/clients/connect.ts';
import { inTurns, pieces } from '../src/clients/inTurns.ts';
import type { LagSample } from '../src/observe/lag/sample.ts';
import { LagSampler } from '../src/runtime/lag/lagSampler.ts';
import { median } from './median.ts';
import { startDev } from './processes.ts';

const PARTITIONS = 10;
const RECORDS = 5;
const ROUNDS = 9;
/** Groups with a member each, beside those that only have commits. */
const MEMBERS = 20;

export interface LagSweepResult {
  readonly groups: number;
  readonly partitions: number;
  readonly rows: number;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly longestMs: number;
}

/** Group i reads topic i modulo the topics: with as many topics as groups, each partition is read once. */
export async function lagSweep(groupCount = 1000, topicCount = 1000): Promise<LagSweepResult> {
  const dev = await startDev();
  const client = await connect({ brokers: [dev.brokers], client: 'platformatic' });
  try {
    const topics = Array.from({ length: topicCount }, (_, i) => `lag-${i}`);
    await fill(client, topics);
    await commit(client, topics, groupCount);
    const sampler = new LagSampler({ admin: client.admin, now: Date.now });
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      const sample = await sampler.sample();
      times.push(performance.now() - started);
      check(sample, groupCount);
    }
    return {
      groups: groupCount,
      partitions: topicCount * PARTITIONS,
      rows: groupCount * PARTITIONS,
      firstMs: Math.round(times[0]!),
      medianMs: Math.round(median(times.slice(1))),
      longestMs: Math.round(Math.max(...times)),
    };
  } finally {
    await client.close();
    await dev.stop();
  }
}

async function fill(client: KafkaClient, topics: readonly string[]): Promise<void> {
  for (const piece of pieces(topics, 100)) {
    await client.admin.createTopics(piece.map((name) => ({ name, partitions: PARTITIONS })));
  }
  const producer = await client.createProducer({ lingerMs: 20 });
  const value = new Uint8Array(16);
  for (const topic of topics) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (let i = 0; i < RECORDS; i++)
        producer.append(topic, partition, Date.now(), null, 0, 0, value, 0, value.length);
    }
    await producer.ready();
  }
  await producer.flush();
  await producer.close();
}

/** Group i is i modulo 6 records behind in each partition. */
async function commit(client: KafkaClient, topics: readonly string[], groupCount: number): Promise<void> {
  await inTurns([...Array(groupCount).keys()], 16, async (i) => {
    const consumer = await client.createConsumer({ groupId: groupName(i) });
    const topic = topics[i % topics.length]!;
    const offset = RECORDS - behind(i);
    await consumer.commit(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset })));
    if (i >= MEMBERS) return await consumer.close();
    // Stays a member; it commits nothing more.
    await consumer.subscribe([topic], 'earliest', { onAssigned: async () => undefined, onRevoked: async () => {} });
    await consumer.poll(5000);
  });
}

const groupName = (i: number) => `group-${String(i).padStart(6, '0')}`;
const behind = (i: number) => i % (RECORDS + 1);

function check({ groups, partitions }: LagSample, groupCount: number): void {
  if (groups.length !== groupCount) throw new Error(`${groups.length} groups instead of ${groupCount}`);
  if (partitions.length !== groupCount * PARTITIONS) throw new Error(`${partitions.length} rows`);
  for (let i = 0; i < groupCount; i++) {
    const { group, lag, unknown, members, verdict } = groups[i]!;
    const wanted = PARTITIONS * behind(i);
    if (group !== groupName(i) || lag !== wanted || unknown !== 0 || members !== (i < MEMBERS ? 1 : 0)) {
      throw new Error(`${group} has a lag of ${lag}, ${unknown} unknown and ${members} members; ${wanted} was wanted`);
    }
    if ((wanted === 0) !== (verdict === 'OK')) throw new Error(`${group} with a lag of ${wanted} is ${verdict}`);
  }
}
