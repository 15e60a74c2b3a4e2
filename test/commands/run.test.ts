import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const START = Date.UTC(2026, 0, 1);
const SHAPE = ['--time', 'ts', '--window', '1m', '--max-ahead', 'off'];

/** Two series, one a partition, a reading every ten seconds: level with a little ripple, and one spike. */
function readings(count: number, from = 0): JsonRecord[] {
  return Array.from({ length: count }, (_, k) => k + from).flatMap((i) =>
    ['a', 'b'].map((key, partition) => ({
      partition,
      key,
      value: { ts: START + i * 10_000, value: partition * 100 + (i % 7) / 10 + (i === 50 ? 40 : 0) },
    })),
  );
}

const valuesOf = (partitions: Record<string, unknown>[][]) =>
  partitions.map((records) => records.map((record) => record['value']));

test('run to the end: windows and alerts of both partitions, and a summary', async () => {
  await send(world.client, 'whole', 2, readings(100));
  const flags = ['--topic', 'whole', ...SHAPE, '--detector', 'rolling-z', '--until', 'end', '-o', 'json'];
  const { code, stdout, stderr } = await world.run(['run', ...flags]);
  assert.equal(code, 0, stderr);
  const summary = JSON.parse(stdout);
  assert.deepEqual(
    [summary.records, summary.windows, summary.alerts, summary.late, summary.dead_letters, summary.open_windows],
    [200, 34, 2, 0, 0, 0],
  );
  const [first] = (await readTopic(world, 'whole.anomalies'))[1]!;
  const { id, series, value, offset } = first!['value'] as Record<string, unknown>;
  assert.deepEqual([id, series, value, offset], [`rolling-z@value/b/${START + 500_000}/50`, 'b', 140.1, 50]);
  const windows = (await readTopic(world, 'whole.windows'))[0]!.map(
    (record) => record['value'] as Record<string, unknown>,
  );
  assert.equal(windows.length, 17);
  assert.deepEqual([windows[0]!['start'], windows[0]!['count'], windows[0]!['max']], [START, 6, 0.5]);
});

test('a run in two halves, with open windows kept, puts out what one run does', async () => {
  const flags = [...SHAPE, '--detector', 'rolling-z', '--on', 'w1m.mean', '--threshold', '3', '--until', 'end'];
  await send(world.client, 'once', 2, readings(100));
  assert.equal((await world.run(['run', '--topic', 'once', ...flags])).code, 0);
  await send(world.client, 'halves', 2, readings(47));
  assert.equal((await world.run(['run', '--topic', 'halves', ...flags, '--leave-open'])).code, 0);
  await send(world.client, 'halves', 2, readings(53, 47));
  assert.equal((await world.run(['run', '--topic', 'halves', ...flags])).code, 0);
  for (const sink of ['windows', 'anomalies']) {
    const once = JSON.stringify(valuesOf(await readTopic(world, `once.${sink}`)));
    const halves = JSON.stringify(valuesOf(await readTopic(world, `halves.${sink}`)));
    assert.equal(halves.replaceAll('"halves"', '"once"'), once);
    assert.ok(once.length > 100);
  }
});

test('replay, window and score through topics and through pipes give what run gives, partition by partition', async () => {
  await send(world.client, 'raw', 2, readings(100));
  const score = ['--detector', 'rolling-z', '--on', 'w1m.mean', '--threshold', '3'];
  assert.equal((await world.run(['run', '--topic', 'raw', ...SHAPE, ...score, '--until', 'end'])).code, 0);
  const alerts = valuesOf(await readTopic(world, 'raw.anomalies'));
  const windows = valuesOf(await readTopic(world, 'raw.windows'));
  assert.ok(alerts.flat().length > 0);

  const stage = ['--time', 'ts', '--size', '1m', '--max-ahead', 'off'];
  const must = async (argv: readonly string[], stdin?: string) => {
    const { code, stdout, stderr } = await world.run(argv, stdin === undefined ? {} : { stdin });
    assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
    return stdout;
  };
  await must(['replay', 'raw', '--to', 'copy']);
  await must(['window', 'copy', ...stage, '--to', 'copy-windows', '--until', 'end']);
  await must(['score', 'copy-windows', ...score, '--to', 'copy-alerts', '--until', 'end']);
  const back = (values: unknown) => JSON.stringify(values).replaceAll('"topic":"copy"', '"topic":"raw"');
  assert.equal(back(valuesOf(await readTopic(world, 'copy-windows'))), JSON.stringify(windows));
  assert.equal(back(valuesOf(await readTopic(world, 'copy-alerts'))), JSON.stringify(alerts));

  const records = await must(['replay', 'raw', '--to', '-']);
  const closed = await must(['window', '-', ...stage, '--to', '-'], records);
  const scored = await must(['score', '-', ...score, '--to', '-'], closed);
  const byPartition = (text: string) => {
    const lines = text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    return [0, 1].map((partition) =>
      lines.filter((line) => line.partition === partition).map(({ type: _, watermark: __, ...value }) => value),
    );
  };
  assert.deepEqual(byPartition(closed), windows);
  assert.deepEqual(byPartition(scored), alerts);
});

