import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { type AttributeValue, type NodeSource, type TensorSource, writeNode, writeTensor } from './onnxWriter.ts';
import { ProtobufError, ProtobufInput } from './protobufInput.ts';
import { ProtobufOutput } from './protobufOutput.ts';
import { decodeTensor, type ExternalData, isExternal, type StoredTensor } from './storedTensor.ts';

/** An attribute as it stands in the file, with those of its values that are read here. */
export interface EditedAttribute {
  readonly int?: number;
  readonly float?: number;
  readonly text?: string;
  readonly ints?: readonly number[];
  readonly floats?: readonly number[];
  readonly texts?: readonly string[];
  /** A TensorProto. */
  readonly tensor?: Uint8Array;
  /** Names that graphs within it take from outside, or might. */
  readonly graphInputs?: readonly string[];
  /** The AttributeProto. */
  readonly bytes: Uint8Array;
}

/** A node of the graph. One that is changed is replaced. */
export interface EditedNode {
  readonly op: string;
  /** '' is ai.onnx. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, EditedAttribute>;
  /** The NodeProto. */
  readonly bytes: Uint8Array;
}

/** A graph's input or output. */
export interface EditedValue {
  readonly name: string;
  /** The ValueInfoProto. */
  readonly bytes: Uint8Array;
}

/** A graph field or model field that is passed on as it is, tag included. */
type Passed = Uint8Array;

/**
 * An ONNX file that is changed in places: nodes, initializers, opsets and metadata; all the rest goes on byte by byte,
 * whatever it is. Source of the field numbers: onnx/onnx.proto3 of ONNX 1.16.
 */
export class OnnxEditor {
  nodes: EditedNode[] = [];
  /** By name, in the order of the file. */
  readonly initializers = new Map<string, StoredTensor>();
  inputs: EditedValue[] = [];
  outputs: EditedValue[] = [];
  /** Version by domain; '' is ai.onnx. */
  readonly opsets = new Map<string, number>();
  readonly metadata = new Map<string, string>();
  #modelFields: Passed[] = [];
  /** How many of them stand before the graph. */
  #beforeGraph = 0;
  #graphFields: Passed[] = [];
  #valueInfo: Passed[] = [];

  /**
   * What is in files beside the model comes into it. `path` is for messages.
   * @throws ANM_MODEL_FILE where the bytes are no ONNX model
   */
  static read(path: string, bytes: Uint8Array, external?: ExternalData): OnnxEditor {
    const editor = new OnnxEditor();
    try {
      editor.#read(bytes);
      for (const stored of [...editor.initializers.values()]) {
        if (isExternal(stored)) editor.setTensor(decodeTensor(stored, external));
      }
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
      throw new AnomalyError('ANM_MODEL_FILE', `cannot read ${path} as an ONNX model: ${error.message}`, {
        cause: error,
      });
    }
    return editor;
  }

  /** The values of an initializer; undefined where the name is none. */
  tensor(name: string): TensorSource | undefined {
    const stored = this.initializers.get(name);
    return stored === undefined ? undefined : decodeTensor(stored);
  }

  /** Adds an initializer, or replaces the one of its name. */
  setTensor(tensor: TensorSource): void {
    const out = new ProtobufOutput();
    writeTensor(out, tensor);
    this.initializers.set(tensor.name, { name: tensor.name, bytes: out.bytes.slice() });
  }

  /** Takes an initializer away, also where IR versions before 4 list it as an input with a default. */
  dropTensor(name: string): void {
    this.initializers.delete(name);
    this.inputs = this.inputs.filter((input) => input.name !== name);
  }

  /** Constant nodes become initializers: some exporters write weights so. */
  promoteConstants(): void {
    this.nodes = this.nodes.filter(({ op, domain, outputs, attributes }) => {
      const bytes = attributes.get('value')?.tensor;
      if (op !== 'Constant' || domain !== '' || bytes === undefined) return true;
      const name = outputs[0]!;
      try {
        this.setTensor({ ...decodeTensor({ name, bytes }), name });
        return false;
      } catch (error) {
        // Of a type that is not read here, as texts: then it is no weight.
        if (isAnomalyError(error)) return true;
        throw error;
      }
    });
  }

