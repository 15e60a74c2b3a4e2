import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAnomalyError } from '../../../src/errors.ts';
import type { ModelSpec } from '../../../src/models/modelSpec.ts';
import { readModelFiles } from '../../../src/models/runtime/modelFiles.ts';
import { WindowModel } from '../../../src/models/scoring/windowModel.ts';
import { EXPECTED, modelPath, RUNTIME } from '../fixtures.ts';

async function open(name: string, spec: Partial<ModelSpec> = {}, batch = 8): Promise<WindowModel> {
  return WindowModel.open(await readModelFiles(modelPath(name)), { runtime: RUNTIME, spec, batch });
}

const fields = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);
const score = (channels: number): Partial<ModelSpec> => ({ kind: 'score', length: 0, channels: fields(channels) });
const forecast = (channels: number): Partial<ModelSpec> => ({
  kind: 'forecast',
  length: 8,
  channels: fields(channels),
});

function close(actual: Float32Array, expected: readonly number[], tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(actual[i]! - value) <= tolerance, `row ${i}: ${actual[i]}, expected ${value}`);
  }
}

async function fails(promise: Promise<unknown>, code: string, message: RegExp): Promise<string> {
  const error = await promise.then(
    () => assert.fail('it was opened'),
    (reason: unknown) => reason,
  );
  assert.ok(isAnomalyError(error), String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return error.hint;
}

/** Windows whose inputs are as in expected.json, with the scored value 0 behind each. */
function windowsOf(
  name: string,
  rows: number,
  steps: number,
  channels: number,
  at: (row: number, step: number, channel: number) => number,
): Float32Array {
  const windows = new Float32Array(rows * (steps + 1) * channels);
  for (let row = 0; row < rows; row++) {
    for (let step = 0; step < steps; step++) {
      for (let channel = 0; channel < channels; channel++) {
        windows[(row * (steps + 1) + step) * channels + channel] = EXPECTED[name]!.input[at(row, step, channel)]!;
      }
    }
  }
  return windows;
}

/** Mean |0 - yhat| of the channels. */
function meanAbsolute(values: readonly number[], channels: number): number[] {
  return Array.from({ length: values.length / channels }, (_, row) =>
    values.slice(row * channels, (row + 1) * channels).reduce((sum, value) => sum + Math.abs(value) / channels, 0),
  );
}

test('a forecast is scored by its error, and its file says what it reads', async () => {
  const model = await open('lstm-forecast');
  assert.deepEqual(model.spec, { kind: 'forecast', length: 8, channels: ['value'], scaling: 'residual' });
  assert.deepEqual(model.batchSizes, [1, 2, 4, 8]);
  const windows = windowsOf('lstm-forecast', 3, 8, 1, (row, step) => row * 8 + step);
  close(await model.score(3, windows), EXPECTED['lstm-forecast']!.output.map(Math.abs));
  windows[8] = 2;
  close(await model.score(1, windows), [Math.abs(2 - EXPECTED['lstm-forecast']!.output[0]!)]);
  await model.release();
});

test('time first and channels first are told by the shape, and give the same windows', async () => {
  const timeFirst = await open('time-first', forecast(2));
  const first = windowsOf('time-first', 3, 8, 2, (row, step, channel) => (step * 3 + row) * 2 + channel);
  close(await timeFirst.score(3, first), meanAbsolute(EXPECTED['time-first']!.output, 2));
  const channelsFirst = await open('channels-first', forecast(2));
  const second = windowsOf('channels-first', 3, 8, 2, (row, step, channel) => (row * 2 + channel) * 8 + step);
  close(await channelsFirst.score(3, second), meanAbsolute(EXPECTED['channels-first']!.output, 2));
});

test('a reconstruction is scored by its mean squared error', async () => {
  const model = await open('reconstruction', { kind: 'reconstruction', length: 5, channels: ['a', 'b'] });
  const { input, output } = EXPECTED['reconstruction']!;
  const due = [0, 1, 2].map((row) => {
    const errors = input.slice(row * 12, row * 12 + 12).map((value, i) => (value - output[row * 12 + i]!) ** 2);
    return errors.reduce((sum, each) => sum + each, 0) / 12;
  });
  close(await model.score(3, Float32Array.from(input)), due);
});

test('float16 and float64 are fed and read as such', async () => {
  for (const name of ['float16', 'float64']) {
    const model = await open(name, score(3));
    close(
      await model.score(3, Float32Array.from(EXPECTED[name]!.input)),
      EXPECTED[name]!.output,
      name === 'float16' ? 2e-3 : 1e-6,
    );
  }
});

test('anonymous dimensions, int64 labels and low scores: an isolation forest of skl2onnx', async () => {
  const model = await open('isolation-forest', { ...score(3), direction: 'low' });
  assert.deepEqual(model.batchSizes, [1, 2, 4, 8]);
  const { input, output } = EXPECTED['isolation-forest']!;
  close(
    await model.score(4, Float32Array.from(input)),
    output.map((value) => -value),
  );
  const label = await open('isolation-forest', { ...score(3), output: 'label', direction: 'low' });
  close(
    await label.score(4, Float32Array.from(input)),
    output.map((value) => (value < 0 ? 1 : -1)),
  );
});

test('a map of probabilities by ZipMap: the tensor behind it is read, strings are refused', async () => {
  const { input, output } = EXPECTED['zipmap']!;
  for (const [classIndex, spec] of [
    [2, {}],
    [0, { classIndex: 0 }],
    [1, { classIndex: 1, output: 'output_probability' }],
  ] as const) {
    const model = await open('zipmap', { ...score(3), kind: 'class', ...spec });
    close(
      await model.score(4, Float32Array.from(input)),
      output.filter((_, i) => i % 3 === classIndex),
    );
  }
  await fails(
    open('zipmap', { ...score(3), output: 'output_label' }),
    'ANM_MODEL_SPEC',
    /gives output_label as string \[1\], but a score needs numbers/,
  );
  const hint = await fails(
    open('zipmap', { ...score(3), output: 'output_probability' }),
    'ANM_MODEL_SPEC',
    /output_probability as a sequence/,
  );
  assert.match(hint, /'zipmap': False/);
});

test('a class is a column of the probabilities, not the label before them', async () => {
  const model = await open('classes', { ...score(3), kind: 'class', classIndex: 1 });
  const { input, output } = EXPECTED['classes']!;
  close(
    await model.score(3, Float32Array.from(input)),
    output.filter((_, i) => i % 4 === 1),
  );
  await fails(
    open('classes', { ...score(3), kind: 'class', classIndex: 4 }),
    'ANM_MODEL_SPEC',
    /p as float32 \[1, 4\], but .* number 4 is asked for/,
  );
});

test('a batch that is baked in behind a dynamic input runs row by row', async () => {
  const model = await open('baked-batch', forecast(1));
  assert.deepEqual(model.batchSizes, [1]);
  assert.match(model.whyOneByOne!, /initial_h/);
  const windows = Float32Array.from({ length: 27 }, (_, i) => Math.sin(i));
  const together = await model.score(3, windows);
  for (let row = 0; row < 3; row++) {
    close(await model.score(1, windows.slice(row * 9, row * 9 + 9)), [together[row]!], 0);
  }
});

test('a fixed batch is filled up, whatever the number of rows', async () => {
  const model = await open('fixed-batch', score(3));
  assert.deepEqual(model.batchSizes, [4]);
  const { input, output } = EXPECTED['fixed-batch']!;
  close(await model.score(4, Float32Array.from(input)), output);
  close(await model.score(1, Float32Array.from(input)), output.slice(0, 1));
  close(await model.score(6, Float32Array.from([...input, ...input])), [...output, ...output.slice(0, 2)]);
});

test('rows that change each other in a batch run one by one', async () => {
  const model = await open('batch-leak', score(3));
  assert.deepEqual(model.batchSizes, [1]);
  assert.match(model.whyOneByOne!, /change the scores of each other/);
});

test('property of batches: the score of a row does not depend on the rows beside it', async () => {
  const model = await open('lstm-forecast', {}, 5);
  assert.deepEqual(model.batchSizes, [1, 2, 4, 5]);
  const windows = Float32Array.from({ length: 13 * 9 }, (_, i) => Math.sin(i * i));
  const all = await model.score(13, windows);
  for (let rows = 1; rows <= 13; rows++) close(await model.score(rows, windows), [...all.slice(0, rows)], 1e-6);
});

test('a model that is too slow for its calls gets fewer rows at once', async () => {
  const files = await readModelFiles(modelPath('lstm-forecast'));
  const [fast, slow] = [
    await WindowModel.open(files, { runtime: RUNTIME, batch: 6, callMs: 10_000 }),
    await WindowModel.open(files, { runtime: RUNTIME, batch: 6, callMs: 1e-6 }),
  ];
  assert.deepEqual([fast.batchSizes, fast.rowsPerCall], [[1, 2, 4, 6], 6]);
  assert.deepEqual([slow.batchSizes, slow.rowsPerCall], [[1], 1]);
  const windows = Float32Array.from({ length: 7 * 9 }, (_, i) => Math.cos(i));
  close(await slow.score(7, windows), [...(await fast.score(7, windows))], 1e-6);
  const fixed = await readModelFiles(modelPath('fixed-batch'));
  const options = { runtime: RUNTIME, spec: score(3), batch: 64 };
  assert.equal((await WindowModel.open(fixed, { ...options, callMs: 1e-6 })).rowsPerCall, 4);
  assert.equal((await WindowModel.open(fixed, { ...options, callMs: 10_000 })).rowsPerCall, 64);
});

test('what is not finite is given on as NaN', async () => {
  const model = await open('nan-output', score(3));
  const [row] = await model.score(1, Float32Array.of(0, 0, 0));
  assert.equal(Number.isFinite(row), false);
});

test('external data, functions in the file and unused domains are no trap', async () => {
  const external = await open('external', score(3));
  close(await external.score(3, Float32Array.from(EXPECTED['external']!.input)), EXPECTED['external']!.output);
  close(await (await open('local-function', score(3))).score(1, Float32Array.of(1, 2, 3)), [12]);
  close(await (await open('unused-domain', score(3))).score(1, Float32Array.of(1, 2, 3)), [6]);
});

test('what the runtime cannot run is refused by name, before the first record', async () => {
  const at = score(3);
  assert.match(
    await fails(
      open('layout-1', { ...forecast(1), kind: 'score', length: 7 }),
      'ANM_MODEL_UNSUPPORTED',
      /LSTM has layout=1/,
    ),
    /layout=0/,
  );
  assert.match(
    await fails(
      open('opset-6', at),
      'ANM_MODEL_UNSUPPORTED',
      /is of opset 6, and onnxruntime-\w+ [\d.]+ has no Add of version 6/,
    ),
    /version_converter/,
  );
  await fails(open('unknown-domain', at), 'ANM_MODEL_UNSUPPORTED', /node Magic is of the domain com\.acme/);
  await fails(open('unknown-op', at), 'ANM_MODEL_UNSUPPORTED', /does not know its operator NoSuchOp \(opset 17\)/);
  await fails(open('newer-opset', at), 'ANM_MODEL_UNSUPPORTED', /its opset 99 is newer than onnxruntime-/);
  await fails(open('lstm-float64', forecast(1)), 'ANM_MODEL_UNSUPPORTED', /float64 \[1, 8, 1\]/);
  await fails(
    open('sequence-output', at),
    'ANM_MODEL_SPEC',
    /gives y \(sequence\), but a score needs a tensor of floats/,
  );
});

test('names, shapes and types that differ from the spec name both sides', async () => {
  await fails(
    open('lstm-forecast', { input: 'window' }),
    'ANM_MODEL_SPEC',
    /reads x \(float32 \[batch, 8, 1\]\), but the input is named window/,
  );
  await fails(
    open('lstm-forecast', { output: 'yhat' }),
    'ANM_MODEL_SPEC',
    /gives forecast \(float32 \[batch, 1\]\), but the output is named yhat/,
  );
  const hint = await fails(
    open('lstm-forecast', { length: 32 }),
    'ANM_MODEL_SPEC',
    /reads x as float32 \[batch, 8, 1\], but a window has 32 steps of 1 channel \(value\)/,
  );
  assert.match(hint, /length \(now 32\)/);
  await fails(open('lstm-forecast', { channels: ['a', 'b'] }), 'ANM_MODEL_SPEC', /8 steps of 2 channels \(a, b\)/);
  await fails(
    open('lstm-forecast', { layout: 'batch-channels-length' }),
    'ANM_MODEL_SPEC',
    /laid out batch-channels-length/,
  );
  await fails(
    open('int-input', score(3)),
    'ANM_MODEL_SPEC',
    /reads x as int64 \[batch, 3\], but the values of a series are floating point/,
  );
  await fails(
    open('two-inputs', score(3)),
    'ANM_MODEL_SPEC',
    /reads x \(.*\), y \(float32 \[3, 1\]\), but values are fed to one input/,
  );
  await fails(
    open('classes', { ...score(3), output: 'p' }),
    'ANM_MODEL_SPEC',
    /gives p as float32 \[1, 4\], but a score is one number a row/,
  );
  await fails(
    open('channels-first', { ...forecast(2), kind: 'reconstruction', length: 7 }),
    'ANM_MODEL_SPEC',
    /but a reconstruction is as large as the input/,
  );
  await fails(
    open('fixed-batch'),
    'ANM_MODEL_SPEC',
    /neither .* nor the configuration says the kind, length, channels/,
  );
});