test('a source topic that is missing: exit 2, how to create it, and nothing is created', async () => {
  const { code, stderr } = await world.run(['run', '--topic', 'nowhere', '--detector', 'kpi', '--until', 'end']);
  assert.equal(code, 2);
  assert.match(stderr, /ANM_TOPIC_MISSING.*nowhere[\s\S]*rpk topic create nowhere/);
  assert.deepEqual(await world.client.admin.topics(['nowhere', 'nowhere.anomalies']), []);
});

test('a series in two partitions stops the run; --repartition brings it into one', async () => {
  const split = readings(60).map((record, i) => ({ ...record, partition: i % 2, key: `s${Math.floor(i / 2) % 3}` }));
  await send(world.client, 'split', 2, split);
  const flags = ['--topic', 'split', ...SHAPE, '--until', 'end', '-o', 'json'];
  const refused = await world.run(['run', ...flags, '-X', 'sinks.windows=refused']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /ANM_SERIES_SPLIT.*series s\d.*split\/[01][\s\S]*--repartition/);
  const { code, stdout, stderr } = await world.run([
    'run',
    ...flags,
    '--repartition',
    '--pipeline',
    'mended',
    '--out-of-orderness',
    '1h',
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).records, 120);
  const rows = valuesOf(await readTopic(world, 'mended.windows')).flat() as { series: string; count: number }[];
  assert.equal(
    rows.reduce((sum, row) => sum + row.count, 0),
    120,
  );
  const homes = new Map<string, Set<number>>();
  (await readTopic(world, 'mended.by-key')).flat().forEach((record) => {
    const key = record['key'] as string;
    homes.set(key, (homes.get(key) ?? new Set()).add(record['partition'] as number));
  });
  assert.deepEqual(
    [...homes.values()].map((set) => set.size),
    [1, 1, 1],
  );
});

test('what cannot be decoded goes to dead letters with its place and reason, and the good records are kept', async () => {
  const bad: JsonRecord[] = [
    { partition: 0, key: 'a', value: 'no json' },
    { partition: 0, key: null, value: { ts: START, value: 1 } },
    { partition: 0, key: 'a', value: { ts: 'never', value: 1 } },
  ];
  await send(world.client, 'mixed', 1, [...readings(30).filter((record) => record.partition === 0), ...bad]);
  const { code, stdout, stderr } = await world.run([
    'run',
    '--topic',
    'mixed',
    ...SHAPE,
    '--until',
    'end',
    '-o',
    'json',
  ]);
  assert.equal(code, 0, stderr);
  const summary = JSON.parse(stdout);
  assert.deepEqual([summary.records, summary.windows, summary.dead_letters], [33, 5, 3]);
  const letters = (await readTopic(world, 'mixed.dlq'))[0]!;
  const headersOf = (record: Record<string, unknown>) => record['headers'] as Record<string, string>;
  assert.deepEqual(
    letters.map((letter) => headersOf(letter)['__streams.errors.offset']),
    ['30', '31', '32'],
  );
  assert.deepEqual(
    letters.map((letter) => headersOf(letter)['__streams.errors.topic']),
    ['mixed', 'mixed', 'mixed'],
  );
  assert.match(headersOf(letters[1]!)['__streams.errors.message']!, /no key/);
});

