import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { main } from '../../src/cli.ts';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
  const rows = Array.from({ length: 600 }, (_, i) => `${new Date(START + i * 60_000).toISOString()},${level(i)}`);
  writeFileSync(join(world.dir, 'pump.csv'), `timestamp,value\n${rows.join('\n')}\n`);
});
after(() => world.close());

const START = Date.UTC(2026, 0, 1);
const level = (i: number) => 50 + (i % 7) / 10 + (i === 500 ? 60 : 0);

function readings(count: number): JsonRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    partition: i % 4,
    key: `s${i % 4}`,
    value: { ts: START + i * 10_000, value: level(i) },
    timestamp: START + i * 10_000,
  }));
}

async function must(argv: readonly string[], stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await world.run(argv, { stdin });
  assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
  return stdout;
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const windowsOfFile = async () => must(['window', '-', '--size', '5m'], await must(['replay', 'pump.csv']));

test('score scores without any key set: by auto, and by what is set', async () => {
  const windows = await windowsOfFile();
  assert.ok(linesOf(await must(['score', '-'], windows)).every(({ rule }) => rule === 'auto@w5m.mean'));
  const scored = linesOf(await must(['score', '-', '--detector', 'range', '--max', '60'], windows));
  assert.equal(scored.length, 1);
  await send(
    world.client,
    'plain',
    1,
    readings(40).map((each) => ({ ...each, partition: 0 })),
  );
  const flags = ['--time', 'ts', '--max-ahead', 'off', '--until', 'end'];
  assert.match(await must(['score', 'plain', ...flags]), /alerts +\d+ to plain\.anomalies/);
});

test('an input that is empty gives nothing, and a topic is waited for', async () => {
  assert.equal(await must(['score', '-', '--on', 'w5m.mean', '--detector', 'kpi']), '');
  assert.equal(await must(['window', '-', '--size', '5m']), '');
  await world.client.admin.createTopics([{ name: 'silent.windows', partitions: 2 }]);
  await must(['score', 'silent.windows', '--on', 'w5m.mean', '--until', 'end']);
  await must(['score', 'silent.windows', '--until', 'end']);
  const signals = new EventEmitter();
  let said = '';
  const stderr = new PassThrough();
  const io = {
    stdin: Readable.from(['']),
    stdout: new PassThrough(),
    stderr,
    env: world.env,
    cwd: world.dir,
    now: Date.now,
    signals,
  };
  stderr.on('data', (text) => {
    said += text;
    if (/^info.*waiting|^waiting/m.test(String(text))) signals.emit('SIGINT');
  });
  assert.equal(await main(['score', 'silent.windows', '--on', 'w5m.mean'], io), 0);
  assert.match(said, /waiting for the first record/);
});

test('windows of another name, or without the aggregate, are not passed by in silence', async () => {
  const windows = await windowsOfFile();
  const other = await world.run(['score', '-', '--on', 'w9m.mean'], { stdin: windows });
  assert.equal(other.code, 2);
  assert.match(other.stderr, /cannot score w9m\.mean: none of the 120 windows has that name, they are of w5m/);
  const counts = await must(
    ['window', '-', '--size', '5m:count', '--window', '1h', '--to', '-'],
    await must(['replay', 'pump.csv']),
  );
  const bare = await world.run(['score', '-', '--on', 'w5m.mean'], { stdin: counts });
  assert.equal(bare.code, 2);
  assert.match(bare.stderr, /none of the 120 rows of the window has the value/);
  await send(world.client, 'named', 4, readings(400));
  await must(['window', 'named', '--time', 'ts', '--max-ahead', 'off', '--size', '1m', '--until', 'end']);
  const topic = await world.run(['score', 'named.windows', '--on', 'w9m.mean', '--until', 'end']);
  assert.match(topic.stderr, /nothing is scored: none of the \d+ windows has that name, they are of w1m/);
  const field = await world.run(['score', '-', '--on', 'value'], { stdin: windows });
  assert.equal(field.code, 2);
  assert.match(field.stderr, /score\.on cannot be value as the input is windows[\s\S]*--on w5m\.mean/);
});

test('windows over windows are refused, in a pipe and on a topic', async () => {
  const piped = await world.run(['window', '-', '--size', '1h'], { stdin: await windowsOfFile() });
  assert.equal(piped.code, 2);
  assert.match(piped.stderr, /cannot close windows over stdin as it has windows already/);
  await send(world.client, 'twice', 4, readings(400));
  const flags = ['--time', 'ts', '--max-ahead', 'off', '--size', '1m', '--until', 'end'];
  await must(['window', 'twice', ...flags, '-X', 'sinks.format=json']);
  const topic = await world.run(['window', 'twice.windows', ...flags]);
  assert.equal(topic.code, 2);
  assert.match(topic.stderr, /cannot close windows over twice\.windows as it has windows already/);
});

test('a pipe of several partitions makes its topics with as many', async () => {
  await send(world.client, 'wide', 4, readings(400));
  const flags = ['--time', 'ts', '--max-ahead', 'off', '--size', '1m'];
  const records = await must(['replay', 'wide']);
  await must(['window', '-', ...flags, '--to', 'wide-piped'], records);
  const closed = await must(['window', '-', ...flags, '--to', '-'], records);
  await must(['score', '-', '--to', 'wide-alerts'], closed);
  const topics = await world.client.admin.topics(['wide-piped', 'wide-alerts']);
  assert.deepEqual(
    topics.map((topic) => topic.partitions.length),
    [4, 4],
  );
  assert.ok((await readTopic(world, 'wide-piped')).every((records) => records.length > 10));
  const filtered = records.split('\n').filter((line) => !line.includes('"source"'));
  const refused = await world.run(['window', '-', ...flags, '--to', 'narrow'], { stdin: filtered.join('\n') });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /cannot write partition 1 of wide as the target has 1 partitions[\s\S]*type source/);
});

