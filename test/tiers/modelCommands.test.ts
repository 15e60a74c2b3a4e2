// The built tool as a user runs it, with its registry on a real MinIO and a real MLflow: add, promote at the same time,
// roll back, serve; and NVIDIA's client for the Open Inference Protocol at what it serves.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PYTHON_SOURCE, pythonWithTriton } from './helpers/python.ts';
import { type Minio, type Mlflow, startMinio, startMlflow } from './helpers/services.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FIXTURES = join(ROOT, 'fixtures/models');
const EXPECTED = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8'))['lstm-forecast'];
const run = promisify(execFile);

let minio: Minio;
let mlflow: Mlflow;
let python: string;
let home: string;
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'anomaly-models-'));
  [minio, mlflow] = await Promise.all([startMinio(), startMlflow()]);
  python = pythonWithTriton();
  const { Client } = await import('minio');
  const { hostname, port } = new URL(minio.endpoint);
  const keys = { accessKey: minio.accessKeyId, secretKey: minio.secretAccessKey };
  await new Client({ endPoint: hostname, port: Number(port), useSSL: false, ...keys }).makeBucket('models');
});
after(async () => {
  await Promise.all([minio?.remove(), mlflow?.remove()]);
  rmSync(home, { recursive: true, force: true });
});

function environment(registry: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    ANOMALY_MODELS_REGISTRY: registry,
    AWS_ACCESS_KEY_ID: minio.accessKeyId,
    AWS_SECRET_ACCESS_KEY: minio.secretAccessKey,
    AWS_ENDPOINT_URL: minio.endpoint,
  };
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function tool(registry: string, ...args: string[]): Promise<Ended> {
  const options = { env: environment(registry), cwd: home };
  const ended = await run(process.execPath, [join(ROOT, 'bin/anomaly.js'), 'model', ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Ended) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
  );
  process.stderr.write(`$ anomaly model ${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

async function wantTool(registry: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tool(registry, ...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

for (const kind of ['MinIO', 'MLflow'] as const) {
  test(`${kind}: a model is added, promoted, rolled back, removed`, async () => {
    const registry = kind === 'MinIO' ? 's3://models/plant' : mlflow.url;
    const name = 'pump-lstm';
    for (const file of ['lstm-forecast', 'external', 'float16']) {
      await wantTool(registry, 'add', join(FIXTURES, `${file}.onnx`), '--name', name, '--metric', 'f1=0.5');
    }
    await wantTool(registry, 'promote', name, '1');
    await wantTool(registry, 'promote', name, '2', '--expect', '1');
    const stale = await tool(registry, 'promote', name, '3', '--expect', '1');
    assert.equal(stale.code, 1);
    assert.match(stale.stderr, /it is version 2, set by \S+ at \S+, not version 1/);
    const show = JSON.parse(await wantTool(registry, 'show', `${name}@champion`, '-o', 'json'));
    assert.deepEqual(
      [show.version, show.files.map((each: { path: string }) => each.path)],
      ['2', ['model.onnx', 'external.onnx.data']],
    );
    assert.equal((await tool(registry, 'rm', `${name}/2`, '--yes')).code, 1);
    assert.match(await wantTool(registry, 'rollback', name), /pump-lstm@champion is version 1 again; it was 2/);
    await wantTool(registry, 'rm', `${name}/3`, '--yes');
    const listed = JSON.parse(await wantTool(registry, 'ls', '-o', 'json'));
    assert.deepEqual(listed.models, [{ model: name, versions: [1, 2], latest: '2', aliases: { champion: '1' } }]);
    await wantTool(registry, 'ls', name);
    await wantTool(registry, 'show', name);
  });
}

test('MinIO: of processes that promote at the same time one succeeds, the others are told both sides', async () => {
  const registry = 's3://models/race';
  for (const file of ['lstm-forecast', 'float16', 'float64']) {
    await wantTool(registry, 'add', join(FIXTURES, `${file}.onnx`), '--name', 'pump');
  }
  const ended = await Promise.all(
    ['1', '2', '3'].map((version) => tool(registry, 'promote', 'pump', version, '--expect', 'none')),
  );
  assert.deepEqual(ended.map(({ code }) => code).sort(), [0, 1, 1]);
  for (const { code, stderr } of ended) {
    if (code === 1) assert.match(stderr, /as it is version \d, set by \S+ at \S+, and none was expected/);
  }
});

for (const kind of ['MinIO', 'MLflow'] as const) {
  test(`${kind}: the champion is served, and NVIDIA's client gets the reference's results`, async () => {
    const registry = kind === 'MinIO' ? 's3://models/plant' : mlflow.url;
    const args = ['serve', 'pump-lstm@champion', '--listen', '127.0.0.1:0', '-o', 'json'];
    const child = spawn(process.execPath, [join(ROOT, 'bin/anomaly.js'), 'model', ...args], {
      env: environment(registry),
      cwd: home,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    try {
      const { url } = await new Promise<{ url: string }>((resolve, reject) => {
        let text = '';
        child.stdout.on('data', (chunk) => {
          text += chunk;
          if (text.trimEnd().endsWith('}')) resolve(JSON.parse(text));
        });
        child.once('exit', (code) => reject(new Error(`serve ended with ${code}`)));
      });
      const script = join(PYTHON_SOURCE, 'tritonClient.py');
      const { stdout } = await run(python, [script, new URL(url).host, 'pump-lstm', JSON.stringify(EXPECTED.input)]);
      process.stderr.write(`tritonclient: ${stdout}`);
      const told = JSON.parse(stdout);
      assert.deepEqual([told.live, told.ready, told.model_ready], [true, true, true]);
      assert.deepEqual(told.model.inputs, [{ name: 'x', datatype: 'FP32', shape: [-1, 8, 1] }]);
      assert.deepEqual(told.index, [{ name: 'pump-lstm', version: '1', state: 'READY', reason: '' }]);
      for (const results of [told.binary, told.json, told.by_version, ...told.async]) {
        assert.equal(results.length, EXPECTED.output.length);
        for (const [i, value] of EXPECTED.output.entries()) assert.ok(Math.abs(results[i] - value) < 1e-5);
      }
      assert.match(told.refused[0][1], /input x has the shape \[1, 7, 1\], and the model reads \[batch, 8, 1\]/);
      assert.match(told.refused[1][1], /input x is of FP64, and the model reads FP32/);
    } finally {
      child.kill('SIGTERM');
    }
    assert.equal(await exit, 0);
  });
}
