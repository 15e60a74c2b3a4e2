import {
  DATA_TYPE,
  floatTensor,
  type NodeSource,
  type TensorSource,
  type ValueSource,
  writeOnnx,
} from '../../../src/models/onnx/onnxWriter.ts';
import { bells } from '../../helpers/statistics.ts';

/** A model of a few nodes, from `x` to `y`. */
export function graphModel(
  nodes: readonly NodeSource[],
  initializers: readonly TensorSource[],
  xDims: readonly (number | string)[],
  yDims: readonly (number | string)[],
  opset = 17,
): Uint8Array {
  const value = (name: string, dims: readonly (number | string)[]): ValueSource => ({
    name,
    type: DATA_TYPE.float,
    dims,
  });
  return writeOnnx({
    ...{ graphName: 'test', nodes, initializers, inputs: [value('x', xDims)], outputs: [value('y', yDims)] },
    producer: { name: 'test', version: '1' },
    opsets: { '': opset },
    metadata: { 'someone.key': 'kept' },
  });
}

export function randomTensor(name: string, dims: readonly number[], seed: number, scale = 0.5): TensorSource {
  const next = bells(seed);
  const count = dims.reduce((product, dim) => product * dim, 1);
  return floatTensor(
    name,
    dims,
    Array.from({ length: count }, () => scale * next()),
  );
}

export function randomInput(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, bells(seed));
}

export function worstDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), a.length === b.length ? 0 : NaN);
}
