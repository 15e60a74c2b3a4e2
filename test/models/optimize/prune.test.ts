import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OnnxEditor } from '../../../src/models/onnx/onnxEditor.ts';
import {
  type AttributeValue,
  floatTensor,
  longTensor,
  type NodeSource,
  type TensorSource,
} from '../../../src/models/onnx/onnxWriter.ts';
import { floatsOf } from '../../../src/models/onnx/storedTensor.ts';
import { pruneUnits, zeroWeights } from '../../../src/models/optimize/prune.ts';
import { graphModel, randomInput, randomTensor, worstDifference } from '../helpers/graphModel.ts';
import { ortRun } from '../helpers/ortRun.ts';

/** Sets what is at the given places along an axis to 0. */
function without(tensor: TensorSource, axis: number, indices: readonly number[]): TensorSource {
  const values = floatsOf(tensor);
  const size = tensor.dims[axis]!;
  const inner = tensor.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  values.forEach((_, i) => {
    if (indices.includes(Math.floor(i / inner) % size)) values[i] = 0;
  });
  return floatTensor(tensor.name, tensor.dims, values);
}

/** Prunes a quarter of the units; with nothing reading these, the outputs have to be what they were. */
async function same(model: Uint8Array, dims: readonly number[], layers: number, amount = 0.25): Promise<OnnxEditor> {
  const editor = OnnxEditor.read('test.onnx', model);
  const report = pruneUnits(editor, amount);
  assert.equal(report.changed.length, layers, JSON.stringify(report));
  const bytes = editor.write();
  assert.ok(bytes.length < model.length);
  const x = randomInput(
    dims.reduce((product, dim) => product * dim, 1),
    77,
  );
  const before = await ortRun(model, x, dims);
  const after = await ortRun(bytes, x, dims);
  assert.deepEqual(after.dims, before.dims);
  assert.ok(before.data.some((value) => Math.abs(value) > 0.05));
  assert.ok(worstDifference(before.data, after.data) < 1e-6);
  return editor;
}

const GONE = [1, 6];
const recurrent = (op: string, name: string, inputs: readonly string[], outputs: readonly string[]): NodeSource => ({
  ...{ op, name, inputs, outputs },
  attributes: { hidden_size: { integer: 8 } },
});

for (const [op, gates] of [
  ['LSTM', 4],
  ['GRU', 3],
  ['RNN', 1],
] as const) {
  test(`${op}: units that nothing reads go, through what comes behind it`, async () => {
    const nodes: NodeSource[] = [
      recurrent(op, 'cell', ['x', 'w', 'r', 'b'], ['all', 'last']),
      { op: 'Squeeze', inputs: ['all', 'axis1'], outputs: ['steps'] },
      { op: 'Transpose', inputs: ['steps'], outputs: ['turned'], attributes: { perm: { integers: [1, 0, 2] } } },
      {
        op: 'ReduceMean',
        inputs: ['turned'],
        outputs: ['mean'],
        attributes: { axes: { integers: [1] }, keepdims: { integer: 0 } },
      },
      { op: 'Squeeze', inputs: ['last', 'axis0'], outputs: ['state'] },
      { op: 'Tanh', inputs: ['state'], outputs: ['bent'] },
      { op: 'Gemm', inputs: ['bent', 'v'], outputs: ['first'], attributes: { transB: { integer: 1 } } },
      { op: 'MatMul', inputs: ['mean', 'u'], outputs: ['second'] },
      { op: 'Add', inputs: ['first', 'second'], outputs: ['y'] },
    ];
    const weights = [
      randomTensor('w', [1, 8 * gates, 3], 1),
      without(randomTensor('r', [1, 8 * gates, 8], 2), 2, GONE),
      randomTensor('b', [1, 16 * gates], 3),
      without(randomTensor('v', [5, 8], 4), 1, GONE),
      without(randomTensor('u', [8, 5], 5), 0, GONE),
      longTensor('axis0', [1], [0]),
      longTensor('axis1', [1], [1]),
    ];
    const model = graphModel(nodes, weights, ['t', 'n', 3], ['n', 5], 17);
    const editor = await same(model, [7, 4, 3], 1);
    assert.deepEqual(editor.tensor('w')!.dims, [1, 6 * gates, 3]);
    assert.deepEqual(editor.tensor('r')!.dims, [1, 6 * gates, 6]);
    assert.deepEqual(editor.tensor('b')!.dims, [1, 12 * gates]);
    assert.deepEqual(editor.tensor('v')!.dims, [5, 6]);
    assert.equal(editor.nodes[0]!.attributes.get('hidden_size')!.int, 6);
  });
}

