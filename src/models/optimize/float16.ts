import { AnomalyError } from '../../errors.ts';
import { newNode, type OnnxEditor } from '../onnx/onnxEditor.ts';
import { DATA_TYPE } from '../onnx/onnxWriter.ts';
import { decodeTensor, floatsOf } from '../onnx/storedTensor.ts';
import { HALF_MAX, halfBits } from './half.ts';
import type { OptimizeReport } from './quantize.ts';

/** Smaller ones, as biases are, save nothing: a Cast takes as much. */
const ELEMENTS_MIN = 64;

/**
 * Keeps float32 weights in 16 bits, with a Cast back to float32 beside each: half the file, and the arithmetic as it was.
 * onnxruntime folds the Casts when it loads, so it is neither faster nor slower then.
 * @throws ANM_MODEL_OPTIMIZE where there is no float32 weight of some size, or none that fits
 */
export function weightsToFloat16(editor: OnnxEditor): OptimizeReport {
  editor.promoteConstants();
  const changed: string[] = [];
  const left: { node: string; reason: string }[] = [];
  const casts = [];
  const taken = new Set([...editor.initializers.keys(), ...editor.nodes.flatMap(({ outputs }) => outputs)]);
  for (const stored of [...editor.initializers.values()]) {
    const { name, dims, type } = decodeTensor(stored);
    const count = dims.reduce((product, dim) => product * dim, 1);
    if (type !== DATA_TYPE.float || count < ELEMENTS_MIN) continue;
    const values = floatsOf(decodeTensor(stored));
    if (values.some((value) => Math.abs(value) > HALF_MAX)) {
      left.push({ node: name, reason: `it has values beyond ${HALF_MAX}, the largest float16` });
      continue;
    }
    let half = `${name}.float16`;
    for (let i = 2; taken.has(half); i++) half = `${name}.float16.${i}`;
    taken.add(half);
    editor.dropTensor(name);
    editor.setTensor({ name: half, dims, type: DATA_TYPE.float16, data: halves(values) });
    casts.push(
      newNode({ op: 'Cast', inputs: [half], outputs: [name], attributes: { to: { integer: DATA_TYPE.float } } }),
    );
    changed.push(name);
  }
  if (changed.length === 0) {
    const why = left.map(({ node, reason }) => `${node}: ${reason}`).join('; ');
    throw new AnomalyError(
      'ANM_MODEL_OPTIMIZE',
      `cannot keep weights in 16 bits as ${why === '' ? `no float32 weight has ${ELEMENTS_MIN} values or more` : why}`,
    );
  }
  editor.nodes = [...casts, ...editor.nodes];
  return { changed, left };
}

function halves(values: Float32Array): Uint8Array {
  const data = new Uint8Array(2 * values.length);
  const view = new DataView(data.buffer);
  for (const [i, value] of values.entries()) view.setUint16(2 * i, halfBits(value), true);
  return data;
}
