import type { OnnxType } from '../onnx/onnxTypes.ts';
import { halfToNumber, numberToHalf, type TensorNumbers } from '../runtime/tensorData.ts';
import { RequestError } from './requestError.ts';

/** A datatype of the Open Inference Protocol that is made of numbers. */
export interface Datatype {
  readonly name: string;
  readonly onnx: OnnxType;
  /** Of an element, in binary data. */
  readonly bytes: number;
  /** An array of so many elements, or of these bytes, which have to be aligned. */
  make(length: number): TensorNumbers;
  view(buffer: ArrayBuffer): TensorNumbers;
  /** Stores an element given as JSON. False where the datatype has no such value. */
  set(to: TensorNumbers, at: number, value: unknown): boolean;
}

type ArrayType = {
  new (length: number): TensorNumbers;
  new (buffer: ArrayBuffer): TensorNumbers;
  BYTES_PER_ELEMENT: number;
};

function datatype(name: string, onnx: OnnxType, array: unknown, set: Datatype['set']): Datatype {
  const Type = array as ArrayType;
  return {
    name,
    onnx,
    bytes: Type.BYTES_PER_ELEMENT,
    make: (length) => new Type(length),
    view: (buffer) => new Type(buffer),
    set,
  };
}

function setFloat(to: TensorNumbers, at: number, value: unknown): boolean {
  if (typeof value !== 'number') return false;
  to[at] = value;
  // One that is too large for the datatype became infinite.
  return Number.isFinite(to[at]);
}

function setHalf(to: TensorNumbers, at: number, value: unknown): boolean {
  if (typeof value !== 'number') return false;
  to[at] = numberToHalf(value);
  return Number.isFinite(halfToNumber(to[at] as number));
}

function setBool(to: TensorNumbers, at: number, value: unknown): boolean {
  if (typeof value !== 'boolean' && value !== 0 && value !== 1) return false;
  to[at] = Number(value);
  return true;
}

const setWhole =
  (least: number, most: number): Datatype['set'] =>
  (to, at, value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) return false;
    to[at] = value;
    return true;
  };

/** What JSON.parse made of a number above 2^53 may be another one: it is refused. */
const setLong =
  (least: number): Datatype['set'] =>
  (to, at, value) => {
    if (!Number.isSafeInteger(value) || (value as number) < least) return false;
    (to as BigInt64Array)[at] = BigInt(value as number);
    return true;
  };

const DATATYPES: readonly Datatype[] = [
  datatype('BOOL', 'bool', Uint8Array, setBool),
  datatype('UINT8', 'uint8', Uint8Array, setWhole(0, 2 ** 8 - 1)),
  datatype('UINT16', 'uint16', Uint16Array, setWhole(0, 2 ** 16 - 1)),
  datatype('UINT32', 'uint32', Uint32Array, setWhole(0, 2 ** 32 - 1)),
  datatype('UINT64', 'uint64', BigUint64Array, setLong(0)),
  datatype('INT8', 'int8', Int8Array, setWhole(-(2 ** 7), 2 ** 7 - 1)),
  datatype('INT16', 'int16', Int16Array, setWhole(-(2 ** 15), 2 ** 15 - 1)),
  datatype('INT32', 'int32', Int32Array, setWhole(-(2 ** 31), 2 ** 31 - 1)),
  datatype('INT64', 'int64', BigInt64Array, setLong(Number.MIN_SAFE_INTEGER)),
  datatype('FP16', 'float16', Uint16Array, setHalf),
  datatype('FP32', 'float32', Float32Array, setFloat),
  datatype('FP64', 'float64', Float64Array, setFloat),
];

/** Undefined for what the protocol has no numbers for: text, complex numbers, bfloat16. */
export function datatypeOf(onnx: OnnxType): Datatype | undefined {
  return DATATYPES.find((each) => each.onnx === onnx);
}

/** @throws RequestError naming the input */
export function datatypeNamed(name: unknown, input: string): Datatype {
  const found = DATATYPES.find((each) => each.name === name);
  if (found !== undefined) return found;
  if (name === 'BYTES') throw new RequestError(400, `input ${input} is of BYTES, and models here read numbers only`);
  const known = DATATYPES.map((each) => each.name).join(', ');
  throw new RequestError(400, `input ${input} has the datatype ${JSON.stringify(name)}, which is none of ${known}`);
}