test('too many bad records stop the run with exit 5 and the last reason', async () => {
  await send(
    world.client,
    'rubbish',
    1,
    Array.from({ length: 2000 }, () => ({ partition: 0, key: 'a', value: 'x' })),
  );
  const { code, stderr } = await world.run(['run', '--topic', 'rubbish', ...SHAPE, '--until', 'end']);
  assert.equal(code, 5);
  assert.match(stderr, /ANM_BAD_DATA.*of the last 2000 records cannot be decoded.*rubbish\/0/);
});

test('a short input with many bad records ends with exit 5 too, and commits nothing', async () => {
  const bad = Array.from({ length: 10 }, () => ({ partition: 0, key: 'a', value: 'x' }));
  await send(world.client, 'tainted', 1, [...readings(20).filter((record) => record.partition === 0), ...bad]);
  const { code, stderr } = await world.run(['run', '--topic', 'tainted', ...SHAPE, '--until', 'end']);
  assert.equal(code, 5);
  assert.match(stderr, /ANM_BAD_DATA.*10 of the last 30 records cannot be decoded/);
  assert.deepEqual(
    (await world.client.admin.groupOffsets('tainted')).filter(({ offset }) => offset >= 0),
    [],
  );
  assert.equal((await readTopic(world, 'tainted.dlq'))[0]!.length, 10);
});

test('late records go to the late topic with how late they were', async () => {
  const late: JsonRecord = { partition: 0, key: 'a', value: { ts: START, value: 7 } };
  await send(world.client, 'tardy', 1, [...readings(30).filter((record) => record.partition === 0), late]);
  assert.equal((await world.run(['run', '--topic', 'tardy', ...SHAPE, '--until', 'end'])).code, 0);
  const [letter] = (await readTopic(world, 'tardy.late'))[0]!;
  const headers = letter!['headers'] as Record<string, string>;
  // The watermark stood at 290 s minus 5 s, the window ended at 60 s.
  assert.deepEqual(
    [headers['late_by_ms'], headers['window'], headers['__streams.errors.offset']],
    ['225000', 'w1m', '30'],
  );
});

test('state that is gone, changed or damaged is refused by name, and --fresh begins anew', async () => {
  await send(
    world.client,
    'stateful',
    1,
    readings(20).filter((record) => record.partition === 0),
  );
  const run = (...more: string[]) =>
    world.run(['run', '--topic', 'stateful', ...SHAPE, '--until', 'end', '--leave-open', ...more]);
  assert.equal((await run()).code, 0);
  const other = ['--topic', 'stateful', '--time', 'ts', '--window', '2m', '--max-ahead', 'off'];
  const changed = await world.run(['run', ...other, '--until', 'end', '--leave-open']);
  assert.equal(changed.code, 5);
  assert.match(changed.stderr, /ANM_STATE_INCOMPATIBLE.*window\/w1m is no longer there/);
  const dir = join(world.dir, 'state', 'anomaly', 'stateful');
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.bin'));
  assert.ok(files.length > 0);
  for (const name of files) writeFileSync(join(dir, name), 'torn');
  const torn = await run();
  assert.equal(torn.code, 5);
  assert.match(torn.stderr, /left aside checkpoint .*stateful-0/);
  assert.match(torn.stderr, /ANM_STATE_CORRUPT.*stateful\/0 at offset 20/);
  rmSync(dir, { recursive: true });
  const missing = await run();
  assert.equal(missing.code, 5);
  assert.match(missing.stderr, /ANM_STATE_MISSING.*offset 20/);
  assert.equal((await run('--fresh')).code, 0);
  // From here on its state is that of an empty start at 20, whatever older checkpoints there are.
  assert.equal((await run()).code, 0);
});

