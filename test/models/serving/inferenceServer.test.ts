// The Open Inference Protocol over raw HTTP, with models that onnxruntime really runs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { InferenceServer, type InferenceServerOptions } from '../../../src/models/serving/inferenceServer.ts';
import { ServedModel } from '../../../src/models/serving/servedModel.ts';
import { ServedModels } from '../../../src/models/serving/servedModels.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/models', import.meta.url));
const EXPECTED = JSON.parse(readFileSync(`${FIXTURES}/expected.json`, 'utf8'));
const RUNTIME = { runtime: 'web', threads: 1 } as const;

const runs: { model: string; rows: number; requests: number }[] = [];
async function served(file: string, name = file, version = '1', maxDelayMs = 30): Promise<ServedModel> {
  return await ServedModel.open({
    ...{ name, version, path: `${FIXTURES}/${file}.onnx`, sha256: undefined, runtime: RUNTIME },
    ...{ maxBatch: 64, maxDelayMs, maxRows: 100, now: () => performance.now() },
    onRun: (rows, requests) => void runs.push({ model: name, rows, requests }),
  });
}

async function listen(models: ServedModels, options: Partial<InferenceServerOptions> = {}): Promise<InferenceServer> {
  return await InferenceServer.listen({
    ...{ listen: '127.0.0.1:0', models, toolVersion: '1.2.3', maxBodyBytes: 100_000, maxInFlight: 50 },
    now: () => performance.now(),
    onFault: (error) => assert.fail(error as Error),
    ...options,
  });
}

let server: InferenceServer;
const models = new ServedModels();
before(async () => {
  // Each is a thread with a runtime of its own, which takes a moment to start.
  const versioned = await served('lstm-forecast', 'versioned', '3');
  models.add(versioned, 'champion');
  models.add(await served('external', 'versioned', '12'));
  for (const file of ['float16', 'classes', 'nan-output']) models.add(await served(file));
  server = await listen(models);
});
after(async () => {
  await server?.drain(1000);
  await Promise.all(models.all().map((model) => model.close()));
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: ReturnType<typeof JSON.parse>;
}

async function get(path: string, url = server.url): Promise<Answer> {
  const response = await fetch(url + path);
  return { status: response.status, headers: response.headers, json: await response.json() };
}

async function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  url = server.url,
): Promise<Answer> {
  const init = { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
  const response = await fetch(url + path, init);
  return { status: response.status, headers: response.headers, json: await response.json() };
}

const input = (name: string, shape: readonly number[], datatype: string, data: unknown) => ({
  name,
  shape,
  datatype,
  data,
});

function close(actual: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(
      Math.abs(actual[i]! - value) <= tolerance * (1 + Math.abs(value)),
      `${actual[i]} is not ${value}, at ${i}`,
    );
  }
}

test('health and metadata of the server', async () => {
  for (const [path, body] of [
    ['/v2/health/live', { live: true }],
    ['/v2/health/ready', { ready: true }],
    ['/v2', { name: 'anomaly', version: '1.2.3', extensions: ['binary_tensor_data', 'model_repository'] }],
    ['/v2/models/versioned/versions', { name: 'versioned', versions: ['3', '12'] }],
    ['/v2/models/float16/ready', { name: 'float16', ready: true }],
    ['/v2/models/versioned/versions/12/ready', { name: 'versioned', ready: true }],
  ] as const) {
    const { status, json, headers } = await get(path);
    assert.deepEqual([status, json, headers.get('content-type')], [200, body, 'application/json'], path);
  }
  assert.ok((await get('/v2/models')).json.models.includes('float16'));
  const index = await post('/v2/repository/index', {});
  assert.deepEqual(
    index.json.find((each: { version: string }) => each.version === '12'),
    { name: 'versioned', version: '12', state: 'READY', reason: '' },
  );
});

