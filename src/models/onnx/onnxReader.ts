import {
  ONNX_TYPES,
  type OnnxAttribute,
  type OnnxDim,
  type OnnxExternal,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxType,
  type OnnxValue,
} from './onnxTypes.ts';
import { ProtobufError, ProtobufInput } from './protobufInput.ts';

/** Graphs within graphs; protobuf's own limit is 100 messages. */
const MOST_DEPTH = 32;

/** What is found below a graph, at any depth. */
interface Found {
  readonly nodes: OnnxNode[];
  readonly tensors: OnnxTensor[];
  readonly functionDomains: Set<string>;
}

/**
 * Reads a ModelProto (field numbers of onnx.proto, IR version 13), and throws a `ProtobufError` where the bytes are none.
 * Only what describes the model is decoded; weights are counted and passed over.
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  const found: Found = { nodes: [], tensors: [], functionDomains: new Set() };
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  let [irVersion, producer] = [0, ''];
  let graph: Graph | undefined;
  const input = new ProtobufInput(bytes);
  while (input.next()) {
    if (input.field === 1) irVersion = input.varint();
    else if (input.field === 2) producer = input.text();
    else if (input.field === 7) graph = joined(graph, readGraph(input.message(), found, 0));
    else if (input.field === 8) readOpset(input.message(), opsets);
    else if (input.field === 14) readEntry(input.message(), metadata);
    else if (input.field === 25) readFunction(input.message(), found);
    else input.skip();
  }
  if (irVersion <= 0 || graph === undefined) throw new ProtobufError('it has no IR version or no graph');
  const weights = new Set(graph.initializers);
  return {
    irVersion,
    producer,
    opsets,
    metadata,
    graphName: graph.name,
    inputs: graph.inputs.filter(({ name }) => !weights.has(name)),
    outputs: graph.outputs,
    ...found,
  };
}

interface Graph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly string[];
}

/** A message that is there twice is merged. */
function joined(first: Graph | undefined, second: Graph): Graph {
  if (first === undefined) return second;
  return {
    name: second.name || first.name,
    inputs: [...first.inputs, ...second.inputs],
    outputs: [...first.outputs, ...second.outputs],
    initializers: [...first.initializers, ...second.initializers],
  };
}

function readGraph(input: ProtobufInput, found: Found, depth: number): Graph {
  if (depth > MOST_DEPTH) throw new ProtobufError(`graphs are nested more than ${MOST_DEPTH} deep`);
  const [inputs, outputs]: [OnnxValue[], OnnxValue[]] = [[], []];
  const initializers: string[] = [];
  let name = '';
  while (input.next()) {
    if (input.field === 1) found.nodes.push(readNode(input.message(), found, depth));
    else if (input.field === 2) name = input.text();
    else if (input.field === 5) initializers.push(addTensor(input.message(), found));
    else if (input.field === 11) inputs.push(readValue(input.message()));
    else if (input.field === 12) outputs.push(readValue(input.message()));
    else if (input.field === 15) initializers.push(readSparse(input.message(), found));
    else input.skip();
  }
  return { name, inputs, outputs, initializers };
}

function readNode(input: ProtobufInput, found: Found, depth: number): OnnxNode {
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const attributes: OnnxAttribute[] = [];
  let [op, domain, name] = ['', '', ''];
  while (input.next()) {
    if (input.field === 1) inputs.push(input.text());
    else if (input.field === 2) outputs.push(input.text());
    else if (input.field === 3) name = input.text();
    else if (input.field === 4) op = input.text();
    else if (input.field === 5) attributes.push(readAttribute(input.message(), found, depth));
    else if (input.field === 7) domain = domainName(input.text());
    else input.skip();
  }
  return { op, domain, name, inputs, outputs, attributes };
}

function readAttribute(input: ProtobufInput, found: Found, depth: number): OnnxAttribute {
  const attribute: { -readonly [Key in keyof OnnxAttribute]: OnnxAttribute[Key] } = { name: '' };
  const ints: number[] = [];
  while (input.next()) {
    if (input.field === 1) attribute.name = input.text();
    else if (input.field === 2 && input.wire === 5) attribute.float = input.float32();
    else if (input.field === 3) attribute.int = input.varint();
    else if (input.field === 4) attribute.text = input.text();
    else if (input.field === 5 || input.field === 10) addTensor(input.message(), found);
    else if (input.field === 6 || input.field === 11) readGraph(input.message(), found, depth + 1);
    else if (input.field === 8) input.varints(ints);
    else if (input.field === 22 || input.field === 23) readSparse(input.message(), found);
    else input.skip();
  }
  if (ints.length > 0) attribute.ints = ints;
  return attribute;
}

