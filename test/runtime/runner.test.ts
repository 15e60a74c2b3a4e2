import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { append, readTopic, startWorld, type World } from '../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Readings ten seconds apart; every hundredth is a spike, every tenth-but-one comes too late for its window. */
async function fill(topic: string, from: number, to: number): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    const lateMs = i % 20 === 19 ? 600_000 : 0;
    const value = (i % 7) / 10 + (i % 100 === 50 ? 40 : 0);
    const bad = i % 33 === 32;
    append(producer, topic, {
      partition: 0,
      key: 'a',
      value: bad ? `bad ${i}` : { ts: START_MS + i * 10_000 - lateMs, value, i },
    });
  }
  await producer.close();
}

async function run(topic: string, ...more: string[]) {
  const flags = ['--topic', topic, '--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--detector', 'rolling-z'];
  const { code, stdout, stderr } = await world.run(['run', ...flags, '--until', 'end', '-o', 'json', ...more]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, number>;
}

async function outputsOf(topic: string): Promise<unknown[]> {
  const sinks = ['windows', 'anomalies', 'late', 'dlq'];
  const rows = await Promise.all(sinks.map((sink) => readTopic(world, `${topic}.${sink}`)));
  const plain = rows.map((partitions) => (partitions[0] ?? []).map(({ value }) => value));
  assert.ok(
    plain.every((list) => list.length > 2),
    plain.map((list) => list.length).join(),
  );
  return JSON.parse(JSON.stringify(plain).replaceAll(`"${topic}"`, '"t"'));
}

async function commit(group: string, offset: number): Promise<void> {
  const consumer = await world.client.createConsumer({ groupId: group });
  await consumer.commit([{ topic: group, partition: 0, offset }]);
  await consumer.close();
}

const committed = async (group: string) => (await world.client.admin.groupOffsets(group))[0]!.offset;
const stateOf = (group: string) => join(world.dir, 'state', 'anomaly', group);

test('a group whose offset was moved back goes on there, with the state that belongs to it', async () => {
  await fill('behind', 0, 400);
  await run('behind', '--leave-open');
  const whole = (await readTopic(world, 'behind.windows')).flat().map(({ value }) => value as { start: number });
  await commit('behind', 100);
  // Below the only checkpoint: its windows are made from where the partition began.
  const again = await run('behind', '--leave-open');
  assert.deepEqual([again['restored'], again['records']], [100, 300]);
  assert.equal(await committed('behind'), 400);
  const both = (await readTopic(world, 'behind.windows')).flat().map(({ value }) => value);
  assert.deepEqual(both.slice(whole.length), whole.slice(-again['windows']!));
});

test('a checkpoint behind the commit: records are read again, and what was put out is not put out twice', async () => {
  for (const topic of ['older', 'plain']) {
    await fill(topic, 0, 200);
    await run(topic, '--leave-open');
    const copy = join(world.dir, `${topic}-copy`);
    cpSync(stateOf(topic), copy, { recursive: true });
    await fill(topic, 200, 400);
    await run(topic, '--leave-open');
    if (topic === 'older') {
      rmSync(stateOf(topic), { recursive: true });
      cpSync(copy, stateOf(topic), { recursive: true });
    }
    await fill(topic, 400, 600);
    const { records, restored } = await run(topic);
    assert.deepEqual([records, restored], [200, topic === 'older' ? 200 : 0]);
  }
  assert.deepEqual(await outputsOf('older'), await outputsOf('plain'));
});

test('a commit that the broker refuses for a rebalance is made at the next turn', async () => {
  await fill('refused', 0, 300);
  const REBALANCE_IN_PROGRESS = 27;
  world.broker.faults.inject({ api: 'OffsetCommit', errorCode: REBALANCE_IN_PROGRESS });
  const { windows } = await run('refused');
  assert.equal(world.broker.faults.armedCount, 0);
  assert.equal(await committed('refused'), 300);
  const rows = (await readTopic(world, 'refused.windows')).flat();
  assert.equal(rows.length, windows);
});

test('an offset commit that fails for good ends the run with its reason', async () => {
  await fill('denied', 0, 100);
  const GROUP_AUTHORIZATION_FAILED = 30;
  world.broker.faults.inject({ api: 'OffsetCommit', errorCode: GROUP_AUTHORIZATION_FAILED, count: 99 });
  const flags = ['--topic', 'denied', '--time', 'ts', '--window', '1m', '--max-ahead', 'off'];
  const { code, stderr } = await world.run(['run', ...flags, '--until', 'end']);
  world.broker.faults.clear();
  assert.notEqual(code, 0);
  assert.match(stderr, /commit offsets of group denied/);
});

/** Names of the stores of a topic's partitions that this process has open. */
function openStores(topic: string): Set<string> {
  const names = readFileSync('/proc/self/maps', 'utf8').matchAll(new RegExp(`/(${topic}-\\d+-[0-9a-f]{8})`, 'g'));
  return new Set([...names].map(([, name]) => name!));
}

test('a partition that is given away leaves neither its store nor its series behind', {
  skip: process.platform !== 'linux',
}, async () => {
  await world.client.admin.createTopics([{ name: 'given', partitions: 2 }]);
  const send = async (places: readonly { key: string; partition: number }[]) => {
    const producer = await world.client.createProducer();
    for (const place of places) append(producer, 'given', { ...place, value: { value: 1 } });
    await producer.close();
  };
  const until = async (isSo: () => boolean | Promise<boolean>) => {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const isCommitted = async (...offsets: number[]) => {
    const found = await world.client.admin.groupOffsets('given');
    return offsets.every((offset, i) => found.some((each) => each.partition === i && each.offset === offset));
  };
  const member = () => {
    const signals = new EventEmitter();
    const flags = ['--topic', 'given', '--field', 'value', '--detector', 'kpi', '--state-backend', 'lmdb'];
    const one = { signals, stderr: '', ended: undefined as number | undefined };
    const onError = (text: string) => {
      one.stderr = text;
    };
    const ended = world.run(['run', ...flags, '--commit-every', '20ms'], { signals, onError });
    void ended.then(({ code }) => {
      one.ended = code;
    });
    return one;
  };
  await send([0, 1].map((partition) => ({ key: `s${partition}`, partition })));
  const first = member();
  await until(() => isCommitted(1, 1));
  const own = openStores('given');
  assert.equal(own.size, 2);
  const second = member();
  const goneFrom = () => /gave up given\/(\d) after a commit/.exec(first.stderr)?.[1];
  await until(() => goneFrom() !== undefined && second.stderr.includes('assigned given/'));
  const gone = Number(goneFrom());
  await until(() => [...openStores('given')].filter((name) => own.has(name)).length === 1);
  // The series of the one that went, in the one that stayed: where both were here, its windows would be split.
  await send([{ key: `s${gone}`, partition: 1 - gone }]);
  await until(async () => first.ended !== undefined || (await isCommitted(gone === 0 ? 1 : 2, gone === 0 ? 2 : 1)));
  assert.equal(first.ended, undefined, first.stderr);
  for (const { signals } of [second, first]) signals.emit('SIGTERM');
  await until(() => first.ended !== undefined && second.ended !== undefined);
  assert.deepEqual([first.ended, second.ended], [0, 0]);
});
