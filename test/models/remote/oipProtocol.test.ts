// The client of the Open Inference Protocol on our own server with models that onnxruntime runs, and on servers that do
// what others do.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readRemoteSpec } from '../../../src/models/remote/remoteModel.ts';
import { InferenceServer } from '../../../src/models/serving/inferenceServer.ts';
import { ServedModel } from '../../../src/models/serving/servedModel.ts';
import { ServedModels } from '../../../src/models/serving/servedModels.ts';
import { EXPECTED, modelPath, RUNTIME } from '../fixtures.ts';
import { distance, type Handler, localServer } from './localServer.ts';
import { close, failure, opened, SCORE, someWindows } from './opening.ts';

const models = new ServedModels();
let server: InferenceServer;
let host: string;
before(async () => {
  for (const file of ['lstm-forecast', 'classes', 'nan-output', 'fixed-batch', 'time-first', 'float16']) {
    models.add(
      await ServedModel.open({
        ...{ name: file, version: '3', path: modelPath(file), sha256: undefined, runtime: RUNTIME },
        ...{ maxBatch: 64, maxDelayMs: 0, maxRows: 100, now: () => performance.now(), onRun: () => {} },
      }),
    );
  }
  server = await InferenceServer.listen({
    ...{ listen: '127.0.0.1:0', models, toolVersion: '1.2.3', maxBodyBytes: 1_000_000, maxInFlight: 50 },
    now: () => performance.now(),
    onFault: (error) => assert.fail(error as Error),
  });
  host = server.url.replace('http://', '');
});
after(async () => {
  await server?.drain(1000);
  await Promise.all(models.all().map((model) => model.close()));
});

const fields = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);
const FORECAST = { kind: 'forecast', length: 8, channels: ['value'] } as const;

test('a forecast that our server runs is scored as the reference does', async (t) => {
  const scorer = await opened(t, `oip+http://${host}/lstm-forecast/versions/3`, { spec: FORECAST });
  assert.deepEqual(scorer.identity, { name: 'lstm-forecast', version: '3' });
  assert.equal(scorer.address, `http://${host}/v2/models/lstm-forecast/versions/3`);
  assert.equal(scorer.whyOneByOne, undefined);
  const windows = Float32Array.from({ length: 27 }, (_, i) =>
    i % 9 === 8 ? 0 : EXPECTED['lstm-forecast']!.input[Math.floor(i / 9) * 8 + (i % 9)]!,
  );
  const { scores, fallback } = await scorer.score({ rows: 3, windows });
  assert.equal(fallback, undefined);
  close(scores, EXPECTED['lstm-forecast']!.output.map(Math.abs));
});

test('classes, float16, time first: kinds and layouts as of files', async (t) => {
  const classes = await opened(t, `oip+http://${host}/classes`, {
    spec: { kind: 'class', length: 0, channels: fields(3), classIndex: 1 },
  });
  const { input: three, output: probabilities } = EXPECTED['classes']!;
  const classCount = probabilities.length / 3;
  const { scores } = await classes.score({ rows: 3, windows: Float32Array.from(three) });
  close(
    scores,
    [0, 1, 2].map((row) => probabilities[row * classCount + 1]!),
  );
  const half = await opened(t, `oip+http://${host}/float16`, {
    spec: { kind: 'score', length: 0, channels: fields(3) },
  });
  const windows = Float32Array.from(EXPECTED['float16']!.input);
  close((await half.score({ rows: 3, windows })).scores, EXPECTED['float16']!.output, 2e-3);
  const timeFirst = await opened(t, `oip+http://${host}/time-first`, {
    spec: { kind: 'forecast', length: 8, channels: fields(2) },
  });
  const input = EXPECTED['time-first']!.input;
  const rows = Float32Array.from({ length: 3 * 9 * 2 }, (_, i) => {
    const [row, step, channel] = [Math.floor(i / 18), Math.floor(i / 2) % 9, i % 2];
    return step === 8 ? 0 : input[(step * 3 + row) * 2 + channel]!;
  });
  const output = EXPECTED['time-first']!.output;
  const expected = [0, 1, 2].map((row) => (Math.abs(output[row * 2]!) + Math.abs(output[row * 2 + 1]!)) / 2);
  close((await timeFirst.score({ rows: 3, windows: rows })).scores, expected);
});

