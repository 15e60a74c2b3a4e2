import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import avro from 'avsc';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const START = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

type Line = Record<string, unknown>;
const recordsOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
    .filter(({ type }) => type === 'record');

async function timed(argv: readonly string[]) {
  const started = performance.now();
  const { code, stdout, stderr } = await world.run(argv);
  assert.equal(code, 0, stderr);
  return { stdout, elapsedMs: performance.now() - started };
}

/** One record batch a partition: a record a day, the second partition half a day behind the first. */
const DAYS: readonly JsonRecord[] = [0, 1].flatMap((partition) =>
  Array.from({ length: 10 }, (_, day) => ({
    partition,
    key: 'a',
    value: { day },
    timestamp: START + (day + partition / 2) * DAY_MS,
  })),
);

test('the pace holds between the records of a batch, over all partitions', async () => {
  await send(world.client, 'days', 2, DAYS);
  const fast = await timed(['replay', 'days']);
  assert.equal(recordsOf(fast.stdout).length, 20);
  // Nine and a half days in 100 ms.
  const paced = await timed(['replay', 'days', '--speed', '8208000x']);
  assert.ok(paced.elapsedMs >= 95, `${paced.elapsedMs} ms`);
  const order = recordsOf(paced.stdout).map(({ partition }) => partition);
  assert.equal(order.length, 20);
  // Not one after the other.
  assert.ok(order.indexOf(1) < order.lastIndexOf(0) && order.indexOf(0) < order.lastIndexOf(1), order.join());
  const copied = await timed(['replay', 'days', '--to', 'days-copy', '--speed', '8208000x']);
  assert.ok(copied.elapsedMs >= 95, `${copied.elapsedMs} ms`);
  const values = async (topic: string) =>
    (await readTopic(world, topic)).map((records) =>
      records.map(({ key, value, timestamp }) => ({ key, value, timestamp })),
    );
  assert.deepEqual(await values('days-copy'), await values('days'));
});

test('a file keeps the pace of its event times, too', async () => {
  const rows = Array.from({ length: 5 }, (_, day) => `${new Date(START + day * DAY_MS).toISOString()},${day}`);
  writeFileSync(join(world.dir, 'days.csv'), `timestamp,value\n${rows.join('\n')}\n`);
  const fast = await timed(['replay', 'days.csv']);
  const paced = await timed(['replay', 'days.csv', '--speed', '3456000x']);
  assert.ok(paced.elapsedMs >= 95, `${paced.elapsedMs} ms`);
  assert.equal(paced.stdout, fast.stdout);
});

test('what does not hold for an input is refused, and not ignored', async () => {
  writeFileSync(join(world.dir, 'rows.csv'), 'timestamp,value\n2026-01-01T00:00:00Z,1\n');
  await send(world.client, 'one', 1, DAYS.slice(0, 1));
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['rows.csv', '--offset', '+5'], /--offset is for topics, and rows\.csv is a file/],
    [['rows.csv', '--partition', '0'], /--partition is for topics/],
    [['rows.csv', '--follow'], /--follow is for topics/],
    [['rows.csv', '--speed', 'bogus'], /--speed cannot be bogus/],
    [['one', '--speed', '-1x'], /--speed cannot be -1x/],
    [['rows.csv', '--key', 'nope'], /--key cannot be nope as no file has such a column[\s\S]*timestamp, value/],
    [['one', '--partition', '9'], /topic one has no partition 9; its last one is 0/],
  ];
  for (const [argv, message] of refused) {
    const { code, stderr } = await world.run(['replay', ...argv]);
    assert.equal(code, 2, argv.join(' '));
    assert.match(stderr, message);
  }
});

