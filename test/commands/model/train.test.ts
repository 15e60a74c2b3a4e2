import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readOnnx } from '../../../src/models/onnx/onnxReader.ts';
import { toolVersion } from '../../../src/platform/version.ts';
import { splitWords } from '../../helpers/words.ts';
import { type JsonRecord, send, startWorld, type World } from '../../helpers/world.ts';
import { ortRun } from '../../models/helpers/ortRun.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const START = Date.UTC(2026, 0, 1);
const shaOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A wave of 20 steps with a little of something else on it, as CSV. */
function csv(name: string, count: number, value = (i: number): string => wave(i).toFixed(3)): string {
  const rows = Array.from({ length: count }, (_, i) => `${new Date(START + i * 60_000).toISOString()},${value(i)}`);
  writeFileSync(join(world.dir, name), `timestamp,value\n${rows.join('\n')}\n`);
  return name;
}

const wave = (i: number): number => Math.abs((i % 20) - 10) + ((i * 7919) % 13) / 20;
const QUICK = ['--epochs', '2', '--hidden', '4', '--length', '8', '--out', 'model.onnx'];

test('the command in fixtures/demo-model/README.md makes the model that is shipped, byte by byte', async () => {
  const readme = readFileSync(join(ROOT, 'fixtures/demo-model/README.md'), 'utf8');
  const command = readme.split('\n').find((line) => line.startsWith('anomaly model train'))!;
  const [, ...argv] = splitWords(command);
  const shipped = argv.at(-1)!;
  argv[argv.length - 1] = join(world.dir, 'demo.onnx');
  const { code, stdout, stderr } = await world.run([...argv, '-o', 'json'], { cwd: ROOT });
  assert.equal(code, 0, stderr);
  const expected = readFileSync(join(ROOT, shipped));
  const version = /anomaly\.tool_version\u0012[^0-9]?([0-9.]+)/.exec(expected.toString('latin1'))?.[1];
  assert.equal(version, toolVersion(), `make ${shipped} anew: the tool has another version`);
  const made = readFileSync(join(world.dir, 'demo.onnx'));
  assert.equal(shaOf(made), shaOf(expected));
  const summary = JSON.parse(stdout);
  assert.equal(summary.sha256, shaOf(made));
  assert.ok(summary.validation_loss < 0.7 * summary.baseline_loss);
  assert.ok(made.length < 8192);
});

test('a topic gives the same bytes as the file it was loaded from, whatever its partitions', async () => {
  const count = 400;
  const rows: string[] = [];
  const records: JsonRecord[] = [];
  for (let i = 0; i < count; i++) {
    for (const [partition, pump] of ['b', 'a', 'c'].entries()) {
      const timestamp = START + i * 60_000;
      const value = wave(i + 3 * partition);
      rows.push(`${new Date(timestamp).toISOString()},${pump},${value}`);
      records.push({ partition, key: pump, timestamp, value: { pump, value } });
    }
  }
  writeFileSync(join(world.dir, 'pumps.csv'), `ts,pump,value\n${rows.join('\n')}\n`);
  await send(world.client, 'pumps', 3, records);
  const file = await world.run(['model', 'train', 'pumps.csv', '--key', 'pump', ...QUICK, '-o', 'json']);
  assert.equal(file.code, 0, file.stderr);
  const topic = await world.run(['model', 'train', 'pumps', ...QUICK, '-o', 'json']);
  assert.equal(topic.code, 0, topic.stderr);
  const [a, b] = [JSON.parse(file.stdout), JSON.parse(topic.stdout)];
  assert.equal(b.sha256, a.sha256);
  assert.equal(b.series, 3);
  assert.equal(b.records, 3 * count);
  const kept = await world.run(['replay', 'pumps', '--record', 'pumps.avro']);
  assert.equal(kept.code, 0, kept.stderr);
  const recording = await world.run(['model', 'train', 'pumps.avro', ...QUICK, '-o', 'json']);
  assert.equal(JSON.parse(recording.stdout).sha256, a.sha256, recording.stderr);
  const part = await world.run(['model', 'train', 'pumps', '--offset', '100:', ...QUICK, '-o', 'json']);
  assert.equal(JSON.parse(part.stdout).records, 3 * (count - 100));
  const since = ['--since', new Date(START + 200 * 60_000).toISOString()];
  const late = await world.run(['model', 'train', 'pumps', ...since, ...QUICK, '-o', 'json']);
  assert.equal(JSON.parse(late.stdout).records, 3 * (count - 200), late.stderr);
});

