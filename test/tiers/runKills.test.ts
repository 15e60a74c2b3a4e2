// `anomaly run` on a real Kafka, killed by `kill -9` in its middle, again and again.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { startRegistry } from '../../src/broker/registry.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { killTheRest, startAnomaly } from '../invariants/helpers/child.ts';
import { Readings, seeded } from '../invariants/helpers/readings.ts';
import { environment, type Surroundings } from './helpers/cli.ts';
import { assertNothingLost, type Death, noteDeath, partitionsOf, SINKS } from './helpers/deaths.ts';
import { realKafka } from './helpers/realCluster.ts';

const KILLS = Number(process.env['ANOMALY_TEST_KILLS'] ?? 20);
/** Killed side by side, since the group of a dead member waits for the end of its session. */
const PIPELINES = 4;
const PARTITIONS = 4;
const SERIES_EACH = 50;
const FIRST_RECORDS = 20_000;
const MOST_ROWS = 600;

const source = `readings-${process.pid}`;
const groups = Array.from({ length: PIPELINES }, (_, i) => `killed-${process.pid}-${i}`);
const whole = `whole-${process.pid}`;
let around: Surroundings;
let client: KafkaClient;
const closing: (() => Promise<unknown>)[] = [];

before(async () => {
  const kafka = await realKafka();
  closing.push(kafka.close);
  const registry = await startRegistry({ port: 0 });
  closing.push(() => registry.close());
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-run-kills-'));
  closing.push(async () => rmSync(dir, { recursive: true, force: true }));
  around = { brokers: kafka.address, registry: registry.url, dir };
  client = await connect({ brokers: [kafka.address], client: 'platformatic' });
  closing.push(() => client.close());
  const topics = [source, ...[...groups, whole].flatMap((group) => SINKS.map((sink) => `${group}.${sink}`))];
  await client.admin.createTopics(topics.map((name) => ({ name, partitions: PARTITIONS })));
});
afterEach(killTheRest);
after(async () => {
  for (const close of closing.reverse()) await close();
});

const start = (group: string, ...more: string[]) =>
  startAnomaly({ dir: around.dir, env: environment(around) }, [
    ...['run', '--topic', source, '--pipeline', group, '--time', 'ts', '--window', '1m', '--max-ahead', 'off'],
    ...['--detector', 'rolling-z', '--commit-every', '100ms'],
    ...SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${group}.${sink}`]),
    ...more,
  ]);

const sum = (places: readonly { offset: number }[]) => places.reduce((total, { offset }) => total + offset, 0);
const outputOf = async (group: string) =>
  sum(await client.admin.listOffsets(partitionsOf(`${group}.windows`, PARTITIONS), 'latest'));
const committedOf = async (group: string) =>
  sum(await client.admin.groupOffsets(group, partitionsOf(source, PARTITIONS)));

/** Dies in the middle of its work: among the rows of its first commit, or some rows after a commit of this start. */
async function dieOf(group: string, random: () => number, beforeCommit: boolean): Promise<Death> {
  const child = start(group);
  const until = async (isTrue: () => Promise<boolean>) => {
    while (!(await isTrue())) {
      assert.doesNotMatch(child.stderr(), /error\[/);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const [output, committed] = [await outputOf(group), await committedOf(group)];
  await until(async () => (beforeCommit ? (await outputOf(group)) > output : (await committedOf(group)) > committed));
  const target = (await outputOf(group)) + Math.floor(random() * MOST_ROWS);
  await until(async () => (await outputOf(group)) >= target);
  child.kill('SIGKILL');
  assert.equal((await child.ended).signal, 'SIGKILL');
  return noteDeath(client, source, group, PARTITIONS);
}

test(`${KILLS} kills of run lose nothing, and double only what was not committed`, { timeout: 850_000 }, async (t) => {
  const random = seeded(20_262);
  const producer = await client.createProducer();
  const readings = new Readings(producer, source, PARTITIONS, SERIES_EACH, 11);
  readings.append(FIRST_RECORDS);
  // Only a pipeline that gets records moves.
  const feeding = setInterval(() => readings.append(200), 100);
  const deaths = await Promise.all(
    groups.map(async (group) => {
      const own: Death[] = [];
      while (own.length < KILLS / PIPELINES) own.push(await dieOf(group, random, own.length === 2));
      return own;
    }),
  ).finally(() => clearInterval(feeding));
  assert.equal(deaths.flat().length, KILLS);
  await producer.close();

  const ends = await Promise.all([...groups, whole].map((group) => start(group, '--until', 'end', '-o', 'json').ended));
  for (const { code, stderr } of ends) assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(ends.at(-1)!.stdout).records, readings.count);
  let doubled = 0;
  for (const [i, group] of groups.entries()) {
    const say = (line: string) => t.diagnostic(line);
    doubled += await assertNothingLost(around, { killed: group, whole }, PARTITIONS, deaths[i]!, say);
    const offsets = await client.admin.groupOffsets(group, partitionsOf(source, PARTITIONS));
    assert.deepEqual(offsets, await client.admin.listOffsets(partitionsOf(source, PARTITIONS), 'latest'));
  }
  t.diagnostic(`${KILLS} kills of run: ${readings.count} records, 0 lost, ${doubled} output rows doubled`);
});