test('a column that a file lacks is named with what asked for it', async () => {
  const dir = join(world.dir, 'configured');
  mkdirSync(dir);
  writeFileSync(join(dir, 'rows.csv'), 'a,value\nx,1\ny,2\n');
  writeFileSync(join(dir, 'anomaly.yaml'), 'version: 1\nsource:\n  time: timestamp\n  key: sensor\n');
  const refused = async (argv: readonly string[], message: RegExp) => {
    const { code, stderr } = await world.run(['replay', 'rows.csv', '--to', '-', ...argv], { cwd: dir });
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  };
  await refused([], /: source\.time \(anomaly\.yaml:3\) cannot be timestamp as rows\.csv has no such column/);
  await refused(['--time', 't'], /: --time cannot be t as rows\.csv/);
  writeFileSync(join(dir, 'anomaly.yaml'), 'version: 1\nsource:\n  key: sensor\n');
  await refused([], /: source\.key \(anomaly\.yaml:3\) cannot be sensor as no file has such a column/);
});

test('a key may be a path in nested rows, as produce has them', async () => {
  const rows = [1, 2].map((id) =>
    JSON.stringify({ timestamp: new Date(START + id), pump: { id: `p${id}` }, value: id }),
  );
  writeFileSync(join(world.dir, 'nested.jsonl'), `${rows.join('\n')}\n`);
  const { stdout } = await world.run(['replay', 'nested.jsonl', '--key', 'pump.id']);
  assert.deepEqual(
    recordsOf(stdout).map(({ key }) => key),
    ['p1', 'p2'],
  );
});

/** Records of all kinds: without key or value, binary, with headers, Avro with its schema. */
async function fillMixed(topic: string): Promise<void> {
  const schema = { type: 'record', name: 'M', fields: [{ name: 'value', type: 'double' }] };
  const { id } = await createRegistry({ urls: [world.registryUrl] }).register('mixed-value', JSON.stringify(schema));
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  const avroValue = Buffer.concat([head, avro.Type.forSchema(schema as never).toBuffer({ value: 1.5 })]);
  await world.client.admin.createTopics([{ name: topic, partitions: 3 }]);
  const producer = await world.client.createProducer();
  const values = [avroValue, null, Buffer.from([0xff, 0, 1]), Buffer.from('{"a":1}'), Buffer.from('text')];
  for (let i = 0; i < 60; i++) {
    const key = i % 4 === 0 ? null : Buffer.from(i % 4 === 1 ? [0, 0xfe] : `k${i}`);
    const value = values[i % 5]!;
    const headers =
      i % 3 === 0
        ? [
            { key: 'origin', value: Buffer.from(`plc-${i}`) },
            { key: 'none', value: null },
          ]
        : [];
    producer.append(
      ...([topic, i % 2, START + i * 1000] as const),
      ...([key, key === null ? -1 : 0, key?.length ?? -1] as const),
      ...([value, value === null ? -1 : 0, value?.length ?? -1, headers] as const),
    );
  }
  await producer.close();
}

const raw = async (topic: string) =>
  (await world.run(['tail', topic, '--offset', 'start:end', '-o', 'ndjson'])).stdout.replaceAll(
    `"topic":"${topic}"`,
    '"topic":"?"',
  );
const sorted = (text: string) => text.split('\n').sort();

test('a recording holds a topic whole: it gives the same topic and the same lines again', async () => {
  await fillMixed('mixed');
  const recorded = await timed(['replay', 'mixed', '--record', 'mixed.avro', '-o', 'json']);
  const { records, file } = JSON.parse(recorded.stdout);
  assert.deepEqual([records, file], [60, join(world.dir, 'mixed.avro')]);
  const copied = await timed(['replay', 'mixed.avro', '--to', 'mixed-again', '-o', 'json']);
  assert.equal(JSON.parse(copied.stdout).records, 60);
  assert.deepEqual(sorted(await raw('mixed-again')), sorted(await raw('mixed')));
  const [info] = await world.client.admin.topics(['mixed-again']);
  assert.equal(info!.partitions.length, 3, 'also the partition without a record');
  const parts: readonly (readonly string[])[] = [
    [],
    ['--partition', '1'],
    ['--offset', '5:9'],
    ['--offset', '+3:-4'],
    ['--offset', `@${new Date(START + 20_000).toISOString()}:15s`],
    ['--speed', '100000x', '--partition', '0'],
  ];
  for (const part of parts) {
    const fromFile = await timed(['replay', 'mixed.avro', ...part]);
    const fromTopic = await timed(['replay', 'mixed', ...part]);
    assert.deepEqual(sorted(fromFile.stdout), sorted(fromTopic.stdout), part.join(' '));
  }
});

