import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startBroker } from '../../../src/broker/broker.ts';
import { connect } from '../../../src/clients/connect.ts';
import type { TuiSnapshot } from '../../../src/observe/watch/snapshot.ts';
import { ensureOperationTopics } from '../../../src/runtime/topics/operationTopics.ts';
import type { CliRun } from '../../helpers/cli.ts';
import { statusOf } from '../../helpers/status.ts';
import { append, send, startWorld, type World } from '../../helpers/world.ts';
import { killTheRest, startAnomaly } from '../../invariants/helpers/child.ts';
import { put, shows, watcherOf } from './helpers/watching.ts';

const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Values of four series with a spike a minute. */
async function produce(topic: string, from: number, to: number): Promise<void> {
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    const value = i % 400 === 399 ? 1000 : 20 + (i % 7);
    append(producer, topic, {
      partition: i % 2,
      key: `k${i % 4}`,
      value: { ts: START_MS + i * 1000, value },
      timestamp: Date.now(),
    });
  }
  await producer.close();
}

function start(
  topic: string,
  ...more: string[]
): { ended: Promise<CliRun>; signals: EventEmitter; stderr: () => string } {
  const signals = new EventEmitter();
  let stderr = '';
  const onError = (text: string) => {
    stderr = text;
  };
  const flags = ['--topic', topic, '--time', 'ts', '--window', '1m', '--detector', 'kpi', '--max-ahead', 'off'];
  const ended = world.run(['run', ...flags, '--status-every', '200ms', '-o', 'json', ...more], { signals, onError });
  return { ended, signals, stderr: () => stderr };
}

const pipelineOf = (snapshot: TuiSnapshot, name: string) => snapshot.pipelines.find((each) => each.name === name);

test('a pipeline that starts while it is watched: members, stages, rates, lag and anomalies, then it ends in order', async () => {
  await world.client.admin.createTopics([{ name: 'live', partitions: 2 }]);
  const watch = watcherOf(world);
  watch.start();
  try {
    assert.equal(watch.snapshot().connection.state, 'connecting', 'nothing is waited for');
    await shows(watch, ({ connection }) => connection.state === 'connected', 'the connection');
    const run = start('live');
    await shows(watch, (each) => pipelineOf(each, 'live')?.state === 'running', 'the pipeline');
    await produce('live', 0, 4000);
    const seen = await shows(
      watch,
      (each) => pipelineOf(each, 'live')!.members[0]!.totals.records === 4000 && each.anomalies.length > 0,
      'records and anomalies',
    );
    const { members, stages } = pipelineOf(seen, 'live')!;
    assert.equal(members.length, 1);
    assert.deepEqual(members[0]!.topics, {
      ...{ sources: ['live'], windows: 'live.windows', anomalies: 'live.anomalies', late: 'live.late' },
      deadLetters: 'live.dlq',
    });
    assert.deepEqual(
      stages.map(({ name }) => name),
      ['source', 'decode', 'windows', 'score', 'sink', 'alerts'],
    );
    assert.equal(stages.find(({ name }) => name === 'score')!.note?.startsWith('4 series'), true);
    const [anomaly] = seen.anomalies;
    assert.deepEqual([anomaly!.pipeline, anomaly!.topic, anomaly!.field], ['live', 'live', 'value']);
    assert.ok(anomaly!.value === 1000 && anomaly!.score > anomaly!.threshold, JSON.stringify(anomaly));
    assert.equal(new Set(seen.anomalies.map(({ id }) => id)).size, seen.anomalies.length, 'each is there once');
    const drained = await shows(
      watch,
      ({ lag }) => lag.filter(({ group, lagRecords }) => group === 'live' && lagRecords === 0).length === 2,
      'lag of both partitions at 0',
    );
    assert.ok(drained.lag.every(({ group, member }) => group !== 'live' || member !== null));
    const rated = await shows(
      watch,
      (each) => pipelineOf(each, 'live')!.rates.some((rate) => rate > 0),
      'a rate in the history',
    );
    assert.ok(pipelineOf(rated, 'live')!.rates.length <= 120);
    run.signals.emit('SIGTERM');
    assert.equal((await run.ended).code, 0, run.stderr());
    const ended = await shows(watch, (each) => pipelineOf(each, 'live')?.state === 'gone', 'the end');
    assert.equal(pipelineOf(ended, 'live')!.members[0]!.state, 'stopped');
  } finally {
    await watch.close();
  }
});

test('a pipeline that is killed while it is watched is gone after the session timeout, with its last words', async () => {
  await world.client.admin.createTopics([{ name: 'killed', partitions: 2 }]);
  const watch = watcherOf(world);
  watch.start();
  const flags = [
    '--topic',
    'killed',
    '--time',
    'ts',
    '--window',
    '1m',
    '--max-ahead',
    'off',
    '--status-every',
    '200ms',
  ];
  const child = startAnomaly(world, ['run', ...flags]);
  try {
    await produce('killed', 0, 500);
    const live = await shows(
      watch,
      (each) => pipelineOf(each, 'killed')?.members[0]?.totals.records === 500,
      'its records',
    );
    assert.equal(pipelineOf(live, 'killed')!.state, 'running');
    child.kill('SIGKILL');
    await child.ended;
    const isGone = (each: TuiSnapshot) => {
      const seen = pipelineOf(each, 'killed');
      // The last point of the rates may be of the moment before.
      return seen?.state === 'gone' && seen.rates.at(-1) === 0;
    };
    const gone = await shows(watch, isGone, 'its death');
    const { members, stages } = pipelineOf(gone, 'killed')!;
    assert.deepEqual([members[0]!.state, members[0]!.totals.records, stages], ['running', 500, []]);
    assert.ok(gone.atMs - members[0]!.atMs > 10_000, 'not before the session timeout');
    assert.equal(members.length, 1);
  } finally {
    killTheRest();
    await watch.close();
  }
});

