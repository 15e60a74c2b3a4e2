import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readOnnx } from '../../../src/models/onnx/onnxReader.ts';
import { runCli } from '../../helpers/cli.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const START = Date.UTC(2026, 0, 1);
const shaOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let world: World;
before(async () => {
  world = await startWorld();
  copyFileSync(join(ROOT, 'fixtures/demo-model/nab-demo.onnx'), join(world.dir, 'demo.onnx'));
  const rows = Array.from({ length: 900 }, (_, i) => {
    const value = Math.abs((i % 20) - 10) + ((i * 7919) % 13) / 20 + (i >= 700 && i < 703 ? 60 : 0);
    return `${new Date(START + i * 60_000).toISOString()},${value.toFixed(3)}`;
  });
  writeFileSync(join(world.dir, 'wave.csv'), `timestamp,value\n${rows.join('\n')}\n`);
  const text = (i: number) => new Date(START + i * 60_000).toISOString().replace('T', ' ').replace('Z', '');
  writeFileSync(join(world.dir, 'labels.json'), JSON.stringify({ 'wave.csv': [[text(698), text(706)]] }));
});
after(() => world.close());

const read = (name: string) => readFileSync(join(world.dir, name));

test('quantize and prune write what the runtime takes, and say in the file what was done', async () => {
  const base = shaOf(read('demo.onnx'));
  const cases: [string[], string, RegExp][] = [
    [['quantize', 'demo.onnx', '--out', 'int8.onnx'], 'int8', /in 8 bits: LSTM lstm\.last, Gemm forecast/],
    [['quantize', 'demo.onnx', '--to', 'float16', '--out', 'f16.onnx'], 'float16', /in 16 bits: lstm\.W/],
    [['prune', 'demo.onnx', '--amount', '0.5', '--out', 'half.onnx'], 'pruned 0.5', /LSTM lstm\.last: 8 of 16 units/],
    [['prune', 'demo.onnx', '--unstructured', '--out', 'zero.onnx'], 'zeroed 0.25', /256 of 1,024 weights are 0/],
  ];
  for (const [argv, how, text] of cases) {
    const { code, stdout, stderr } = await world.run(['model', ...argv]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, text);
    const { metadata } = readOnnx(read(argv.at(-1)!));
    assert.equal(metadata.get('anomaly.optimized'), how);
    assert.equal(metadata.get('anomaly.base_sha256'), base);
    assert.equal(metadata.get('anomaly.kind'), 'forecast');
    if (how.startsWith('zeroed')) assert.match(stderr, /neither smaller nor faster/);
    else assert.ok(read(argv.at(-1)!).length < read('demo.onnx').length);
  }
  const { stdout } = await world.run(['model', 'quantize', 'demo.onnx', '--out', 'json.onnx', '-o', 'json']);
  const document = JSON.parse(stdout);
  assert.equal(document.sha256, shaOf(read('json.onnx')));
  assert.equal(document.base_sha256, base);
  assert.deepEqual(document.left, []);
});

test('profile ends soon after a signal, with the code of it', async () => {
  const signals = new EventEmitter();
  const argv = ['model', 'profile', 'demo.onnx', '--measure', '1h', '--batches', '1', '--runtime', 'web'];
  const running = runCli(argv, { cwd: world.dir, signals });
  while (signals.listenerCount('SIGINT') === 0) await setImmediate();
  signals.emit('SIGINT');
  const { code, stdout } = await running;
  assert.deepEqual([code, stdout], [130, '']);
});