test('layers behind one another, with biases and constants of one number a unit', async () => {
  const gemm = (inputs: string[], outputs: string[], attributes: Record<string, AttributeValue> = {}): NodeSource => {
    return { op: 'Gemm', inputs, outputs, attributes };
  };
  const nodes: NodeSource[] = [
    gemm(['x', 'w1', 'b1'], ['h1']),
    { op: 'Relu', inputs: ['h1'], outputs: ['a1'] },
    { op: 'Mul', inputs: ['a1', 'scale'], outputs: ['s1'] },
    { op: 'Add', inputs: ['s1', 'one'], outputs: ['t1'] },
    { op: 'MatMul', inputs: ['t1', 'w2'], outputs: ['h2'] },
    { op: 'Add', inputs: ['h2', 'b2'], outputs: ['c2'] },
    { op: 'Sigmoid', inputs: ['c2'], outputs: ['a2'] },
    { op: 'Concat', inputs: ['a2', 'x'], outputs: ['both'], attributes: { axis: { integer: -1 } } },
    gemm(['both', 'w3', 'b3'], ['y'], { transB: { integer: 1 } }),
  ];
  const weights = [
    randomTensor('w1', [6, 8], 1),
    randomTensor('b1', [8], 2),
    randomTensor('scale', [1, 8], 3),
    floatTensor('one', [], [0.5]),
    without(randomTensor('w2', [8, 8], 4), 0, GONE),
    randomTensor('b2', [8], 5),
    without(randomTensor('w3', [3, 14], 6), 1, GONE),
    randomTensor('b3', [3], 7),
  ];
  const editor = await same(graphModel(nodes, weights, ['n', 6], ['n', 3]), [5, 6], 2);
  assert.deepEqual(editor.tensor('w2')!.dims, [6, 6]);
  assert.deepEqual(editor.tensor('scale')!.dims, [1, 6]);
  assert.deepEqual(editor.tensor('w3')!.dims, [3, 12]);
});

test('the smallest go: of units whose weights differ in size, the small ones', () => {
  const small = [0, 3, 5];
  const scaled = (tensor: TensorSource, axis: number): TensorSource => {
    const kept = without(tensor, axis, small);
    const all = floatsOf(tensor);
    return floatTensor(
      tensor.name,
      tensor.dims,
      floatsOf(kept).map((value, i) => (value === 0 ? all[i]! / 10 : value)),
    );
  };
  const nodes: NodeSource[] = [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
    { op: 'MatMul', inputs: ['h', 'v'], outputs: ['y'] },
  ];
  const w = scaled(randomTensor('w', [6, 8], 1), 1);
  const model = graphModel(nodes, [w, randomTensor('v', [8, 2], 2)], ['n', 6], ['n', 2]);
  const editor = OnnxEditor.read('test.onnx', model);
  const { changed, left } = pruneUnits(editor, 0.4);
  assert.deepEqual(changed, [{ node: 'MatMul h', before: 8, after: 5 }]);
  assert.deepEqual(left, [{ node: 'MatMul y', reason: 'y is an output of the model' }]);
  const expected = [1, 2, 4, 6, 7].map((unit) => floatsOf(w)[unit]);
  assert.deepEqual([...floatsOf(editor.tensor('w')!)].slice(0, 5), expected);
});

