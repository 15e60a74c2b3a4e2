import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { append, readTopic, startWorld, type World } from '../../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 5);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const SPIKES: Readonly<Record<number, number>> = { 50: 60, 90: 70, 130: 80 };
const valueAt = (i: number) => SPIKES[i] ?? [10, 11, 12, 11][i % 4]!;

async function fill(topic: string, from: number, to: number, partitions = 1): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions }]);
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    const ts = START_MS + i * 60_000;
    append(producer, topic, { partition: 0, key: 'a', value: { ts, value: valueAt(i) }, timestamp: ts });
  }
  await producer.flush();
  await producer.close();
}

const now = () => START_MS + 100 * 60_000;
const run = (topic: string, ...more: string[]) => {
  const flags = ['--time', 'ts', '--detector', 'rolling-z', '--window', '10m', '--until', 'end', '-o', 'json', ...more];
  return world.run(['run', '--topic', topic, ...flags], { now });
};

interface Out {
  readonly value: { readonly start: number; readonly value: number; readonly past: unknown[] };
}
const outputs = async (topic: string) => ((await readTopic(world, topic))[0] ?? []) as unknown as Out[];
const minutes = (list: readonly Out[]) => list.map(({ value }) => (Number(value.start) - START_MS) / 60_000);

test('it learns from the history of the topic, and puts out from the offset on at which it goes live', async () => {
  await fill('warmed', 0, 100);
  // 80 minutes back: the spike at 50 and the one at 90 are history, and are remembered.
  const first = await run('warmed', '--warm', '80m', '--leave-open');
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /warmed\/0 learns from offset 20 on, and alerts from 100 on: 80 records before it/);
  assert.deepEqual(await outputs('warmed.anomalies'), []);
  assert.deepEqual(await outputs('warmed.windows'), []);
  const journal = (await readTopic(world, 'warmed.journal'))[0]!;
  const owner = journal.map(({ value }) => value as Record<string, unknown>).find(({ live }) => live !== undefined);
  assert.deepEqual([owner!['start'], owner!['live']], [20, 100]);
  await fill('warmed', 100, 140);
  const second = await run('warmed', '--warm', '80m');
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stderr, /warmed\/0 goes on at its commit, offset 100: it has no need of --warm/);
  const alerts = await outputs('warmed.anomalies');
  assert.deepEqual(minutes(alerts), [130]);
  assert.equal(alerts[0]!.value.past.length, 2);
  // The window that was open when it went live holds what was learnt, too.
  assert.deepEqual(minutes(await outputs('warmed.windows')), [90, 100, 110, 120, 130]);
  const given = ['source.topics=warmed', 'source.time=ts', 'score.detector=rolling-z', 'windows=10m'];
  const verify = await world.run(['replay', 'warmed', '--verify', ...given.flatMap((each) => ['-X', each])]);
  assert.equal(verify.code, 0, verify.stderr);
});

test('without a stored state it runs the same history again, and puts out nothing of it', async () => {
  await fill('again', 0, 100);
  const store = join(world.dir, 'again-store');
  const first = await run('again', '--warm', '80m', '--leave-open', '--checkpoint-store', store);
  assert.equal(first.code, 0, first.stderr);
  await fill('again', 100, 140);
  // As after a kill before the first checkpoint: what is journaled is the start, and where it went live.
  const records = (await readTopic(world, 'again.journal'))[0]!;
  await world.client.admin.deleteTopics(['again.journal']);
  await world.client.admin.createTopics([{ name: 'again.journal', partitions: 1 }]);
  const producer = await world.client.createProducer();
  for (const { value } of records) {
    if ((value as { type: string }).type === 'owner')
      append(producer, 'again.journal', { partition: 0, key: 'again/0', value });
  }
  await producer.close();
  const second = await run('again', '--checkpoint-store', store);
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stderr, /restored again\/0 .*80 records were run again/);
  const alerts = await outputs('again.anomalies');
  assert.deepEqual(minutes(alerts), [130]);
  assert.equal(alerts[0]!.value.past.length, 2);
});

test('it learns from files, each series where its key is placed, and needs them once', async () => {
  const rows = Array.from({ length: 60 }, (_, i) => [START_MS + i * 60_000, valueAt(i)]);
  const lines = rows.flatMap(([ts, value]) => ['a', 'b', 'c'].map((id) => `${ts},${id},${value}`));
  const file = join(world.dir, 'history.csv');
  writeFileSync(file, `ts,id,value\n${lines.join('\n')}\n`);
  await world.client.admin.createTopics([{ name: 'filed', partitions: 2 }]);
  const flags = ['--key', 'id', '--warm', 'history.csv', '--leave-open'];
  const first = await run('filed', ...flags);
  assert.equal(first.code, 0, first.stderr);
  const told = [
    ...first.stderr.matchAll(
      /filed\/\d has learnt from (\d+) rows of \S+ \((\d+) series\), and goes live at offset 0/g,
    ),
  ];
  assert.deepEqual(
    [
      told.reduce((sum, [, count]) => sum + Number(count), 0),
      told.reduce((sum, [, , count]) => sum + Number(count), 0),
    ],
    [180, 3],
  );
  // Gone: a restart has no need of it.
  writeFileSync(file, '');
  const { murmur2 } = await import('../../../src/wire/murmur2.ts');
  const producer = await world.client.createProducer();
  const ts = START_MS + 61 * 60_000;
  for (const id of ['a', 'b', 'c']) {
    const partition = (murmur2(new TextEncoder().encode(id)) & 0x7fffffff) % 2;
    append(producer, 'filed', { partition, key: id, value: { ts, id, value: 75 }, timestamp: ts });
  }
  await producer.close();
  const second = await run('filed', '--key', 'id');
  assert.equal(second.code, 0, second.stderr);
  const alerts = (await readTopic(world, 'filed.anomalies')).flat() as unknown as Out[];
  assert.deepEqual(minutes(alerts), [61, 61, 61]);
  assert.ok(alerts.every(({ value }) => value.past.length === 1));
});

test('what cannot be learnt from is refused before anything is put out', async () => {
  await world.client.admin.createTopics([{ name: 'refused', partitions: 1 }]);
  const missing = await run('refused', '--warm', 'nowhere.csv');
  assert.notEqual(missing.code, 0);
  assert.match(missing.stderr, /nowhere\.csv/);
  const both = await run('refused', '--warm', '4w', '--warm', 'history.csv');
  assert.equal(both.code, 2);
  assert.match(both.stderr, /cannot learn from 4w and history\.csv/);
});