  /** Shapes and types of values between nodes, which are hints: they go where they would be wrong. */
  dropValueInfo(): void {
    this.#valueInfo = [];
  }

  /** How many nodes, here and in graphs within nodes, and graph outputs read the value. */
  readers(name: string): number {
    let count = this.outputs.some((output) => output.name === name) ? 1 : 0;
    for (const { inputs, attributes } of this.nodes) {
      for (const input of inputs) if (input === name) count++;
      for (const { graphInputs } of attributes.values()) if (graphInputs?.includes(name) === true) count++;
    }
    return count;
  }

  write(): Uint8Array {
    const out = new ProtobufOutput();
    for (const field of this.#modelFields.slice(0, this.#beforeGraph)) out.raw(field);
    out.message(7, (graph) => {
      for (const { bytes } of this.nodes) graph.blob(1, bytes);
      for (const { bytes } of this.initializers.values()) graph.blob(5, bytes);
      for (const { bytes } of this.inputs) graph.blob(11, bytes);
      for (const { bytes } of this.outputs) graph.blob(12, bytes);
      for (const field of this.#valueInfo) graph.raw(field);
      for (const field of this.#graphFields) graph.raw(field);
    });
    for (const field of this.#modelFields.slice(this.#beforeGraph)) out.raw(field);
    for (const [domain, version] of this.opsets) {
      out.message(8, (opset) => {
        opset.text(1, domain);
        opset.integer(2, version);
      });
    }
    for (const [key, value] of this.metadata) {
      out.message(14, (entry) => {
        entry.text(1, key);
        entry.text(2, value);
      });
    }
    return out.bytes.slice();
  }

  #read(bytes: Uint8Array): void {
    let hasGraph = false;
    eachField(bytes, (input, whole) => {
      if (input.field === 7) {
        if (!hasGraph) this.#beforeGraph = this.#modelFields.length;
        hasGraph = true;
        // A graph that is there twice is merged, as protobuf has it.
        this.#readGraph(payload(input));
      } else if (input.field === 8) this.#readOpset(payload(input));
      else if (input.field === 14) this.#readEntry(payload(input));
      else this.#modelFields.push(whole(input));
    });
    if (!hasGraph) throw new ProtobufError('it has no graph');
  }

  #readGraph(bytes: Uint8Array): void {
    eachField(bytes, (input, whole) => {
      if (input.field === 1) this.nodes.push(readNode(payload(input)));
      else if (input.field === 5) {
        const tensor = payload(input);
        const name = textField(tensor, 8);
        this.initializers.set(name, { name, bytes: tensor });
      } else if (input.field === 11) this.inputs.push(readValue(payload(input)));
      else if (input.field === 12) this.outputs.push(readValue(payload(input)));
      else if (input.field === 13) this.#valueInfo.push(whole(input));
      else this.#graphFields.push(whole(input));
    });
  }

  #readOpset(bytes: Uint8Array): void {
    let [domain, version] = ['', 0];
    eachField(bytes, (input) => {
      if (input.field === 1) domain = input.text();
      else if (input.field === 2) version = input.varint();
      else input.skip();
    });
    this.opsets.set(domain === 'ai.onnx' ? '' : domain, version);
  }

  #readEntry(bytes: Uint8Array): void {
    let [key, value] = ['', ''];
    eachField(bytes, (input) => {
      if (input.field === 1) key = input.text();
      else if (input.field === 2) value = input.text();
      else input.skip();
    });
    this.metadata.set(key, value);
  }
}

/** A node that stands in the place of another one, or beside it. */
export function newNode(source: NodeSource): EditedNode {
  const out = new ProtobufOutput();
  writeNode(out, source);
  return readNode(out.bytes.slice());
}

