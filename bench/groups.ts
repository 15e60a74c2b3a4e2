// 100 consumer groups of 10 members each against one `anomaly dev`, with the tool's own client: how long until every
// member has its partition, and whether any of them loses it while records flow and heartbeats go on.
// usage: npm run bench -- groups [--groups N] [--members N] [--seconds N]

import type { Consumer, KafkaClient } from '../src/clients/client.ts';
import { connect } from '../src/clients/connect.ts';
import { startDev } from './processes.ts';

const SESSION_MS = 10_000;
const HEARTBEAT_MS = 1000;
/** Records of each partition over the whole time. */
const RECORDS_EACH = 200;

export interface GroupsResult {
  readonly groups: number;
  readonly members: number;
  readonly seconds: number;
  readonly stableAfterSeconds: number;
  /** Members that lost their partitions after that: a missed heartbeat or any other reason. */
  readonly lost: number;
  readonly recordsRead: number;
}

export async function groups(groupCount = 100, memberCount = 10, seconds = 30): Promise<GroupsResult> {
  const dev = await startDev();
  const client = await connect({ brokers: [dev.brokers], client: 'platformatic' });
  const members: Member[] = [];
  try {
    const topics = Array.from({ length: groupCount }, (_, i) => `topic-${i}`);
    await client.admin.createTopics(topics.map((name) => ({ name, partitions: memberCount })));
    const started = performance.now();
    await Promise.all(
      topics.flatMap((topic, i) =>
        Array.from({ length: memberCount }, async () => {
          const member = new Member();
          members.push(member);
          await member.start(client, `group-${i}`, topic);
        }),
      ),
    );
    await until(() => members.every(({ partitions }) => partitions === 1), 120);
    const stableAfterSeconds = (performance.now() - started) / 1000;
    for (const member of members) member.changes = 0;
    await produce(client, topics, memberCount, seconds);
    const wanted = groupCount * memberCount * RECORDS_EACH;
    const read = () => members.reduce((sum, { records }) => sum + records, 0);
    await until(() => read() >= wanted, 30);
    return {
      groups: groupCount,
      members: groupCount * memberCount,
      seconds,
      stableAfterSeconds: Number(stableAfterSeconds.toFixed(1)),
      lost: members.filter(({ changes }) => changes > 0).length,
      recordsRead: read(),
    };
  } finally {
    await Promise.all(members.map((member) => member.stop()));
    await client.close();
    await dev.stop();
  }
}

class Member {
  partitions = 0;
  /** Assignments and losses. */
  changes = 0;
  records = 0;
  private consumer: Consumer | null = null;
  private running: Promise<void> = Promise.resolve();
  private isOver = false;

  async start(client: KafkaClient, groupId: string, topic: string): Promise<void> {
    const consumer = await client.createConsumer({
      groupId,
      sessionTimeoutMs: SESSION_MS,
      heartbeatIntervalMs: HEARTBEAT_MS,
      rebalanceTimeoutMs: 60_000,
    });
    this.consumer = consumer;
    await consumer.subscribe([topic], 'earliest', {
      onRevoked: async (gone) => {
        this.partitions -= gone.length;
        this.changes++;
      },
      onAssigned: async (added) => {
        this.partitions += added.length;
        this.changes++;
        return undefined;
      },
    });
    this.running = this.run(consumer);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.running;
    await this.consumer?.close();
  }

  private async run(consumer: Consumer): Promise<void> {
    while (!this.isOver) this.records += (await consumer.poll(1000))?.count ?? 0;
  }
}

async function produce(client: KafkaClient, topics: readonly string[], partitions: number, seconds: number) {
  const producer = await client.createProducer({ lingerMs: 20 });
  const value = new Uint8Array(100);
  for (let round = 0; round < RECORDS_EACH; round++) {
    for (const topic of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        producer.append(topic, partition, Date.now(), null, 0, 0, value, 0, value.length);
      }
    }
    await producer.ready();
    await new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / RECORDS_EACH));
  }
  await producer.flush();
  await producer.close();
}

async function until(isDone: () => boolean, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!isDone()) {
    if (performance.now() > deadline) throw new Error(`not done after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
