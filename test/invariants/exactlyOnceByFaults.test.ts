import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import type { Fault } from '../../src/broker/faults.ts';
import { KafkaError } from '../../src/broker/protocol/errorCodes.ts';
import { AnomalyError } from '../../src/errors.ts';
import { runJob } from '../../src/runtime/job.ts';
import { type CliRun, runCli } from '../helpers/cli.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { configOf, LogLines } from '../runtime/helpers/config.ts';
import { MemoryCheckpoints } from '../runtime/helpers/memoryCheckpoints.ts';
import { LeapClock } from './helpers/leapClock.ts';
import { Readings, seeded } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const PARTITIONS = 4;
const SINKS = ['windows', 'anomalies', 'late', 'dlq'] as const;
const clock = new LeapClock();
let world: World;
before(async () => {
  world = await startWorld({ clock });
});
after(() => world.close());

/** One member of the group, in this process, with a client and signals of its own. */
class Member {
  readonly ended: Promise<CliRun>;
  readonly #signals = new EventEmitter();

  constructor(topic: string, pipeline: string, ...more: string[]) {
    const flags = [
      '--topic',
      topic,
      '--pipeline',
      pipeline,
      '--time',
      'ts',
      '--window',
      '1m',
      '--detector',
      'rolling-z',
    ];
    const pace = ['--commit-every', '50ms', '--checkpoint-every', '150ms', '--transaction-timeout', '5s'];
    const sinks = SINKS.flatMap((sink) => ['-X', `sinks.${sink.replace('dlq', 'dead_letters')}=${pipeline}.${sink}`]);
    const argv = ['run', ...flags, ...pace, ...sinks, '--max-ahead', 'off', '--guarantee', 'exactly-once', ...more];
    this.ended = runCli([...argv, '-o', 'json'], { cwd: world.dir, env: { ...world.env }, signals: this.#signals });
  }

  async stop(): Promise<CliRun> {
    this.#signals.emit('SIGTERM');
    const ended = await this.ended;
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  }
}

async function prepare(topic: string, pipeline: string): Promise<{ readings: Readings; windows: TopicReader }> {
  const configs = { 'retention.ms': '-1' };
  const names = [topic, ...SINKS.map((sink) => `${pipeline}.${sink}`)];
  await world.client.admin.createTopics(names.map((name) => ({ name, partitions: PARTITIONS, configs })));
  const producer = await world.client.createProducer();
  const readings = new Readings(producer, topic, PARTITIONS, 20, 11);
  return { readings, windows: await TopicReader.open(world, `${pipeline}.windows`, PARTITIONS) };
}

/** Records keep coming until it is so. */
async function until(
  isThere: () => boolean | Promise<boolean>,
  readings: Readings,
  windows: TopicReader,
): Promise<void> {
  while (!(await isThere())) {
    readings.append(200);
    await windows.poll(10);
  }
}

async function untilMore(rows: number, readings: Readings, windows: TopicReader): Promise<void> {
  const target = windows.count + rows;
  await until(() => windows.count >= target, readings, windows);
}

/** Runs to the end, and compares with one undisturbed run: record for record, in order, by partition. */
async function assertAsOne(topic: string, pipeline: string, readings: Readings, windows: TopicReader): Promise<void> {
  await readings.flush();
  await windows.close();
  const whole = `${pipeline}-whole`;
  for (const name of [pipeline, whole]) {
    const { code, stderr } = await new Member(topic, name, '--until', 'end').ended;
    assert.equal(code, 0, stderr);
  }
  for (const sink of SINKS) {
    const one = await (await TopicReader.open(world, `${whole}.${sink}`, PARTITIONS)).toEnd(world);
    const group = await (await TopicReader.open(world, `${pipeline}.${sink}`, PARTITIONS)).toEnd(world);
    for (let p = 0; p < PARTITIONS; p++) assert.deepEqual(group.values[p], one.values[p], `${sink} of partition ${p}`);
    assert.ok(one.count > 0, sink);
    await Promise.all([one.close(), group.close()]);
  }
}

const { CONCURRENT_TRANSACTIONS, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, NOT_LEADER_OR_FOLLOWER } = KafkaError;
/** Requests and answers of every step of a transaction that do not arrive, and brokers that are not ready for them. */
const FAULTS: readonly Fault[] = [
  ...(
    ['AddPartitionsToTxn', 'Produce', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn', 'OffsetFetch'] as const
  ).flatMap((api): Fault[] => [
    { api, drop: 'before' },
    { api, drop: 'after' },
  ]),
  { api: 'AddPartitionsToTxn', errorCode: CONCURRENT_TRANSACTIONS, count: 3 },
  { api: 'AddOffsetsToTxn', errorCode: NOT_COORDINATOR },
  { api: 'TxnOffsetCommit', errorCode: COORDINATOR_LOAD_IN_PROGRESS, count: 2 },
  { api: 'EndTxn', errorCode: NOT_COORDINATOR },
  { api: 'Produce', errorCode: NOT_LEADER_OR_FOLLOWER },
];

test('requests and answers of every step of a transaction get lost: nothing is missing and nothing twice', async () => {
  const { readings, windows } = await prepare('lossy', 'lossy');
  const member = new Member('lossy', 'lossy');
  await untilMore(20, readings, windows);
  const random = seeded(3);
  const lone = FAULTS.filter(({ api }) => api !== 'OffsetFetch');
  for (let n = 0; n < 2 * lone.length; n++) {
    world.broker.faults.inject({ ...lone[n % lone.length]!, skip: Math.floor(random() * 3) });
    await until(() => world.broker.faults.armedCount === 0, readings, windows);
    await untilMore(5, readings, windows);
  }
  await member.stop();
  await assertAsOne('lossy', 'lossy', readings, windows);
});

test('members come and go while requests get lost: the partitions that move and those that stay are whole', async () => {
  const { readings, windows } = await prepare('moving', 'moving');
  const joined = async (count: number) => {
    const { members, state } = await world.client.admin.describeGroup('moving');
    return state === 'Stable' && members.length === count && members.every((each) => each.partitions.length > 0);
  };
  const random = seeded(8);
  let members = [new Member('moving', 'moving')];
  await untilMore(100, readings, windows);
  for (let n = 0; n < 6; n++) {
    world.broker.faults.inject({ ...FAULTS[Math.floor(random() * FAULTS.length)]!, skip: Math.floor(random() * 4) });
    if (members.length === 1) members.push(new Member('moving', 'moving'));
    else {
      await members[0]!.stop();
      members = members.slice(1);
    }
    await until(() => joined(members.length), readings, windows);
    await untilMore(50, readings, windows);
  }
  world.broker.faults.clear();
  for (const member of members) await member.stop();
  await assertAsOne('moving', 'moving', readings, windows);
});

test('a member whose session ran out throws away what it had not committed, and joins again', async () => {
  const { readings, windows } = await prepare('lapsed', 'lapsed');
  const member = new Member('lapsed', 'lapsed');
  await untilMore(100, readings, windows);
  for (let n = 0; n < 3; n++) {
    clock.leap(15_000);
    await untilMore(100, readings, windows);
  }
  const { stderr } = await member.stop();
  assert.match(stderr, /lost lapsed\/0/);
  await assertAsOne('lapsed', 'lapsed', readings, windows);
});

/** A member is thought dead while its request is on the way; another takes over, and then the request arrives. */
async function late(api: 'TxnOffsetCommit' | 'EndTxn', name: string): Promise<void> {
  const { readings, windows } = await prepare(name, name);
  const first = new Member(name, name, '--transaction-timeout', '10m');
  await untilMore(100, readings, windows);
  // On its way for longer than a session lasts.
  world.broker.faults.inject({ api, delayMs: 40_000 });
  await until(() => world.broker.faults.armedCount === 0, readings, windows);
  clock.leap(15_000);
  const second = new Member(name, name, '--transaction-timeout', '10m');
  const offset = async () => (await world.client.admin.groupOffsets(name)).reduce((sum, each) => sum + each.offset, 0);
  const before = await offset();
  const isTaken = async () => {
    const { members } = await world.client.admin.describeGroup(name);
    return members.length > 0 && ((await offset()) > before || members.every((each) => each.partitions.length > 0));
  };
  await until(isTaken, readings, windows);
  // Time for the new owner to read the offset from which it goes on.
  let turns = 0;
  await until(() => turns++ > 40, readings, windows);
  clock.leap(30_000);
  await untilMore(50, readings, windows);
  await second.stop();
  await first.stop();
  await assertAsOne(name, name, readings, windows);
}

test('a member that was thought dead sends its offsets late: the group has moved on, and its transaction is refused', () =>
  late('TxnOffsetCommit', 'zombie'));

test('a member that was thought dead ends its transaction late: the next owner waits for what comes of it', () =>
  late('EndTxn', 'ending'));

test('a store that is slow, fails and tears costs no record: older checkpoints serve, and it is said', async () => {
  const { readings, windows } = await prepare('stores', 'stores');
  const store = new MemoryCheckpoints();
  const logger = new LogLines();
  const config = await configOf(
    [
      'pipeline: stores',
      'source: {topics: [stores], time: ts}',
      'time: {max_ahead: off}',
      'windows: [{name: w1m, type: tumbling, size: 1m}]',
      'score: {detector: rolling-z}',
      'sinks: {format: json, windows: stores.windows, anomalies: stores.anomalies, late: stores.late, dead_letters: stores.dlq}',
      'guarantee: exactly-once',
      'commit_every: 20ms',
      'transaction_timeout: 120s',
      'checkpoint: {every: 40ms, retain: 4}',
    ].join('\n'),
  );
  let saves = 0;
  store.onSave = async () => {
    saves++;
    if (saves % 5 === 0) throw new AnomalyError('ANM_STORE_UNREACHABLE', 'the store is away');
    if (saves % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let life = 0; life < 4; life++) {
    const stop = new AbortController();
    const job = runJob({
      client: world.client,
      registry: undefined,
      config,
      stage: 'run',
      groupId: 'stores',
      localDir: world.dir,
      toolVersion: '0',
      openCheckpoints: async () => store,
      recovery: { fresh: false, acceptGap: false, allow: [] },
      untilEnd: false,
      leaveOpen: false,
      maxBadRate: 1,
      logger,
      now: Date.now,
      ticks: () => performance.now(),
      signal: stop.signal,
    });
    const before = saves;
    await untilMore(50, readings, windows);
    await until(() => saves > before + 12, readings, windows);
    // It ends in order, or by what nothing survives; what follows finds the newest checkpoint of each partition altered.
    if (life % 2 === 0) {
      stop.abort();
      await job;
    } else {
      const errorCode = KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
      world.broker.faults.inject({ api: 'AddPartitionsToTxn', errorCode, count: 1000 });
      let isOver = false;
      const ended = assert.rejects(job, { code: 'ANM_AUTHORIZATION' }).finally(() => {
        isOver = true;
      });
      await until(() => isOver, readings, windows);
      await ended;
      world.broker.faults.clear();
      // What it left open keeps the offsets unstable until the broker ends it.
      clock.leap(150_000);
    }
    for (let p = 0; p < PARTITIONS; p++) {
      const newest = (await store.list('stores', p)).at(-1);
      if (newest !== undefined) store.snapshots.get(newest.name)!.operators[0]!.bytes.fill(0xee);
    }
  }
  assert.match(logger.lines.join('\n'), /cannot store a checkpoint of stores\/\d.*the store is away/);
  assert.match(logger.lines.join('\n'), /left aside checkpoint .* altered/);
  store.onSave = () => {};
  await readings.flush();
  await windows.close();
  const finish = (pipeline: string, checkpoints: MemoryCheckpoints) =>
    runJob({
      ...{ client: world.client, registry: undefined, stage: 'run', groupId: pipeline, toolVersion: '0' },
      config: {
        ...config,
        sinks: {
          ...config.sinks,
          ...{ windows: `${pipeline}.windows`, anomalies: `${pipeline}.anomalies` },
          ...{ late: `${pipeline}.late`, deadLetters: `${pipeline}.dlq` },
        },
      },
      localDir: world.dir,
      openCheckpoints: async () => checkpoints,
      recovery: { fresh: false, acceptGap: false, allow: [] },
      ...{ untilEnd: true, leaveOpen: false, maxBadRate: 1, logger, now: Date.now },
      signal: new AbortController().signal,
    });
  await finish('stores', store);
  await finish('stores-whole', new MemoryCheckpoints());
  for (const sink of SINKS) {
    const one = await (await TopicReader.open(world, `stores-whole.${sink}`, PARTITIONS)).toEnd(world);
    const other = await (await TopicReader.open(world, `stores.${sink}`, PARTITIONS)).toEnd(world);
    for (let p = 0; p < PARTITIONS; p++) assert.deepEqual(other.values[p], one.values[p], `${sink} of partition ${p}`);
    await Promise.all([one.close(), other.close()]);
  }
});