test('profile puts models side by side, holds them against the data, and gives a verdict', async () => {
  const models = ['demo.onnx', 'int8.onnx', 'half.onnx'];
  const argv = ['model', 'profile', ...models, '--measure', '40ms', '--batches', '1,32', '--runtime', 'web'];
  const data = ['--data', 'wave.csv', '--labels', 'labels.json'];
  const { code, stdout, stderr } = await world.run([...argv, ...data, '-o', 'json']);
  assert.equal(code, 0, stderr);
  const document = JSON.parse(stdout);
  assert.equal(document.windows, 900 - 60 - 24);
  const [base, int8] = document.models;
  assert.equal(base.verdict, null);
  // The event is found; what comes just behind it may alert, too.
  assert.ok(base.f1 > 0 && base.f1 <= 1, `${base.f1}`);
  assert.ok(int8.score_difference > 0 && int8.score_difference < 0.1, `${int8.score_difference}`);
  assert.ok(int8.agreement > 0.5);
  for (const model of document.models) {
    assert.ok(model.latency_p50_ms > 0 && model.latency_p99_ms >= model.latency_p50_ms);
    assert.deepEqual(
      model.throughput.map(({ batch }: { batch: number }) => batch),
      [1, 32],
    );
    assert.ok(model.throughput.every((each: { windows_per_second: number }) => each.windows_per_second > 100));
  }
  assert.ok(['use', 'size only', 'keep base'].includes(int8.verdict));
  const text = await world.run([...argv, ...data]);
  assert.match(text.stdout, /MODEL +SIZE +LOAD +MEMORY +P50 +P99 +BATCH 1 +BATCH 32 +DIFFERENCE +AGREEMENT +F1/);
  assert.match(text.stdout, /^int8\.onnx: (use it|use it where size counts|keep the base): /m);
  const alone = await world.run(argv);
  assert.match(alone.stdout, /no --data: speed and size only/);
});

test('a model of another maker is measured by what the flags say of it', async () => {
  const forest = join(ROOT, 'fixtures/models/isolation-forest.onnx');
  const fast = ['--measure', '10ms', '--batches', '1,8'];
  const spec = ['--kind', 'score', '--direction', 'low', '--length', '0', '--fields', 'a,b,c'];
  const { code, stdout, stderr } = await world.run(['model', 'profile', forest, ...spec, ...fast, '-o', 'json']);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).models.length, 1);
  const bare = await world.run(['model', 'profile', forest, ...fast]);
  assert.equal(bare.code, 2);
  assert.match(bare.stderr, /says the kind, length, channels of the model/);
});

test('what cannot be is said, and nothing is written', async () => {
  writeFileSync(join(world.dir, 'text.onnx'), 'no model');
  writeFileSync(join(world.dir, 'others.json'), JSON.stringify({ 'pump.csv': [[START, START + 1]] }));
  const other = await world.run(['model', 'train', 'wave.csv', '--kind', 'pca', '--out', 'pca.onnx']);
  assert.equal(other.code, 0, other.stderr);
  const fast = ['--measure', '10ms', '--batches', '1'];
  const cases: [string[], number, RegExp][] = [
    [['quantize', 'demo.onnx'], 2, /--out is not given/],
    [['quantize', 'none.onnx', '--out', 'x.onnx'], 5, /none\.onnx/],
    [['quantize', 'text.onnx', '--out', 'x.onnx'], 5, /text\.onnx/],
    [['quantize', join(ROOT, 'fixtures/models/isolation-forest.onnx'), '--out', 'x.onnx'], 2, /none of its operators/],
    [['prune', 'demo.onnx', '--amount', '1.5', '--out', 'x.onnx'], 2, /--amount cannot be 1\.5/],
    [['prune', 'demo.onnx', '--amount', '0.01', '--out', 'x.onnx'], 2, /of 16 units, 0\.01 are less than one/],
    [['profile', 'demo.onnx', '--labels', 'labels.json'], 2, /--labels is for the series of --data/],
    [['profile', 'demo.onnx', '--batches', '0'], 2, /--batches cannot have 0/],
    [['profile', 'demo.onnx', 'pca.onnx', ...fast], 2, /cannot compare .*pca\.onnx/],
    [['profile', 'demo.onnx', ...fast, '--data', 'wave.csv', '--labels', 'others.json'], 5, /no series pump/],
  ];
  for (const [argv, expected, message] of cases) {
    const { code, stderr } = await world.run(['model', ...argv]);
    assert.match(stderr, message);
    assert.equal(code, expected, stderr);
    assert.ok(!existsSync(join(world.dir, 'x.onnx')));
  }
});
