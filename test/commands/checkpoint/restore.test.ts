import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { murmur2 } from '../../../src/wire/murmur2.ts';
import type { CliRun } from '../../helpers/cli.ts';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../../helpers/world.ts';

let world: World;
let topic = '';
let count = 0;
before(async () => {
  world = await startWorld();
});
after(() => world.close());
beforeEach(() => {
  topic = `sensors-${count++}`;
});
afterEach(() => {
  writeFileSync(join(world.dir, 'anomaly.yaml'), '');
});

const START = Date.UTC(2026, 0, 1);

function readings(to: number, from = 0): JsonRecord[] {
  return Array.from({ length: to - from }, (_, k) => k + from).flatMap((i) =>
    ['a', 'b'].map((key, partition) => ({
      partition,
      key,
      value: { ts: START + i * 10_000, value: partition * 100 + (i % 7) / 10 + (i === 50 ? 40 : 0) },
    })),
  );
}

function configure(size = '1m', more = ''): void {
  const text = `version: 1
source: {topics: [${topic}], time: ts}
time: {max_ahead: off}
windows: [{name: w1m, size: ${size}}]
score: {detector: rolling-z, on: record, window: 16}
${more}`;
  writeFileSync(join(world.dir, 'anomaly.yaml'), text);
}

async function must(...argv: string[]): Promise<string> {
  // Other tests have groups in the same store.
  const own = argv[0] === 'checkpoint' && !argv.includes('--group') && topic !== '' ? ['--group', topic] : [];
  const { code, stdout, stderr } = await world.run([...argv, ...own]);
  assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
  return stdout;
}

async function error(...argv: string[]): Promise<{ code: string; message: string; hint: string }> {
  const { code, stderr, stdout } = await world.run([...argv, '--group', topic, '-o', 'json']);
  assert.notEqual(code, 0, stdout);
  return JSON.parse(stderr.trim().split('\n').at(-1)!).error;
}

const half = () => must('run', '--until', 'end', '--leave-open');
/** The newest checkpoints of both partitions as of now: partitions take turns, so they have an id each. */
const idOf = async () => {
  const { checkpoints } = JSON.parse(await must('checkpoint', 'ls', '--group', topic, '-o', 'json'));
  return `@${checkpoints[0].created}`;
};
const windows = async () =>
  (await readTopic(world, `${topic}.windows`)).map((records) => records.map(({ value }) => value));

/** Half of the readings, a checkpoint, the other half. The id of the checkpoint, and how many windows there were by then. */
async function twoHalves(): Promise<{ id: string; before: number[]; whole: unknown[][] }> {
  configure();
  await send(world.client, topic, 2, readings(47));
  await half();
  const id = await idOf();
  const before = (await windows()).map((records) => records.length);
  await send(world.client, topic, 2, readings(100, 47));
  await half();
  return { id, before, whole: await windows() };
}

test('a stopped group goes on from a checkpoint as it did then', async () => {
  const { id, before, whole } = await twoHalves();
  const plan = JSON.parse(await must('checkpoint', 'restore', id, '--dry-run', '-o', 'json'));
  assert.deepEqual(
    plan.partitions.map((row: Record<string, number>) => [
      row['partition'],
      row['committed'],
      row['offset'],
      row['log_end'],
    ]),
    [
      [0, 100, 47, 100],
      [1, 100, 47, 100],
    ],
  );
  await half();
  assert.deepEqual(await windows(), whole, 'a dry run does nothing');
  const said = await must('checkpoint', 'restore', id, '--yes');
  assert.match(said, new RegExp(`^restored group ${topic} from ${id}\n`));
  assert.match(said, /\/0 +100 +47 +-53 +100/);
  await half();
  const again = await windows();
  whole.forEach((records, p) => {
    assert.deepEqual(again[p]!.slice(records.length), records.slice(before[p]));
  });
});

test('a checkpoint is the start of another group, and its own goes on as it was', async () => {
  const { id, before, whole } = await twoHalves();
  await must('checkpoint', 'restore', id, '--to-group', `${topic}-copy`, '--yes');
  await must('run', '--until', 'end', '--leave-open', '--group', `${topic}-copy`);
  const again = await windows();
  whole.forEach((records, p) => {
    assert.deepEqual(again[p]!.slice(records.length), records.slice(before[p]));
  });
  await half();
  assert.deepEqual(await windows(), again, 'the first group had nothing to read');
});

