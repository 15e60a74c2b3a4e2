import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SourceSchemas } from '../../src/runtime/input/sourceSchemas.ts';
import { repartition } from '../../src/runtime/repartition.ts';
import { partitionForKey } from '../../src/wire/murmur2.ts';
import { append, type JsonRecord, readTopic, startWorld, type World } from '../helpers/world.ts';
import { configOf, LogLines } from './helpers/config.ts';

const PARTITIONS = 3;
const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function fill(topic: string, records: readonly JsonRecord[]): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: PARTITIONS }]);
  const producer = await world.client.createProducer();
  for (const record of records) append(producer, topic, record);
  const [key, value] = [Buffer.from('unused'), Buffer.from('{"id":"with-headers","value":1}')];
  const headers = [{ key: 'origin', value: Buffer.from('plc-7') }];
  producer.append(topic, 1, 5, key, 0, key.length, value, 0, value.length, headers);
  await producer.close();
}

async function copy(topic: string) {
  const config = await configOf(`pipeline: ${topic}-mended\nsource: {topics: [${topic}], key: id, format: json}\n`);
  const schemas = new SourceSchemas(config, undefined, new LogLines());
  const { signal } = new AbortController();
  const split = await repartition({
    client: world.client,
    schemas,
    config,
    untilEnd: true,
    maxBadRate: 0.5,
    logger: new LogLines(),
    now: Date.now,
    signal,
  });
  await split.running;
  return split.config;
}

test('each record is copied once, in order, to the partition where Java puts its series; the rest is dead letters', async () => {
  const records = Array.from({ length: 3000 }, (_, i) => ({
    partition: i % PARTITIONS,
    key: null,
    timestamp: 1000 + i,
    value: { id: `s-${i % 17}`, value: i },
  }));
  const bad: JsonRecord[] = [
    { partition: 0, key: 'k', value: 'no json' },
    { partition: 2, key: 'k', value: { value: 1 } },
  ];
  await fill('split', [...records, ...bad]);
  const config = await copy('split');
  assert.deepEqual([config.source.topics, config.source.key], [['split-mended.by-key'], undefined]);

  const copies = await readTopic(world, 'split-mended.by-key');
  assert.equal(copies.flat().length, records.length + 1);
  const perSource = new Map<string, number>();
  copies.forEach((list, partition) => {
    for (const { key, value, timestamp, headers } of list as Record<string, unknown>[]) {
      const name = Buffer.from(key as string);
      assert.equal(partitionForKey(name, 0, name.length, PARTITIONS), partition);
      if (key === 'with-headers') {
        assert.deepEqual(headers, { origin: 'plc-7' });
        continue;
      }
      const { id, value: i } = value as { id: string; value: number };
      assert.equal(id, key);
      assert.equal(timeOf(timestamp), 1000 + i);
      const place = `${id}/${i % PARTITIONS}`;
      assert.ok((perSource.get(place) ?? -1) < i, 'a source partition keeps its order');
      perSource.set(place, i);
    }
  });
  const letters = (await readTopic(world, 'split-mended.dlq')).flat();
  assert.equal(letters.length, 2);
});

test('a second start copies only what is new', async () => {
  const record = (i: number) => ({ partition: 0, key: null, value: { id: 'a', value: i } });
  await fill('twice', [record(0), record(1)]);
  await copy('twice');
  await fill('twice', [record(2)]);
  await copy('twice');
  const values = (await readTopic(world, 'twice-mended.by-key')).flat().map(({ value }) => value as { value: number });
  assert.deepEqual(values.map(({ value }) => value).sort(), [0, 1, 1, 1, 2]);
});

function timeOf(timestamp: unknown): number {
  return typeof timestamp === 'number' ? timestamp : Date.parse(String(timestamp));
}

test('windows after a repartition of a backlog are those of one partition with the same records merged by time', async () => {
  // Round robin over partitions that are read at different paces: the third has large values, the first few records.
  const records: JsonRecord[] = Array.from({ length: 6000 }, (_, i) => ({
    partition: i % 7 === 0 ? 0 : 1 + (i % 2),
    key: null,
    timestamp: START_MS + i * 1000,
    value: { id: `s-${i % 4}`, ts: START_MS + i * 1000, value: i % 11, pad: i % 2 === 1 ? 'x'.repeat(900) : '' },
  }));
  const ends: number[] = [];
  for (const topic of ['scattered', 'whole']) {
    await world.client.admin.createTopics([{ name: topic, partitions: topic === 'whole' ? 1 : PARTITIONS }]);
    const producer = await world.client.createProducer();
    for (const record of records) append(producer, topic, topic === 'whole' ? { ...record, partition: 0 } : record);
    await producer.close();
    const flags = ['--topic', topic, '--key', 'id', '--time', 'ts', '--window', '1m', '--max-ahead', 'off'];
    const more = topic === 'whole' ? [] : ['--repartition'];
    const { code, stdout, stderr } = await world.run(['run', ...flags, ...more, '--until', 'end', '-o', 'json']);
    assert.equal(code, 0, stderr);
    const { records: read, late } = JSON.parse(stdout);
    assert.deepEqual([read, late], [6000, 0]);
    ends.push((await readTopic(world, `${topic}.windows`)).flat().length);
  }
  assert.ok(ends[0]! > 300);
  const rows = async (topic: string) =>
    (await readTopic(world, `${topic}.windows`))
      .flat()
      .map((row) => row['value'] as Record<string, unknown>)
      .map(({ series, start, count, mean, stddev }) => JSON.stringify([series, start, count, mean, stddev]))
      .sort();
  assert.deepEqual(await rows('scattered'), await rows('whole'));
});

test('two partitions are merged by time, and committed to their ends', async () => {
  const { client } = world;
  await client.admin.createTopics([{ name: 'held', partitions: 2 }]);
  const producer = await client.createProducer();
  const put = (partition: number, i: number) =>
    append(producer, 'held', { partition, key: null, timestamp: 1000 + i, value: { id: 'a', value: i } });
  for (let i = 0; i < 100; i++) put(i % 2, i);
  await producer.close();
  await copy('held');
  const values = (await readTopic(world, 'held-mended.by-key'))
    .flat()
    .map((row) => (row['value'] as { value: number }).value);
  assert.deepEqual(
    values,
    Array.from({ length: 100 }, (_, i) => i),
  );
  const offsets = await client.admin.groupOffsets('held-mended.by-key');
  assert.deepEqual(
    offsets.map(({ offset }) => offset),
    [50, 50],
  );
});