test('several fields become channels in their order, and --derive adds one', async () => {
  const rows = Array.from({ length: 500 }, (_, i) =>
    JSON.stringify({ ts: START + i * 60_000, u: wave(i), i: wave(i + 5) }),
  );
  writeFileSync(join(world.dir, 'electric.jsonl'), `${rows.join('\n')}\n`);
  const argv = ['model', 'train', 'electric.jsonl', '--kind', 'mahalanobis', '--fields', 'i,u,power'];
  const { code, stdout, stderr } = await world.run([...argv, '--derive', 'power=u*i', '--out', 'e.onnx', '-o', 'json']);
  assert.equal(code, 0, stderr);
  const summary = JSON.parse(stdout);
  assert.deepEqual(summary.channels, ['i', 'u', 'power']);
  assert.equal(summary.length, 0);
  const { data } = await ortRun(readFileSync(join(world.dir, 'e.onnx')), new Float32Array(6), [2, 1, 3]);
  assert.equal(data.length, 2);
});

test('--on trains on the aggregates that the pipeline would score', async () => {
  csv('minutes.csv', 2500);
  const means = Array.from({ length: 500 }, (_, w) => [0, 1, 2, 3, 4].reduce((sum, i) => sum + wave(5 * w + i), 0) / 5);
  const rows = means.map((mean, w) => `${new Date(START + w * 300_000).toISOString()},${mean}`);
  writeFileSync(join(world.dir, 'means.csv'), `timestamp,value\n${rows.join('\n')}\n`);
  const on = ['--window', 'w5m=5m:mean', '--on', 'w5m.mean', '--set', 'time.out_of_orderness=0s'];
  const windows = await world.run(['model', 'train', 'minutes.csv', ...on, ...QUICK, '-o', 'json']);
  assert.equal(windows.code, 0, windows.stderr);
  const direct = await world.run(['model', 'train', 'means.csv', ...QUICK, '-o', 'json']);
  const [a, b] = [JSON.parse(windows.stdout), JSON.parse(direct.stdout)];
  assert.equal(a.records, 2500);
  // The last window is open: no later record closes it.
  assert.ok(Math.abs(a.train_windows - b.train_windows) <= 1);
  assert.ok(Math.abs(a.baseline_loss - b.baseline_loss) < 0.05 * b.baseline_loss);
  assert.equal(readOnnx(readFileSync(join(world.dir, 'model.onnx'))).metadata.get('anomaly.on'), undefined);
  await world.run(['model', 'train', 'minutes.csv', ...on, ...QUICK]);
  assert.equal(readOnnx(readFileSync(join(world.dir, 'model.onnx'))).metadata.get('anomaly.on'), 'w5m.mean');
});

test('--name makes it the next version of a model in the registry, with what it was trained on', async () => {
  csv('wave.csv', 500);
  const argv = ['model', 'train', 'wave.csv', ...QUICK.slice(0, -2), '--models', 'registry', '--name', 'waves'];
  const first = await world.run([...argv, '-o', 'json']);
  assert.equal(first.code, 0, first.stderr);
  const { version, sha256, file } = JSON.parse(first.stdout);
  assert.deepEqual([version, file], ['1', null]);
  const second = await world.run([...argv, '--seed', '2', '--alias', 'champion', '--out', 'second.onnx']);
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stdout, /registered {2}as waves\/2 in/);
  const shown = await world.run(['model', 'show', 'waves/1', '--registry', 'registry', '-o', 'json']);
  assert.equal(shown.code, 0, shown.stderr);
  assert.ok(
    shown.stdout.includes(sha256) && shown.stdout.includes('wave.csv') && shown.stdout.includes('validation_loss'),
  );
  // And by its name for what makes it smaller.
  const set = ['--set', 'models.registry=registry', '--set', 'models.cache=cache'];
  const quantized = await world.run([
    'model',
    'quantize',
    'models:/waves@champion',
    ...set,
    '--out',
    'q.onnx',
    '-o',
    'json',
  ]);
  assert.equal(quantized.code, 0, quantized.stderr);
  assert.equal(JSON.parse(quantized.stdout).base_sha256, shaOf(readFileSync(join(world.dir, 'second.onnx'))));
});

test('a registry that is not there is told before anything is read', async () => {
  const argv = ['model', 'train', 'none.csv', ...QUICK, '--models', 'http://127.0.0.1:1', '--name', 'waves'];
  const { code, stderr } = await world.run(argv);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /MLflow http:\/\/127\.0\.0\.1:1/);
});

