// A topic goes quiet, and retention takes all of its records: whatever dies then, the pipeline goes on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KafkaError } from '../../src/broker/protocol/errorCodes.ts';
import { readJournal } from '../../src/runtime/journal/journalReader.ts';
import { lineageOf } from '../../src/runtime/journal/lineage.ts';
import { append, readTopic, startWorld, type World } from '../helpers/world.ts';
import { LogLines } from '../runtime/helpers/config.ts';

const START_MS = Date.UTC(2026, 0, 1);
const PARTITIONS = 2;
const BURST = 400;
const PATIENCE_MS = 60_000;
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Readings ten seconds apart, and behind them what is none, in each partition. */
async function fill(topic: string, from: number, to: number): Promise<void> {
  const configs = { 'retention.ms': '-1' };
  await world.client.admin.createTopics([{ name: topic, partitions: PARTITIONS, configs }]);
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    const partition = i % PARTITIONS;
    const value = { ts: START_MS + i * 10_000, value: (i % 7) / 10 + (i % 100 === 50 ? 40 : 0) };
    append(producer, topic, { partition, key: `s${partition}`, value });
  }
  await producer.close();
}

async function breaks(topic: string): Promise<void> {
  const producer = await world.client.createProducer();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    append(producer, topic, { partition, key: `s${partition}`, value: 'no JSON' });
  }
  await producer.close();
}

const flagsOf = (topic: string) => [
  ...['run', '--topic', topic, '--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--detector', 'rolling-z'],
  ...['--guarantee', 'exactly-once', '--commit-every', '20ms', '--checkpoint-every', '3s', '-o', 'json'],
  ...['--transaction-timeout', '1s', '--max-bad-rate', '1'],
];

async function toTheEnd(topic: string): Promise<void> {
  const { code, stderr } = await world.run([...flagsOf(topic), '--until', 'end']);
  assert.equal(code, 0, stderr.slice(0, 2000));
}

async function outputs(topic: string): Promise<string> {
  const rows = await Promise.all(['windows', 'anomalies'].map((sink) => readTopic(world, `${topic}.${sink}`)));
  const values = rows.map((partitions) => partitions.map((list) => list.map(({ value }) => value)));
  assert.ok(
    values.every((partitions) => partitions.every((list) => list.length > 0)),
    'each sink has rows',
  );
  return JSON.stringify(values).replaceAll(topic, 'topic');
}

/** Offset of the newest snapshot of a partition that counts; -1 before the first. */
async function namedAt(topic: string, partition: number): Promise<number> {
  const found = await world.client.admin.topics([`${topic}.journal`]);
  if (found.length === 0) return -1;
  const rest = { logger: new LogLines(), ticks: () => performance.now(), transactionTimeoutMs: PATIENCE_MS };
  const { entries } = await readJournal({ client: world.client, topic: `${topic}.journal`, ...rest }, partition);
  return lineageOf(entries, { topic, partition }).snapshots.at(-1)?.offset ?? -1;
}

test('all that was read before a silence is in checkpoints: a death after retention took it loses nothing', async () => {
  await fill('whole', 0, BURST);
  await breaks('whole');
  await fill('whole', BURST, BURST + 200);
  await toTheEnd('whole');

  await fill('quiet', 0, BURST);
  const first = world.run(flagsOf('quiet'));
  const deadline = performance.now() + PATIENCE_MS;
  const end = BURST / PARTITIONS;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let at = -1; at !== end; at = await namedAt('quiet', partition)) {
      assert.ok(performance.now() < deadline, `the newest checkpoint of partition ${partition} is at ${at} of ${end}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await world.client.admin.deleteRecords([{ topic: 'quiet', partition, offset: end }]);
  }
  // No final checkpoint, and no commit of what comes.
  const errorCode = KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  world.broker.faults.inject({ api: 'AddPartitionsToTxn', errorCode, count: 99 });
  await breaks('quiet');
  assert.equal((await first).code, 4);
  world.broker.faults.clear();

  await fill('quiet', BURST, BURST + 200);
  await toTheEnd('quiet');
  assert.equal(await outputs('quiet'), await outputs('whole'));
});
