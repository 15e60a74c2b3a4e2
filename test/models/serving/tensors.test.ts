// Tensors of every datatype through a request, a model and an answer, and the probe for rows that share a run; the models
// run in this thread.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { readModelFiles } from '../../../src/models/runtime/modelFiles.ts';
import { openSession } from '../../../src/models/runtime/onnxSession.ts';
import { halfToNumber, numberToHalf, type TensorData } from '../../../src/models/runtime/tensorData.ts';
import { whyNotShared } from '../../../src/models/serving/batchProbe.ts';
import { datatypeNamed } from '../../../src/models/serving/datatypes.ts';
import { readInferRequest } from '../../../src/models/serving/inferRequest.ts';
import { wantedOutputs, writeInferResponse } from '../../../src/models/serving/inferResponse.ts';
import { checkInputs, servedTensors } from '../../../src/models/serving/servedTensors.ts';

const FIXTURES = fileURLToPath(new URL('../../../fixtures/models', import.meta.url));
const EXPECTED = JSON.parse(readFileSync(`${FIXTURES}/expected.json`, 'utf8'));

async function withModel<T>(
  file: string,
  work: (
    tensors: ReturnType<typeof servedTensors>,
    run: (feeds: Readonly<Record<string, TensorData>>) => Promise<Record<string, TensorData>>,
  ) => Promise<T>,
): Promise<T> {
  const session = await openSession(await readModelFiles(`${FIXTURES}/${file}.onnx`), { runtime: 'web', threads: 1 });
  try {
    const tensors = servedTensors(session.model);
    const names = tensors.outputs.map(({ name }) => name);
    return await work(tensors, (feeds) => session.run(feeds, names));
  } finally {
    await session.release();
  }
}

/** From the body of a request to that of its answer. */
async function infer(file: string, body: unknown): Promise<ReturnType<typeof JSON.parse>> {
  return await withModel(file, async (tensors, run) => {
    const { id, feeds, ...asked } = readInferRequest(Buffer.from(JSON.stringify(body)), undefined);
    checkInputs(tensors.inputs, feeds);
    const wanted = wantedOutputs(asked, tensors.outputs);
    const { body: answer } = writeInferResponse({ name: file, version: '1' }, id, wanted, await run(feeds));
    return JSON.parse(answer.toString());
  });
}

function close(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(
      Math.abs(actual[i]! - value) <= tolerance * (1 + Math.abs(value)),
      `${actual[i]} is not ${value}, at ${i}`,
    );
  }
}

const input = (name: string, shape: readonly number[], datatype: string, data: unknown) => ({
  name,
  shape,
  datatype,
  data,
});

test('models of 64-bit numbers, whole and not, give what the reference gives', async () => {
  const { input: x, output } = EXPECTED['float64'];
  const double = await infer('float64', { inputs: [input('x', [3, 3], 'FP64', x)] });
  assert.equal(double.outputs[0].datatype, 'FP64');
  close(double.outputs[0].data, output, 1e-12);
  const whole = await infer('int-input', { inputs: [input('x', [1, 3], 'INT64', [1, 2, 3])] });
  assert.deepEqual(whole.outputs[0].shape, [1, 1]);
  const forest = EXPECTED['isolation-forest'];
  const { outputs } = await infer('isolation-forest', { inputs: [input('X', [4, 3], 'FP32', forest.input)] });
  assert.deepEqual(
    outputs.map((each: { datatype: string }) => each.datatype),
    ['INT64', 'FP32'],
  );
  close(outputs[1].data, forest.output, 1e-5);
  assert.deepEqual(
    outputs[0].data,
    forest.output.map((score: number) => (score < 0 ? -1 : 1)),
  );
});

test('inputs that are missing, or of another number of rows where a name says that they are the same', async () => {
  const x = input('x', [1, 3], 'FP32', [1, 2, 3]);
  await assert.rejects(infer('two-inputs', { inputs: [x] }), {
    status: 400,
    message: 'input y is missing; the model reads x, y',
  });
  const batch = { name: 'a', datatype: datatypeNamed('FP32', 'a'), shape: ['batch', 1] };
  const feed = (rows: number): TensorData => ({ type: 'float32', dims: [rows, 1], data: new Float32Array(rows) });
  assert.throws(() => checkInputs([batch, { ...batch, name: 'b' }], { a: feed(2), b: feed(3) }), {
    status: 400,
    message: 'batch is 2 in input a and 3 in input b',
  });
});

test('rows share runs only where the model takes them and does not mix them', async () => {
  const cases: [string, RegExp | undefined][] = [
    ['lstm-forecast', undefined],
    ['float16', undefined],
    ['int-input', undefined],
    ['isolation-forest', undefined],
    ['batch-leak', /^rows of one run change score of each other$/],
    ['baked-batch', /./],
    ['fixed-batch', /^x has a first dimension of 4$/],
    ['time-first', /^x has a first dimension of 8$/],
    ['two-inputs', /^y has a first dimension of 3$/],
  ];
  for (const [file, why] of cases) {
    const found = await withModel(file, (tensors, run) => whyNotShared(tensors, run));
    if (why === undefined) assert.equal(found, undefined, file);
    else assert.match(found ?? 'they share', why, file);
  }
});

