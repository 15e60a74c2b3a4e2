// `anomaly lag` and `anomaly lag reset` beside kafka-consumer-groups, on Kafka and on the embedded broker: groups whose members
// are Java's console consumer and kcat (librdkafka), and every way to name an offset.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { appendText } from '../clients/helpers/records.ts';
import { withBothBrokers } from './helpers/bothBrokers.ts';
import { startTool, tool } from './helpers/cli.ts';
import { consoleTool, installKafka, kafkaClassPath } from './helpers/services.ts';

const GROUPS = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';
const T0 = Date.UTC(2026, 0, 1);

const dir = mkdtempSync(join(tmpdir(), 'anomaly-lag-tier-'));
const running = new Set<ChildProcess>();
before(() => installKafka());
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});
const both = withBothBrokers();

for (const where of ['Kafka', 'the embedded broker'] as const) {
  describe(`lag on ${where}`, { timeout: 900_000 }, () => {
    let brokers: string;
    let client: KafkaClient;
    const topic = `lag-${process.pid}`;
    before(async () => {
      brokers = where === 'Kafka' ? both().kafka : both().dev.brokers;
      client = await connect({ brokers: [brokers], client: 'platformatic' });
      await client.admin.createTopics([{ name: topic, partitions: 3 }]);
      const producer = await client.createProducer();
      for (let i = 0; i < 90; i++) appendText(producer, topic, i % 3, `v${i}`, { timestampMs: T0 + 1000 * i });
      await producer.flush();
      await producer.close();
      await client.admin.deleteRecords([{ topic, partition: 0, offset: 4 }]);
    });
    after(() => client?.close());
    const around = () => ({ brokers, registry: 'http://127.0.0.1:1', dir });
    const lag = async (...argv: string[]) => JSON.parse(await tool(around(), 'lag', ...argv, '-o', 'json'));

    test('members that nobody here wrote: Java and kcat', async () => {
      const java = `${topic}-java`;
      const kcat = `${topic}-kcat`;
      const jvm = ['-cp', kafkaClassPath(), 'org.apache.kafka.tools.consumer.ConsoleConsumer'];
      start('java', [...jvm, '--bootstrap-server', brokers, '--topic', topic, '--group', java, '--from-beginning']);
      start('kcat', ['-b', brokers, '-q', '-G', kcat, '-X', 'auto.offset.reset=earliest', topic]);
      const groups = [java, kcat];
      if (where === 'Kafka') {
        // The newer protocol (KIP-848), which Redpanda and the embedded broker do not have.
        groups.push(`${topic}-kip848`);
        const protocol = ['--consumer-property', 'group.protocol=consumer'];
        start('java', [
          ...jvm,
          '--bootstrap-server',
          brokers,
          '--topic',
          topic,
          '--group',
          groups[2]!,
          '--from-beginning',
          ...protocol,
        ]);
      }
      for (const group of groups) {
        const read = await until(`${group} has read all`, async () => {
          const known = (await client.admin.groups()).some(({ groupId }) => groupId === group);
          const found = known ? await lag(group, '--members', '--looks', '1') : undefined;
          return found?.groups[0].lag === 0 && found.groups[0].unknown === 0 ? found : undefined;
        });
        assert.deepEqual([read.groups[0].state, read.groups[0].members, read.groups[0].verdict], ['Stable', 1, 'OK']);
        assert.deepEqual([read.members[0].partitions, read.members[0].lag_records], [3, 0]);
        // The group may move between two looks, so theirs is held against what ours says before and after it.
        const [ours, theirs] = await until(`${group} stands still for two looks`, async () => {
          const before = rowsOf(await lag(group, '--members', '--looks', '1'));
          const between = describeRows(brokers, group);
          const after = rowsOf(await lag(group, '--members', '--looks', '1'));
          return isDeepStrictEqual(before, after) ? [before, between] : undefined;
        });
        assert.deepEqual(ours, theirs);
        const refused = await startTool(around(), ['lag', 'reset', group, '--to', 'start', '--yes']).ended;
        assert.equal(refused.code, 1, refused.stderr);
        assert.ok(refused.stderr.includes(read.partitions[0].client_id), refused.stderr);
      }
    });

    test('exact time is that of the record at the committed offset', async () => {
      const group = await committed(client, `${topic}-exact`, topic, [2, 10, 30]);
      const before = Date.now();
      const { partitions, at } = await lag(group, '--exact', '--looks', '1');
      assert.ok(Date.parse(at) >= before, at);
      const ages = partitions.map((row: { exact_lag_ms: number }) => row.exact_lag_ms);
      // Offset 4 is the first that is left in partition 0; record i of partition p was written at T0 + 1000 * (3 * i + p).
      assert.deepEqual(ages, [Date.parse(at) - (T0 + 12_000), Date.parse(at) - (T0 + 31_000), 0]);
      assert.deepEqual(
        partitions.map((row: { deleted_records: number }) => row.deleted_records),
        [2, 0, 0],
      );
    });

    test('reset goes where kafka-consumer-groups goes', async () => {
      const group = await committed(client, `${topic}-reset`, topic, [5, 10, 30]);
      const time = new Date(T0 + 40_000).toISOString().replace('Z', '');
      const cases: [readonly string[], readonly string[]][] = [
        [['--to', 'start'], ['--to-earliest']],
        [['--to', 'end'], ['--to-latest']],
        [['--to', 'current'], ['--to-current']],
        [
          ['--to', '7'],
          ['--to-offset', '7'],
        ],
        [
          ['--to', '99'],
          ['--to-offset', '99'],
        ],
        [
          ['--to', '1'],
          ['--to-offset', '1'],
        ],
        [
          ['--shift-by', '-3'],
          ['--shift-by', '-3'],
        ],
        [
          ['--shift-by', '25'],
          ['--shift-by', '25'],
        ],
        [
          ['--to', `@${T0 + 40_000}`],
          ['--to-datetime', time],
        ],
        [
          ['--to', '@-1h'],
          ['--by-duration', 'PT1H'],
        ],
      ];
      for (const [own, theirs] of cases) {
        const plan = JSON.parse(await tool(around(), 'lag', 'reset', group, ...own, '--dry-run', '-o', 'json'));
        const ours = plan.partitions.map(({ partition, to }: { partition: number; to: number }) => [partition, to]);
        assert.deepEqual(ours, newOffsets(brokers, group, theirs), own.join(' '));
      }
      await tool(around(), 'lag', 'reset', group, '--to', '7', '--yes');
      const now = describeRows(brokers, group).map((cells) => Number(cells[2]));
      assert.deepEqual(now, [7, 7, 7]);
    });

    test('either takes what the other exports', async () => {
      const group = await committed(client, `${topic}-files`, topic, [5, 10, 30]);
      const about = ['--bootstrap-server', brokers, '--group', group, '--reset-offsets', '--all-topics'];
      const theirs = consoleTool(GROUPS, [...about, '--to-current', '--export', '--dry-run']);
      const ours = await tool(around(), 'lag', 'reset', group, '--to', 'current', '--export');
      writeFileSync(join(dir, 'theirs.csv'), theirs);
      writeFileSync(join(dir, 'ours.csv'), ours);
      const offsets = () =>
        client.admin.groupOffsets(
          group,
          [0, 1, 2].map((partition) => ({ topic, partition })),
        );
      const was = await offsets();
      await tool(around(), 'lag', 'reset', group, '--to', 'end', '--yes');
      await tool(around(), 'lag', 'reset', group, '--from-file', 'theirs.csv', '--yes');
      assert.deepEqual(await offsets(), was);
      await tool(around(), 'lag', 'reset', group, '--to', 'end', '--yes');
      const file = join(dir, 'ours.csv');
      consoleTool(GROUPS, [
        '--bootstrap-server',
        brokers,
        '--group',
        group,
        '--reset-offsets',
        '--from-file',
        file,
        '--execute',
      ]);
      assert.deepEqual(await offsets(), was);
    });

    test('all groups at once, without a problem', async () => {
      const { groups } = await lag('--summary', '--looks', '1');
      assert.ok(groups.length >= 4, `${groups.length} groups`);
      for (const { group, problem } of groups) assert.equal(problem, null, group);
    });
  });
}

