import { floatTensor, type TensorSource } from '../onnx/onnxWriter.ts';
import { floatsOf } from '../onnx/storedTensor.ts';

/** Where the units of a layer are in a weight tensor: `groups` runs of `units` along an axis, from `offset` on. */
export interface UnitEdit {
  readonly tensor: string;
  readonly axis: number;
  readonly units: number;
  /** The gates of a recurrent layer; else 1. */
  readonly groups: number;
  readonly offset: number;
  /** Weights of the layer itself, or of those that read its output. */
  readonly side: 'in' | 'out';
}

/** The tensor with only the kept units; what is along the axis beside them stays. */
export function keepUnits(source: TensorSource, edit: UnitEdit, kept: readonly number[]): TensorSource {
  const { axis, units, groups, offset } = edit;
  const size = source.dims[axis]!;
  const indices: number[] = [];
  for (let i = 0; i < offset; i++) indices.push(i);
  for (let group = 0; group < groups; group++) for (const unit of kept) indices.push(offset + group * units + unit);
  for (let i = offset + groups * units; i < size; i++) indices.push(i);
  const values = floatsOf(source);
  const [outer, inner] = around(source.dims, axis);
  const out = new Float32Array(outer * indices.length * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of indices) {
      const from = (o * size + index) * inner;
      out.set(values.subarray(from, from + inner), at);
      at += inner;
    }
  }
  const dims = source.dims.map((dim, i) => (i === axis ? indices.length : dim));
  return floatTensor(source.name, dims, out);
}

/** Adds the squares of each unit's weights. */
export function addSquares(source: TensorSource, edit: UnitEdit, squares: Float64Array): void {
  const { axis, units, groups, offset } = edit;
  const values = floatsOf(source);
  const size = source.dims[axis]!;
  const [outer, inner] = around(source.dims, axis);
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < groups * units; k++) {
      const from = (o * size + offset + k) * inner;
      for (let i = 0; i < inner; i++) squares[k % units]! += values[from + i]! * values[from + i]!;
    }
  }
}

function around(dims: readonly number[], axis: number): [number, number] {
  const product = (some: readonly number[]) => some.reduce((result, dim) => result * dim, 1);
  return [product(dims.slice(0, axis)), product(dims.slice(axis + 1))];
}