test('our server tells what the file says of itself; the configuration goes over it', async (t) => {
  const scorer = await opened(t, `oip+http://${host}/lstm-forecast`, { spec: {} });
  assert.deepEqual(scorer.spec, { kind: 'forecast', length: 8, channels: ['value'], scaling: 'residual' });
  const options = { spec: { channels: ['pressure'] }, startTimeoutMs: 30_000 } as const;
  assert.deepEqual(await readRemoteSpec(`oip+http://${host}/lstm-forecast`, options), {
    ...scorer.spec,
    channels: ['pressure'],
  });
});

test('a fixed batch is filled up, in as many requests as it takes', async (t) => {
  const { input, output } = EXPECTED['fixed-batch']!;
  const rows = output.length;
  const scorer = await opened(t, `oip+http://${host}/fixed-batch`, {
    spec: { kind: 'score', length: 0, channels: fields(input.length / rows) },
  });
  const windows = Float32Array.from([...input, ...input, ...input.slice(0, input.length / rows)]);
  const { scores } = await scorer.score({ rows: 2 * rows + 1, windows });
  close(scores, [...output, ...output, output[0]!]);
});

test('numbers that are not finite leave their rows without a score', async (t) => {
  const scorer = await opened(t, `oip+http://${host}/nan-output`, {
    spec: { kind: 'score', length: 0, channels: fields(3) },
  });
  const windows = Float32Array.of(1, 1, 1, -1, -1, -1);
  const { scores, fallback } = await scorer.score({ rows: 2, windows });
  assert.equal(fallback, 'invalid-output');
  assert.deepEqual([...scores].map(Number.isFinite), [true, false]);
});

test('what the server has and the spec says is held together before the first record', async (t) => {
  const open = (name: string, spec = {}) => opened(t, `oip+http://${host}/${name}`, { spec: { ...FORECAST, ...spec } });
  await failure(
    open('lstm-forecast', { length: 16 }),
    'ANM_MODEL_SPEC',
    /v2\/models\/lstm-forecast reads x as float32 \[\?, 8, 1\], but a window has 16 steps of 1 channel \(value\)/,
  );
  await failure(open('lstm-forecast', { input: 'y' }), 'ANM_MODEL_SPEC', /reads x .*but the input is named y/);
  await failure(open('lstm-forecast', { output: 'z' }), 'ANM_MODEL_SPEC', /gives forecast .*but the output is named z/);
  await failure(
    open('float16', { kind: undefined }),
    'ANM_MODEL_SPEC',
    /neither oip\+http:.* nor the configuration says the kind of the model/,
  );
  await failure(
    open('absent'),
    'ANM_MODEL_UNKNOWN',
    /cannot GET http:.*\/v2\/models\/absent as it answers 404 .*absent/,
  );
  await failure(opened(t, `oip+http://${host}`), 'ANM_USAGE', /its address names none/);
  await failure(
    opened(t, `oip+http://${host}/lstm-forecast`, { request: '{}' }),
    'ANM_CONFIG',
    /score.model.request with oip\+http/,
  );
});

/** A server that says little of its model, as MLServer of models of Python. */
const silent: Handler = ({ method, body }) => {
  if (method === 'GET') return { body: { name: 'm', platform: '', versions: [] } };
  const { inputs } = JSON.parse(body) as { inputs: { shape: [number, number]; data: number[] }[] };
  const [rows, size] = inputs[0]!.shape;
  const data = Array.from({ length: rows }, (_, row) => distance(inputs[0]!.data.slice(row * size, (row + 1) * size)));
  return { body: { model_name: 'm', outputs: [{ name: 'predict', datatype: 'FP64', shape: [rows, 1], data }] } };
};