test('a registry that is away costs nothing: the failed run commits no batch that it did not put out', async () => {
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'ts', type: 'long' },
      { name: 'value', type: 'double' },
    ],
  };
  const { default: avro } = await import('avsc');
  const type = avro.Type.forSchema(schema as never);
  await world.client.admin.createTopics([{ name: 'away', partitions: 1 }]);
  const { createRegistry } = await import('../../src/clients/createRegistry.ts');
  const { id } = await createRegistry({ urls: [world.registryUrl] }).register('away-value', JSON.stringify(schema));
  const producer = await world.client.createProducer();
  const key = Buffer.from('a');
  for (let i = 0; i < 60; i++) {
    const value = Buffer.concat([Buffer.from([0, 0, 0, 0, id]), type.toBuffer({ ts: START + i * 10_000, value: i })]);
    producer.append('away', 0, START, key, 0, 1, value, 0, value.length);
  }
  await producer.close();
  const flags = ['run', '--topic', 'away', ...SHAPE, '--until', 'end', '-o', 'json'];
  const down = await world.run([...flags, '-X', 'sinks.format=json', '--registry', 'http://127.0.0.1:1']);
  assert.equal(down.code, 3, down.stderr);
  assert.equal((await world.client.admin.groupOffsets('away')).find(({ topic }) => topic === 'away')?.offset ?? -1, -1);
  const up = await world.run(flags);
  assert.equal(up.code, 0, up.stderr);
  assert.deepEqual([JSON.parse(up.stdout).records, JSON.parse(up.stdout).windows], [60, 10]);
});

test('each cluster has its own state of a pipeline, and finds it again; without a commit it is left aside', async () => {
  const own = readings(30).filter((record) => record.partition === 0);
  await send(world.client, 'again', 1, own);
  const run = async (brokers: World) => {
    const { code, stdout, stderr } = await brokers.run(
      ['run', '--topic', 'again', ...SHAPE, '--until', 'end', '--leave-open', '-o', 'json'],
      { cwd: world.dir, env: { XDG_STATE_HOME: join(world.dir, 'state') } },
    );
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).records as number;
  };
  assert.equal(await run(world), 30);
  const other = await startWorld();
  try {
    await send(other.client, 'again', 1, own);
    assert.deepEqual([await run(other), await run(other)], [30, 0]);
  } finally {
    await other.close();
  }
  assert.equal(await run(world), 0);
});

test('a field that no record has is said, and windows of a field that nobody named are scored', async () => {
  const records = readings(100).map((record) => {
    const { ts, value } = record.value as { ts: number; value: number };
    return { ...record, value: { ts, temperature: value } };
  });
  await send(world.client, 'heat', 2, records);
  const misspelt = await world.run([
    'run',
    '--topic',
    'heat',
    ...SHAPE,
    '--field',
    'temprature',
    '--pipeline',
    'typo',
    '--until',
    'end',
  ]);
  assert.match(misspelt.stderr, /field temprature had no number in 200 records/);
  const flags = ['--time', 'ts', '--size', '1m', '--field', 'temperature', '--max-ahead', 'off', '--pipeline', 'heat'];
  assert.equal((await world.run(['window', 'heat', ...flags, '--to', 'heat-windows', '--until', 'end'])).code, 0);
  const score = [
    '--on',
    'w1m.max',
    '--detector',
    'range',
    '--max',
    '120',
    '--to',
    'hot',
    '--until',
    'end',
    '-o',
    'json',
  ];
  const { stdout, stderr } = await world.run(['score', 'heat-windows', ...score, '--pipeline', 'heat']);
  assert.equal(JSON.parse(stdout).alerts, 1, stderr);
});

test('alerts of several records of one time have identities of their own, the same at every run', async () => {
  const records = [100, 101, 102].map((value) => ({ partition: 0, key: 'a', value: { ts: START, value } }));
  const ids: unknown[][] = [];
  for (const topic of ['alike', 'alike-too']) {
    await send(world.client, topic, 1, records);
    const flags = ['--topic', topic, '--time', 'ts', '--max-ahead', 'off', '--detector', 'range', '--max', '10'];
    assert.equal((await world.run(['run', ...flags, '--until', 'end'])).code, 0);
    ids.push((await readTopic(world, `${topic}.anomalies`))[0]!.map((row) => (row['value'] as { id: string }).id));
  }
  assert.deepEqual(ids[0], ids[1]);
  assert.equal(new Set(ids[0]).size, 3);
});

test('a bad record near the size limit of the broker becomes a dead letter without its tail, and the run goes on', async () => {
  const good = readings(60).filter((record) => record.partition === 0);
  const value = 'x'.repeat(1_048_400);
  await send(world.client, 'huge', 1, [...good, { partition: 0, key: 'a', value }, ...good]);
  const { code, stderr, stdout } = await world.run([
    'run',
    '--topic',
    'huge',
    ...SHAPE,
    '--until',
    'end',
    '-o',
    'json',
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).dead_letters, 1);
  const [letter] = (await readTopic(world, 'huge.dlq'))[0]!;
  assert.equal((letter!['headers'] as Record<string, string>)['value_bytes'], '1048400');
  const kept = String(letter!['value']).length;
  assert.ok(kept > 1_040_000 && kept < 1_048_400, String(kept));
});

