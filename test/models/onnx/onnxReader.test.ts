import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tensorBehindMap, withOutput } from '../../../src/models/onnx/extraOutput.ts';
import { readOnnx } from '../../../src/models/onnx/onnxReader.ts';
import { describeValue } from '../../../src/models/onnx/onnxTypes.ts';
import { ProtobufError } from '../../../src/models/onnx/protobufInput.ts';
import { modelBytes } from '../fixtures.ts';

test('an LSTM forecaster: inputs, outputs, nodes, weights and metadata', () => {
  const model = readOnnx(modelBytes('lstm-forecast'));
  assert.deepEqual([model.irVersion, model.producer, model.graphName], [8, 'make.py', 'lstm-forecast']);
  assert.deepEqual([...model.opsets], [['', 17]]);
  assert.deepEqual(model.inputs, [{ name: 'x', kind: 'tensor', type: 'float32', shape: ['batch', 8, 1] }]);
  assert.deepEqual(model.outputs, [{ name: 'forecast', kind: 'tensor', type: 'float32', shape: ['batch', 1] }]);
  assert.deepEqual(
    model.nodes.map(({ op }) => op),
    ['Transpose', 'LSTM', 'Squeeze', 'Gemm'],
  );
  assert.deepEqual(model.nodes[0]!.attributes, [{ name: 'perm', ints: [1, 0, 2] }]);
  assert.deepEqual(model.nodes[1]!.attributes, [{ name: 'hidden_size', int: 4 }]);
  assert.deepEqual(model.nodes[1]!.inputs, ['t', 'W', 'R', 'B']);
  assert.deepEqual(model.tensors[0], { name: 'W', type: 'float32', dims: [1, 16, 1], bytes: 64 });
  assert.equal(model.metadata.get('anomaly.channels'), '["value"]');
});

test('anonymous dimensions, both opsets, strings and maps: scikit-learn models', () => {
  const forest = readOnnx(modelBytes('isolation-forest'));
  assert.deepEqual([...forest.opsets].sort(), [
    ['', 17],
    ['ai.onnx.ml', 3],
  ]);
  assert.deepEqual(forest.inputs[0]!.shape, [null, 3]);
  assert.equal(describeValue(forest.inputs[0]!), 'float32 [?, 3]');
  assert.deepEqual(
    forest.outputs.map(({ name, type }) => `${name} ${type}`),
    ['label int64', 'scores float32'],
  );
  const classifier = readOnnx(modelBytes('zipmap'));
  assert.deepEqual(
    classifier.outputs.map(({ name, kind, type }) => [name, kind, type]),
    [
      ['output_label', 'tensor', 'string'],
      ['output_probability', 'sequence', 'undefined'],
    ],
  );
  assert.equal(tensorBehindMap(classifier, 'output_probability'), 'probabilities');
  assert.equal(tensorBehindMap(classifier, 'output_label'), undefined);
});

test('attributes, functions, domains and external data', () => {
  assert.deepEqual(readOnnx(modelBytes('layout-1')).nodes[0]!.attributes.find(({ name }) => name === 'layout')?.int, 1);
  const local = readOnnx(modelBytes('local-function'));
  assert.deepEqual([...local.functionDomains], ['local']);
  assert.deepEqual(
    local.nodes.map(({ op, domain }) => `${domain}:${op}`),
    ['local:Twice', ':ReduceSum', ':Add'],
  );
  assert.equal(readOnnx(modelBytes('unknown-domain')).nodes[0]!.domain, 'com.acme');
  const external = readOnnx(modelBytes('external-huge')).tensors[0]!;
  assert.deepEqual(external, {
    name: 'V',
    type: 'float32',
    dims: [2 ** 20, 2 ** 10],
    bytes: 0,
    external: { location: 'huge.data', offset: 0, length: 2 ** 32 },
  });
});

test('an output that is added by bytes alone is read with the rest', () => {
  const long = 'p'.repeat(200);
  const model = readOnnx(withOutput(withOutput(modelBytes('classes'), 'l'), long));
  assert.deepEqual(
    model.outputs.map(({ name, type }) => `${name} ${type}`),
    ['label int64', 'p float32', 'l float32', `${long} float32`],
  );
  assert.equal(model.graphName, 'classes');
  assert.equal(model.nodes.length, 3);
});

test('property: damaged bytes are a ProtobufError or a model, never anything else', () => {
  const names = ['lstm-forecast', 'zipmap', 'external', 'local-function', 'isolation-forest'];
  const files = names.map(modelBytes);
  fc.assert(
    fc.property(
      fc.nat(files.length - 1),
      fc.array(fc.record({ at: fc.nat(1_000_000), to: fc.nat(255) }), { maxLength: 8 }),
      fc.option(fc.nat(1_000_000)),
      (which, changes, cut) => {
        const bytes = files[which]!.slice(0, cut === null ? undefined : cut % files[which]!.length);
        for (const { at, to } of changes) if (bytes.length > 0) bytes[at % bytes.length] = to;
        try {
          readOnnx(bytes);
        } catch (error) {
          assert.ok(error instanceof ProtobufError, String(error));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a graph that nests without end is refused, as is a length beyond the file', () => {
  // A graph with a node with an attribute with a graph, and so on.
  let inner = new Uint8Array(0);
  const wrap = (field: number, content: Uint8Array): Uint8Array => {
    const length: number[] = [];
    for (let rest = content.length; ; rest >>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Uint8Array.of(field * 8 + 2, ...length, ...content);
  };
  for (let i = 0; i < 200; i++) inner = new Uint8Array(wrap(1, wrap(5, wrap(6, inner))));
  assert.throws(() => readOnnx(Uint8Array.of(0x08, 0x08, ...wrap(7, inner))), /nested more than 32 deep/);
  assert.throws(() => readOnnx(Uint8Array.of(0x08, 0x08, 0x3a, 0xff, 0xff, 0x7f)), /bytes long, 0 are left/);
  assert.throws(() => readOnnx(Uint8Array.of(0x08, 0x08)), /no IR version or no graph/);
});