function readFunction(input: ProtobufInput, found: Found): void {
  while (input.next()) {
    if (input.field === 7) found.nodes.push(readNode(input.message(), found, 0));
    else if (input.field === 10) found.functionDomains.add(domainName(input.text()));
    else input.skip();
  }
}

/** Returns the name of the values, which the sparse tensor has in place of its own. */
function readSparse(input: ProtobufInput, found: Found): string {
  let name = '';
  while (input.next()) {
    if (input.field === 1) name = addTensor(input.message(), found);
    else if (input.field === 2) addTensor(input.message(), found);
    else input.skip();
  }
  return name;
}

/** Of the fields that hold values: float, int32, string, int64, raw, double and uint64. */
const DATA_FIELDS = new Set([4, 5, 6, 7, 9, 10, 11]);

function addTensor(input: ProtobufInput, found: Found): string {
  const dims: number[] = [];
  const entries = new Map<string, string>();
  let [name, type, bytes, location] = ['', 0, 0, 0];
  while (input.next()) {
    if (input.field === 1) input.varints(dims);
    else if (input.field === 2) type = input.varint();
    else if (DATA_FIELDS.has(input.field)) bytes += input.skip();
    else if (input.field === 8) name = input.text();
    else if (input.field === 13) readEntry(input.message(), entries);
    else if (input.field === 14) location = input.varint();
    else input.skip();
  }
  const external = location === 1 ? { external: readExternal(entries, name) } : {};
  found.tensors.push({ name, type: typeName(type), dims, bytes, ...external });
  return name;
}

function readExternal(entries: ReadonlyMap<string, string>, tensor: string): OnnxExternal {
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
      throw new ProtobufError(`the external data of ${tensor} has the ${key} '${text}'`);
    return value;
  };
  const location = entries.get('location');
  if (location === undefined) throw new ProtobufError(`the external data of ${tensor} has no location`);
  const length = number('length');
  return { location, offset: number('offset') ?? 0, ...(length === undefined ? {} : { length }) };
}

function readOpset(input: ProtobufInput, opsets: Map<string, number>): void {
  let [domain, version] = ['', 0];
  while (input.next()) {
    if (input.field === 1) domain = domainName(input.text());
    else if (input.field === 2) version = input.varint();
    else input.skip();
  }
  opsets.set(domain, version);
}

/** ai.onnx has two names. */
function domainName(name: string): string {
  return name === 'ai.onnx' ? '' : name;
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

function readValue(input: ProtobufInput): OnnxValue {
  let name = '';
  let type: Omit<OnnxValue, 'name'> = { kind: 'tensor', type: 'undefined', shape: undefined };
  while (input.next()) {
    if (input.field === 1) name = input.text();
    else if (input.field === 2) type = readType(input.message());
    else input.skip();
  }
  return { name, ...type };
}

const KINDS: Readonly<Record<number, OnnxValue['kind']>> = {
  1: 'tensor',
  4: 'sequence',
  5: 'map',
  8: 'sparse',
  9: 'optional',
};

function readType(input: ProtobufInput): Omit<OnnxValue, 'name'> {
  let value: Omit<OnnxValue, 'name'> = { kind: 'tensor', type: 'undefined', shape: undefined };
  while (input.next()) {
    const kind = KINDS[input.field];
    if (kind === undefined) input.skip();
    else if (kind === 'tensor' || kind === 'sparse') value = { kind, ...readTensorType(input.message()) };
    else {
      input.skip();
      value = { kind, type: 'undefined', shape: undefined };
    }
  }
  return value;
}

function readTensorType(input: ProtobufInput): Pick<OnnxValue, 'type' | 'shape'> {
  let type = 0;
  let shape: OnnxDim[] | undefined;
  while (input.next()) {
    if (input.field === 1) type = input.varint();
    else if (input.field === 2) shape = readShape(input.message());
    else input.skip();
  }
  return { type: typeName(type), shape };
}

function readShape(input: ProtobufInput): OnnxDim[] {
  const shape: OnnxDim[] = [];
  while (input.next()) {
    if (input.field === 1) shape.push(readDim(input.message()));
    else input.skip();
  }
  return shape;
}

/** skl2onnx writes an empty one, others -1, for what is dynamic. */
function readDim(input: ProtobufInput): OnnxDim {
  let dim: OnnxDim = null;
  while (input.next()) {
    if (input.field === 1) {
      const size = input.varint();
      dim = size < 0 ? null : size;
    } else if (input.field === 2) dim = input.text() || null;
    else input.skip();
  }
  return dim;
}

function typeName(number: number): OnnxType {
  return ONNX_TYPES[number] ?? 'undefined';
}
