// The suite against itself: with a safeguard taken away, from outside, the same check has to find what it guards.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KafkaError } from '../../src/broker/protocol/errorCodes.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import type { Producer } from '../../src/clients/producer.ts';
import type { TransactionalProducer } from '../../src/clients/transactions.ts';
import { runJob } from '../../src/runtime/job.ts';
import { append, startWorld, type World } from '../helpers/world.ts';
import { configOf, LogLines } from '../runtime/helpers/config.ts';
import { MemoryCheckpoints } from '../runtime/helpers/memoryCheckpoints.ts';
import { brokenPromises } from './helpers/brokenPromises.ts';
import { BrokerTap } from './helpers/brokerTap.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Member, runFlags, SINKS } from './helpers/member.ts';
import { Readings, START_MS } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const PARTITIONS = 4;
/** Longer than a session, and shorter than a transaction may be open. */
const LEAP_MS = 15_000;
/** Longer than a transaction may be open. */
const ABORT_MS = 90_000;
const clock = new LeapClock();
let world: World;
let tap: BrokerTap;
before(async () => {
  world = await startWorld({ clock });
  tap = new BrokerTap(world.broker);
});
after(() => world.close());

interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

function gate(): Gate {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/**
 * A member is cut off in the middle of its commit, when it sends `heldApi`: its session runs out, and another one takes
 * its partitions. When that has come to `releasedBy`, the held request arrives after all. What does it to the outputs?
 */
async function cutOff(
  pipeline: string,
  heldApi: 'TxnOffsetCommit' | 'EndTxn',
  releasedBy: 'EndTxn' | 'OffsetFetch',
): Promise<readonly string[]> {
  const configs = { 'retention.ms': '-1' };
  const topics = [pipeline, ...SINKS.map((sink) => `${pipeline}.${sink}`)];
  await world.client.admin.createTopics(topics.map((name) => ({ name, partitions: PARTITIONS, configs })));
  const readings = new Readings(await world.client.createProducer(), pipeline, PARTITIONS, 20, 11);
  const windows = await TopicReader.open(world, `${pipeline}.windows`, PARTITIONS);
  const until = async (isThere: () => boolean) => {
    while (!isThere()) {
      readings.append(100);
      await windows.poll(10);
    }
  };
  const more = async (rows: number) => {
    const target = windows.count + rows;
    await until(() => windows.count >= target);
  };
  const start = (instance: string) =>
    new Member(
      world,
      runFlags(pipeline, pipeline, '--commit-every', '100ms', '--instance', instance, '--transaction-timeout', '60s'),
    );

  const first = start('one');
  await more(100);
  const held = gate();
  const released = gate();
  let isHolding = false;
  let hasTaken = false;
  tap.onRequest = (api, request) => {
    const { transactionalId, groupInstanceId } = request as { transactionalId?: unknown; groupInstanceId?: unknown };
    if (api === heldApi && transactionalId === `${pipeline}-one`) {
      isHolding = true;
      held.open();
      return released.opened;
    }
    // It learns that its session ran out, and must not be back before the other one has everything.
    return isHolding && api === 'JoinGroup' && groupInstanceId === 'one' ? released.opened : undefined;
  };
  tap.onAnswer = (api, request) => {
    const { transactionalId = `${pipeline}-two` } = request as { transactionalId?: unknown };
    if (!hasTaken || api !== releasedBy || transactionalId !== `${pipeline}-two`) return;
    tap.onRequest = () => undefined;
    tap.onAnswer = () => {};
    released.open();
  };
  await until(() => isHolding);
  clock.leap(LEAP_MS);
  hasTaken = true;
  const second = start('two');
  let isReleased = false;
  void released.opened.then(() => {
    isReleased = true;
  });
  await until(() => isReleased);
  await more(200);
  await Promise.all([first.stop(), second.stop()]);
  await readings.flush();
  await windows.close();
  // Static members leave by the end of their sessions only.
  clock.leap(LEAP_MS);
  const whole = `${pipeline}-whole`;
  for (const name of [pipeline, whole]) {
    const { code, stderr } = await new Member(world, runFlags(pipeline, name, '--until', 'end')).ended;
    assert.equal(code, 0, stderr);
  }
  return brokenPromises(world, PARTITIONS, SINKS, pipeline, whole);
}

test('a commit of a former owner that arrives late is refused; mutation: without that fence rows are doubled', async () => {
  assert.deepEqual(await cutOff('fenced', 'TxnOffsetCommit', 'EndTxn'), []);
  // As before KIP-447: the broker is not told of which generation the commit is.
  const restore = tap.rewrite('TxnOffsetCommit', (request) => ({
    ...request,
    ...{ generationId: -1, memberId: '', groupInstanceId: null },
  }));
  try {
    assert.ok((await cutOff('unfenced', 'TxnOffsetCommit', 'EndTxn')).includes('nothing doubled'));
  } finally {
    restore();
  }
});

test('offsets are read when they are stable; mutation: without require_stable rows are doubled', async () => {
  assert.deepEqual(await cutOff('stable', 'EndTxn', 'OffsetFetch'), []);
  const restore = tap.rewrite('OffsetFetch', (request) => ({ ...request, requireStable: false }));
  try {
    assert.ok((await cutOff('unstable', 'EndTxn', 'OffsetFetch')).includes('nothing doubled'));
  } finally {
    restore();
  }
});

const JOURNALED = ['windows', 'late', 'dlq'] as const;

/** Writes everything but journal records that `isLost` picks. */
function forgetful(client: KafkaClient, isLost: (type: string) => boolean): KafkaClient {
  const inSight: KafkaClient = {
    kind: client.kind,
    admin: client.admin,
    createProducer: (options) => client.createProducer(options),
    createConsumer: (options) => client.createConsumer(options),
    createTransactionalProducer: async (options) => {
      const producer: TransactionalProducer = await client.createTransactionalProducer(options);
      const plain = producer.append.bind(producer);
      const lossy: Producer['append'] = (topic, partition, timeMs, key, keyFrom, keyTo, value, from, to, ...more) => {
        if (topic.endsWith('.journal')) {
          const { type } = JSON.parse(Buffer.from(value!.subarray(from, from + to)).toString()) as { type: string };
          if (isLost(type)) return;
        }
        plain(topic, partition, timeMs, key, keyFrom, keyTo, value, from, to, ...more);
      };
      producer.append = lossy as typeof producer.append;
      return producer;
    },
    close: async () => {},
  };
  return inSight;
}

/** Silence closes a window, a late record of it follows, and in between, where `dies`, the process is no more. */
async function silence(pipeline: string, dies: boolean, isLost: (type: string) => boolean): Promise<void> {
  const names = [pipeline, ...JOURNALED.map((sink) => `${pipeline}.${sink}`)];
  const configs = { 'retention.ms': '-1' };
  await world.client.admin.createTopics(names.map((name) => ({ name, partitions: 1, configs })));
  const producer = await world.client.createProducer();
  const put = (seconds: number, value: unknown) =>
    append(producer, pipeline, {
      ...{ partition: 0, key: 'pump', timestamp: START_MS },
      value: typeof value === 'string' ? value : { ts: START_MS + seconds * 1000, value },
    });
  let aheadMs = 0;
  const store = new MemoryCheckpoints();
  const yaml = [
    `pipeline: ${pipeline}`,
    `source: {topics: [${pipeline}], time: ts}`,
    'time: {max_ahead: off, out_of_orderness: 0s, idle_after: 30s}',
    'windows: [{name: w1m, type: tumbling, size: 1m}]',
    `sinks: {format: json, ${JOURNALED.map((sink) => `${sink === 'dlq' ? 'dead_letters' : sink}: ${pipeline}.${sink}`).join(', ')}}`,
    'guarantee: exactly-once',
    'commit_every: 20ms',
    'transaction_timeout: 60s',
    // So that a recovery has to run everything again.
    'checkpoint: {every: 1h}',
  ].join('\n');
  const config = await configOf(yaml);
  const begin = (stop: AbortController, untilEnd: boolean) =>
    runJob({
      ...{ client: forgetful(world.client, isLost), registry: undefined, config, stage: 'run', groupId: pipeline },
      ...{ localDir: world.dir, toolVersion: '0', openCheckpoints: async () => store },
      recovery: { fresh: false, acceptGap: false, allow: [] },
      ...{ untilEnd, leaveOpen: false, maxBadRate: 1, logger: new LogLines(), now: Date.now },
      ticks: () => performance.now() + aheadMs,
      signal: stop.signal,
    });
  const windows = await TopicReader.open(world, `${pipeline}.windows`, 1);
  const shows = async (reader: TopicReader, rows: number) => {
    while (reader.count < rows) await reader.poll(20);
  };
  let stop = new AbortController();
  let job = begin(stop, false);
  let isOver = false;
  for (let second = 0; second < 90; second += 10) put(second, second);
  await producer.flush();
  await shows(windows, 1);
  // Nobody says anything for two minutes: the window of the last readings closes.
  aheadMs += 120_000;
  await shows(windows, 2);
  if (dies) {
    const errorCode = KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    world.broker.faults.inject({ api: 'AddPartitionsToTxn', errorCode, count: 1000 });
    put(0, 'no JSON');
    await producer.flush();
    await assert.rejects(job, { code: 'ANM_AUTHORIZATION' });
    world.broker.faults.clear();
    // What it left open keeps the offsets unstable until the broker ends it.
    clock.leap(ABORT_MS);
    stop = new AbortController();
    job = begin(stop, false);
    job.catch(() => {
      isOver = true;
    });
  } else put(0, 'no JSON');
  put(70, 7);
  await producer.flush();
  await producer.close();
  const [end] = await world.client.admin.listOffsets([{ topic: pipeline, partition: 0 }], 'latest');
  const isBehind = async () => (await world.client.admin.groupOffsets(pipeline))[0]!.offset < end!.offset;
  // A recovery that is refused ends the job.
  while ((await isBehind()) && !isOver) await windows.poll(20);
  stop.abort();
  await job;
  await begin(new AbortController(), true);
  await windows.close();
}

test('what silence did is done again in a recovery; mutation: without its journal records rows differ', async () => {
  await silence('silent-whole', false, () => false);
  // Rows name the topic that they are of.
  const alike = (row: string) => row.replace(/"topic":"[^"]*"/, '');
  const broken = (pipeline: string) => brokenPromises(world, 1, JOURNALED, pipeline, 'silent-whole', alike);
  await silence('silent', true, () => false);
  assert.deepEqual(await broken('silent'), []);
  await silence('effectless', true, (type) => type === 'idle');
  // The late reading went into a window whose rows were out, and they came a second time with it.
  assert.deepEqual(await broken('effectless'), ['nothing else', 'nothing lost']);
});

test('a recovery without any journal is refused, as it could only begin with empty windows', async () => {
  await assert.rejects(
    silence('unwritten', true, () => true),
    { code: 'ANM_STATE_MISSING' },
  );
});
