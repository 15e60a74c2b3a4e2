import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readHeaders } from '../../../src/wire/headers.ts';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const START = Date.UTC(2026, 0, 1);
const PARTITIONS = 2;

/** Readings of three pumps a partition, ten seconds apart, with peaks, late ones and some that are broken. */
function readings(from: number, to: number): JsonRecord[] {
  const records: JsonRecord[] = [];
  for (let i = from; i < to; i++) {
    const partition = i % PARTITIONS;
    const late = i % 97 === 50 ? 600_000 : 0;
    const ts = START + i * 10_000 - late;
    const value = i % 61 === 7 ? 'broken' : { ts, value: i % 83 === 20 ? 500 : 50 + ((i * 7919) % 100) / 10 };
    records.push({ partition, key: `pump-${partition}-${i % 3}`, timestamp: START + i * 10_000, value });
  }
  return records;
}

interface Pipeline {
  readonly name: string;
  readonly guarantee: string;
  readonly more?: string;
}

function configOf({ name, guarantee, more = '' }: Pipeline): string {
  const file = `${name}.yaml`;
  const text = `version: 1
pipeline: ${name}
source: {topics: [${name}], time: ts}
time: {out_of_orderness: 20s, max_ahead: off}
windows: [{name: w5m, type: tumbling, size: 5m, aggregates: [count, mean, min, max, stddev]}]
features: [{name: trend, rolling: 4, statistic: mean, of: w5m.mean}]
score: {detector: range, max: 100}
guarantee: ${guarantee}
${more}`;
  writeFileSync(join(world.dir, file), text);
  return file;
}