function start(command: string, args: readonly string[]): void {
  const child = spawn(command, args, { stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + 180_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`still not: ${what}`);
  }
}

async function committed(
  client: KafkaClient,
  groupId: string,
  topic: string,
  offsets: readonly number[],
): Promise<string> {
  const consumer = await client.createConsumer({ groupId });
  await consumer.commit(offsets.map((offset, partition) => ({ topic, partition, offset })));
  await consumer.close();
  return groupId;
}

/** The columns of `describeRows`, of the JSON of `anomaly lag`. */
function rowsOf({ partitions }: { readonly partitions: readonly Record<string, unknown>[] }): string[][] {
  const columns = ['topic', 'partition', 'committed', 'end', 'lag', 'member_id', 'host', 'client_id'];
  return partitions.map((row) => columns.map((column) => String(row[column])));
}

/** TOPIC, PARTITION, CURRENT-OFFSET, LOG-END-OFFSET, LAG, CONSUMER-ID, HOST, CLIENT-ID of --describe. */
function describeRows(brokers: string, group: string): string[][] {
  return consoleTool(GROUPS, ['--bootstrap-server', brokers, '--describe', '--group', group])
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[0] === group)
    .map((cells) => cells.slice(1))
    .sort((a, b) => Number(a[1]) - Number(b[1]));
}

/** Partition and NEW-OFFSET of a plan of --reset-offsets. */
function newOffsets(brokers: string, group: string, target: readonly string[]): number[][] {
  const about = ['--bootstrap-server', brokers, '--group', group, '--reset-offsets', '--all-topics', '--dry-run'];
  return consoleTool(GROUPS, [...about, ...target])
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[0] === group)
    .map((cells) => [Number(cells[2]), Number(cells[3])])
    .sort((a, b) => a[0]! - b[0]!);
}