test('too little data: the message says how many windows there are, and how much is needed', async () => {
  const { code, stderr } = await world.run(['model', 'train', csv('short.csv', 150), ...QUICK]);
  assert.equal(code, 5);
  assert.match(stderr, /cannot train with 64 windows to learn from and 10 to validate with, as 100 and 20 are needed/);
  const needed = Number(/from (\d+) records on/.exec(stderr)![1]);
  const enough = await world.run(['model', 'train', csv('enough.csv', needed), ...QUICK]);
  assert.equal(enough.code, 0, enough.stderr);
  const less = await world.run(['model', 'train', csv('less.csv', needed - 2), ...QUICK]);
  assert.equal(less.code, 5);
  assert.ok(!existsSync(join(world.dir, 'none.onnx')));
});

test('constant series teach nothing: one beside another is named, one alone is an error', async () => {
  csv('constant.csv', 500, () => '7');
  const alone = await world.run(['model', 'train', 'constant.csv', ...QUICK]);
  assert.equal(alone.code, 5);
  assert.match(alone.stderr, /cannot train as the series is constant/);
  const beside = await world.run(['model', 'train', 'constant.csv', csv('wave.csv', 500), ...QUICK, '-o', 'json']);
  assert.equal(beside.code, 0, beside.stderr);
  assert.match(beside.stderr, /1 constant series taught nothing: constant/);
  assert.equal(JSON.parse(beside.stdout).series, 1);
});

test('NaN and gaps are left out and counted; a source without the field is an error', async () => {
  csv('gaps.csv', 500, (i) => (i % 10 === 3 ? 'NaN' : i % 10 === 7 ? '' : wave(i).toFixed(3)));
  const gaps = await world.run(['model', 'train', 'gaps.csv', ...QUICK, '-o', 'json']);
  assert.equal(gaps.code, 0, gaps.stderr);
  assert.equal(JSON.parse(gaps.stdout).left_out, 100);
  const wrong = await world.run(['model', 'train', 'gaps.csv', '--fields', 'pressure', ...QUICK]);
  assert.equal(wrong.code, 5);
  assert.match(wrong.stderr, /none of the 500 records has a number in every field/);
});

test('a signal ends the training, and nothing is written', async () => {
  csv('wave.csv', 500);
  const signals = new EventEmitter();
  // Progress looks at the clock at each step: so the signal comes in the middle of the training.
  let looks = 0;
  const now = () => {
    if (++looks === 200) signals.emit('SIGINT');
    return looks;
  };
  const argv = [
    'model',
    'train',
    'wave.csv',
    ...QUICK.slice(0, -1),
    'stopped.onnx',
    '--epochs',
    '10000',
    '--patience',
    '10000',
  ];
  const { code, stdout } = await world.run(argv, { signals, now });
  assert.equal(code, 130);
  assert.equal(stdout, '');
  assert.ok(!existsSync(join(world.dir, 'stopped.onnx')));
});

test('what is asked for wrongly is said before anything is read', async () => {
  const cases: [string[], number, RegExp][] = [
    [['nowhere.csv'], 2, /neither --out nor --name is given/],
    [['nowhere.csv', '--out', 'x.onnx'], 5, /nowhere\.csv/],
    [['--out', 'x.onnx'], 2, /no source is named/],
    [['wave.csv', '--out', 'x.onnx', '--alias', 'best'], 2, /--alias best is of a model in the registry/],
    [['wave.csv', '--out', 'x.onnx', '--on', 'w5m.mean'], 2, /w5m/],
    [['wave.csv', '--out', 'x.onnx', '--window', 'w=5m', '--on', 'w.mean', '--fields', 'a,b'], 2, /is of one field/],
    [['wave.csv', '--hidden', '0', '--out', 'x.onnx'], 2, /--hidden cannot be 0, it is 1 to 512/],
    [['wave.csv', '--length', '0', '--out', 'x.onnx'], 2, /--length cannot be 0, it is 1 to 1024/],
    [['wave.csv', '--learning-rate', '9', '--out', 'x.onnx'], 2, /--learning-rate cannot be 9/],
    [['wave.csv', '--since', '1h', '--out', 'x.onnx'], 2, /--since is for topics, and wave\.csv is a file/],
    [['wave.csv', 'pumps', '--out', 'x.onnx'], 2, /cannot train on topic pumps and files at once/],
    [['wave.csv', '--kind', 'pca', '--length', '600', '--out', 'x.onnx'], 5, /records on/],
    [['wave.csv', '--out', 'no/such/folder/x.onnx'], 5, /cannot write .*x\.onnx/],
  ];
  csv('wave.csv', 500);
  for (const [argv, expected, message] of cases) {
    const { code, stderr } = await world.run(['model', 'train', ...argv, '--epochs', '1']);
    assert.match(stderr, message);
    assert.equal(code, expected, stderr);
  }
});
