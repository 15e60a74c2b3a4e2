/** Element types by their number in TensorProto.DataType (onnx.proto), named as onnxruntime names them. */
export const ONNX_TYPES = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
] as const;

export type OnnxType = (typeof ONNX_TYPES)[number];

/** A fixed size, the name of a dynamic one, or null for a dynamic one without a name. */
export type OnnxDim = number | string | null;

/** An input or output of a model. */
export interface OnnxValue {
  readonly name: string;
  readonly kind: 'tensor' | 'sparse' | 'sequence' | 'map' | 'optional';
  /** Of the elements; 'undefined' where it is no tensor. */
  readonly type: OnnxType;
  /** undefined: not even the number of dimensions is known. */
  readonly shape: readonly OnnxDim[] | undefined;
}

export interface OnnxAttribute {
  readonly name: string;
  readonly int?: number;
  readonly float?: number;
  readonly text?: string;
  readonly ints?: readonly number[];
}

export interface OnnxNode {
  readonly op: string;
  /** '' is ai.onnx. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

/** Where weights are: in the file, or in another one beside it. */
export interface OnnxTensor {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  /** Of the values within the model's file. */
  readonly bytes: number;
  readonly external?: OnnxExternal;
}

export interface OnnxExternal {
  /** As stored: a path from the model's folder. */
  readonly location: string;
  readonly offset: number;
  /** Absent: to the end of the file. */
  readonly length?: number;
}

/** What an ONNX file says of itself. Its weights are not copied. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  /** Version by domain; '' is ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graphName: string;
  /** Without those that have an initializer, which are weights with a name (IR before 4 lists them here). */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Of the graph, of graphs within nodes, and of functions. */
  readonly nodes: readonly OnnxNode[];
  /** Of all graphs, and of attributes. */
  readonly tensors: readonly OnnxTensor[];
  /** Domains of functions that the file brings along. */
  readonly functionDomains: ReadonlySet<string>;
}

/** 'float32 [batch, 32, 1]'. */
export function describeValue({ kind, type, shape }: Pick<OnnxValue, 'kind' | 'type' | 'shape'>): string {
  if (kind !== 'tensor') return kind === 'sparse' ? 'sparse tensor' : kind;
  return `${type} ${describeShape(shape)}`;
}

export function describeShape(shape: readonly OnnxDim[] | undefined): string {
  return shape === undefined ? '[...]' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}
