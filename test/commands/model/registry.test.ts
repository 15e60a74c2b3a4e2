import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DATA_TYPE, writeOnnx } from '../../../src/models/onnx/onnxWriter.ts';
import { type CliRun, runCli } from '../../helpers/cli.ts';
import { ACCESS_KEY, SECRET_KEY, startFakeS3 } from '../../stores/helpers/fakeS3.ts';

/** y = x * factor, with the metadata that anomaly model train writes. */
function model(factor: number, metadata: Record<string, string> = METADATA): Uint8Array {
  const value = (name: string) => ({ name, type: DATA_TYPE.float, dims: ['batch', 1] });
  const data = new Uint8Array(new Float32Array([factor]).buffer);
  return writeOnnx({
    graphName: 'scaled',
    nodes: [{ op: 'Mul', inputs: ['x', 'factor'], outputs: ['y'] }],
    initializers: [{ name: 'factor', dims: [1], type: DATA_TYPE.float, data }],
    inputs: [value('x')],
    outputs: [value('y')],
    producer: { name: 'test', version: '1' },
    opsets: { '': 17 },
    metadata,
  });
}

const METADATA = {
  'anomaly.kind': 'score',
  'anomaly.length': '0',
  'anomaly.channels': '["value"]',
  'anomaly.scaling': 'standard',
  'anomaly.trained_from': '2026-01-01T00:00:00.000Z',
  'anomaly.trained_until': '2026-02-01T00:00:00.000Z',
  'anomaly.metrics': '{"validation_loss":0.25}',
};

interface Place {
  readonly directory: string;
  run(...args: string[]): Promise<CliRun>;
  /** Runs it with -o json, wants success, and gives what it printed. */
  json(...args: string[]): Promise<ReturnType<typeof JSON.parse>>;
}

async function withPlace(body: (place: Place) => Promise<void>, env: Record<string, string> = {}): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'anomaly-model-'));
  const run = (...args: string[]) =>
    runCli(['model', ...args], { cwd: directory, env: { XDG_DATA_HOME: directory, ...env } });
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args, '-o', 'json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  try {
    await body({ directory, run, json });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('add, ls, show, promote, rollback, rm: the life of a model in a directory', () =>
  withPlace(async ({ directory, run, json }) => {
    for (const i of [1, 2, 3]) writeFileSync(join(directory, `m${i}.onnx`), model(i));
    const added = await json('add', 'm1.onnx', '--name', 'pump', '--alias', 'champion', '--metric', 'f1=0.5');
    assert.equal(added.version, '1');
    assert.deepEqual(added.aliases, ['champion']);
    assert.deepEqual(added.metrics, { validation_loss: 0.25, f1: 0.5 });
    assert.deepEqual(added.inputs, [{ name: 'x', type: 'float32', shape: ['batch', 1] }]);
    assert.deepEqual(added.training, { from: METADATA['anomaly.trained_from'], to: METADATA['anomaly.trained_until'] });
    assert.equal(added.spec.kind, 'score');
    assert.equal(added.source, join(directory, 'm1.onnx'));
    for (const i of [2, 3]) await json('add', `m${i}.onnx`, '--name', 'pump');

    const again = await run('add', 'm3.onnx', '--name', 'pump');
    assert.match(again.stderr, /m3\.onnx is the same file as pump\/3/);
    const listed = await json('ls');
    assert.deepEqual(listed.models, [
      { model: 'pump', versions: [1, 2, 3, 4], latest: '4', aliases: { champion: '1' } },
    ]);
    const table = await run('ls', 'pump');
    assert.match(table.stdout, /^VERSION +ALIASES +KIND/);
    for (const words of [
      ['ls', 'pumq'],
      ['show', 'pumq'],
      ['show', 'pumq@champion'],
    ]) {
      const { code, stderr } = await run(...words);
      assert.equal(code, 2);
      assert.match(
        stderr,
        /ANM_MODEL_UNKNOWN\]: there is no model pumq in .*\n {2}try: did you mean pump\?/,
        words.join(' '),
      );
    }
    assert.match(table.stdout, /\n +1 +champion +score +\d+ B +[0-9a-f]{12} +validation_loss=0\.25 f1=0\.5/);

    const promoted = await run('promote', 'pump', '2');
    assert.deepEqual([promoted.code, promoted.stdout], [0, 'pump@champion is version 2; it was 1\n']);
    const stale = await run('promote', 'pump', '3', '--expect', '1');
    assert.equal(stale.code, 1);
    assert.match(stale.stderr, /ANM_MODEL_CONFLICT/);
    assert.match(
      stale.stderr,
      /cannot set pump@champion to version 3 as it is version 2, set by \S+@\S+ at 2\S+Z, not version 1/,
    );
    await json('promote', 'pump', '3', '--expect', '2');

    const shown = await json('show', 'pump');
    assert.deepEqual([shown.aliases[0].version, shown.aliases[0].previous], ['3', ['2', '1']]);
    const champion = await run('show', 'pump@champion');
    assert.match(champion.stdout, /^pump\/3 @champion\n {2}sha256 {6}[0-9a-f]{64}\n {2}file {8}model\.onnx/);
    assert.match(champion.stdout, /reads {7}value: 0 values before the scored one, scaling standard/);

    assert.equal((await run('rm', 'pump/3', '--yes')).code, 1);
    const asked = await run('rm', 'pump/2');
    assert.equal(asked.code, 2);
    assert.match(asked.stderr, /nobody can be asked here/);
    assert.match((await run('rm', 'pump/2', '--dry-run')).stdout, /^would remove pump\/2$/m);
    assert.match((await run('rm', 'pump/2', '--yes')).stdout, /^removed pump\/2$/m);
    const back = await run('rollback', 'pump');
    assert.equal(back.stdout, 'pump@champion is version 1 again; it was 3\n');
    assert.match(back.stderr, /version 2 was removed, and is passed over/);
    assert.equal((await run('rollback', 'pump')).code, 2);
    assert.match((await run('rm', 'pump@champion', '--yes')).stdout, /^took away pump@champion; it was version 1$/m);
    assert.deepEqual((await json('ls')).models[0].aliases, {});
  }));