test('metadata of a model: versions, inputs and outputs, -1 for what is free', async () => {
  assert.deepEqual((await get('/v2/models/versioned')).json, {
    name: 'versioned',
    versions: ['3', '12'],
    platform: 'onnx_onnxv1',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 8, 1] }],
    outputs: [{ name: 'forecast', datatype: 'FP32', shape: [-1, 1] }],
    parameters: {
      ...{ 'anomaly.kind': 'forecast', 'anomaly.length': '8', 'anomaly.channels': '["value"]' },
      'anomaly.scaling': 'residual',
    },
  });
  const { json } = await get('/v2/models/versioned/versions/champion');
  assert.deepEqual([json.versions, json.outputs[0].name], [['3', '12'], 'forecast']);
  assert.equal((await get('/v2/models/versioned')).json.outputs[0].name, 'forecast');
  assert.equal((await get('/v2/models/versioned/versions/12')).json.outputs[0].name, 'score');
});

test('inference gives what the reference evaluator gives, for data that is nested or flat', async () => {
  const { input: x, output } = EXPECTED['lstm-forecast'];
  const flat = await post('/v2/models/versioned/infer', {
    id: 'a "1"',
    inputs: [input('x', [3, 8, 1], 'FP32', x)],
  });
  assert.equal(flat.status, 200);
  assert.deepEqual(
    { ...flat.json, outputs: [] },
    { model_name: 'versioned', model_version: '3', id: 'a "1"', outputs: [] },
  );
  const [forecast] = flat.json.outputs;
  assert.deepEqual([forecast.name, forecast.datatype, forecast.shape], ['forecast', 'FP32', [3, 1]]);
  close(forecast.data, output);
  const nested = [0, 1, 2].map((row) => x.slice(8 * row, 8 * row + 8).map((value: number) => [value]));
  const again = await post('/v2/models/versioned/versions/3/infer', {
    inputs: [input('x', [3, 8, 1], 'FP32', nested)],
  });
  assert.deepEqual(again.json.outputs, flat.json.outputs);
  assert.equal(again.json.model_version, '3');
});

test('numbers of 16 bits', async () => {
  const { input: x, output } = EXPECTED['float16'];
  const { json } = await post('/v2/models/float16/infer', { inputs: [input('x', [3, 3], 'FP16', x)] });
  assert.equal(json.outputs[0].datatype, 'FP16');
  close(json.outputs[0].data, output, 2e-3);
});

test('outputs by name; what is not a number is null', async () => {
  const { input: x } = EXPECTED['classes'];
  const inputs = [input('x', [3, 3], 'FP32', x)];
  const one = await post('/v2/models/classes/infer', { inputs, outputs: [{ name: 'label' }] });
  assert.deepEqual(
    one.json.outputs.map((each: { name: string }) => each.name),
    ['label'],
  );
  const none = await post('/v2/models/classes/infer', { inputs, outputs: [{ name: 'labels' }] });
  assert.deepEqual([none.status, none.json.error], [400, 'there is no output "labels"; the model gives label, p']);
  const nan = await post('/v2/models/nan-output/infer', { inputs: [input('x', [1, 3], 'FP32', [-1, -1, -1])] });
  assert.equal(nan.status, 200);
  assert.deepEqual(nan.json.outputs[0].data, [null]);
});