test('models whose inputs or outputs no request can hold are told by name', async () => {
  const text = { kind: 'tensor', type: 'string', shape: ['batch'] } as const;
  const number = { kind: 'tensor', type: 'float32', shape: ['batch', 3] } as const;
  const label = { name: 'label', ...text };
  const score = { name: 'score', ...number };
  assert.equal(servedTensors({ inputs: [label], outputs: [score] }).problem, 'its input label is of string');
  assert.equal(
    servedTensors({ inputs: [score], outputs: [label] }).problem,
    'none of its outputs is a tensor of numbers',
  );
  const served = servedTensors({ inputs: [score], outputs: [label, score] });
  assert.deepEqual([served.problem, served.leftOut], [undefined, ['label']]);
});

/** By datatype, the values that a request may hold. */
const VALUES: Readonly<Record<string, fc.Arbitrary<number | boolean>>> = {
  BOOL: fc.boolean(),
  UINT8: fc.integer({ min: 0, max: 255 }),
  UINT16: fc.integer({ min: 0, max: 65_535 }),
  UINT32: fc.integer({ min: 0, max: 4_294_967_295 }),
  UINT64: fc.maxSafeNat(),
  INT8: fc.integer({ min: -128, max: 127 }),
  INT16: fc.integer({ min: -32_768, max: 32_767 }),
  INT32: fc.integer(),
  INT64: fc.maxSafeInteger(),
  FP16: fc.integer({ min: 0, max: 0xffff }).map(halfToNumber).filter(Number.isFinite),
  FP32: fc.float({ noNaN: true, noDefaultInfinity: true }),
  FP64: fc.double({ noNaN: true, noDefaultInfinity: true }),
};

test('every value of every datatype comes through JSON and binary data as it was', () => {
  for (const [datatype, values] of Object.entries(VALUES)) {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 12 }), (data) => {
        const body = { inputs: [input('x', [data.length], datatype, data)] };
        const { feeds } = readInferRequest(Buffer.from(JSON.stringify(body)), undefined);
        const wanted = (isBinary: boolean) => [{ name: 'x', isBinary }];
        const text = writeInferResponse({ name: 'm', version: '1' }, undefined, wanted(false), feeds);
        const [back] = JSON.parse(text.body.toString()).outputs;
        // JSON has no negative zero.
        assert.deepEqual(back, { ...body.inputs[0], data: data.map((value) => (value === 0 ? 0 : value)) });
        const { body: answer, jsonBytes } = writeInferResponse(
          { name: 'm', version: '1' },
          undefined,
          wanted(true),
          feeds,
        );
        const tail = answer.subarray(jsonBytes);
        const { parameters } = JSON.parse(answer.toString('utf8', 0, jsonBytes)).outputs[0];
        const head = JSON.stringify({ inputs: [{ name: 'x', shape: [data.length], datatype, parameters }] });
        const again = readInferRequest(Buffer.concat([Buffer.from(head), tail]), Buffer.byteLength(head));
        assert.deepEqual(again.feeds['x'], feeds['x']);
      }),
      { numRuns: 40 },
    );
  }
});

test('values that a datatype does not have are refused with their place', () => {
  const cases: [string, unknown][] = [
    ['BOOL', 2],
    ['BOOL', 'true'],
    ['UINT8', 256],
    ['UINT8', -1],
    ['INT8', 128],
    ['UINT64', -1],
    ['INT64', 2 ** 53],
    ['INT64', 1.5],
    ['INT32', '3'],
    ['FP16', 70_000],
    ['FP32', 1e39],
    ['FP64', null],
    ['FP64', [1]],
  ];
  for (const [datatype, value] of cases) {
    const body = Buffer.from(JSON.stringify({ inputs: [input('x', [2], datatype, [1, value])] }));
    const message = new RegExp(`at element 1, which is no ${datatype}$`);
    assert.throws(
      () => readInferRequest(body, undefined),
      { status: 400, message },
      `${datatype} ${JSON.stringify(value)}`,
    );
  }
  assert.equal(halfToNumber(numberToHalf(65_504)), 65_504);
});

test('64 bits are written in all their digits', () => {
  const data = BigInt64Array.of(9_007_199_254_740_993n, -9_223_372_036_854_775_808n);
  const tensor: TensorData = { type: 'int64', dims: [2], data };
  const { body } = writeInferResponse({ name: 'm', version: '1' }, undefined, [{ name: 'y', isBinary: false }], {
    y: tensor,
  });
  assert.match(body.toString(), /"data":\[9007199254740993,-9223372036854775808\]/);
});

test('a shape that the body cannot hold is given no memory', () => {
  const read = (shape: readonly number[], data: unknown) =>
    readInferRequest(Buffer.from(JSON.stringify({ inputs: [input('x', shape, 'FP64', data)] })), undefined);
  const before = process.memoryUsage().arrayBuffers;
  assert.throws(() => read([2 ** 28], []), { status: 400, message: /the body ends before the 268435456 elements/ });
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 24);
  assert.throws(
    () =>
      read(
        Array.from({ length: 33 }, () => 1),
        [1],
      ),
    { status: 400, message: /33 dimensions/ },
  );
});

test('a file with a size that no memory has is refused before it is tried', async () => {
  const datatype = datatypeNamed('FP32', 'x');
  const tensors = [{ name: 'x', datatype, shape: [null, 2 ** 40] }];
  await assert.rejects(
    whyNotShared({ inputs: tensors, outputs: tensors }, async () => assert.fail('it was run')),
    { code: 'ANM_MODEL_TOO_LARGE', message: /reads x as \[\?, 1099511627776\]/ },
  );
});
