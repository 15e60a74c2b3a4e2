// Kafka's console tools against the embedded broker and against Kafka, and `anomaly lag` beside kafka-consumer-groups.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { appendText } from '../clients/helpers/records.ts';
import { testFeatures } from './helpers/bothBrokers.ts';
import { tool } from './helpers/cli.ts';
import { type FeatureRow, runFeatures } from './helpers/features.ts';
import { consoleTool, installKafka, KAFKA_VERSION } from './helpers/services.ts';

const TOPICS = 'org.apache.kafka.tools.TopicCommand';
const GROUPS = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';
const CONFIGS = 'kafka.admin.ConfigCommand';
const PRODUCER = 'org.apache.kafka.tools.ConsoleProducer';
const CONSUMER = 'org.apache.kafka.tools.consumer.ConsoleConsumer';

const dir = mkdtempSync(join(tmpdir(), 'anomaly-console-'));
before(() => installKafka());
after(() => rmSync(dir, { recursive: true, force: true }));

testFeatures('consoleTools', () => ({ client: 'console tools', version: KAFKA_VERSION }), consoleFeatures);

async function consoleFeatures(t: TestContext, brokers: string, prefix: string): Promise<FeatureRow[]> {
  const server = ['--bootstrap-server', brokers];
  const topic = `${prefix}-t`;
  const entity = [...server, '--entity-type', 'topics', '--entity-name', topic];
  const lines = Array.from({ length: 500 }, (_, i) => `k${i % 7}\tvalue ${i}`);
  const group = `${prefix}-g`;
  const says = (text: string, pattern: RegExp) => {
    assert.match(text, pattern);
    return pattern.exec(text)![0];
  };
  return runFeatures(t, [
    [
      'kafka-topics --create, --describe, --alter',
      async () => {
        consoleTool(TOPICS, [
          ...server,
          '--create',
          '--topic',
          topic,
          '--partitions',
          '2',
          '--config',
          'retention.ms=-1',
        ]);
        consoleTool(TOPICS, [...server, '--alter', '--topic', topic, '--partitions', '3']);
        const text = consoleTool(TOPICS, [...server, '--describe', '--topic', topic]);
        return `${says(text, /PartitionCount: 3/)}, ${says(text, /retention\.ms=-1/)}`;
      },
    ],
    [
      'kafka-configs --alter, --describe',
      async () => {
        consoleTool(CONFIGS, [...entity, '--alter', '--add-config', 'retention.ms=7200000']);
        const set = () => consoleTool(CONFIGS, [...entity, '--describe']);
        let text = set();
        // A broker learns of it from the controller, soon.
        for (let tries = 0; tries < 10 && !text.includes('7200000'); tries++) text = set();
        return says(text, /retention\.ms=7200000/);
      },
    ],
    [
      'kafka-console-producer, kafka-console-consumer',
      async () => {
        const properties = ['--property', 'parse.key=true', '--property', 'acks=all'];
        consoleTool(PRODUCER, [...server, '--topic', topic, ...properties], `${lines.join('\n')}\n`);
        const reading = ['--from-beginning', '--max-messages', String(lines.length), '--property', 'print.key=true'];
        const text = consoleTool(CONSUMER, [...server, '--topic', topic, '--group', group, ...reading]);
        assert.deepEqual(text.split('\n').filter(Boolean).sort(), [...lines].sort());
        return `${lines.length} lines out and back`;
      },
    ],
    [
      'kafka-get-offsets',
      async () => {
        const text = consoleTool('org.apache.kafka.tools.GetOffsetShell', [...server, '--topic', topic]);
        const ends = text
          .trim()
          .split('\n')
          .map((line) => Number(line.split(':')[2]));
        return `${ends.length} partitions, ${ends.reduce((sum, end) => sum + end, 0)} records`;
      },
    ],
    [
      'kafka-consumer-groups --describe --state, --reset-offsets',
      async () => {
        const about = [...server, '--group', group];
        const state = consoleTool(GROUPS, [...about, '--describe', '--state']);
        consoleTool(GROUPS, [...about, '--reset-offsets', '--to-earliest', '--topic', topic, '--execute']);
        const rows = describeRows(consoleTool(GROUPS, [...about, '--describe']), group);
        const lag = rows.reduce((sum, row) => sum + Number(row.lag), 0);
        return `${says(state, /Empty/)}; lag after the reset ${lag}`;
      },
    ],
    [
      'kafka-delete-records',
      async () => {
        const file = join(dir, `${prefix}.json`);
        writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset: -1 }] }));
        consoleTool('org.apache.kafka.tools.DeleteRecordsCommand', [...server, '--offset-json-file', file]);
        const shell = 'org.apache.kafka.tools.GetOffsetShell';
        const at = (time: string) =>
          consoleTool(shell, [...server, '--topic-partitions', `${topic}:0`, '--time', time]);
        assert.equal(at('-2'), at('-1'));
        return 'the partition is empty';
      },
    ],
    [
      'kafka-transactions list',
      async () => {
        const text = consoleTool('org.apache.kafka.tools.TransactionsCommand', [...server, 'list']);
        return says(text, /TransactionalId/);
      },
    ],
    [
      'kafka-consumer-groups --delete, kafka-topics --delete',
      async () => {
        const deleted = consoleTool(GROUPS, [...server, '--delete', '--group', group]);
        consoleTool(TOPICS, [...server, '--delete', '--topic', topic]);
        const left = consoleTool(TOPICS, [...server, '--list'])
          .split('\n')
          .includes(topic);
        assert.equal(left, false);
        return says(deleted, /was successful/);
      },
    ],
    ['anomaly lag beside kafka-consumer-groups', () => sameLag(brokers, prefix)],
  ]);
}