test('what does not fit is refused with both sides, as the protocol has it: {"error": ...}', async () => {
  const x = (shape: readonly unknown[], data: unknown, datatype = 'FP32') => ({
    inputs: [{ name: 'x', shape, datatype, data }],
  });
  const eight = [1, 2, 3, 4, 5, 6, 7, 8];
  const cases: [unknown, number, RegExp][] = [
    ['{"inputs": [', 400, /^the body is no JSON/],
    ['[]', 400, /^the request is no JSON object/],
    ['', 400, /^the body is no JSON/],
    [{}, 400, /no list of inputs/],
    [{ inputs: [] }, 400, /^input x is missing; the model reads x$/],
    [{ inputs: [input('z', [1, 8, 1], 'FP32', eight)] }, 400, /^there is no input "z"; the model reads x$/],
    [{ inputs: [input('x', [1, 8, 1], 'FP32', eight), input('x', [1, 8, 1], 'FP32', eight)] }, 400, /x is there twice/],
    [x([1, 8, 1], eight, 'FP64'), 400, /^input x is of FP64, and the model reads FP32$/],
    [x([1, 8, 1], eight, 'BYTES'), 400, /^input x is of BYTES, and models here read numbers only$/],
    [x([1, 8, 1], eight, 'FLOAT'), 400, /^input x has the datatype "FLOAT", which is none of BOOL, UINT8/],
    [x([1, 8], eight), 400, /^input x has the shape \[1, 8\], and the model reads \[batch, 8, 1\]$/],
    [x([1, 7, 1], eight.slice(1)), 400, /shape \[1, 7, 1\], and the model reads/],
    [x([1, 8, 1], eight.slice(1)), 400, /^the data of input x has 7 elements, and its shape \[1, 8, 1\] has 8$/],
    [x([1, 8, 1], [[1, 2]]), 400, /^the data of input x\[0\] is a list of 2, and its shape \[1, 8, 1\] has 8 there$/],
    [x([1, 8, 1], [eight]), 400, /^the data of input x\[0\]\[0\] is no list/],
    [x([1, 8, 1], 'eight'), 400, /^the data of input x is no list$/],
    [x([1, 8, 1], [...eight.slice(1), '8']), 400, /has "8" at element 7, which is no FP32$/],
    [x([1, 8, 1], [...eight.slice(1), null]), 400, /has null at element 7/],
    [x([1, 8, 1], [...eight.slice(1), 1e39]), 400, /has 1e\+39 at element 7, which is no FP32$/],
    [x([0, 8, 1], []), 400, /is no list of sizes from 1 on$/],
    [x([-1, 8, 1], eight), 400, /is no list of sizes/],
    [x([1e9, 8, 1], eight), 413, /has 8000000000 elements, more than/],
    [
      x(
        [101, 8, 1],
        Array.from({ length: 808 }, () => 0),
      ),
      413,
      /^the request has 101 rows, more than 100$/,
    ],
    [
      { inputs: [{ ...input('x', [1, 8, 1], 'FP32', eight), parameters: { binary_data_size: 32 } }] },
      400,
      /has both data and/,
    ],
    [{ ...x([1, 8, 1], eight), id: 7 }, 400, /the id of the request is no text/],
  ];
  for (const [body, status, message] of cases) {
    const answer = await post('/v2/models/versioned/infer', body);
    assert.equal(answer.status, status, JSON.stringify(body));
    assert.deepEqual(Object.keys(answer.json), ['error']);
    assert.match(answer.json.error, message);
  }
});