test('a record without a timestamp has no event time: a dead letter, unless a field has the time', async () => {
  const value = { ts: START, value: 1 };
  await send(
    world.client,
    'timeless',
    1,
    Array.from({ length: 5 }, () => ({ partition: 0, key: 'a', value, timestamp: -1 })),
  );
  const run = (...more: string[]) =>
    world.run(['run', '--topic', 'timeless', '--window', '1m', '--until', 'end', '-o', 'json', ...more]);
  const without = await run('--max-bad-rate', '1');
  assert.equal(without.code, 0, without.stderr);
  assert.deepEqual([JSON.parse(without.stdout).windows, JSON.parse(without.stdout).dead_letters], [0, 5]);
  const withField = await run('--time', 'ts', '--pipeline', 'timed');
  assert.equal(withField.code, 0, withField.stderr);
  assert.deepEqual([JSON.parse(withField.stdout).windows, JSON.parse(withField.stdout).dead_letters], [1, 0]);
});

test('topics that the tool makes keep records as long as their source', async () => {
  await world.client.admin.createTopics([{ name: 'lasting', partitions: 1, configs: { 'retention.ms': '-1' } }]);
  await send(
    world.client,
    'lasting',
    1,
    readings(30).filter((record) => record.partition === 0),
  );
  assert.equal((await world.run(['run', '--topic', 'lasting', ...SHAPE, '--until', 'end'])).code, 0);
  assert.equal((await world.client.admin.topicConfigs('lasting.windows')).get('retention.ms'), '-1');
});

test('a group stays in its own folder', async () => {
  await send(
    world.client,
    'stored',
    1,
    readings(30).filter((record) => record.partition === 0),
  );
  const run = (...more: string[]) => world.run(['run', '--topic', 'stored', ...SHAPE, '--until', 'end', ...more]);
  assert.equal((await run('--pipeline', '../../outside')).code, 0);
  assert.deepEqual(
    readdirSync(join(world.dir, 'state', 'anomaly')).filter((name) => name.includes('outside')).length,
    1,
  );
});

test('JSON ids beyond 2^53 that differ in their last digit are two series', async () => {
  const ids = ['9007199254740992', '9007199254740993'];
  const records = ids.map((id, i) => ({
    partition: 0,
    key: null,
    value: `{"id":${id},"ts":${START + i},"value":${i}}`,
  }));
  await send(world.client, 'longids', 1, records);
  const flags = ['--topic', 'longids', '--key', 'id', '--time', 'ts', '--window', '1m', '--max-ahead', 'off'];
  assert.equal((await world.run(['run', ...flags, '--until', 'end'])).code, 0);
  const rows = (await readTopic(world, 'longids.windows'))[0]!.map(
    (row) => (row['value'] as { series: string }).series,
  );
  assert.deepEqual(rows, ids);
});

test('a series in two partitions stops a stage on a pipe as well', async () => {
  const split = ['0', '1'].map((p) => ({ partition: Number(p), key: 'a', value: { ts: START, value: 1 } }));
  await send(world.client, 'piped-split', 2, split);
  const { code, stderr } = await world.run([
    ...['window', 'piped-split', '--time', 'ts', '--size', '1m', '--max-ahead', 'off', '--until', 'end', '--to', '-'],
  ]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /ANM_SERIES_SPLIT.*series a/);
});

test('a record of a JSON Schema among others is one dead letter, and the run goes on', async () => {
  const registry = createRegistry({ urls: [world.registryUrl] });
  const { id } = await registry.register('foreign-value', '{"type":"object"}', { type: 'JSON' });
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  const foreign = Buffer.concat([head, Buffer.from('{"ts":1,"value":2}')]);
  await send(
    world.client,
    'kinds',
    1,
    readings(30).filter((record) => record.partition === 0),
  );
  const producer = await world.client.createProducer();
  producer.append('kinds', 0, START, Buffer.from('a'), 0, 1, foreign, 0, foreign.length);
  await producer.close();
  const { code, stdout, stderr } = await world.run([
    'run',
    '--topic',
    'kinds',
    ...SHAPE,
    '--until',
    'end',
    '-o',
    'json',
  ]);
  assert.equal(code, 0, stderr);
  assert.deepEqual([JSON.parse(stdout).records, JSON.parse(stdout).dead_letters], [31, 1]);
});

