import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import type { IncidentRecord } from '../../../src/alerts/stage/outbox.ts';
import type { KafkaClient } from '../../../src/clients/client.ts';
import { defaultAlerts } from '../../../src/config/alerts.ts';
import { AlertStage } from '../../../src/runtime/alerts/alertStage.ts';
import { GrowingReader } from '../../../src/runtime/alerts/growingReader.ts';
import { KpiReader } from '../../../src/runtime/alerts/kpiReader.ts';
import { readOutbox } from '../../../src/runtime/alerts/outboxReader.ts';
import { ObjectDecoder } from '../../../src/runtime/input/objectDecoder.ts';
import { RawClient } from '../../broker/helpers/rawClient.ts';
import { append, send, startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function grow(topic: string, count: number): Promise<void> {
  const client = await RawClient.to(world.broker);
  const { results } = await client.send('CreatePartitions', 2, {
    topics: [{ name: topic, count, assignments: null }],
    validateOnly: false,
    timeoutMs: 5000,
  });
  assert.equal(results[0]!.errorCode, 0);
  client.socket.destroy();
}

const HOUR = 3_600_000;
const LOOK_MS = 30_000;
const NEVER = new AbortController().signal;

/** Its event time, an hour after the one before, makes an alert an incident of its own. */
async function put(topic: string, partition: number, count: number): Promise<string> {
  const now = Date.now();
  const [id, start] = [`kpi@value/pump-${count}/1`, now - (10 - count) * HOUR];
  const producer = await world.client.createProducer();
  const value = {
    ...{ id, series: `pump-${count}`, field: 'value', rule: 'kpi@value', start, end: start, value: 9, score: 3 },
    ...{ threshold: 2.5, expected: 5, lower: 4, upper: 6, parts: [], record_time: now, state: null },
  };
  append(producer, topic, { partition, key: `pump-${count}`, value, timestamp: now });
  await producer.flush();
  await producer.close();
  return id;
}

/** Ids of the alerts of each incident, once there are so many. */
async function alertsOf(pipeline: string, count: number): Promise<(readonly string[])[]> {
  for (;;) {
    const records = (await readOutbox(world.client, pipeline, NEVER)).map(({ record }) => record);
    const incidents = records.filter((record) => record?.type === 'incident') as IncidentRecord[];
    if (incidents.length >= count) return incidents.map(({ notification }) => notification.alerts).sort();
  }
}

test('alerts of partitions that are added while the stage runs are taken, each once, by the next owner, too', async () => {
  const topic = 'g1.anomalies';
  await world.client.admin.createTopics([{ name: topic, partitions: 2 }]);
  await AlertStage.prepare({ client: world.client, config: { pipeline: 'g1' } as never });
  let aheadMs = 0;
  const started = () => {
    const signals = new EventEmitter();
    const ended = world.run(['alerts', 'run', 'g1'], { signals, now: () => Date.now() + aheadMs });
    return async () => {
      signals.emit('SIGTERM');
      return (await ended).stderr;
    };
  };
  const ids = [await put(topic, 0, 1), await put(topic, 1, 2)];
  const stop = started();
  await alertsOf('g1', 2);
  await grow(topic, 4);
  ids.push(await put(topic, 3, 3), await put(topic, 0, 4));
  aheadMs = LOOK_MS;
  await alertsOf('g1', 4);
  ids.push(await put(topic, 3, 5), await put(topic, 1, 6));
  const wanted = () => ids.map((id) => [id]).sort();
  assert.deepEqual(await alertsOf('g1', 6), wanted());
  assert.match(await stop(), /alert stage of g1: reads 2 partitions more of g1\.anomalies/);
  const places = [0, 1, 2, 3].map((partition) => ({ topic, partition }));
  const committed = await world.client.admin.groupOffsets('g1.alerts', places);
  assert.deepEqual(
    committed.map(({ offset }) => offset),
    [2, 2, 0, 2],
  );
  const stopNext = started();
  ids.push(await put(topic, 2, 7));
  assert.deepEqual(await alertsOf('g1', 7), wanted());
  await stopNext();
});

test('windows of a partition, and of a topic, that is added are read', async () => {
  const { client } = world;
  const row = (partition: number, series: string) => {
    const value = { series, window: 'w1m', field: 'value', start: Date.now(), end: Date.now() + 60_000, mean: 1 };
    return { partition, key: series, value, timestamp: Date.now() };
  };
  await send(client, 'g2.windows', 1, [row(0, 'checkout-0')]);
  const alerts = { ...defaultAlerts(), kpis: ['checkout-*'], kpiTopics: ['g2.late'] };
  const nowMs = Date.now();
  const reader = (await KpiReader.open(client, new ObjectDecoder(undefined), alerts, 'g2.windows', nowMs))!;
  const isKnown = (series: string) => reader.windows.verdict(series, nowMs).step === 1;
  while (!reader.isCurrent) await reader.turn(nowMs);
  assert.ok(isKnown('checkout-0'), 'of the first partition');
  await grow('g2.windows', 2);
  await send(client, 'g2.windows', 2, [row(1, 'checkout-1'), row(0, 'checkout-2')]);
  await send(client, 'g2.late', 1, [row(0, 'sales')]);
  const wanted = ['checkout-1', 'checkout-2', 'sales'];
  for (let turns = 0; turns < 1000 && !wanted.every(isKnown); turns++) await reader.turn(nowMs + LOOK_MS);
  await reader.close();
  assert.deepEqual(wanted.filter(isKnown), wanted);
});

test('partitions are looked for twice a minute, and those that are read go on where they are', async () => {
  const { client } = world;
  const topic = 'g3';
  const rows = (partition: number, ...keys: string[]) => keys.map((key) => ({ partition, key, value: key }));
  await send(client, topic, 1, rows(0, 'a', 'b'));
  let asked = 0;
  const { admin } = client;
  const counting: KafkaClient['admin'] = Object.assign(Object.create(admin), {
    topics: (names?: readonly string[]) => {
      asked++;
      return admin.topics(names);
    },
  });
  const counted = { admin: counting, createConsumer: () => client.createConsumer() } as Partial<KafkaClient>;
  const startsOf = (places: readonly { topic: string; partition: number }[]) => admin.listOffsets(places, 'earliest');
  const reader = await GrowingReader.open(counted as KafkaClient, { topics: [topic], consumer: {}, startsOf }, 0);
  const read: string[] = [];
  const take = async (count: number) => {
    while (read.length < count) {
      const batch = await reader.consumer.poll(1000);
      for (let i = 0; i < (batch?.count ?? 0); i++) {
        read.push(new TextDecoder().decode(batch!.bytes.subarray(batch!.keyStart[i], batch!.keyEnd[i])));
      }
    }
  };
  await take(2);
  await grow(topic, 2);
  await send(client, topic, 2, [...rows(1, 'd'), ...rows(0, 'c')]);
  for (let ms = 0; ms < LOOK_MS; ms += 1000) assert.deepEqual(await reader.look(ms), []);
  assert.equal(asked, 1, 'at the start alone');
  await take(3);
  assert.deepEqual(await reader.look(LOOK_MS), [{ topic, partition: 1 }]);
  await take(4);
  assert.deepEqual(await reader.look(LOOK_MS + 1), []);
  assert.equal(asked, 2);
  assert.deepEqual(read, ['a', 'b', 'c', 'd']);
  assert.deepEqual(reader.positions(), [
    { topic, partition: 0, offset: 3 },
    { topic, partition: 1, offset: 1 },
  ]);
  await reader.close();
});
