import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OnnxEditor } from '../../../src/models/onnx/onnxEditor.ts';
import { floatTensor, type NodeSource, type TensorSource } from '../../../src/models/onnx/onnxWriter.ts';
import { weightsToFloat16 } from '../../../src/models/optimize/float16.ts';
import { halfBits } from '../../../src/models/optimize/half.ts';
import { type OptimizeReport, quantizeInt8 } from '../../../src/models/optimize/quantize.ts';
import { graphModel, randomInput, randomTensor, worstDifference } from '../helpers/graphModel.ts';
import { ortRun } from '../helpers/ortRun.ts';

/** The model before and after, on the same input; the error as a share of the largest output. */
async function compared(
  model: Uint8Array,
  change: (editor: OnnxEditor) => OptimizeReport,
  dims: readonly number[],
): Promise<{ readonly error: number; readonly report: OptimizeReport; readonly bytes: Uint8Array }> {
  const editor = OnnxEditor.read('test.onnx', model);
  const report = change(editor);
  const bytes = editor.write();
  const x = randomInput(
    dims.reduce((product, dim) => product * dim, 1),
    99,
  );
  const before = await ortRun(model, x, dims);
  const after = await ortRun(bytes, x, dims);
  assert.deepEqual(after.dims, before.dims);
  const largest = before.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  assert.ok(largest > 0.05);
  return { error: worstDifference(before.data, after.data) / largest, report, bytes };
}

const LSTM: NodeSource = {
  op: 'LSTM',
  inputs: ['x', 'w', 'r', 'b'],
  outputs: ['y'],
  attributes: { hidden_size: { integer: 24 } },
};
const lstmWeights = (directions: number): TensorSource[] => [
  randomTensor('w', [directions, 96, 3], 1),
  randomTensor('r', [directions, 96, 24], 2, 0.2),
  randomTensor('b', [directions, 192], 3),
];

test('int8: LSTM, one way and both', async () => {
  const one = graphModel([LSTM], lstmWeights(1), ['t', 'n', 3], ['t', 1, 'n', 24]);
  const { error, report, bytes } = await compared(one, quantizeInt8, [10, 4, 3]);
  assert.ok(error < 0.02, `${error}`);
  assert.deepEqual(report.changed, ['LSTM y']);
  assert.ok(bytes.length < 0.55 * one.length, `${bytes.length} of ${one.length} bytes`);
  const both = { ...LSTM, attributes: { ...LSTM.attributes, direction: { text: 'bidirectional' } } };
  const twice = graphModel([both], lstmWeights(2), ['t', 'n', 3], ['t', 2, 'n', 24]);
  assert.ok((await compared(twice, quantizeInt8, [10, 4, 3])).error < 0.02);
});

test('int8: Gemm with alpha, a transposed weight and a bias; MatMul of three dimensions', async () => {
  for (const transB of [0, 1]) {
    const gemm: NodeSource = {
      op: 'Gemm',
      inputs: ['x', 'w', 'c'],
      outputs: ['y'],
      attributes: { alpha: { float: 0.7 }, transB: { integer: transB } },
    };
    const weights = [randomTensor('w', transB === 1 ? [9, 20] : [20, 9], 4), randomTensor('c', [9], 5)];
    const model = graphModel([gemm], weights, ['n', 20], ['n', 9]);
    assert.ok((await compared(model, quantizeInt8, [6, 20])).error < 0.015);
  }
  const matMul: NodeSource = { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] };
  const model = graphModel([matMul], [randomTensor('w', [20, 9], 6)], ['n', 5, 20], ['n', 5, 9]);
  assert.ok((await compared(model, quantizeInt8, [3, 5, 20])).error < 0.015);
});

test('int8: products of the largest bytes do not overflow', async () => {
  const weights = [floatTensor('w', [64, 4], new Array(256).fill(1))];
  const model = graphModel([{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }], weights, ['n', 64], ['n', 4]);
  const editor = OnnxEditor.read('test.onnx', model);
  quantizeInt8(editor);
  const { data } = await ortRun(editor.write(), new Float32Array(64).fill(1), [1, 64]);
  for (const value of data) assert.ok(Math.abs(value - 64) < 0.3, `${value}`);
});

test('int8: two nodes that read one value share its quantisation, and one weight that two read is replaced for both', async () => {
  const nodes: NodeSource[] = [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['p'] },
    { op: 'MatMul', inputs: ['x', 'v'], outputs: ['q'] },
    { op: 'MatMul', inputs: ['p', 'w'], outputs: ['s'] },
    { op: 'Add', inputs: ['q', 's'], outputs: ['y'] },
  ];
  const weights = [randomTensor('w', [12, 12], 7, 0.3), randomTensor('v', [12, 12], 8, 0.3)];
  const { error, report, bytes } = await compared(
    graphModel(nodes, weights, ['n', 12], ['n', 12]),
    quantizeInt8,
    [5, 12],
  );
  assert.ok(error < 0.03, `${error}`);
  assert.equal(report.changed.length, 3);
  const after = OnnxEditor.read('test.onnx', bytes);
  assert.equal(after.nodes.filter(({ op }) => op === 'DynamicQuantizeLinear').length, 2);
  assert.ok(!after.initializers.has('w') && !after.initializers.has('v'));
  assert.equal(after.metadata.get('someone.key'), 'kept');
});

