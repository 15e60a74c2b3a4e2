import type { TensorData } from '../runtime/tensorData.ts';
import { type Datatype, datatypeNamed } from './datatypes.ts';
import { RequestError } from './requestError.ts';
import { readData } from './tensorJson.ts';

export interface WantedOutput {
  readonly name: string;
  /** Raw bytes behind the JSON, by the binary tensor data extension. */
  readonly isBinary: boolean;
}

export interface InferRequest {
  readonly id: string | undefined;
  readonly feeds: Readonly<Record<string, TensorData>>;
  /** Undefined: all outputs, in JSON or in binary by `isBinary`. */
  readonly outputs: readonly WantedOutput[] | undefined;
  readonly isBinary: boolean;
}

/** Elements of one tensor: a shape of a hostile request must not take all memory. */
const MOST_ELEMENTS = 2 ** 28;
/** More dimensions than any model has. */
const MOST_DIMENSIONS = 32;

/**
 * Reads the body of an inference request of the Open Inference Protocol v2: JSON, and behind it the bytes of tensors where
 * the header Inference-Header-Content-Length says how long the JSON is (the binary tensor data extension).
 *
 * @param jsonBytes length of the JSON part; undefined where the body is nothing else
 * @throws RequestError saying what is not of the protocol
 */
export function readInferRequest(body: Buffer, jsonBytes: number | undefined): InferRequest {
  if (jsonBytes !== undefined && (!Number.isInteger(jsonBytes) || jsonBytes < 0 || jsonBytes > body.length)) {
    throw new RequestError(
      400,
      `Inference-Header-Content-Length is no length within the ${body.length} bytes of the body`,
    );
  }
  const json = body.subarray(0, jsonBytes ?? body.length);
  const request = object(parse(json), 'the request');
  const binary = new BinaryPart(body.subarray(jsonBytes ?? body.length));
  const { id, inputs, outputs } = request;
  if (id !== undefined && typeof id !== 'string') throw new RequestError(400, 'the id of the request is no text');
  if (!Array.isArray(inputs)) throw new RequestError(400, 'the request has no list of inputs');
  const feeds: Record<string, TensorData> = Object.create(null);
  for (const [i, each] of inputs.entries()) {
    const { name, tensor } = readInput(object(each, `inputs[${i}]`), i, binary, json.length);
    if (feeds[name] !== undefined) throw new RequestError(400, `input ${name} is there twice`);
    feeds[name] = tensor;
  }
  binary.end();
  const isBinary = parameters(request)['binary_data_output'] === true;
  return { id, feeds, outputs: readOutputs(outputs, isBinary), isBinary };
}

function readInput(
  input: Fields,
  index: number,
  binary: BinaryPart,
  jsonBytes: number,
): { name: string; tensor: TensorData } {
  const { name, shape, data } = input;
  if (typeof name !== 'string' || name === '') throw new RequestError(400, `inputs[${index}] has no name`);
  const datatype = datatypeNamed(input['datatype'], name);
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new RequestError(400, `the shape of input ${name} is no list of sizes from 1 on`);
  }
  const dims = shape as number[];
  if (dims.length > MOST_DIMENSIONS) {
    throw new RequestError(400, `input ${name} has ${dims.length} dimensions, more than ${MOST_DIMENSIONS}`);
  }
  const count = dims.reduce((product, size) => product * size, 1);
  if (count > MOST_ELEMENTS)
    throw new RequestError(413, `input ${name} has ${count} elements, more than ${MOST_ELEMENTS}`);
  const size = parameters(input)['binary_data_size'];
  if (size === undefined) {
    // Each element is a digit at least: what the body cannot hold is given no memory.
    if (count > jsonBytes) throw new RequestError(400, `the body ends before the ${count} elements of input ${name}`);
    return { name, tensor: { type: datatype.onnx, dims, data: readData(data, datatype, dims, name) } };
  }
  if (data !== undefined) throw new RequestError(400, `input ${name} has both data and binary_data_size`);
  return { name, tensor: { type: datatype.onnx, dims, data: binary.take(size, datatype, count, name) } };
}

function readOutputs(outputs: unknown, isBinary: boolean): WantedOutput[] | undefined {
  if (outputs === undefined) return undefined;
  if (!Array.isArray(outputs)) throw new RequestError(400, 'the outputs of the request are no list');
  if (outputs.length === 0) return undefined;
  return outputs.map((each, i) => {
    const output = object(each, `outputs[${i}]`);
    const { name } = output;
    if (typeof name !== 'string') throw new RequestError(400, `outputs[${i}] has no name`);
    const own = parameters(output);
    if (own['classification'] !== undefined) {
      throw new RequestError(400, `output ${name} asks for the classification extension, which is not there`);
    }
    return { name, isBinary: own['binary_data'] === undefined ? isBinary : own['binary_data'] === true };
  });
}

/** The bytes behind the JSON, taken input by input. */
class BinaryPart {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(size: unknown, datatype: Datatype, count: number, input: string): TensorData['data'] {
    const wanted = count * datatype.bytes;
    if (size !== wanted) {
      throw new RequestError(
        400,
        `input ${input} has ${JSON.stringify(size)} bytes of binary data, and its shape ${wanted}`,
      );
    }
    if (this.#at + wanted > this.#bytes.length) {
      throw new RequestError(400, `the body ends within the binary data of input ${input}`);
    }
    // Copied, so that the elements are aligned.
    const { buffer, byteOffset } = this.#bytes;
    const start = byteOffset + this.#at;
    this.#at += wanted;
    return datatype.view(buffer.slice(start, start + wanted) as ArrayBuffer);
  }

  end(): void {
    const rest = this.#bytes.length - this.#at;
    if (rest !== 0) throw new RequestError(400, `the body has ${rest} bytes more than its inputs say`);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parse(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw new RequestError(400, `the body is no JSON: ${(error as Error).message}`);
  }
}

function object(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new RequestError(400, `${what} is no JSON object`);
}

function parameters(fields: Fields): Fields {
  const { parameters: given } = fields;
  return given === undefined ? {} : object(given, 'parameters');
}
