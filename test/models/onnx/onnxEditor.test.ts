import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isAnomalyError } from '../../../src/errors.ts';
import { changedNode, OnnxEditor } from '../../../src/models/onnx/onnxEditor.ts';
import { readOnnx } from '../../../src/models/onnx/onnxReader.ts';
import { floatsOf } from '../../../src/models/onnx/storedTensor.ts';
import { readModelFiles } from '../../../src/models/runtime/modelFiles.ts';

const FOLDER = new URL('../../../fixtures/models/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.onnx') && !name.startsWith('external'));

for (const name of FILES) {
  test(`${name}: what is not changed stays as it was`, () => {
    const bytes = readFileSync(new URL(name, FOLDER));
    const again = OnnxEditor.read(name, bytes).write();
    assert.deepEqual(readOnnx(again), readOnnx(bytes));
    // A second pass changes no byte: the order of fields is settled by the first.
    assert.deepEqual(OnnxEditor.read(name, again).write(), again);
  });
}

test('weights of a file beside it come into the model', async () => {
  const path = new URL('external.onnx', FOLDER).pathname;
  const { bytes, external, model } = await readModelFiles(path);
  const editor = OnnxEditor.read(path, bytes, external);
  const made = readOnnx(editor.write());
  const [before] = model.tensors;
  const after = made.tensors.find(({ name }) => name === before!.name)!;
  assert.equal(after.external, undefined);
  assert.equal(after.bytes, before!.external!.length ?? [...external.values()][0]!.length);
  const stored = [...external.values()][0]!;
  assert.deepEqual(new Uint8Array(floatsOf(editor.tensor(after.name)!).buffer), new Uint8Array(stored));
  assert.throws(
    () => OnnxEditor.read(path, bytes),
    (error) => isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED',
  );
});

test('a node is changed in the part that is named', () => {
  const bytes = readFileSync(new URL('lstm-forecast.onnx', FOLDER));
  const editor = OnnxEditor.read('lstm-forecast.onnx', bytes);
  const node = editor.nodes.find(({ op }) => op === 'LSTM')!;
  const changed = changedNode(node, {
    inputs: ['other'],
    attributes: { hidden_size: { integer: 99 }, extra: { text: 'a' } },
  });
  assert.deepEqual(changed.inputs, ['other']);
  assert.deepEqual(changed.outputs, node.outputs);
  assert.equal(changed.attributes.get('hidden_size')!.int, 99);
  assert.equal(changed.attributes.get('extra')!.text, 'a');
  assert.deepEqual([...changed.attributes.keys()].sort(), [...node.attributes.keys(), 'extra'].sort());
});
