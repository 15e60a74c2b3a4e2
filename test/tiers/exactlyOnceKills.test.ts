// `anomaly run --guarantee exactly-once` on a real Kafka, killed by `kill -9` while members join and leave: outputs under
// read_committed, by our reader and by kafkajs, are those of an undisturbed run, by partition in order.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { startRegistry } from '../../src/broker/registry.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { brokenPromises } from '../invariants/helpers/brokenPromises.ts';
import { type Child, killTheRest, startAnomaly } from '../invariants/helpers/child.ts';
import { readByForeign } from '../invariants/helpers/foreignReader.ts';
import { runFlags, SINKS } from '../invariants/helpers/member.ts';
import { Readings, seeded } from '../invariants/helpers/readings.ts';
import { TopicReader } from '../invariants/helpers/topicReader.ts';
import { environment, type Surroundings } from './helpers/cli.ts';
import { partitionsOf } from './helpers/deaths.ts';
import { realKafka } from './helpers/realCluster.ts';

const KILLS = Number(process.env['ANOMALY_TEST_KILLS'] ?? 20);
const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 20_263);
/** Killed side by side. */
const PIPELINES = 4;
const PARTITIONS = 4;
const SERIES_EACH = 40;
const MOST_ROWS = 800;

const source = `readings-eos-${process.pid}`;
const groups = Array.from({ length: PIPELINES }, (_, i) => `eos-${process.pid}-${i}`);
const whole = `eos-whole-${process.pid}`;
let around: Surroundings;
let client: KafkaClient;
const closing: (() => Promise<unknown>)[] = [];

before(async () => {
  const kafka = await realKafka();
  closing.push(kafka.close);
  const registry = await startRegistry({ port: 0 });
  closing.push(() => registry.close());
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-exactly-once-kills-'));
  closing.push(async () => rmSync(dir, { recursive: true, force: true }));
  around = { brokers: kafka.address, registry: registry.url, dir };
  client = await connect({ brokers: [kafka.address], client: 'platformatic' });
  closing.push(() => client.close());
  const topics = [source, ...[...groups, whole].flatMap((group) => SINKS.map((sink) => `${group}.${sink}`))];
  const configs = { 'retention.ms': '-1' };
  await client.admin.createTopics(topics.map((name) => ({ name, partitions: PARTITIONS, configs })));
});
afterEach(killTheRest);
after(async () => {
  for (const close of closing.reverse()) await close();
});

const start = (group: string, ...more: string[]): Child =>
  startAnomaly(
    { dir: around.dir, env: environment(around) },
    runFlags(source, group, '--commit-every', '50ms', '--checkpoint-every', '250ms', ...more),
  );

/** A pipeline that dies again and again; every other time another member has come meanwhile, and leaves later. */
async function dieOften(group: string, kills: number, seed: number): Promise<number> {
  const random = seeded(seed);
  const windows = await TopicReader.open({ client }, `${group}.windows`, PARTITIONS);
  let joined = 0;
  for (let kill = 0; kill < kills; kill++) {
    const one = start(group, '--instance', `${group}-one`);
    const rows = async (count: number) => {
      const target = windows.count + count;
      while (windows.count < target) {
        await windows.poll(20);
        assert.doesNotMatch(one.stderr(), /"error"/);
      }
    };
    const isRestore = kill % 5 === 4;
    if (isRestore) await one.says(/assigned /);
    else await rows(1 + Math.floor(random() * MOST_ROWS));
    const other = kill % 2 === 1 ? start(group) : undefined;
    if (other !== undefined) {
      joined++;
      await other.says(/assigned /);
      await rows(Math.floor(random() * 100));
    }
    one.kill('SIGKILL');
    assert.equal((await one.ended).signal, 'SIGKILL');
    if (other === undefined) continue;
    other.kill('SIGTERM');
    const { code, stderr } = await other.ended;
    assert.equal(code, 0, stderr);
  }
  await windows.close();
  return joined;
}

test(`${KILLS} kills lose and double nothing on a real Kafka`, { timeout: 900_000 }, async (t) => {
  t.diagnostic(`seed ${SEED} (ANOMALY_TEST_SEED)`);
  const producer = await client.createProducer();
  const readings = new Readings(producer, source, PARTITIONS, SERIES_EACH, SEED);
  const feeding = setInterval(() => readings.append(200), 50);
  const joined = await Promise.all(groups.map((group, i) => dieOften(group, KILLS / PIPELINES, SEED + i))).finally(() =>
    clearInterval(feeding),
  );
  await producer.close();

  const last = [...groups.map((group) => start(group, '--instance', `${group}-one`, '--until', 'end'))];
  const ends = await Promise.all([...last, start(whole, '--until', 'end')].map(({ ended }) => ended));
  for (const { code, stderr } of ends) assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(ends.at(-1)!.stdout).records, readings.count);
  let rows = 0;
  for (const group of groups) {
    assert.deepEqual(await brokenPromises({ client }, PARTITIONS, SINKS, group, whole), [], group);
    const offsets = await client.admin.groupOffsets(group, partitionsOf(source, PARTITIONS));
    assert.deepEqual(offsets, await client.admin.listOffsets(partitionsOf(source, PARTITIONS), 'latest'));
  }
  const place = { client, env: environment(around) };
  for (const sink of SINKS) {
    const right = await (await TopicReader.open({ client }, `${whole}.${sink}`, PARTITIONS)).toEnd({ client });
    await right.close();
    rows += right.count;
    for (const group of groups) {
      const foreign = await readByForeign(place, `${group}.${sink}`, PARTITIONS);
      for (let p = 0; p < PARTITIONS; p++) assert.deepEqual(foreign[p], right.values[p], `${group}.${sink}/${p}`);
    }
  }
  const joins = joined.reduce((sum, count) => sum + count, 0);
  t.diagnostic(`${KILLS} kills, ${joins} joins: ${readings.count} records, ${rows} rows each, 0 lost, 0 doubled`);
});