test('int8: what cannot be stays, with the reason; a model of nothing else is refused by its operators', async () => {
  const conv: NodeSource = { op: 'Conv', inputs: ['x', 'k'], outputs: ['f'] };
  const nodes: NodeSource[] = [
    conv,
    { op: 'MatMul', inputs: ['f', 'w'], outputs: ['g'] },
    { op: 'MatMul', inputs: ['g', 'g'], outputs: ['y'] },
  ];
  const weights = [randomTensor('k', [1, 2, 3], 9, 2), randomTensor('w', [6, 1], 10, 2)];
  const { report } = await compared(graphModel(nodes, weights, [1, 2, 8], [1, 1, 1]), quantizeInt8, [1, 2, 8]);
  assert.deepEqual(report.changed, ['MatMul g']);
  assert.deepEqual(report.left, [
    { node: 'Conv f', reason: 'there is no 8-bit form of Conv here' },
    { node: 'MatMul y', reason: 'its weights are no constants of the graph' },
  ]);
  const relu = graphModel([{ op: 'Relu', inputs: ['x'], outputs: ['y'] }], [], ['n'], ['n']);
  assert.throws(() => quantizeInt8(OnnxEditor.read('relu.onnx', relu)), {
    code: 'ANM_MODEL_OPTIMIZE',
    message: /none of its operators can be: Relu/,
  });
  const only = graphModel([{ ...conv, outputs: ['y'] }], [weights[0]!], [1, 2, 8], [1, 1, 6]);
  assert.throws(() => quantizeInt8(OnnxEditor.read('conv.onnx', only)), { message: /there is no 8-bit form of Conv/ });
});

test('weights in Constant nodes are taken, too', async () => {
  const constant: NodeSource = {
    op: 'Constant',
    inputs: [],
    outputs: ['w'],
    attributes: { value: { tensor: { ...randomTensor('', [12, 8], 11) } } },
  };
  const nodes = [constant, { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }];
  const model = graphModel(nodes, [], ['n', 12], ['n', 8]);
  for (const change of [quantizeInt8, weightsToFloat16]) {
    const { error, report } = await compared(model, change, [4, 12]);
    assert.ok(error < 0.015);
    assert.equal(report.changed.length, 1);
  }
});

test('float16: half the bytes, and three digits', async () => {
  const model = graphModel([LSTM], lstmWeights(1), ['t', 'n', 3], ['t', 1, 'n', 24]);
  const { error, report, bytes } = await compared(model, weightsToFloat16, [10, 4, 3]);
  assert.ok(error < 1e-3, `${error}`);
  assert.deepEqual(report.changed, ['w', 'r', 'b']);
  assert.ok(bytes.length < 0.55 * model.length);
});

test('float16: a weight that does not fit stays; a model without weights is refused', () => {
  const nodes: NodeSource[] = [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['p'] },
    { op: 'MatMul', inputs: ['p', 'v'], outputs: ['y'] },
  ];
  const large = floatTensor(
    'v',
    [8, 8],
    Array.from({ length: 64 }, (_, i) => 1e5 + i),
  );
  const model = graphModel(nodes, [randomTensor('w', [8, 8], 12), large], ['n', 8], ['n', 8]);
  const report = weightsToFloat16(OnnxEditor.read('m.onnx', model));
  assert.deepEqual(report, {
    changed: ['w'],
    left: [{ node: 'v', reason: 'it has values beyond 65504, the largest float16' }],
  });
  const relu = graphModel([{ op: 'Relu', inputs: ['x'], outputs: ['y'] }], [], ['n'], ['n']);
  assert.throws(() => weightsToFloat16(OnnxEditor.read('relu.onnx', relu)), { code: 'ANM_MODEL_OPTIMIZE' });
});

test('float16 rounds to the nearest, halves to even, as a table of all its numbers says', () => {
  const numbers = Array.from({ length: 0x7c00 }, (_, bits) => {
    const exponent = bits >> 10;
    const mantissa = (bits & 0x3ff) / 1024;
    return exponent === 0 ? mantissa * 2 ** -14 : (1 + mantissa) * 2 ** (exponent - 15);
  });
  for (const [bits, value] of numbers.entries()) {
    assert.equal(halfBits(value), bits);
    assert.equal(halfBits(-value), bits | 0x8000);
    const next = numbers[bits + 1];
    if (next === undefined) continue;
    const middle = (value + next) / 2;
    assert.equal(halfBits(middle), bits + (bits & 1), `${middle}`);
    assert.equal(halfBits(middle + (next - value) / 64), bits + 1);
    assert.equal(halfBits(middle - (next - value) / 64), bits);
  }
  assert.equal(halfBits(65520), 0x7c00);
  assert.equal(halfBits(Infinity), 0x7c00);
  assert.equal(halfBits(NaN) & 0x7c00, 0x7c00);
  assert.notEqual(halfBits(NaN) & 0x3ff, 0);
});

test('a file that is none is an error with its name', () => {
  for (const bytes of [new Uint8Array(0), new TextEncoder().encode('no model'), Uint8Array.of(0x3a, 0xff, 1)]) {
    assert.throws(() => OnnxEditor.read('bad.onnx', bytes), { message: /cannot read bad\.onnx as an ONNX model/ });
  }
});