async function run(config: string, ...more: string[]): Promise<Record<string, number>> {
  const { code, stdout, stderr } = await world.run([
    ...['run', '--config', config, '--until', 'end', '--max-bad-rate', '0.5', '-o', 'json'],
    ...more,
  ]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

interface Report {
  readonly equal: boolean;
  readonly records: number;
  readonly records_before: number;
  readonly outputs: readonly { topic: string; rows: number; repeated: number; trimmed: number }[];
  readonly partitions: readonly { from: number; to: number; checkpoint: string | null }[];
}

async function verify(input: string, config: string, ...more: string[]): Promise<Report> {
  const { code, stdout, stderr } = await world.run([
    'replay',
    input,
    '--verify',
    '--config',
    config,
    '-o',
    'json',
    ...more,
  ]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

async function refused(input: string, config: string, ...more: string[]) {
  const { code, stdout, stderr } = await world.run(['replay', input, '--verify', '--config', config, ...more]);
  assert.notEqual(code, 0, stdout);
  return { code, stderr };
}

const rowsOf = ({ outputs }: Report, topic: string) => outputs.find((each) => each.topic === topic)!.rows;

for (const guarantee of ['exactly-once', 'at-least-once']) {
  test(`${guarantee}: what was written is what the records give, over several starts, from the start or a checkpoint`, async () => {
    const name = `pumps-${guarantee}`;
    const config = configOf({ name, guarantee });
    await send(world.client, name, PARTITIONS, readings(0, 600));
    const first = await run(config, '--leave-open');
    await send(world.client, name, PARTITIONS, readings(600, 1000));
    const second = await run(config, '--leave-open');
    await send(world.client, name, PARTITIONS, readings(1000, 1200));
    // The last one closes what is open, which stands in the journal.
    const third = await run(config);
    const sum = (key: string) => first[key]! + second[key]! + third[key]!;
    const whole = await verify(name, config);
    assert.equal(whole.equal, true);
    assert.equal(whole.records, 1200);
    assert.deepEqual(
      [`${name}.windows`, `${name}.anomalies`, `${name}.late`, `${name}.dlq`].map((topic) => rowsOf(whole, topic)),
      [sum('windows'), sum('alerts'), sum('late'), sum('dead_letters')],
    );
    assert.ok(sum('alerts') > 0 && sum('late') > 0 && sum('dead_letters') > 0);
    assert.deepEqual(
      whole.partitions.map(({ from, to, checkpoint }) => [from, to, checkpoint]),
      [
        [0, 600, null],
        [0, 600, null],
      ],
    );
    const part = await verify(name, config, '--offset', '510:560');
    assert.equal(part.records, 100);
    // From the checkpoint of the second run, at 500.
    assert.equal(part.records_before, 20);
    assert.ok(part.partitions.every(({ checkpoint }) => checkpoint !== null));
    assert.ok(rowsOf(part, `${name}.windows`) > 0 && rowsOf(part, `${name}.windows`) < sum('windows'));
    const one = await verify(name, config, '--partition', '1', '--offset', '+10:-5');
    assert.deepEqual(
      one.partitions.map(({ from, to }) => [from, to]),
      [[10, 595]],
    );
  });
}

test('the same from a recording with its journal', async () => {
  const name = 'pumps-exactly-once';
  const config = `${name}.yaml`;
  const { code, stderr } = await world.run(['replay', name, '--record', 'pumps.avro', '--config', config]);
  assert.equal(code, 0, stderr);
  const live = await verify(name, config);
  const recorded = await verify('pumps.avro', config);
  assert.deepEqual(recorded.outputs, live.outputs);
  assert.equal((await verify('pumps.avro', config, '--offset', '510:560')).records, 100);
  await world.run(['replay', name, '--record', 'bare.avro', '--ignore-profile']);
  const bare = await refused('bare.avro', config);
  assert.equal(bare.code, 2);
  assert.match(bare.stderr, /holds no journal pumps-exactly-once\.journal/);
});

/** Copies a topic, its records changed or left out on the way. */
async function forge(from: string, to: string, change: (value: Buffer, i: number) => Buffer | null): Promise<void> {
  await world.client.admin.createTopics([{ name: to, partitions: PARTITIONS }]);
  const places = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: from, partition, offset: 0 }));
  const ends = await world.client.admin.listOffsets(places, 'latest');
  const consumer = await world.client.createConsumer({ isolation: 'read_committed' });
  const producer = await world.client.createProducer();
  await consumer.assign(places);
  let i = 0;
  while (ends.some((end) => consumer.position(end.topic, end.partition) < end.offset)) {
    const batch = await consumer.poll(200);
    for (let k = 0; batch !== null && k < batch.count; k++) {
      const value = change(Buffer.from(batch.bytes.slice(batch.valueStart[k], batch.valueEnd[k])), i++);
      if (value === null) continue;
      const { bytes, partition, recordTimes, keyStart, keyEnd } = batch;
      producer.append(
        ...([to, partition, recordTimes[k]!, bytes, keyStart[k]!, keyEnd[k]!] as const),
        ...([value, 0, value.length, readHeaders(batch, k)] as const),
      );
    }
  }
  await consumer.close();
  await producer.close();
}

test('a row that was changed, is missing, or is too many is named with topic, offset, field and both values', async () => {
  const guarantee = 'exactly-once';
  const name = 'forged';
  await send(world.client, name, PARTITIONS, readings(0, 600));
  const config = configOf({ name, guarantee, more: 'sinks: {format: json}' });
  await run(config);
  const forged = (topic: string) => configOf({ name, guarantee, more: `sinks: {format: json, windows: ${topic}}` });
  // The same bytes under another name are equal.
  await forge('forged.windows', 'copy', (value) => value);
  assert.equal((await verify(name, forged('copy'))).equal, true);
  let mean = '';
  await forge('forged.windows', 'changed', (value, i) => {
    if (i !== 30) return value;
    mean = /"mean":([\d.]+)/.exec(value.toString())![1]!;
    return Buffer.from(value.toString().replace(`"mean":${mean}`, '"mean":1.5'));
  });
  const changed = await refused(name, forged('changed'));
  assert.equal(changed.code, 6);
  assert.match(
    changed.stderr,
    /differs from what was written at changed\/\d offset \d+: value\.mean is 1\.5 there and /,
  );
  assert.ok(changed.stderr.includes(`and ${mean} when it is computed again (window w5m of pump-`), changed.stderr);
  await forge('forged.windows', 'missing', (value, i) => (i === 30 ? null : value));
  const missing = await refused(name, forged('missing'));
  assert.match(
    missing.stderr,
    /differs from what was written at missing\/\d offset \d+: key is .pump-\d-\d. there and .pump-\d-\d. when/,
  );
  // The last one of a partition has no other in its place.
  const last = (await readTopic(world, 'forged.windows'))[1]!.length - 1;
  const counts = [0, 0];
  await forge('forged.windows', 'short', (value) => {
    const { partition } = JSON.parse(value.toString()) as { partition: number };
    return partition === 1 && counts[1]!++ === last ? null : value;
  });
  assert.match(
    (await refused(name, forged('short'))).stderr,
    /at short\/1: a row of source offset 299 is computed and not there/,
  );
  await forge('forged.windows', 'more', (value) => value);
  const [row] = (await readTopic(world, 'forged.windows'))[0]!.slice(-1);
  await send(world.client, 'more', PARTITIONS, [
    {
      partition: 0,
      key: row!['key'] as string,
      value: row!['value'],
      timestamp: Date.parse(row!['timestamp'] as string),
    },
  ]);
  const more = await refused(name, forged('more'));
  assert.match(more.stderr, /at more\/0 offset \d+: a row of source offset \d+ is there and not computed again/);
  const json = await world.run(['replay', name, '--verify', '--config', forged('changed'), '-o', 'json']);
  const { details } = JSON.parse(json.stderr.split('\n').find((line) => line.includes('"error"'))!).error;
  assert.deepEqual(
    [details.topic, details.field, details.found, details.computed],
    ['changed', 'value.mean', 1.5, Number(mean)],
  );
});

test('another threshold gives other alerts; another window is another state', async () => {
  const name = 'pumps-exactly-once';
  const guarantee = 'exactly-once';
  const text = configOf({ name, guarantee, more: '' });
  assert.equal((await verify(name, text)).equal, true);
  const other = await refused(name, text, '-X', 'score.max=40');
  assert.equal(other.code, 6);
  assert.match(other.stderr, /pumps-exactly-once\.anomalies/);
  const size = await refused(name, text, '-X', 'windows=w5m=1m');
  assert.equal(size.code, 5);
  assert.match(size.stderr, /the configuration computes something else than the one that ran/);
});

test('windows of all kinds, early and late updates included, are the same again, from the start or a checkpoint', async () => {
  const name = 'kinds';
  writeFileSync(
    join(world.dir, 'kinds.yaml'),
    `version: 1
pipeline: kinds
source: {topics: [kinds], time: ts, where: "value != 51"}
time: {out_of_orderness: 20s, max_ahead: off, allowed_lateness: 8m, watermark: series}
windows:
  - {name: w5m, type: tumbling, size: 5m, emit_every: 1m, aggregates: [count, mean, p95, distinct, anomalies]}
  - {name: h5m, type: hopping, size: 5m, advance: 1m, aggregates: [sum, slope]}
  - {name: s, type: session, gap: 30s, aggregates: [first, last]}
  - {name: c, type: count, size: 7, aggregates: [variance]}
score: {detector: range, max: 100}
guarantee: exactly-once
`,
  );
  await send(world.client, name, PARTITIONS, readings(0, 700));
  const first = await run('kinds.yaml', '--leave-open');
  await send(world.client, name, PARTITIONS, readings(700, 1000));
  const second = await run('kinds.yaml');
  const whole = await verify(name, 'kinds.yaml');
  assert.equal(rowsOf(whole, 'kinds.windows'), first['windows']! + second['windows']!);
  const part = await verify(name, 'kinds.yaml', '--offset', '400:480');
  assert.ok(part.partitions.every(({ checkpoint }) => checkpoint !== null));
  assert.deepEqual([part.records, part.records_before], [160, 100]);
  assert.ok(rowsOf(part, 'kinds.windows') > 100);
});

test('windows that silence closed are closed again where the journal has it', async () => {
  const name = 'silent';
  writeFileSync(
    join(world.dir, 'silent.yaml'),
    `version: 1
pipeline: silent
source: {topics: [silent], time: ts}
time: {out_of_orderness: 0s, max_ahead: off, idle_after: 200ms}
windows: [{name: w1s, size: 1s, aggregates: [count, mean]}]
guarantee: exactly-once
`,
  );
  const ticks = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i): JsonRecord => {
      const ts = START + (from + i) * 100;
      return { partition: i % PARTITIONS, key: `pump-${i % PARTITIONS}`, timestamp: ts, value: { ts, value: i } };
    });
  await send(world.client, name, PARTITIONS, ticks(0, 25));
  const signals = new EventEmitter();
  const running = world.run(['run', '--config', 'silent.yaml', '-o', 'json'], { signals });
  const closed = async (count: number) => {
    const topics = await world.client.admin.topics(['silent.windows']);
    return topics.length > 0 && (await readTopic(world, 'silent.windows')).flat().length >= count;
  };
  // Three seconds of both series: only silence closes the last one.
  while (!(await closed(6)));
  await send(world.client, name, PARTITIONS, ticks(60, 75));
  while (!(await closed(10)));
  signals.emit('SIGINT');
  const { code, stderr } = await running;
  assert.equal(code, 0, stderr);
  const journal = (await readTopic(world, 'silent.journal')).flat().map(({ value }) => value as { type: string });
  assert.ok(journal.some(({ type }) => type === 'idle'));
  const report = await verify(name, 'silent.yaml');
  assert.equal(rowsOf(report, 'silent.windows'), 10);
  const recorded = await world.run(['replay', name, '--record', 'silent.avro', '--config', 'silent.yaml']);
  assert.equal(recorded.code, 0, recorded.stderr);
  assert.equal(rowsOf(await verify('silent.avro', 'silent.yaml'), 'silent.windows'), 10);
});