test('a broker that goes away is said with the reason; when it is back, the watch goes on by itself where it was', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-watch-'));
  let broker = await startBroker({ port: 0, data: dir });
  const { address } = broker;
  const port = Number(address.split(':').at(-1));
  const watch = watcherOf(world, {}, address);
  try {
    let client = await connect({ brokers: [address], client: 'platformatic' });
    await ensureOperationTopics(client.admin, 'away');
    await put(client, statusOf({ pipeline: 'away', group: 'away', atMs: Date.now() }));
    watch.start();
    await shows(watch, (each) => pipelineOf(each, 'away') !== undefined, 'the pipeline');
    await client.close();
    await broker.close();
    const lost = await shows(watch, ({ connection }) => connection.state === 'lost', 'the loss');
    assert.match(lost.connection.problem!, /refused|ended|closed|reach/);
    assert.equal(pipelineOf(lost, 'away')!.state, 'running', 'what is known stays');
    broker = await startBroker({ port, data: dir });
    const back = await shows(watch, ({ connection }) => connection.state === 'connected', 'the return');
    assert.equal(back.connection.problem, null);
    client = await connect({ brokers: [address], client: 'platformatic' });
    await put(client, statusOf({ pipeline: 'away', group: 'away', atMs: Date.now(), state: 'paused' }));
    await shows(watch, (each) => pipelineOf(each, 'away')?.state === 'paused', 'a status that came since');
    await client.close();
  } finally {
    await watch.close();
    await broker.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a broker that never answers: the snapshots say so, who waits gets the reason, and the end is at once', async () => {
  // The time until the next attempt never comes: only the signal ends it.
  const pause = (_timeMs: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  const watch = watcherOf(world, { pause }, '127.0.0.1:1');
  watch.start();
  await assert.rejects(watch.ready(), /ANM_BROKER_UNREACHABLE|refused/);
  const { connection } = watch.snapshot();
  assert.equal(connection.state, 'connecting');
  assert.match(connection.problem!, /127\.0\.0\.1:1.*refused/);
  await watch.close();
});

test('a group that vanishes leaves the lag, and topics of others that have such names are no pipelines', async () => {
  await send(world.client, 'short', 1, [{ partition: 0, key: 'a', value: { ts: START_MS, value: 1 } }]);
  // The first has no control topic beside it, the second more partitions than ours have.
  await send(world.client, 'orders.status', 1, [{ partition: 0, key: 'a', value: { state: 'shipped' } }]);
  await send(world.client, 'wide.status', 3, [{ partition: 0, key: 'a', value: { state: 'shipped' } }]);
  await world.client.admin.createTopics([{ name: 'wide.control', partitions: 1 }]);
  const watch = watcherOf(world, { group: 'leaver' });
  watch.start();
  try {
    const consumer = await world.client.createConsumer({ groupId: 'leaver', sessionTimeoutMs: 6000 });
    const listener = { onRevoked: async () => {}, onAssigned: async () => undefined };
    await consumer.subscribe(['short'], 'earliest', listener);
    await consumer.poll(1000);
    await consumer.commit([{ topic: 'short', partition: 0, offset: 1 }]);
    const seen = await shows(watch, ({ lag }) => lag.some(({ lagRecords }) => lagRecords === 0), 'the group');
    assert.deepEqual([...new Set(seen.lag.map(({ group }) => group))], ['leaver'], 'only the one that was asked for');
    assert.deepEqual(
      seen.pipelines.filter(({ name }) => name === 'orders' || name === 'wide'),
      [],
    );
    await consumer.close();
    await world.client.admin.deleteTopics(['short']);
    await shows(watch, ({ lag }) => lag.every(({ lagRecords }) => lagRecords === null), 'that nothing is known of it');
  } finally {
    await watch.close();
  }
});

test('a flood of anomalies is stepped over: the newest are there, and no more than are kept', async () => {
  await ensureOperationTopics(world.client.admin, 'flood');
  const topics = {
    sources: ['flood'],
    windows: null,
    anomalies: 'flood.anomalies',
    late: null,
    deadLetters: 'flood.dlq',
  };
  await put(world.client, statusOf({ pipeline: 'flood', group: 'flood', atMs: Date.now(), topics }));
  await world.client.admin.createTopics([{ name: 'flood.anomalies', partitions: 1 }]);
  const watch = watcherOf(world, { pipeline: 'flood' });
  watch.start();
  try {
    await shows(watch, (each) => pipelineOf(each, 'flood') !== undefined, 'the pipeline');
    const flood = 60_000;
    const producer = await world.client.createProducer();
    for (let i = 0; i < flood; i++) append(producer, 'flood.anomalies', { partition: 0, key: 'k', value: anomaly(i) });
    await producer.close();
    const seen = await shows(watch, ({ anomalies }) => anomalies[0]?.id === `a${flood - 1}`, 'the newest');
    assert.equal(seen.anomalies.length, 500);
  } finally {
    await watch.close();
  }
});

function anomaly(i: number): object {
  return {
    ...{
      id: `a${i}`,
      series: 's',
      field: 'value',
      rule: 'kpi@value',
      start: START_MS + i,
      end: START_MS + i,
      value: i,
    },
    ...{ score: 5, threshold: 4, expected: null, lower: null, upper: null, parts: [], topic: 'flood', partition: 0 },
    ...{ offset: i, record_time: START_MS, detector: 'kpi', past: [], model: null },
  };
}
