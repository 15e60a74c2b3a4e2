import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type CliRun, runCli } from '../../helpers/cli.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/models', import.meta.url));

interface Served {
  readonly url: string;
  readonly models: readonly { model: string; version: string }[];
  readonly directory: string;
  model(...args: string[]): Promise<CliRun>;
  /** Everything on stderr so far. */
  log(): string;
}

/** Runs `model serve` until the body is done, then stops it as SIGTERM does, and gives how it ended. */
async function serve(
  prepare: (model: Served['model'], directory: string) => Promise<void>,
  args: readonly string[],
  body: (served: Served) => Promise<void>,
): Promise<CliRun> {
  const directory = mkdtempSync(join(tmpdir(), 'anomaly-serve-'));
  const options = { cwd: directory, env: { XDG_DATA_HOME: directory, XDG_CACHE_HOME: directory } };
  const model = (...rest: string[]) => runCli(['model', ...rest], options);
  const signals = new EventEmitter();
  let err = '';
  try {
    await prepare(model, directory);
    let onStart: (text: string) => void = () => {};
    const started = new Promise<string>((resolve) => {
      onStart = resolve;
    });
    const running = runCli(['model', 'serve', ...args, '--listen', '127.0.0.1:0', '--runtime', 'web', '-o', 'json'], {
      ...options,
      signals,
      onOutput: onStart,
      onError: (text) => {
        err = text;
      },
    });
    const first = await Promise.race([started, running]);
    if (typeof first !== 'string') return first;
    const { url, models } = JSON.parse(first);
    try {
      await body({ url, models, directory, model, log: () => err });
    } finally {
      signals.emit('SIGTERM');
    }
    return await running;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function infer(url: string, path: string, shape: readonly number[], data: readonly number[]) {
  const body = JSON.stringify({ inputs: [{ name: 'x', shape, datatype: 'FP32', data }] });
  const response = await fetch(`${url}/v2/models/${path}/infer`, { method: 'POST', body });
  return { status: response.status, json: (await response.json()) as ReturnType<typeof JSON.parse> };
}

test('what an alias points at is served, and followed when it moves', async () => {
  const prepare = async (model: Served['model'], directory: string) => {
    copyFileSync(join(FIXTURES, 'lstm-forecast.onnx'), join(directory, 'a.onnx'));
    copyFileSync(join(FIXTURES, 'nan-output.onnx'), join(directory, 'b.onnx'));
    for (const file of ['a.onnx', 'b.onnx']) assert.equal((await model('add', file, '--name', 'pump')).code, 0);
    assert.equal((await model('promote', 'pump', '1')).code, 0);
  };
  const ended = await serve(prepare, ['pump', '--reload', '50ms'], async ({ url, models, model, log }) => {
    assert.deepEqual(
      models.map((each) => [each.model, each.version]),
      [['pump', '1']],
    );
    const window = [1, 2, 3, 4, 5, 6, 7, 8];
    const first = await infer(url, 'pump', [1, 8, 1], window);
    assert.deepEqual([first.status, first.json.model_version], [200, '1']);
    assert.equal((await infer(url, 'pump/versions/champion', [1, 8, 1], window)).status, 200);
    assert.equal((await model('promote', 'pump', '2')).code, 0);
    for (;;) {
      // No request meets a gap between the two versions: each is answered by the one or the other.
      const { status, json } = await infer(url, 'pump', [1, 3], [1, 2, 3]);
      assert.ok(status === 200 || (status === 400 && /the model reads \[batch, 8, 1\]/.test(json.error)), json.error);
      if (status === 200 && json.model_version === '2') break;
    }
    const versions = async () =>
      ((await (await fetch(`${url}/v2/models/pump`)).json()) as { versions: string[] }).versions;
    while ((await versions()).length > 1);
    assert.match(log(), /pump@champion is version 2 now, it was 1/);
  });
  assert.equal(ended.code, 0);
  assert.match(ended.stderr, /stopped; every request that came was answered/);
});

test('a file is served under its name, as version 1; a model that is refused ends the start', async () => {
  const prepare = async (_: Served['model'], directory: string) => {
    for (const name of ['external.onnx', 'external.onnx.data', 'zipmap.onnx']) {
      copyFileSync(join(FIXTURES, name), join(directory, name));
    }
  };
  const ended = await serve(prepare, ['external.onnx'], async ({ url, models }) => {
    assert.deepEqual(
      models.map((each) => [each.model, each.version]),
      [['external', '1']],
    );
    assert.equal((await infer(url, 'external', [2, 3], [1, 2, 3, 4, 5, 6])).json.outputs[0].shape.join(), '2,1');
  });
  assert.equal(ended.code, 0);
  const refused = await serve(prepare, ['zipmap.onnx'], async () => assert.fail('it began'));
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /cannot serve zipmap\/1 as none of its outputs is a tensor of numbers/);
});

test('two files of one name are not served as one', async () => {
  const prepare = async (_: unknown, directory: string) => {
    mkdirSync(join(directory, 'other'));
    copyFileSync(join(FIXTURES, 'float16.onnx'), join(directory, 'pump.onnx'));
    copyFileSync(join(FIXTURES, 'classes.onnx'), join(directory, 'other', 'pump.onnx'));
  };
  const { code, stderr } = await serve(prepare, ['pump.onnx', './other/pump.onnx'], async () =>
    assert.fail('it began'),
  );
  assert.equal(code, 2);
  assert.match(stderr, /cannot serve \.\/other\/pump\.onnx as another model is served as pump\/1/);
});

test('usage: no model at all, limits and addresses that are none', async () => {
  const cases: [string[], number, RegExp][] = [
    [[], 2, /there is no model to serve in .*\/anomaly\/models/],
    [['pump'], 2, /there is no model pump/],
    [['pump@champion'], 2, /there is no model pump/],
    [['none.onnx'], 5, /none\.onnx/],
    [['--max-batch', '0'], 2, /--max-batch wants at least 1, got 0/],
    [['--listen', 'here'], 2, /--listen cannot be "here"/],
  ];
  const directory = mkdtempSync(join(tmpdir(), 'anomaly-serve-'));
  try {
    for (const [args, code, message] of cases) {
      const ran = await runCli(['model', 'serve', ...args], { cwd: directory, env: { XDG_DATA_HOME: directory } });
      assert.equal(ran.code, code, ran.stderr);
      assert.match(ran.stderr, message);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