test('a recording is read without broker and registry, and by the next stage', async () => {
  const none = { env: { ANOMALY_BROKERS: '127.0.0.1:1', ANOMALY_REGISTRY_URLS: 'http://127.0.0.1:1' } };
  const { code, stdout, stderr } = await world.run(['replay', 'mixed.avro'], none);
  assert.equal(code, 0, stderr);
  assert.equal(recordsOf(stdout).length, 60);
  assert.ok(stdout.includes('"schema":"{'), 'the schema comes from the recording');
  await send(
    world.client,
    'rec',
    2,
    DAYS.map((each) => ({ ...each, key: `pump-${each.partition}`, value: { value: 1 } })),
  );
  await timed(['replay', 'rec', '--record', 'rec.avro']);
  const piped = await world.run(['window', '-', '--size', '1d', '--to', '-'], {
    ...none,
    stdin: (await world.run(['replay', 'rec.avro'], none)).stdout,
  });
  const windows = piped.stdout.split('\n').filter((line) => line.startsWith('{"type":"window"'));
  assert.equal(windows.length, 20, piped.stderr);
});

test('a pace holds for a recording over all partitions, and --to goes on beside --record', async () => {
  const both = await timed(['replay', 'days', '--record', 'days.avro', '--to', '-']);
  assert.equal(recordsOf(both.stdout).length, 20);
  const paced = await timed(['replay', 'days.avro', '--speed', '8208000x']);
  assert.ok(paced.elapsedMs >= 95, `${paced.elapsedMs} ms`);
  const order = recordsOf(paced.stdout).map(({ partition }) => partition);
  assert.ok(order.indexOf(1) < order.lastIndexOf(0) && order.indexOf(0) < order.lastIndexOf(1), order.join());
  assert.deepEqual(sorted(paced.stdout), sorted(both.stdout));
});

test('what a registry has by another name for an id is said; the journal of a pipeline goes along', async () => {
  const other = await startWorld();
  const argv = ['replay', 'mixed.avro', '--to', 'mixed'];
  const { code, stderr } = await world.run(argv, { env: other.env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /values name schema \d+ of the registry that they were recorded with, and this one has none/);
  await other.close();
  await send(world.client, 'pumps.journal', 2, DAYS.slice(0, 3));
  const noted = await timed(['replay', 'days', '--record', 'journal.avro', '--pipeline', 'pumps', '-o', 'json']);
  assert.equal(JSON.parse(noted.stdout).records, 23);
  assert.equal(recordsOf((await timed(['replay', 'journal.avro'])).stdout).length, 20, 'which is not sent');
});

test('a recording that goes on is whole when the signal comes; none is left by a failure', async () => {
  const signals = new EventEmitter();
  const argv = ['replay', 'days', '--record', 'live.avro', '--to', '-', '--follow'];
  const live = await world.run(argv, {
    signals,
    onOutput: (text) => void (recordsOf(text).length === 20 && signals.emit('SIGINT')),
  });
  assert.equal(live.code, 130, live.stderr);
  assert.equal(recordsOf((await timed(['replay', 'live.avro'])).stdout).length, 20);
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['rows.csv', '--record', 'x.avro'], /--record is for topics/],
    [['days.avro', '--follow'], /--follow is for topics, and days\.avro is a recording/],
    [['days', '--record', 'no/where.avro'], /cannot write the recording/],
    [['days', '--record', 'broken.avro', '--to', 'no/where.ndjson'], /its folder does not exist/],
  ];
  for (const [words, message] of refused) assert.match((await world.run(['replay', ...words])).stderr, message);
  assert.deepEqual(
    [existsSync(join(world.dir, 'broken.avro')), existsSync(join(world.dir, 'broken.avro.part'))],
    [false, false],
  );
});