interface LagRow {
  readonly topic: string;
  readonly partition: string;
  readonly committed: string;
  readonly end: string;
  readonly lag: string;
}

/** Rows of `--describe` of one group; `-` stands for what is unknown. */
function describeRows(text: string, group: string): LagRow[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[0] === group)
    .map(([, topic, partition, committed, end, lag]) => ({
      topic: topic!,
      partition: partition!,
      committed: committed!,
      end: end!,
      lag: lag!,
    }));
}

/** Number for number: a group with members, one without, one behind, and partitions without a commit. */
async function sameLag(brokers: string, prefix: string): Promise<string> {
  const client = await connect({ brokers: [brokers], client: 'platformatic' });
  try {
    const groups = await prepareGroups(client, prefix);
    const around = { brokers, registry: 'http://127.0.0.1:1', dir };
    let count = 0;
    for (const group of groups) {
      const theirs = describeRows(
        consoleTool(GROUPS, ['--bootstrap-server', brokers, '--describe', '--group', group]),
        group,
      );
      const { partitions } = JSON.parse(await tool(around, 'lag', group, '-o', 'json')) as {
        partitions: { topic: string; partition: number; committed: number | null; end: number; lag: number | null }[];
      };
      const text = (value: number | null) => (value === null ? '-' : String(value));
      const ours = partitions.map(({ topic, partition, committed, end, lag }) => ({
        topic,
        partition: String(partition),
        committed: text(committed),
        end: text(end),
        lag: text(lag),
      }));
      const place = (row: LagRow) => `${row.topic}/${row.partition.padStart(5)}`;
      const sorted = (rows: LagRow[]) => rows.sort((a, b) => (place(a) < place(b) ? -1 : 1));
      const known = new Set(theirs.map(place));
      // Of a topic that the group has commits in, lag also names the partitions that have none.
      const more = ours.filter((row) => !known.has(place(row)));
      assert.ok(more.every(({ committed, lag }) => committed === '-' && lag === '-'));
      const shared = ours.filter((row) => known.has(place(row)));
      assert.deepEqual(sorted(shared), sorted(theirs), group.slice(prefix.length + 1));
      count += theirs.length;
    }
    return `${groups.length} groups, ${count} partitions: equal number for number`;
  } finally {
    await client.close();
  }
}

async function prepareGroups(client: KafkaClient, prefix: string): Promise<string[]> {
  const topics = [`${prefix}-a`, `${prefix}-b`];
  await client.admin.createTopics(topics.map((name) => ({ name, partitions: 3 })));
  const producer = await client.createProducer();
  for (let i = 0; i < 300; i++) appendText(producer, topics[i % 2]!, (i >> 1) % 3, `v${i}`);
  await producer.flush();
  const names = ['without-members', 'behind', 'partly', 'ahead-of-nothing', 'with-members'];
  const groups = names.map((name) => `${prefix}-${name}`);
  const commit = async (groupId: string, offsets: readonly (readonly [string, number, number])[]) => {
    const consumer = await client.createConsumer({ groupId });
    await consumer.commit(offsets.map(([topic, partition, offset]) => ({ topic, partition, offset })));
    await consumer.close();
  };
  const [a, b] = topics as [string, string];
  await commit(
    groups[0]!,
    [0, 1, 2].map((p) => [a, p, 50] as const),
  );
  await commit(groups[1]!, [...[0, 1, 2].map((p) => [a, p, 10 * p] as const), [b, 0, 49]]);
  await commit(groups[2]!, [[b, 1, 7]]);
  await commit(groups[3]!, [[a, 0, 0]]);
  // Assigned all of topic b, and has committed one partition of it.
  const member = await client.createConsumer({ groupId: groups[4]!, sessionTimeoutMs: 30_000 });
  let isIn = false;
  await member.subscribe([b], 'earliest', {
    onRevoked: async () => {},
    onAssigned: async () => {
      isIn = true;
      return undefined;
    },
  });
  while (!isIn) await member.poll(20);
  await member.commit([{ topic: b, partition: 2, offset: 5 }]);
  return groups;
}