test('bad lines are left out with their number, and too many of them end the stage with exit 5', async () => {
  const lines = (await must(['replay', 'pump.csv'])).split('\n').filter(Boolean);
  const flags = ['window', '-', '--size', '5m'];
  const whole = await must(flags, lines.join('\n'));
  const mixed = [...lines.slice(0, 7), '{"type":"rec', '[1]', ...lines.slice(7)];
  const { code, stdout, stderr } = await world.run(flags, { stdin: mixed.join('\n') });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, whole);
  assert.match(stderr, /left out line 8 of stdin: it is no JSON[\s\S]*left out line 9 of stdin: it is no JSON object/);
  const many = lines.map((line, i) => (i % 5 === 3 ? 'x' : line)).join('\n');
  const stopped = await world.run(flags, { stdin: many });
  assert.equal(stopped.code, 5);
  assert.match(stopped.stderr, /\d+ of the last \d+ records cannot be decoded.*line \d+ of stdin[\s\S]*--max-bad-rate/);
  assert.equal((await world.run([...flags, '--max-bad-rate', '0.5'], { stdin: many })).code, 0);
});

test('a signal ends a stage that waits for stdin', async () => {
  for (const argv of [
    ['window', '-', '--size', '5m'],
    ['score', '-'],
    ['replay', '-'],
  ]) {
    const signals = new EventEmitter();
    const stdin = new PassThrough();
    const io = {
      stdin,
      stdout: new PassThrough(),
      stderr: new PassThrough().resume(),
      env: {},
      cwd: world.dir,
      now: Date.now,
      signals,
    };
    const ended = main(argv, io);
    // Once it reads; before that there is nothing to wait for.
    stdin.once('resume', () => signals.emit('SIGINT'));
    setImmediate(() => stdin.listenerCount('readable') > 0 && signals.emit('SIGINT'));
    stdin.on('newListener', (event) => event === 'readable' && setImmediate(() => signals.emit('SIGINT')));
    assert.equal(await ended, 130, argv.join(' '));
    assert.ok(stdin.destroyed);
  }
});

test('a file that cannot be written or read is ANM_FILE', async () => {
  const target = '/nonexistent/folder/x.ndjson';
  for (const argv of [
    ['replay', 'pump.csv', '--to', target],
    ['window', '-', '--size', '5m', '--to', target],
    ['score', '-', '--to', target],
  ]) {
    const { code, stderr } = await world.run(argv, { stdin: '' });
    assert.match(stderr, /ANM_FILE.*cannot write \/nonexistent\/folder\/x\.ndjson as its folder does not exist/);
    assert.equal(code, 5);
  }
  const missing = await world.run(['window', './missing.ndjson', '--size', '5m']);
  assert.match(missing.stderr, /ANM_FILE.*cannot read .*missing\.ndjson as ENOENT/);
});

test('lines through files: plain, and inside gzip', async () => {
  await must(['replay', 'pump.csv', '--to', 'pump.ndjson']);
  const { gzipSync } = await import('node:zlib');
  writeFileSync(join(world.dir, 'pump.ndjson.gz'), gzipSync(readFileSync(join(world.dir, 'pump.ndjson'))));
  const windows = await windowsOfFile();
  assert.equal(await must(['window', './pump.ndjson', '--size', '5m']), windows);
  await must(['window', './pump.ndjson.gz', '--size', '5m', '--to', './w.ndjson']);
  assert.ok(existsSync(join(world.dir, 'w.ndjson')));
  assert.equal(readFileSync(join(world.dir, 'w.ndjson'), 'utf8'), windows);
});