test('a server without inputs and outputs in its metadata needs the name of the input', async (t) => {
  const other = await localServer(t, silent);
  const uri = `oip+http://${other.host}/v2/models/m`;
  await failure(opened(t, uri), 'ANM_MODEL_SPEC', /does not say what it reads/);
  const scorer = await opened(t, uri, { spec: { ...SCORE, input: 'window', layout: 'flat' } });
  const { windows, rows, lists } = someWindows(5, 4);
  close((await scorer.score({ rows, windows })).scores, lists.map(distance));
  const sent = JSON.parse(other.requests.at(-1)!.body);
  assert.deepEqual(Object.keys(sent), ['inputs']);
  assert.deepEqual({ ...sent.inputs[0], data: 0 }, { name: 'window', shape: [5, 4], datatype: 'FP32', data: 0 });
  assert.equal(other.requests.at(-1)!.path, '/v2/models/m/infer');
});

/** Scores windows of four values that come as bytes behind the JSON, as Triton takes them. */
const binary: Handler = ({ method, path, headers, bytes }) => {
  if (path.endsWith('/v2')) return { body: { name: 'triton', version: '2', extensions: ['binary_tensor_data'] } };
  const value = (name: string, shape: number[]) => ({ name, datatype: 'FP32', shape });
  if (method === 'GET') return { body: { name: 'm', inputs: [value('x', [-1, 4])], outputs: [value('y', [-1])] } };
  const length = Number(headers['inference-header-content-length']);
  const { inputs } = JSON.parse(bytes.subarray(0, length).toString());
  const [rows] = inputs[0].shape;
  const tail = bytes.subarray(length);
  assert.equal(headers['content-type'], 'application/octet-stream');
  assert.deepEqual(inputs[0].parameters, { binary_data_size: tail.length });
  const number = (i: number) => tail.readFloatLE(4 * i);
  const data = Array.from({ length: rows }, (_, row) => distance([0, 1, 2, 3].map((i) => number(4 * row + i))));
  return { body: { model_name: 'm', outputs: [{ ...value('y', [rows]), data }] } };
};

test('windows go as bytes where the server says that it takes them, behind a proxy too', async (t) => {
  const other = await localServer(t, binary);
  for (const path of ['/m', '/proxy/v2/models/m']) {
    const scorer = await opened(t, `oip+http://${other.host}${path}`, { spec: { ...SCORE, layout: 'flat' } });
    const { windows, rows, lists } = someWindows(5, 4);
    close((await scorer.score({ rows, windows })).scores, lists.map(distance), 1e-6);
  }
  assert.ok(
    other.requests.some(({ path }) => path === '/proxy/v2'),
    'the server’s own metadata is behind the proxy, too',
  );
  const plain = await localServer(t, (received, response) =>
    received.path === '/v2' ? { status: 404, body: {} } : silent(received, response),
  );
  const scorer = await opened(t, `oip+http://${plain.host}/m`, { spec: { ...SCORE, input: 'x', layout: 'flat' } });
  const { windows, rows, lists } = someWindows(2, 4);
  close((await scorer.score({ rows, windows })).scores, lists.map(distance));
  assert.equal(plain.requests.at(-1)!.headers['content-type'], 'application/json');
});

test('an answer with another output, shape, or no numbers is named', async (t) => {
  const metadata = {
    ...{ name: 'm', inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }] },
    outputs: [{ name: 's', datatype: 'FP32', shape: [-1] }],
  };
  const cases: [unknown, RegExp][] = [
    [{ outputs: [{ name: 'other', datatype: 'FP32', shape: [1], data: [1] }] }, /answers other, and s was asked for/],
    [{ outputs: [] }, /answers no outputs/],
    [
      { outputs: [{ name: 's', datatype: 'FP32', shape: [3], data: [1] }] },
      /answers 1 numbers for s, and its shape is \[3\]/,
    ],
    [{ outputs: [{ name: 's', datatype: 'BYTES', shape: [1], data: ['a'] }] }, /answers s without a list of numbers/],
    ['<html>busy</html>', /answers what is no JSON: <html>busy<\/html>/],
  ];
  for (const [body, message] of cases) {
    const other = await localServer(t, ({ method }) => ({ body: method === 'GET' ? metadata : body }));
    await failure(opened(t, `oip+http://${other.host}/m`), 'ANM_MODEL_OUTPUT', message);
  }
  const foreign = await localServer(t, () => ({ body: { models: [] } }));
  await failure(opened(t, `oip+http://${foreign.host}/m`), 'ANM_PROTOCOL', /is no model of the inference protocol/);
});