test('paths, methods and versions that are not there', async () => {
  const cases: [string, string, number, RegExp][] = [
    ['GET', '/v2/models/nothing', 404, /^there is no model "nothing"; there are versioned, float16, /],
    ['GET', '/v2/models/versioned/versions/4', 404, /^model versioned has no version "4"; there are 3, 12, champion$/],
    ['POST', '/v2/models/nothing/infer', 404, /there is no model/],
    ['GET', '/v2/models/float16/infer', 405, /is for POST, not for GET/],
    ['POST', '/v2/health/live', 405, /is for GET, not for POST/],
    ['GET', '/v2/health/well', 404, /^there is no \/v2\/health\/well/],
    ['GET', '/v2/models/float16/explain', 404, /there is no/],
    ['GET', '/v1/models/float16', 404, /there is no/],
    ['GET', '/v2/models/%E0%A4%A', 400, /not percent-encoded/],
  ];
  for (const [method, path, status, message] of cases) {
    const response = await fetch(server.url + path, { method, ...(method === 'POST' && { body: '{"inputs":[]}' }) });
    const { error } = (await response.json()) as { error: string };
    assert.equal(response.status, status, path);
    assert.match(error, message);
  }
  const head = await fetch(`${server.url}/v2/health/live`, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('binary tensor data, in and out, beside JSON', async () => {
  const { input: x, output } = EXPECTED['lstm-forecast'];
  const head = JSON.stringify({
    inputs: [{ name: 'x', shape: [3, 8, 1], datatype: 'FP32', parameters: { binary_data_size: 96 } }],
    outputs: [{ name: 'forecast', parameters: { binary_data: true } }],
  });
  const tail = Buffer.from(Float32Array.from(x).buffer);
  const infer = (body: Buffer, length: number | string) =>
    fetch(`${server.url}/v2/models/versioned/infer`, {
      method: 'POST',
      headers: { 'Inference-Header-Content-Length': String(length) },
      body,
    });
  const response = await infer(Buffer.concat([Buffer.from(head), tail]), head.length);
  assert.equal(response.status, 200);
  const body = Buffer.from(await response.arrayBuffer());
  const length = Number(response.headers.get('inference-header-content-length'));
  const json = JSON.parse(body.toString('utf8', 0, length));
  assert.deepEqual(json.outputs, [
    { name: 'forecast', datatype: 'FP32', shape: [3, 1], parameters: { binary_data_size: 12 } },
  ]);
  close(
    [0, 4, 8].map((at) => body.readFloatLE(length + at)),
    output,
  );
  const cut = await infer(Buffer.concat([Buffer.from(head), tail.subarray(4)]), head.length);
  assert.match(((await cut.json()) as { error: string }).error, /the body ends within the binary data of input x/);
  const long = await infer(Buffer.concat([Buffer.from(head), tail, tail]), head.length);
  assert.match(((await long.json()) as { error: string }).error, /the body has 96 bytes more than its inputs say/);
  const wrong = await infer(Buffer.from(head), 'many');
  assert.match(((await wrong.json()) as { error: string }).error, /is no length within/);
});

test('requests that come together share runs', async () => {
  const one = (i: number) => ({ inputs: [input('x', [1, 8, 1], 'FP32', [i, 2, 3, 4, 5, 6, 7, 8])] });
  const alone = [];
  for (let i = 0; i < 8; i++) alone.push((await post('/v2/models/versioned/infer', one(i))).json.outputs[0].data[0]);
  runs.length = 0;
  const together = await Promise.all(Array.from({ length: 8 }, (_, i) => post('/v2/models/versioned/infer', one(i))));
  close(
    together.map(({ json }) => json.outputs[0].data[0]),
    alone,
  );
  assert.ok(runs.length < 8 && runs.reduce((sum, { rows }) => sum + rows, 0) === 8, JSON.stringify(runs));
});

test('a body that is too large is answered 413, whether its length is told or not', async () => {
  const small = await listen(models, { maxBodyBytes: 1000 });
  try {
    const body = `{"inputs": [${' '.repeat(20_000)}]}`;
    const told = await post('/v2/models/float16/infer', body, {}, small.url);
    assert.deepEqual([told.status, told.json.error], [413, 'the body has more than 1000 bytes (--max-body)']);
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 8; i++) controller.enqueue(new Uint8Array(1000));
        controller.close();
      },
    });
    const init = { method: 'POST', body: chunks, duplex: 'half' } as RequestInit;
    const untold = await fetch(`${small.url}/v2/models/float16/infer`, init);
    assert.equal(untold.status, 413);
    const coded = await post('/v2/models/float16/infer', '{}', { 'content-encoding': 'gzip' }, small.url);
    assert.equal(coded.status, 415);
    assert.equal((await get('/v2/health/ready', small.url)).status, 200);
  } finally {
    await small.drain(1000);
  }
});

/** Sends the beginning of a request, and gives what finishes it. */
async function begin(url: string, path: string, body: string): Promise<() => Promise<string>> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
  await new Promise((resolve) => socket.once('ready', resolve));
  return async () => {
    socket.write(body.slice(5));
    await new Promise((resolve) => socket.once('close', resolve));
    return text;
  };
}