test('a repartitioned pipeline is verified by its copy, and a recording of that', async () => {
  const name = 'split';
  const config = configOf({ name, guarantee: 'exactly-once' });
  // Each series is in both partitions.
  const spread = readings(0, 400).map((record, i) => ({ ...record, partition: (i >> 1) % PARTITIONS }));
  await send(world.client, name, PARTITIONS, spread);
  const { records, dead_letters: dead } = await run(config, '--repartition');
  const report = await verify('split.by-key', config);
  assert.deepEqual([report.records, rowsOf(report, 'split.dlq')], [records, dead]);
  const recorded = await world.run(['replay', 'split.by-key', '--record', 'split.avro', '--config', config]);
  assert.equal(recorded.code, 0, recorded.stderr);
  assert.deepEqual((await verify('split.avro', config)).outputs, report.outputs);
});

test('a group that has committed nothing is refused, and those that have a journal are named', async () => {
  const config = configOf({ name: 'pumps-exactly-once', guarantee: 'exactly-once' });
  const { code, stderr } = await refused('pumps-exactly-once', config, '-X', 'group=misspelt');
  assert.equal(code, 2, stderr);
  assert.match(stderr, /group misspelt has committed nothing of pumps-exactly-once\/0,1/);
  assert.match(stderr, /groups that have a journal here: .*pumps-exactly-once/);
});

test('what cannot be verified is said', async () => {
  await send(world.client, 'unread', PARTITIONS, readings(0, 10));
  writeFileSync(join(world.dir, 'rows.csv'), 'timestamp,value\n2026-01-01T00:00:00Z,1\n');
  const config = configOf({ name: 'unread', guarantee: 'exactly-once' });
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ['unread', [], 2, /cannot verify the output unread\.dlq/],
    ['pumps-exactly-once', [], 2, /cannot verify pipeline unread with pumps-exactly-once as it reads unread/],
    ['rows.csv', [], 2, /it is no topic and no recording/],
    ['unread', ['--speed', '2x'], 2, /--speed means nothing with --verify/],
  ];
  for (const [input, more, code, message] of cases) {
    const run = await refused(input, config, ...more);
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, message);
  }
  // Without its checkpoints a part cannot be run again, but the whole can: the journal says where the state was empty.
  rmSync(join(world.dir, 'state'), { recursive: true });
  const name = 'pumps-exactly-once';
  const part = await verify(name, `${name}.yaml`, '--offset', '510:560');
  assert.deepEqual([part.records, part.records_before, part.partitions[0]!.checkpoint], [100, 1020, null]);
});