test('where and derive: in a pipe and on a topic, with the same windows, and counted', async () => {
  const records = readings(400).map((each, i) => ({ ...each, value: { ts: START + i * 10_000, u: i % 9, i: 2 } }));
  await send(world.client, 'volts', 4, records);
  const select = [
    '--where',
    "power > 4 and series in ('s0', 's1', 's2')",
    '--derive',
    'power=u*i',
    '--derive',
    'double=power * 2',
  ];
  const flags = ['--field', 'u', '--field', 'i', ...select, '--time', 'ts', '--max-ahead', 'off', '--size', '5m'];
  const { stdout, stderr } = await world.run(['window', 'volts', ...flags, '--until', 'end', '--to', '-']);
  const kept = records.filter(({ key, value }) => key !== 's3' && (value as unknown as { u: number }).u > 2);
  assert.match(stderr, new RegExp(`400 in, \\d+ windows out, 0 late, ${400 - kept.length} filtered, 0 left out`));
  const rows = linesOf(stdout);
  const counted = rows.filter(({ field }) => field === 'double').reduce((sum, row) => sum + Number(row['count']), 0);
  assert.equal(counted, kept.length);
  assert.ok(rows.every(({ series }) => series !== 's3'));
  for (const row of rows.filter(({ field }) => field === 'double')) {
    const power = rows.find(
      (each) => each['field'] === 'power' && each['series'] === row['series'] && each['start'] === row['start'],
    );
    assert.equal(row['mean'], Number(power!['mean']) * 2);
  }
  const run = await must([
    'run',
    '--topic',
    'volts',
    ...flags.with(-2, '--window'),
    '--detector',
    'range',
    '--on',
    'power',
    '--max',
    '14',
    '--until',
    'end',
    '-o',
    'json',
  ]);
  const summary = JSON.parse(run) as { filtered: number; records: number; windows: number; alerts: number };
  assert.deepEqual([summary.records, summary.filtered, summary.windows], [400, 400 - kept.length, rows.length]);
  assert.equal(summary.alerts, kept.filter(({ value }) => (value as unknown as { u: number }).u * 2 > 14).length);
  const scored = linesOf(await must(['score', '-', '--on', 'w5m.max', '--detector', 'range', '--max', '31'], stdout));
  assert.ok(scored.length > 0 && scored.every(({ field }) => field === 'double'));
  const late = await world.run(['score', '-', '--where', 'u > 1'], { stdin: stdout });
  assert.equal(late.code, 2);
  assert.match(late.stderr, /--where: source\.where cannot be used on windows/);
});

test('features over event time, of records and of windows, in the rows of run and of the stages', async () => {
  const records = readings(400).map((each, i) => ({ ...each, value: { ts: START + i * 10_000, value: i % 40 } }));
  await send(world.client, 'featured', 4, records);
  const flags = ['--time', 'ts', '--max-ahead', 'off', '--until', 'end'];
  const features = ['--feature', 'm=median:w5m.mean:15m', '--feature', 'before=same_time:w5m.count:10m:1m'];
  const rows = linesOf(await must(['window', 'featured', ...flags, '--size', '5m', ...features, '--to', '-']));
  const featureOf = (row: JsonRecord | Record<string, unknown>, name: string) =>
    (row as { features: { name: string; value: number | null }[] }).features.find((each) => each.name === name)!.value;
  assert.ok(rows.length > 20);
  for (const series of ['s0', 's1', 's2', 's3']) {
    const own = rows.filter((row) => row['series'] === series);
    own.forEach((row, i) => {
      const means = own.slice(Math.max(0, i - 2), i + 1).map((each) => Number(each['mean']));
      const sorted = means.toSorted((a, b) => a - b);
      const median = sorted.length === 2 ? (sorted[0]! + sorted[1]!) / 2 : sorted[sorted.length >> 1]!;
      assert.ok(Math.abs(featureOf(row, 'm')! - median) < 1e-9);
      assert.equal(featureOf(row, 'before'), i < 2 ? null : own[i - 2]!['count']);
    });
  }
  const scoring = ['--detector', 'range', '--max', '90', '-o', 'json'];
  const ofRecords = ['--feature', 'sum=sum:value:2m', '--on', 'sum'];
  const run = await must([
    'run',
    '--topic',
    'featured',
    ...flags,
    ...scoring,
    '--window',
    '5m',
    ...features,
    ...ofRecords,
  ]);
  // Three values a series in (t - 2m, t]: 40 s apart.
  const above = records.filter(
    (_, i) => [0, 4, 8].reduce((sum, back) => sum + (i < back ? 0 : (i - back) % 40), 0) > 90,
  );
  assert.equal((JSON.parse(run) as { alerts: number }).alerts, above.length);
  assert.ok(above.length > 20);
});