test('an operator that is defined otherwise is named, and dropped alone where that is allowed', async () => {
  const { id } = await twoHalves();
  configure('2m');
  const refused = await error('checkpoint', 'restore', id, '--yes');
  assert.equal(refused.code, 'ANM_STATE_INCOMPATIBLE');
  assert.match(refused.message, /window\/w1m: size was 1m and is 2m/);
  assert.match(refused.hint, /--allow window\/w1m/);
  const wrong = await error('checkpoint', 'restore', id, '--yes', '--allow', 'window/w9m');
  assert.match(wrong.message, /no such operator/);
  const said = await must('checkpoint', 'restore', id, '--yes', '--allow', 'window/w1m');
  assert.match(said, /drops window\/w1m: size was 1m and is 2m/);
  // What it wrote anew is the newest now, though its offsets are lower than those of the second half.
  const offsets = (text: string) =>
    JSON.parse(text).snapshots.map((each: { manifest: { offset: number } }) => each.manifest.offset);
  const latest = offsets(await must('checkpoint', 'show', 'latest', '-o', 'json'));
  assert.deepEqual(latest, offsets(await must('checkpoint', 'show', id, '-o', 'json')));
  await must('checkpoint', 'prune', '--retain', '1');
  // It starts without --allow: the operator is not in the checkpoint that was made.
  await half();
  const alerts = (await readTopic(world, `${topic}.anomalies`)).flat().map(({ value }) => value as { offset: number });
  assert.ok(alerts.length > 0 && alerts.every(({ offset }) => offset >= 16), 'the scores went on');
});

test('the series of a checkpoint are told with their open windows, as lines of JSON and of CSV', async () => {
  configure();
  await send(world.client, topic, 2, readings(47));
  await half();
  const lines = (await must('checkpoint', 'export', 'latest', '--to', '-'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ partition, series, last_time, records }) => [partition, series, last_time, records]),
    [
      [0, 'a', START + 460_000, 47],
      [1, 'b', START + 460_000, 47],
    ],
  );
  // What closes when the input ends is what was open.
  const before = (await windows()).map((records) => records.length);
  await must('run', '--until', 'end');
  (await windows()).forEach((records, p) => {
    const [window, ...more] = lines[p].open_windows;
    assert.equal(more.length, 0);
    const closed = records.slice(before[p]) as Record<string, unknown>[];
    assert.equal(closed.length, 1);
    for (const name of ['window', 'field', 'start', 'end', 'count', 'mean', 'min', 'max', 'stddev']) {
      assert.equal(window[name], closed[0]![name], name);
    }
  });
  configure('2m');
  assert.equal((await error('checkpoint', 'export', 'latest', '--to', 'x.csv')).code, 'ANM_STATE_INCOMPATIBLE');
  configure();
  await must('checkpoint', 'export', 'latest', '--to', 'series.csv');
  const csv = readFileSync(join(world.dir, 'series.csv'), 'utf8').trim().split('\n');
  assert.equal(csv[0], 'topic,partition,series,last_time,records,window,field,start,end,count,mean,min,max,stddev');
  assert.match(csv[1]!, new RegExp(`^${topic},0,a,${START + 460_000},47,`));
});

test('a running pipeline takes a savepoint, and goes on from it', async () => {
  configure();
  await send(world.client, topic, 2, readings(47));
  const name = ['checkpoint', 'create', topic, '--name', 'before-upgrade'];
  assert.equal((await error(...name)).code, 'ANM_NOT_RUNNING');
  const signals = new EventEmitter();
  let running: Promise<CliRun> | undefined;
  await new Promise<void>((assigned) => {
    const onError = (text: string) => {
      if (text.includes(`assigned ${topic}/0, ${topic}/1`)) assigned();
    };
    running = world.run(['run'], { signals, onError });
  });
  await must(...name);
  signals.emit('SIGTERM');
  const ended = await running!;
  assert.equal(ended.code, 0, ended.stderr);
  const { checkpoints } = JSON.parse(await must('checkpoint', 'ls', '-o', 'json'));
  const savepoint = checkpoints.find((row: { savepoint: string | null }) => row.savepoint === 'before-upgrade');
  assert.deepEqual(
    savepoint.partitions.map(({ partition }: { partition: number }) => partition),
    [0, 1],
  );
  await must('checkpoint', 'verify', 'before-upgrade');
  await send(world.client, topic, 2, readings(100, 47));
  await half();
  await must('checkpoint', 'restore', 'before-upgrade', '--yes');
  await half();
  assert.equal((await error('checkpoint', 'create', topic)).code, 'ANM_USAGE');
  assert.equal((await error('checkpoint', 'create', topic, '--name', '../x')).code, 'ANM_USAGE');
});

test('what would go wrong is refused: members, partitions without a snapshot, another topic, another cluster', async () => {
  const { id } = await twoHalves();
  const consumer = await world.client.createConsumer({ groupId: topic });
  await consumer.subscribe([topic], 'earliest', { onRevoked: async () => {}, onAssigned: async () => undefined });
  while ((await world.client.admin.describeGroup(topic)).members.length === 0) await consumer.poll(50);
  const running = await error('checkpoint', 'restore', id, '--yes');
  assert.equal(running.code, 'ANM_GROUP_RUNNING');
  assert.match(running.hint, /--to-group/);
  await consumer.close();

  assert.equal((await error('checkpoint', 'restore', id)).code, 'ANM_USAGE');
  assert.equal((await error('checkpoint', 'restore', 'nothing', '--yes')).code, 'ANM_CHECKPOINT_UNKNOWN');

  await world.client.admin.deleteTopics([topic]);
  assert.equal((await error('checkpoint', 'restore', id, '--yes')).code, 'ANM_TOPIC_MISSING');
  await send(world.client, topic, 2, readings(10));
  const other = await error('checkpoint', 'restore', id, '--yes');
  assert.equal(other.code, 'ANM_OFFSET_OUT_OF_RANGE');
  assert.match(other.message, /its log ends at 10/);
});

