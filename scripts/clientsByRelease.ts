// docs/clients-by-release.md: which client works with which release of Redpanda, found by doing what a pipeline needs
// against the embedded broker with the API versions of each release.
import { type Broker, startBroker } from '../src/broker/broker.ts';
import { PROFILES } from '../src/broker/profiles.ts';
import type { Consumer, KafkaClient } from '../src/clients/client.ts';
import { type ClientName, connect, whichClient } from '../src/clients/connect.ts';
import { isAnomalyError } from '../src/errors.ts';
import { batchOf, RawClient } from '../test/broker/helpers/rawClient.ts';

export interface ReleaseRow {
  /** As --like takes it, and what it stands for. */
  readonly release: string;
  readonly client: ClientName;
  /** Operation -> whether it worked. */
  readonly works: Readonly<Record<string, boolean>>;
  /** Versions that the release lacks for the fast client; what --client auto goes by. */
  readonly missing: readonly string[];
}

const FIRST_MS = 1_700_000_000_000;

/** Each works on a topic of its own, which is there already, so that none depends on another. */
const OPERATIONS: Readonly<Record<string, (client: KafkaClient, topic: string) => Promise<boolean>>> = {
  'create, delete topics': async ({ admin }, topic) => {
    const name = `${topic}-created`;
    const made = (await admin.createTopics([{ name, partitions: 2 }])).get(name);
    const found = (await admin.topics([name]))[0]?.partitions.length;
    await admin.deleteTopics([name]);
    return made === true && found === 2 && (await admin.topics([name])).length === 0;
  },
  produce: (client, topic) => produce(client, topic, false),
  'produce, idempotent': (client, topic) => produce(client, topic, true),
  'list offsets': async (client, topic) => {
    const at = async (where: 'earliest' | 'latest' | number) =>
      (await client.admin.listOffsets([{ topic, partition: 0 }], where))[0]!.offset;
    return (await at('earliest')) === 0 && (await at('latest')) === 3 && (await at(FIRST_MS + 1)) === 1;
  },
  consume: async (client, topic) => {
    const consumer = await client.createConsumer();
    await consumer.assign([{ topic, partition: 0, offset: 0 }]);
    const offsets = await pollAll(consumer, 3);
    await consumer.close();
    return offsets.join() === '0,1,2';
  },
  'consume in a group, commit': async (client, topic) => {
    const groupId = `group-${topic}`;
    const consumer = await client.createConsumer({ groupId });
    await consumer.subscribe([topic], 'earliest', { onRevoked: async () => {}, onAssigned: async () => undefined });
    const offsets = await pollAll(consumer, 3);
    await consumer.commit([{ topic, partition: 0, offset: 3 }]);
    const { members } = await client.admin.describeGroup(groupId);
    await consumer.close();
    const [committed] = await client.admin.groupOffsets(groupId, [{ topic, partition: 0 }]);
    return offsets.join() === '0,1,2' && members.length === 1 && committed?.offset === 3;
  },
  'records and offsets in one transaction': async (client, topic) => {
    const consumer = await client.createConsumer({ groupId: `group-${topic}` });
    await consumer.subscribe([topic], 'earliest', { onRevoked: async () => {}, onAssigned: async () => undefined });
    const read = await pollAll(consumer, 3);
    const producer = await client.createTransactionalProducer({ transactionalId: `tx-${topic}` });
    const value = new TextEncoder().encode('v');
    producer.append(topic, 0, FIRST_MS, null, 0, 0, value, 0, 1);
    await producer.commitTransaction([{ topic, partition: 0, offset: 3 }], consumer.membership()!);
    const [committed] = await consumer.committed([{ topic, partition: 0 }]);
    const written = await pollAll(consumer, 1);
    await producer.close();
    await consumer.close();
    return read.length === 3 && committed?.offset === 3 && written.length === 1;
  },
};

