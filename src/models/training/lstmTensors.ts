import { floatTensor, type TensorSource } from '../onnx/onnxWriter.ts';
import type { LstmLayer } from './lstmLayer.ts';

/** NAME.W [1, 4H, I], NAME.R [1, 4H, H] and NAME.B [1, 8H]: ONNX has a bias for either matrix, of which one is 0 here. */
export function lstmTensors(name: string, layer: LstmLayer, values: Float64Array): TensorSource[] {
  const { inputs, hidden } = layer.shape;
  const width = inputs + hidden;
  const input = new Float64Array(4 * hidden * inputs);
  const recurrent = new Float64Array(4 * hidden * hidden);
  for (let g = 0; g < 4 * hidden; g++) {
    const row = layer.weights + g * width;
    input.set(values.subarray(row, row + inputs), g * inputs);
    recurrent.set(values.subarray(row + inputs, row + width), g * hidden);
  }
  const biases = new Float64Array(8 * hidden);
  biases.set(values.subarray(layer.biases, layer.biases + 4 * hidden));
  return [
    floatTensor(`${name}.W`, [1, 4 * hidden, inputs], input),
    floatTensor(`${name}.R`, [1, 4 * hidden, hidden], recurrent),
    floatTensor(`${name}.B`, [1, 8 * hidden], biases),
  ];
}