test('a file with the name of a sink or a topic is not touched', async () => {
  await send(
    world.client,
    'named',
    1,
    readings(30).filter((record) => record.partition === 0),
  );
  const precious = join(world.dir, 'named.windows');
  writeFileSync(precious, 'precious');
  const { code, stderr } = await world.run([
    'window',
    'named',
    '--time',
    'ts',
    '--size',
    '1m',
    '--max-ahead',
    'off',
    '--until',
    'end',
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(readFileSync(precious, 'utf8'), 'precious');
  assert.ok((await readTopic(world, 'named.windows'))[0]!.length > 0);
});

test('tail -n gives the last records of all partitions by their time', async () => {
  const records = Array.from({ length: 20 }, (_, i) => ({
    ...{ partition: i % 2, key: 'a', value: { i }, timestamp: START + i },
  }));
  await send(world.client, 'lasts', 2, records);
  const { stdout } = await world.run(['tail', 'lasts', '-n', '3', '-o', 'ndjson']);
  const shown = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).value.i);
  assert.deepEqual(shown, [17, 18, 19]);
});

test('a start that is refused makes no topic of its outputs', async () => {
  await send(world.client, 'untouched', 2, readings(10));
  await world.client.admin.createTopics([{ name: 'narrow', partitions: 1 }]);
  const fields = ['ts', 'value'].map((name) => ({ name, type: name === 'ts' ? 'long' : 'double' }));
  const schema = JSON.stringify({ type: 'record', name: 'R', fields });
  await createRegistry({ urls: [world.registryUrl] }).register('untouched-value', schema);
  const file = join(world.dir, 'no-directory');
  writeFileSync(file, '');
  const flags = ['run', '--topic', 'untouched', ...SHAPE, '--detector', 'rolling-z', '--until', 'end'];
  const refusals: [RegExp, ...string[]][] = [
    [/error\[ANM_STORE_/, '--checkpoint-store', file],
    [/error\[ANM_STORE_/, '--checkpoint-store', file, '--repartition'],
    [/error\[ANM_CONFIG\].*\n?.*transaction_timeout/, '--guarantee', 'exactly-once', '--transaction-timeout', '10h'],
    [/error\[ANM_SCHEMA_UNSUPPORTED\].*no field pump/, '--key', 'pump'],
    [/error\[ANM_CONFIG\].*narrow as it has 1 partitions/, '-X', 'sinks.late=narrow'],
    [/error\[ANM_.*\n?.*registry/i, '-X', 'registry.urls=http://127.0.0.1:1', '-X', 'retry_timeout=100ms'],
  ];
  for (const [reason, ...more] of refusals) {
    const { code, stderr } = await world.run([...flags, ...more]);
    assert.notEqual(code, 0, more.join(' '));
    assert.match(stderr, reason);
    const names = (await world.client.admin.topics()).map(({ name }) => name);
    const made = names.filter((name) => name.startsWith('untouched.') && !/\.(status|control)$/.test(name));
    assert.deepEqual(made, [], more.join(' '));
  }
});

test('an override that no series matches is said at the end', async () => {
  await send(world.client, 'known', 2, readings(30));
  const file = join(world.dir, 'overrides.yaml');
  const overrides = 'overrides: [{series: "a*", max: 900}, {series: "pomp-*", max: 900}]';
  writeFileSync(
    file,
    `version: 1
pipeline: known
source: {topics: [known], time: ts}
time: {max_ahead: off}
windows: [{name: w1m, type: tumbling, size: 1m, aggregates: [mean]}]
score: {on: w1m.mean, detector: rolling-z}
${overrides}
`,
  );
  const { code, stderr } = await world.run(['run', '--config', file, '--until', 'end']);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stderr.match(/overrides: .*/g), ['overrides: none of 2 series matches pomp-*']);
});