test('what is no ONNX model is refused by name before anything is written', () =>
  withPlace(async ({ directory, run, json }) => {
    writeFileSync(join(directory, 'm.tflite'), `\x1c\0\0\0TFL3${'\0'.repeat(40)}`);
    writeFileSync(join(directory, 'm.onnx'), model(1).subarray(0, 60));
    const lite = await run('add', 'm.tflite', '--name', 'pump');
    assert.equal(lite.code, 5);
    assert.match(lite.stderr, /it is a TensorFlow Lite model/);
    assert.match(lite.stderr, /tf2onnx/);
    assert.equal((await run('add', 'm.onnx')).code, 5);
    assert.equal((await run('add', 'none.onnx')).code, 5);
    assert.deepEqual((await json('ls')).models, []);
  }));

test('usage: names, versions, aliases and metrics that are none', () =>
  withPlace(async ({ directory, run }) => {
    writeFileSync(join(directory, 'm.onnx'), model(1));
    const cases: [string[], RegExp][] = [
      [['add', 'm.onnx', '--name', 'a/b'], /cannot use "a\/b" as the name of a model/],
      [['add', 'm.onnx', '--metric', 'f1'], /--metric cannot be "f1"/],
      [['add', 'm.onnx', '--metric', 'f1=high'], /--metric cannot be "f1=high"/],
      [['add', 'm.onnx', '--alias', 'latest'], /cannot use "latest" as an alias/],
      [['promote', 'm', 'two'], /cannot use "two" as a version/],
      [['promote', 'm', '1', '--expect', 'any'], /--expect cannot be "any"/],
      [['promote', 'm', '1'], /there is no version 1 of model m/],
      [['show', 'm'], /there is no model m/],
      [['show', 'm@champion'], /there is no model m/],
      [['ls', 'm'], /there is no model m/],
      [['rm', 'm'], /names neither a version nor an alias/],
      [['ls', '--registry', 'ftp://x'], /models\.registry cannot be ftp:\/\/x as there is no store of ftp:/],
      [['ls', '--registry', 'http://a:b@x'], /models\.registry cannot be an address with credentials/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /a:b@/);
    }
  }));

test('a registry in a bucket, reached as the checkpoint store is', async () => {
  const fake = await startFakeS3();
  const env = {
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: SECRET_KEY,
    AWS_ENDPOINT_URL: fake.endpoint,
    AWS_REGION: 'us-east-1',
  };
  try {
    await withPlace(async ({ directory, json, run }) => {
      writeFileSync(join(directory, 'pump.onnx'), model(2));
      writeFileSync(join(directory, 'anomaly.yaml'), 'version: 1\nmodels: {registry: "s3://checkpoints/models"}\n');
      await json('add', 'pump.onnx', '--alias', 'champion');
      assert.deepEqual((await json('ls')).models, [
        { model: 'pump', versions: [1], latest: '1', aliases: { champion: '1' } },
      ]);
      assert.ok([...fake.objects.keys()].includes('models/pump/versions/000001.json'));
      const stored = [...fake.objects].find(([name]) => name.endsWith('/model.onnx'))![1];
      assert.equal(Buffer.compare(stored.body, readFileSync(join(directory, 'pump.onnx'))), 0);
      const wrong = await run('ls', '--registry', 's3://nowhere/models');
      assert.deepEqual([wrong.code, /there is no bucket nowhere/.test(wrong.stderr)], [2, true]);
    }, env);
  } finally {
    await fake.close();
  }
});
