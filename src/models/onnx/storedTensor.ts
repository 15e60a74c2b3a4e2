import { AnomalyError } from '../../errors.ts';
import { DATA_TYPE, type TensorSource } from './onnxWriter.ts';
import { ProtobufInput } from './protobufInput.ts';

/** A TensorProto as it stands in a file. */
export interface StoredTensor {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const WIDTHS: Readonly<Record<number, number>> = {
  [DATA_TYPE.float]: 4,
  [DATA_TYPE.uint8]: 1,
  [DATA_TYPE.int8]: 1,
  [DATA_TYPE.int32]: 4,
  [DATA_TYPE.int64]: 8,
  [DATA_TYPE.float16]: 2,
  [DATA_TYPE.double]: 8,
};

/** Files of weights beside a model, by the location that it stores. */
export type ExternalData = ReadonlyMap<string, Uint8Array>;

/**
 * Dimensions and values, whichever of TensorProto's fields hold them.
 * @throws ANM_UNSUPPORTED where they are in a file that is not given, or of a type that is not read here
 */
export function decodeTensor({ name, bytes }: StoredTensor, external?: ExternalData): TensorSource {
  const dims: number[] = [];
  let type = 0;
  let raw: Uint8Array | undefined;
  let isExternal = false;
  const numbers: number[] = [];
  const entries = new Map<string, string>();
  const input = new ProtobufInput(bytes);
  while (input.next()) {
    if (input.field === 1) input.varints(dims);
    else if (input.field === 2) type = input.varint();
    else if (input.field === 4) eachFixed(input, 4, (view, at) => numbers.push(view.getFloat32(at, true)));
    else if (input.field === 5 || input.field === 7) input.varints(numbers);
    else if (input.field === 10) eachFixed(input, 8, (view, at) => numbers.push(view.getFloat64(at, true)));
    else if (input.field === 9) {
      const inner = input.message();
      raw = inner.bytes.subarray(inner.at, inner.end);
    } else if (input.field === 13) readEntry(input.message(), entries);
    else if (input.field === 14) isExternal = input.varint() === 1;
    else input.skip();
  }
  if (isExternal) return { name, dims, type, data: externalPart(name, entries, external) };
  if (raw !== undefined) return { name, dims, type, data: raw };
  const width = WIDTHS[type];
  if (width !== undefined) return { name, dims, type, data: encode(numbers, type, width) };
  throw new AnomalyError('ANM_UNSUPPORTED', `cannot change initializer ${name} as its data type is ${type}`);
}

/** Whether the values are in another file. */
export function isExternal({ bytes }: StoredTensor): boolean {
  const input = new ProtobufInput(bytes);
  let location = 0;
  while (input.next()) {
    if (input.field === 14) location = input.varint();
    else input.skip();
  }
  return location === 1;
}

/** The values of a float tensor. */
export function floatsOf({ name, type, data }: TensorSource): Float32Array {
  if (type !== DATA_TYPE.float) {
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot read initializer ${name} as floats as its data type is ${type}`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float32Array.from({ length: data.length >> 2 }, (_, i) => view.getFloat32(4 * i, true));
}

/** The values of an int64 tensor, as axes and shapes are. */
export function longsOf({ data }: TensorSource): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.length >> 3 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}

function externalPart(name: string, entries: ReadonlyMap<string, string>, external?: ExternalData): Uint8Array {
  const location = entries.get('location') ?? '';
  const data = external?.get(location);
  if (data === undefined) {
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot change initializer ${name} as its values are in ${location}`, {
      hint: 'put them into the model first: onnx.save_model(onnx.load(PATH), PATH) of Python does it',
    });
  }
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? data.length - offset);
  return data.subarray(offset, offset + length);
}

function readEntry(input: ProtobufInput, entries: Map<string, string>): void {
  let [key, value] = ['', ''];
  while (input.next()) {
    if (input.field === 1) key = input.text();
    else if (input.field === 2) value = input.text();
    else input.skip();
  }
  entries.set(key, value);
}

function eachFixed(input: ProtobufInput, width: number, take: (view: DataView, at: number) => void): void {
  if (input.wire !== 2) {
    const at = input.at;
    input.skip();
    take(new DataView(input.bytes.buffer, input.bytes.byteOffset + at, width), 0);
    return;
  }
  const { bytes, at, end } = input.message();
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at);
  for (let from = 0; from + width <= end - at; from += width) take(view, from);
}

/** Numbers of the typed fields; float16 has its bits in int32_data. */
function encode(numbers: readonly number[], type: number, width: number): Uint8Array {
  const data = new Uint8Array(width * numbers.length);
  const view = new DataView(data.buffer);
  for (const [i, value] of numbers.entries()) {
    if (type === DATA_TYPE.float) view.setFloat32(4 * i, value, true);
    else if (type === DATA_TYPE.double) view.setFloat64(8 * i, value, true);
    else if (width === 8) view.setBigInt64(8 * i, BigInt(value), true);
    else if (width === 4) view.setInt32(4 * i, value, true);
    else if (width === 2) view.setUint16(2 * i, value, true);
    else view.setUint8(i, value);
  }
  return data;
}