/** The node with other inputs, outputs or attributes; what is not given stays byte by byte. */
export function changedNode(
  node: EditedNode,
  change: {
    readonly inputs?: readonly string[];
    readonly outputs?: readonly string[];
    readonly attributes?: Readonly<Record<string, AttributeValue>>;
  },
): EditedNode {
  const inputs = change.inputs ?? node.inputs;
  const outputs = change.outputs ?? node.outputs;
  const attributes = change.attributes ?? {};
  const out = new ProtobufOutput();
  for (const input of inputs) out.text(1, input);
  for (const output of outputs) out.text(2, output);
  eachField(node.bytes, (input, whole) => {
    const isAttribute = input.field === 5;
    const at = input.at;
    const isReplaced = isAttribute && textField(payload(input), 1) in attributes;
    input.at = at;
    const field = whole(input);
    if (input.field > 2 && !isReplaced) out.raw(field);
  });
  const extra = new ProtobufOutput();
  writeNode(extra, { op: node.op, inputs: [], outputs: [], attributes });
  eachField(extra.bytes, (input, whole) => {
    const isAttribute = input.field === 5;
    const field = whole(input);
    if (isAttribute) out.raw(field);
  });
  return readNode(out.bytes.slice());
}

function readNode(bytes: Uint8Array): EditedNode {
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const attributes = new Map<string, EditedAttribute>();
  let [op, domain, name] = ['', '', ''];
  eachField(bytes, (input) => {
    if (input.field === 1) inputs.push(input.text());
    else if (input.field === 2) outputs.push(input.text());
    else if (input.field === 3) name = input.text();
    else if (input.field === 4) op = input.text();
    else if (input.field === 7) domain = input.text();
    else if (input.field === 5) {
      const attribute = payload(input);
      attributes.set(textField(attribute, 1), readAttribute(attribute));
    } else input.skip();
  });
  return { op, domain: domain === 'ai.onnx' ? '' : domain, name, inputs, outputs, attributes, bytes };
}

function readAttribute(bytes: Uint8Array): EditedAttribute {
  const found: { -readonly [Key in keyof EditedAttribute]: EditedAttribute[Key] } = { bytes };
  const ints: number[] = [];
  const floats: number[] = [];
  const texts: string[] = [];
  const graphInputs: string[] = [];
  eachField(bytes, (input) => {
    if (input.field === 2) found.float = input.float32();
    else if (input.field === 3) found.int = input.varint();
    else if (input.field === 4) found.text = input.text();
    else if (input.field === 7) readFloats(input, floats);
    else if (input.field === 8) input.varints(ints);
    else if (input.field === 9) texts.push(input.text());
    else if (input.field === 5) found.tensor = payload(input);
    else if (input.field === 6 || input.field === 11) graphInputs.push(...readInputs(payload(input)));
    else input.skip();
  });
  if (ints.length > 0) found.ints = ints;
  if (floats.length > 0) found.floats = floats;
  if (texts.length > 0) found.texts = texts;
  if (graphInputs.length > 0) found.graphInputs = graphInputs;
  return found;
}

/** Inputs of all nodes of a graph, and of graphs within. */
function readInputs(graph: Uint8Array): string[] {
  const names: string[] = [];
  eachField(graph, (input) => {
    // What the graph gives may be a value from outside, too.
    if (input.field === 12) names.push(readValue(payload(input)).name);
    else if (input.field === 1) {
      const node = readNode(payload(input));
      names.push(...node.inputs);
      for (const { graphInputs } of node.attributes.values()) names.push(...(graphInputs ?? []));
    } else input.skip();
  });
  return names;
}

function readFloats(input: ProtobufInput, into: number[]): void {
  if (input.wire === 5) {
    into.push(input.float32());
    return;
  }
  const packed = input.message();
  while (packed.at < packed.end) into.push(packed.float32());
}

function readValue(bytes: Uint8Array): EditedValue {
  return { name: textField(bytes, 1), bytes };
}

function textField(bytes: Uint8Array, field: number): string {
  let text = '';
  eachField(bytes, (input) => {
    if (input.field === field) text = input.text();
    else input.skip();
  });
  return text;
}

/** Calls `take` at each field, which has to read it; `whole` reads it as it stands, tag included. */
function eachField(
  bytes: Uint8Array,
  take: (input: ProtobufInput, whole: (input: ProtobufInput) => Uint8Array) => void,
): void {
  const input = new ProtobufInput(bytes);
  for (let from = input.at; input.next(); from = input.at) {
    take(input, (reader) => {
      reader.skip();
      return bytes.subarray(from, reader.at);
    });
  }
}

function payload(input: ProtobufInput): Uint8Array {
  const inner = input.message();
  return inner.bytes.subarray(inner.at, inner.end);
}
