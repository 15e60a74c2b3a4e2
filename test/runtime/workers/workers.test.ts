import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import type { MemberStatus } from '../../../src/observe/status.ts';
import { StatusReader } from '../../../src/runtime/status/reader.ts';
import { append, readTopic, startWorld, type World } from '../../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 1);
const PARTITIONS = 4;
const SINKS = ['windows', 'anomalies', 'late', 'dlq'];
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function fill(topic: string, from: number, to: number, partitions = PARTITIONS): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions }]);
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    const partition = i % partitions;
    const lateMs = i % 97 === 96 ? 600_000 : 0;
    const value = (i % 7) / 10 + (i % 100 === 50 ? 40 : 0);
    const record = i % 211 === 210 ? `bad ${i}` : { ts: START_MS + i * 1000 - lateMs, value };
    append(producer, topic, { partition, key: `k${partition}`, value: record });
  }
  await producer.close();
}

function argv(topic: string, pipeline: string, ...more: string[]): string[] {
  const sinks = SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${pipeline}.${sink}`]);
  const flags = ['--topic', topic, '--pipeline', pipeline, '--time', 'ts', '--window', '1m', '--max-ahead', 'off'];
  return ['run', ...flags, ...sinks, '--detector', 'rolling-z', '-o', 'json', ...more];
}

async function outputsOf(pipeline: string): Promise<unknown[]> {
  const rows = await Promise.all(SINKS.map((sink) => readTopic(world, `${pipeline}.${sink}`)));
  const plain = rows.map((partitions) =>
    partitions.map((list) => list.map(({ key, value, timestamp }) => ({ key, value, timestamp }))),
  );
  assert.ok(
    plain.every((partitions) => partitions.flat().length > 0),
    'every sink has rows',
  );
  return plain;
}

test('two workers put out what one member does, by partition in order, with one summary and one status', async () => {
  await fill('shared', 0, 4000);
  const one = await world.run(argv('shared', 'one', '--until', 'end'));
  assert.equal(one.code, 0, one.stderr);

  const signals = new EventEmitter();
  let metrics = '';
  const onError = (text: string) => {
    metrics = /metrics on (http:\S+\/metrics)/.exec(text)?.[1] ?? '';
  };
  // Closing is the end's: what is open when the signal comes stays open, so the end comes from a run of its own.
  const flags = ['--workers', '2', '--metrics', '127.0.0.1:0', '--status-every', '50ms', '--commit-every', '50ms'];
  const run = world.run(argv('shared', 'two', ...flags), { signals, onError });
  const owners = await bothAtWork('two');
  assert.deepEqual(
    owners.map((each) => each.at(-1)),
    ['0', '1'],
  );
  const scraped = await (await fetch(metrics)).text();
  for (const member of owners)
    assert.match(scraped, new RegExp(`anomaly_member_state\\{.*member="${member}",state="running"\\} 1`));
  signals.emit('SIGTERM');
  const two = await run;
  assert.equal(two.code, 0, two.stderr);
  assert.match(two.stderr, /assigned .* worker=/);
  const summary = JSON.parse(two.stdout) as Record<string, unknown>;
  assert.deepEqual([summary['ended'], summary['series']], ['stopped', PARTITIONS]);
  const rest = await world.run(argv('shared', 'two', '--until', 'end'));
  assert.equal(rest.code, 0, rest.stderr);
  assert.deepEqual(await outputsOf('two'), await outputsOf('one'));
});

test('more workers than partitions reach the end, too', async () => {
  await fill('few', 0, 400, 2);
  const { code, stderr, stdout } = await world.run(argv('few', 'few', '--workers', '3', '--until', 'end'));
  assert.equal(code, 0, stderr);
  const summary = JSON.parse(stdout) as Record<string, number>;
  assert.deepEqual([summary['ended'], summary['records'], summary['series']], ['end', 400, 2]);
});

test('a failure that nothing mends ends all workers with its error and exit code', async () => {
  await world.client.admin.createTopics([{ name: 'rotten', partitions: PARTITIONS }]);
  const producer = await world.client.createProducer();
  for (let i = 0; i < 8000; i++) append(producer, 'rotten', { partition: i % PARTITIONS, key: 'a', value: `bad ${i}` });
  await producer.close();
  const { code, stderr } = await world.run(argv('rotten', 'rotten', '--workers', '2'));
  assert.equal(code, 5);
  assert.match(stderr, /"code":"ANM_BAD_DATA"/);
});

/** What the members tell last; none before the topic is there. */
async function membersOf(pipeline: string): Promise<readonly MemberStatus[]> {
  const reader = await StatusReader.open(world.client, pipeline);
  return (await reader?.read().finally(() => reader.close())) ?? [];
}

/** Waits until the group is of two members with partitions that have read all; their names. */
async function bothAtWork(pipeline: string): Promise<string[]> {
  for (;;) {
    const members = await membersOf(pipeline);
    const isSo =
      members.length === 2 &&
      members.every(({ state, partitions }) => state === 'running' && partitions.length === PARTITIONS / 2) &&
      members.every(({ partitions }) => partitions.every(({ lag, end }) => lag === 0 && end !== null));
    if (isSo) return members.map(({ member }) => member).sort();
  }
}

test('a worker process that is killed comes back, and nothing is missing', async (t) => {
  const { loadBinding } = await import('../../../src/clients/librdkafka/binding.ts');
  try {
    await loadBinding();
  } catch (error) {
    t.skip((error as Error).message);
    return;
  }
  // Else the worker process takes itself for a test file, and reports as one.
  delete process.env['NODE_TEST_CONTEXT'];
  await fill('killed', 0, 2000);
  const signals = new EventEmitter();
  const flags = [
    '--workers',
    '2',
    '--status-every',
    '50ms',
    '--commit-every',
    '50ms',
    '--restart-initial-backoff',
    '10ms',
  ];
  const env = { ANOMALY_CLIENT: 'librdkafka' };
  const run = world.run(argv('killed', 'killed', ...flags), { signals, env });
  await bothAtWork('killed');
  const [victim] = await membersOf('killed');
  process.kill(victim!.pid, 'SIGKILL');
  await fill('killed', 2000, 4000);
  let members = await membersOf('killed');
  const isBack = () =>
    members.some(({ restarts }) => restarts === 1) && members.every(({ state }) => state === 'running');
  while (!isBack()) members = await membersOf('killed');
  await bothAtWork('killed');
  signals.emit('SIGTERM');
  const { code, stderr } = await run;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /worker .* ended without a result: the process ended by SIGKILL: starting again/);
  const rest = await world.run(argv('killed', 'killed', '--until', 'end'));
  assert.equal(rest.code, 0, rest.stderr);
  await fill('whole', 0, 4000);
  const one = await world.run(argv('whole', 'whole', '--until', 'end'));
  assert.equal(one.code, 0, one.stderr);
  // At least once: what the killed one had not committed may be there twice.
  const distinct = async (pipeline: string) =>
    (await outputsOf(pipeline)).map((partitions) =>
      (partitions as unknown[][]).map((rows) => [
        ...new Set(rows.map((row) => JSON.stringify(row).replaceAll(pipeline, 'p'))),
      ]),
    );
  assert.deepEqual(await distinct('killed'), await distinct('whole'));
});