/** Resolves when the server has seen that a request began. */
async function seen(url: string): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${url}/metrics`)).text();
    if (/in_flight_requests 1/.test(text)) return;
  }
}

test('above the most in flight 429, while stopping 503; what is under way is answered', async () => {
  const few = await listen(models, { maxInFlight: 1 });
  const body = JSON.stringify({ inputs: [input('x', [1, 3], 'FP16', [1, 2, 3])] });
  const finish = await begin(few.url, '/v2/models/float16/infer', body);
  await seen(few.url);
  const { status, json, headers } = await post('/v2/models/float16/infer', body, {}, few.url);
  assert.deepEqual([status, json.error], [429, '1 requests are under way already (--max-in-flight)']);
  assert.equal(headers.get('retry-after'), '1');
  const drained = few.drain(10_000);
  const refused = await post('/v2/models/float16/infer', body, {}, few.url);
  assert.deepEqual([refused.status, refused.json.error], [503, 'the server is stopping']);
  const ready = await get('/v2/health/ready', few.url);
  assert.deepEqual([ready.status, ready.json], [503, { ready: false }]);
  assert.equal((await get('/v2/health/live', few.url)).status, 200);
  assert.match(await finish(), /^HTTP\/1\.1 200 OK[\s\S]*"model_name":"float16"/);
  assert.equal(await drained, true);
  await assert.rejects(fetch(`${few.url}/v2/health/live`));
});

test('a connection that never sends a request does not hold the end', async () => {
  const other = await listen(models);
  const silent = connect(Number(new URL(other.url).port), '127.0.0.1');
  await new Promise((resolve) => silent.once('connect', resolve));
  await get('/v2/health/live', other.url);
  const closed = new Promise((resolve) => silent.once('close', resolve));
  silent.on('error', () => {});
  silent.resume();
  assert.equal(await other.drain(1000), true);
  await closed;
});

test('an end that waits for too long cuts off, and says so', async () => {
  const other = await listen(models);
  const finish = await begin(other.url, '/v2/models/float16/infer', '{"inputs": [             ]}');
  await seen(other.url);
  assert.equal(await other.drain(20), false);
  assert.doesNotMatch(await finish(), /200 OK/);
});

test('/metrics has requests by status, runs, rows and what is ready', async () => {
  const response = await fetch(`${server.url}/metrics`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
  const text = await response.text();
  for (const line of [
    /^anomaly_serve_requests_total\{model="versioned",version="3",status="200"\} \d+$/m,
    /^anomaly_serve_requests_total\{model="versioned",version="3",status="400"\} \d+$/m,
    /^anomaly_serve_requests_total\{model="",version="",status="404"\} \d+$/m,
    /^anomaly_serve_model_ready\{model="versioned",version="12"\} 1$/m,
    /^anomaly_serve_request_seconds_count\{model="versioned",version="3"\} \d+$/m,
    /^anomaly_serve_in_flight_requests 0$/m,
  ]) {
    assert.match(text, line);
  }
});

test('a model whose thread is gone answers 503, and the server is neither ready nor live', async () => {
  const own = new ServedModels();
  own.add(await served('nan-output', 'gone'));
  const other = await listen(own);
  try {
    await own.find('gone', undefined).close();
    const body = { inputs: [input('x', [1, 3], 'FP32', [1, 2, 3])] };
    const { status, json } = await post('/v2/models/gone/infer', body, {}, other.url);
    assert.deepEqual([status, json.error], [503, 'gone/1 is not there at the moment: it was unloaded']);
    for (const path of ['/v2/health/live', '/v2/health/ready', '/v2/models/gone/ready']) {
      assert.equal((await get(path, other.url)).status, 503, path);
    }
    assert.match(await (await fetch(`${other.url}/metrics`)).text(), /model_ready\{model="gone",version="1"\} 0/);
  } finally {
    await other.drain(1000);
  }
});

test('a model that the protocol cannot carry is refused by name', async () => {
  await assert.rejects(served('sequence-output'), {
    code: 'ANM_MODEL_UNSUPPORTED',
    message: 'cannot serve sequence-output/1 as none of its outputs is a tensor of numbers',
  });
  await assert.rejects(served('zipmap'), { code: 'ANM_MODEL_UNSUPPORTED' });
});

test('an address that is taken is named', async () => {
  const taken = new URL(server.url).host;
  await assert.rejects(listen(models, { listen: taken }), { code: 'ANM_PORT_IN_USE', message: new RegExp(taken) });
});

test('what a client that has gone had asked for is not computed', async (t) => {
  const patient = await served('classes', 'classes', '1', 600_000);
  const own = new ServedModels();
  own.add(patient);
  const other = await listen(own);
  t.after(async () => {
    await other.drain(1000);
    await patient.close();
  });
  const body = JSON.stringify({ inputs: [input('x', [1, 3], 'FP32', EXPECTED['classes'].input.slice(0, 3))] });
  const leaving = new AbortController();
  const asked = fetch(`${other.url}/v2/models/classes/infer`, { method: 'POST', body, signal: leaving.signal });
  const until = async (rows: number): Promise<void> => {
    while (patient.waitingRows !== rows) await new Promise((resolve) => setImmediate(resolve));
  };
  await until(1);
  leaving.abort();
  await assert.rejects(asked);
  const before = runs.length;
  await until(0);
  assert.equal(runs.length, before);
});