/** Every release with every client given; what `connect` itself refuses does nothing. */
export async function clientsByRelease(clients: readonly ClientName[]): Promise<ReleaseRow[]> {
  const rows: ReleaseRow[] = [];
  for (const profile of PROFILES) {
    const broker = await startBroker({ port: 0, profile: profile.name, autoCreate: false, minSessionTimeoutMs: 100 });
    try {
      const { missing } = await whichClient({ brokers: [broker.address], client: 'platformatic' });
      for (const client of clients) {
        const works: Record<string, boolean> = {};
        for (const name of Object.keys(OPERATIONS)) works[name] = await attempt(broker, client, name);
        rows.push({ release: `\`${profile.name}\`: ${profile.release}`, client, works, missing });
      }
    } finally {
      await broker.close();
    }
  }
  return rows;
}

/** Only a refusal by name counts as no; anything else is a bug. */
async function attempt(broker: Broker, name: ClientName, operation: string): Promise<boolean> {
  const topic = `${name}-${operation.replaceAll(/\W+/g, '-')}`;
  await prepare(broker, topic, !operation.startsWith('produce'));
  const client = await connect({ brokers: [broker.address], client: name });
  try {
    if (await OPERATIONS[operation]!(client, topic)) return true;
    throw new Error(`${operation} with ${name} against ${broker.version} gave something else than was due`);
  } catch (error) {
    if (isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED') return false;
    throw error;
  } finally {
    await client.close();
  }
}

/** The topic, and three records in it: by neither client, so that one operation's lack is not another's. */
async function prepare(broker: Broker, topic: string, isFilled: boolean): Promise<void> {
  const raw = await RawClient.to(broker);
  await raw.createTopic(topic);
  if (isFilled) await raw.produce(topic, 0, batchOf(['a', 'b', 'c'], FIRST_MS));
  raw.close();
}

async function produce(client: KafkaClient, topic: string, idempotent: boolean): Promise<boolean> {
  const producer = await client.createProducer({ idempotent });
  const value = new TextEncoder().encode('v');
  for (let i = 0; i < 3; i++) producer.append(topic, 0, FIRST_MS + i, null, 0, 0, value, 0, 1);
  await producer.flush();
  const { recordsAcknowledged } = producer.stats;
  await producer.close();
  return recordsAcknowledged === 3;
}

/** Offsets of the records read, until `count` of them are there. */
async function pollAll(consumer: Consumer, count: number): Promise<number[]> {
  const offsets: number[] = [];
  for (let tries = 0; offsets.length < count && tries < 100; tries++) {
    const batch = await consumer.poll(200);
    if (batch !== null) offsets.push(...batch.offsets.subarray(0, batch.count));
  }
  return offsets;
}

/** The page. `rows` of both clients. */
export function clientsByReleasePage(rows: readonly ReleaseRow[]): string {
  const operations = Object.keys(OPERATIONS);
  const table = rows.map(({ release, client, works }) => {
    const cells = operations.map((operation) => (works[operation] ? 'yes' : 'no'));
    return `| ${release} | \`${client}\` | ${cells.join(' | ')} |`;
  });
  const releases = rows.filter(({ client }) => client === 'platformatic');
  const choices = releases.map(({ release, missing }) => {
    const isFast = missing.length === 0;
    return `| ${release} | \`${isFast ? 'platformatic' : 'librdkafka'}\` | ${isFast ? '`platformatic`' : 'refused, exit 2'} | ${missing.join('<br>') || 'nothing'} |`;
  });
  return `# Clients by release

<!-- Written by npm run docs from real runs of both clients; changes here are lost. -->

What each client does with a broker that advertises the API versions of a release of Redpanda. Found by doing it against
the embedded broker (\`anomaly dev --like RELEASE\`), which a test repeats. Which versions a release advertises is read
from its source or, from v25.2 on, inferred from the dates of merged changes. Apache Kafka has offered what the fast client
needs since 3.0; CI runs both clients against 4.1.

| Redpanda | Client | ${operations.join(' | ')} |
|---|---|${operations.map(() => '---|').join('')}
${table.join('\n')}

\`--client auto\`, the default, takes the fast client only where it can do all of it, else librdkafka. Bun and Deno cannot
load librdkafka, nor can Node without the package (see [native-client.md](native-client.md)): there the command ends with
\`ANM_UNSUPPORTED\`, exit 2, and says what to do.

| Redpanda | \`--client auto\` on Node | on Bun and Deno | What the fast client lacks |
|---|---|---|---|
${choices.join('\n')}
`;
}
