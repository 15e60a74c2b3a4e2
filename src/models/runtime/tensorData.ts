import type { OnnxType } from '../onnx/onnxTypes.ts';

/** Arrays of numbers as tensors have them; float16 and bool are the bits, in Uint16Array and Uint8Array. */
export type TensorNumbers =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor: row-major values of a shape. */
export interface TensorData {
  readonly type: OnnxType;
  readonly dims: readonly number[];
  readonly data: TensorNumbers | readonly string[];
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Values of a tensor as double precision numbers; int64 beyond 2^53 are rounded. Strings are no numbers: undefined. */
export function numbersOf({ type, data }: TensorData): Float32Array | Float64Array | undefined {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  if (type === 'float16') return Float64Array.from(data as Uint16Array, halfToNumber);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const numbers = new Float64Array(data.length);
    for (let i = 0; i < data.length; i++) numbers[i] = Number(data[i]);
    return numbers;
  }
  if (Array.isArray(data)) return undefined;
  return Float64Array.from(data as Int32Array);
}

/** IEEE 754 binary16, by its bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** Rounded to the nearest, ties to even; above 65504 it is infinite. The number is rounded to float32 first. */
export function numberToHalf(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff - 112) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  if (exponent >= 0x1f) return sign | 0x7c00;
  if (exponent < -10) return sign;
  // A fraction that overflows by rounding carries into the exponent, as it should.
  if (exponent > 0) return sign + roundedShift((exponent << 23) | fraction, 13);
  return sign + roundedShift(fraction | 0x800000, 14 - exponent);
}

function roundedShift(value: number, by: number): number {
  const kept = Math.floor(value / 2 ** by);
  const rest = value - kept * 2 ** by;
  const half = 2 ** (by - 1);
  return kept + (rest > half || (rest === half && kept % 2 === 1) ? 1 : 0);
}