test('what stands against it is named', () => {
  const reasonOf = (nodes: NodeSource[], weights: TensorSource[] = []): string => {
    const all = [randomTensor('w', [6, 8], 1), randomTensor('v', [8, 2], 2), ...weights];
    const model = graphModel([{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] }, ...nodes], all, ['n', 6], ['n', 2]);
    try {
      pruneUnits(OnnxEditor.read('test.onnx', model), 0.5);
    } catch (error) {
      assert.equal((error as { code: string }).code, 'ANM_MODEL_OPTIMIZE');
      return (error as Error).message;
    }
    return 'pruned';
  };
  const read: NodeSource = { op: 'MatMul', inputs: ['a', 'v'], outputs: ['y'] };
  const through = (op: string, inputs: string[] = ['h'], attributes = {}): NodeSource[] => [
    { op, inputs, outputs: ['a'], attributes },
    read,
  ];
  assert.equal(reasonOf(through('Relu')), 'pruned');
  assert.match(reasonOf(through('Softmax')), /Softmax a reads the units/);
  assert.match(
    reasonOf(through('LayerNormalization', ['h', 'g']), [randomTensor('g', [8], 3)]),
    /LayerNormalization a/,
  );
  assert.match(reasonOf(through('Add', ['h', 'h'])), /Add a joins the units with h/);
  assert.match(reasonOf(through('Concat', ['x', 'h'], { axis: { integer: -1 } })), /Concat a reads the units/);
  assert.match(reasonOf(through('Reshape', ['h', 's']), [longTensor('s', [2], [-1, 8])]), /Reshape a reads the units/);
  assert.match(reasonOf([{ op: 'Relu', inputs: ['h'], outputs: ['y'] }]), /y is an output of the model/);
  assert.match(reasonOf([{ op: 'Relu', inputs: ['h'], outputs: ['y'] }].slice(1)), /no weights read its units/);
  const twice: NodeSource[] = [
    { op: 'MatMul', inputs: ['h', 'v'], outputs: ['p'] },
    { op: 'MatMul', inputs: ['h', 'v'], outputs: ['q'] },
    { op: 'Add', inputs: ['p', 'q'], outputs: ['y'] },
  ];
  assert.match(reasonOf(twice), /v is read by other nodes/);
});

test('a bidirectional LSTM stays whole, and a small share of few units is less than one', () => {
  const both = recurrent('LSTM', 'cell', ['x', 'w', 'r'], ['y']);
  const weights = [randomTensor('w', [2, 32, 3], 1), randomTensor('r', [2, 32, 8], 2)];
  const turned = { ...both, attributes: { ...both.attributes, direction: { text: 'bidirectional' } } };
  const model = graphModel([turned], weights, ['t', 'n', 3], ['t', 2, 'n', 8]);
  assert.throws(() => pruneUnits(OnnxEditor.read('m', model), 0.5), { message: /LSTM cell: it goes both ways/ });
  const nodes: NodeSource[] = [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
    { op: 'MatMul', inputs: ['h', 'v'], outputs: ['y'] },
  ];
  const few = graphModel(nodes, [randomTensor('w', [6, 3], 1), randomTensor('v', [3, 2], 2)], ['n', 6], ['n', 2]);
  assert.throws(() => pruneUnits(OnnxEditor.read('m', few), 0.3), { message: /of 3 units, 0.3 are less than one/ });
});

test('unstructured: the smallest weights become 0, as many as asked for, and sizes stay', () => {
  const weights = [randomTensor('w', [10, 20], 1), randomTensor('b', [20], 2)];
  const model = graphModel([{ op: 'Gemm', inputs: ['x', 'w', 'b'], outputs: ['y'] }], weights, ['n', 10], ['n', 20]);
  const editor = OnnxEditor.read('m', model);
  assert.deepEqual(zeroWeights(editor, 0.3), { zeroed: 60, weights: 200 });
  const [before, after] = [floatsOf(weights[0]!), floatsOf(editor.tensor('w')!)];
  const bound = [...before].map(Math.abs).sort((a, b) => a - b)[59]!;
  const expected = [...before].map((value) => (Math.abs(value) <= bound ? 0 : value));
  assert.deepEqual([...after], expected);
  assert.equal(editor.write().length, model.length);
});