test('state is redistributed for more partitions, and another topic goes on from it', async () => {
  const place = (key: string, count: number) => (murmur2(new TextEncoder().encode(key)) & 0x7fffffff) % count;
  const keys = Array.from({ length: 9 }, (_, i) => `pump-${i}`);
  const reading = (i: number, partitions: number): JsonRecord[] =>
    keys.map((key, k) => ({
      partition: place(key, partitions),
      key,
      value: { ts: START + i * 10_000, value: k * 100 + (i % 7) / 10 },
    }));
  const some = (from: number, to: number, partitions: number) =>
    Array.from({ length: to - from }, (_, k) => reading(from + k, partitions)).flat();
  const closed = async (name: string) =>
    (await readTopic(world, `${name}.windows`))
      .flat()
      .map(({ value }) => value as Record<string, unknown>)
      .map(({ series, start, count: n, mean, min, max, stddev }) =>
        JSON.stringify([series, start, n, mean, min, max, stddev]),
      )
      .sort();
  const [whole, grown] = [`${topic}-whole`, `${topic}-grown`];
  const of = (name: string) => ['--topic', name, '--group', name, '--pipeline', name];
  configure();
  await send(world.client, whole, 2, some(0, 100, 2));
  await must('run', ...of(whole), '--until', 'end');

  await send(world.client, topic, 2, some(0, 50, 2));
  await half();
  const before = await closed(topic);
  const rescaled = ['checkpoint', 'rescale', 'latest', '--partitions', '5', '--to-topic', grown, '--name', 'grown'];
  assert.match(
    await must(...rescaled, '--dry-run'),
    /would write savepoint grown: 2 partitions to 5, before = after\n {2}series +9 = 9\n/,
  );
  assert.equal((await error('checkpoint', 'show', 'grown')).code, 'ANM_CHECKPOINT_UNKNOWN');
  await must(...rescaled);
  await send(world.client, grown, 5, some(50, 100, 5));
  writeFileSync(
    join(world.dir, 'anomaly.yaml'),
    readFileSync(join(world.dir, 'anomaly.yaml'), 'utf8').replace(topic, grown),
  );
  await must('checkpoint', 'restore', 'grown', '--to-group', grown, '--yes');
  await must('run', '--until', 'end', '--group', grown, '--pipeline', grown);
  assert.deepEqual([...before, ...(await closed(grown))].sort(), await closed(whole));
});

test('what version 0.1 left is restored by the word format-1, and goes on as there', async () => {
  topic = 'pump-room';
  const fixtures = fileURLToPath(new URL('../../../fixtures/checkpoints/format-1', import.meta.url));
  // The same 240 readings as its README tells of.
  const old: JsonRecord[] = Array.from({ length: 240 }, (_, i) => {
    const time = 1_700_000_000_000 + i * 10_000;
    const value = 50 + 10 * Math.sin(i / 9) + (i % 6);
    return { partition: i % 6 < 3 ? 0 : 1, key: `pump-${i % 6}`, value: { ts: time, value }, timestamp: time };
  });
  await send(world.client, 'raw-sensors', 2, old);
  writeFileSync(join(world.dir, 'anomaly.yaml'), readFileSync(join(fixtures, 'anomaly.yaml')));
  const { clusterId } = await world.client.admin.cluster();
  const folder = join(world.dir, 'old', 'pump-room', clusterId);
  mkdirSync(folder, { recursive: true });
  for (const partition of [0, 1]) {
    const name = `raw-sensors-${partition}.snapshot`;
    cpSync(join(fixtures, name), join(folder, name));
    // The cluster is that of this test.
    const text = readFileSync(join(folder, name), 'latin1');
    writeFileSync(join(folder, name), text.replace(/"cluster":"[^"]*"/, `"cluster":"${clusterId}"`), 'latin1');
  }
  const store = ['--checkpoint-store', 'old'];
  const changed = await error('checkpoint', 'restore', 'format-1', '--yes', ...store, '-X', 'score.window=17');
  assert.equal(changed.code, 'ANM_STATE_INCOMPATIBLE');
  // Its detectors kept other things: they learn anew where that is allowed.
  const kept = await error('checkpoint', 'restore', 'format-1', '--yes', ...store);
  assert.match(kept.hint ?? '', /--allow score/);
  await must('checkpoint', 'restore', 'format-1', '--yes', '--allow', 'score', ...store);
  await must('run', '--until', 'end', ...store);
  const closed = JSON.parse(readFileSync(join(fixtures, 'closed.json'), 'utf8')) as Record<string, unknown>[][];
  const written = await readTopic(world, 'pump-room.windows');
  // Later versions put out more columns.
  const names = Object.keys(closed[0]![0]!);
  const same = written.map((records) =>
    records.map(({ value }) =>
      Object.fromEntries(names.map((name) => [name, (value as Record<string, unknown>)[name]])),
    ),
  );
  assert.deepEqual(same, closed);
});
