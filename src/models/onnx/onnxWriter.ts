import { ProtobufOutput } from './protobufOutput.ts';

/** TensorProto.DataType of onnx.proto3. */
export const DATA_TYPE = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10, double: 11 } as const;

export interface TensorSource {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: number;
  /** Little endian, row-major. */
  readonly data: Uint8Array;
}

export type AttributeValue =
  | { readonly float: number }
  | { readonly integer: number }
  | { readonly integers: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly tensor: TensorSource };

export interface NodeSource {
  readonly op: string;
  /** Empty names stand for inputs that are left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly name?: string;
  readonly domain?: string;
}

export interface ValueSource {
  readonly name: string;
  readonly type: number;
  /** A text names a dimension that is free. */
  readonly dims: readonly (number | string)[];
}

export interface ModelSource {
  readonly graphName: string;
  readonly nodes: readonly NodeSource[];
  readonly initializers: readonly TensorSource[];
  readonly inputs: readonly ValueSource[];
  readonly outputs: readonly ValueSource[];
  readonly producer: { readonly name: string; readonly version: string };
  /** By domain; '' is that of ONNX itself. */
  readonly opsets: Readonly<Record<string, number>>;
  /** metadata_props, in this order. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Of ONNX 1.10, which every onnxruntime since 1.10 reads. */
const IR_VERSION = 8;

/** An ONNX file. The same source gives the same bytes. Source: onnx/onnx.proto3 of ONNX 1.16. */
export function writeOnnx(model: ModelSource): Uint8Array {
  const out = new ProtobufOutput();
  out.integer(1, IR_VERSION);
  out.text(2, model.producer.name);
  out.text(3, model.producer.version);
  out.message(7, (graph) => {
    for (const node of model.nodes) graph.message(1, (inner) => writeNode(inner, node));
    graph.text(2, model.graphName);
    for (const tensor of model.initializers) graph.message(5, (inner) => writeTensor(inner, tensor));
    for (const value of model.inputs) graph.message(11, (inner) => writeValue(inner, value));
    for (const value of model.outputs) graph.message(12, (inner) => writeValue(inner, value));
  });
  for (const [domain, version] of Object.entries(model.opsets)) {
    out.message(8, (opset) => {
      opset.text(1, domain);
      opset.integer(2, version);
    });
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    out.message(14, (entry) => {
      entry.text(1, key);
      entry.text(2, value);
    });
  }
  return out.bytes.slice();
}

/** A NodeProto. */
export function writeNode(out: ProtobufOutput, node: NodeSource): void {
  for (const input of node.inputs) out.text(1, input);
  for (const output of node.outputs) out.text(2, output);
  if (node.name !== undefined) out.text(3, node.name);
  out.text(4, node.op);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    out.message(5, (attribute) => writeAttribute(attribute, name, value));
  }
  if (node.domain !== undefined) out.text(7, node.domain);
}

function writeAttribute(out: ProtobufOutput, name: string, value: AttributeValue): void {
  out.text(1, name);
  if ('float' in value) out.float(2, value.float);
  else if ('integer' in value) out.integer(3, value.integer);
  else if ('text' in value) out.text(4, value.text);
  else if ('tensor' in value) out.message(5, (tensor) => writeTensor(tensor, value.tensor));
  else if ('floats' in value) for (const each of value.floats) out.float(7, each);
  else if ('integers' in value) for (const each of value.integers) out.integer(8, each);
  else for (const each of value.texts) out.text(9, each);
  out.integer(20, attributeType(value));
}

/** AttributeProto.AttributeType. */
function attributeType(value: AttributeValue): number {
  if ('float' in value) return 1;
  if ('integer' in value) return 2;
  if ('text' in value) return 3;
  if ('tensor' in value) return 4;
  if ('floats' in value) return 6;
  return 'integers' in value ? 7 : 8;
}

/** A TensorProto with raw data. */
export function writeTensor(out: ProtobufOutput, { name, dims, type, data }: TensorSource): void {
  for (const dim of dims) out.integer(1, dim);
  out.integer(2, type);
  out.text(8, name);
  out.blob(9, data);
}

/** A ValueInfoProto of a tensor. */
export function writeValue(out: ProtobufOutput, { name, type, dims }: ValueSource): void {
  out.text(1, name);
  out.message(2, (typeProto) => {
    typeProto.message(1, (tensor) => {
      tensor.integer(1, type);
      tensor.message(2, (shape) => {
        for (const dim of dims) {
          shape.message(1, (each) => {
            if (typeof dim === 'string') each.text(2, dim);
            else each.integer(1, dim);
          });
        }
      });
    });
  });
}

/** A float tensor; `values` are rounded to single precision. */
export function floatTensor(name: string, dims: readonly number[], values: ArrayLike<number>): TensorSource {
  const data = new Uint8Array(4 * values.length);
  const view = new DataView(data.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i]!, true);
  return { name, dims, type: DATA_TYPE.float, data };
}

export function longTensor(name: string, dims: readonly number[], values: readonly number[]): TensorSource {
  const data = new Uint8Array(8 * values.length);
  const view = new DataView(data.buffer);
  for (const [i, value] of values.entries()) view.setBigInt64(8 * i, BigInt(value), true);
  return { name, dims, type: DATA_TYPE.int64, data };
}
