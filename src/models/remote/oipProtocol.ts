import { AnomalyError } from '../../errors.ts';
import type { OnnxType, OnnxValue } from '../onnx/onnxTypes.ts';
import { elementCount, type TensorData } from '../runtime/tensorData.ts';
import { MODEL_ANSWER, numbersIn, parseAnswer, startOf } from './answerJson.ts';
import type { HttpModel } from './httpModel.ts';
import { type FedTensor, numberTensor, type RemoteProtocol, type RemoteTensors } from './remoteProtocol.ts';

/** https://github.com/kserve/open-inference-protocol, tensor data types. */
const TYPES: Readonly<Record<string, OnnxType>> = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BF16: 'bfloat16',
  BYTES: 'string',
};
const NAMES = { float16: 'FP16', float32: 'FP32', float64: 'FP64' } as const;

/** `/MODEL` or `/MODEL/versions/V`, behind the path of a proxy where there is one. */
const PATH = /^(.*?)\/([^/]+)(?:\/versions\/([^/]+))?\/?$/;

/** A server of the Open Inference Protocol v2 over HTTP: `anomaly model serve`, Triton, KServe, MLServer. */
export class OipProtocol implements RemoteProtocol {
  readonly address: string;
  readonly name: string;
  readonly version?: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: RemoteTensors;
  readonly #http: HttpModel;
  readonly #path: string;
  readonly #isBinary: boolean;

  private constructor(
    http: HttpModel,
    place: Place,
    tensors: RemoteTensors,
    metadata: ReadonlyMap<string, string>,
    isBinary: boolean,
  ) {
    this.address = http.shown(place.path);
    this.name = place.name;
    if (place.version !== undefined) this.version = place.version;
    this.tensors = tensors;
    this.metadata = metadata;
    this.#http = http;
    this.#path = place.path;
    this.#isBinary = isBinary;
  }

  /** Reads the model's metadata. Throws what `HttpModel.send` throws, ANM_USAGE for an address without a model. */
  static async open(http: HttpModel, url: URL, signal: AbortSignal): Promise<OipProtocol> {
    const place = placeOf(url);
    const answer = parseAnswer(await http.send('GET', place.path, undefined, signal), http.shown(place.path));
    const { inputs, outputs, parameters } = (answer ?? {}) as Record<string, unknown>;
    // Both are left out by servers that do not know them, as MLServer for models of Python.
    const tensors = { inputs: valuesOf(inputs), outputs: valuesOf(outputs) };
    if (typeof answer === 'object' && answer !== null && 'name' in answer) {
      return new OipProtocol(http, place, tensors, textsOf(parameters), await takesBinary(http, place.base, signal));
    }
    const said = startOf(JSON.stringify(answer), MODEL_ANSWER);
    throw new AnomalyError('ANM_PROTOCOL', `${http.shown(place.path)} is no model of the inference protocol: ${said}`, {
      hint: 'see whether score.model.uri names a server of the Open Inference Protocol v2',
    });
  }

  async infer({ name, type, dims, data }: FedTensor, output: string, signal: AbortSignal): Promise<TensorData> {
    const head = `{"inputs":[{"name":${JSON.stringify(name)},"shape":[${dims.join(',')}],"datatype":"${NAMES[type]}"`;
    const tail = output === '' ? '}]}' : `}],"outputs":[{"name":${JSON.stringify(output)}}]}`;
    const path = `${this.#path}/infer`;
    // The answer is a number a row: JSON of it costs nothing.
    const body =
      this.#isBinary && type !== 'float16'
        ? await this.#sendBinary(path, head, data, tail, signal)
        : await this.#http.send('POST', path, `${head},"data":[${data.join(',')}]${tail}`, signal);
    return this.#outputOf(parseAnswer(body, this.address), output);
  }

  /** Windows are thousands of numbers a request, and most of what JSON of them costs is their digits, at both ends. */
  async #sendBinary(
    path: string,
    head: string,
    { buffer, byteOffset, byteLength }: FedTensor['data'],
    tail: string,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const json = Buffer.from(`${head},"parameters":{"binary_data_size":${byteLength}}${tail}`);
    const body = Buffer.concat([json, Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)]);
    return await this.#http.send('POST', path, body, signal, {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json.length),
    });
  }

  #outputOf(answer: unknown, output: string): TensorData {
    const { outputs } = (answer ?? {}) as { outputs?: unknown };
    const list = (Array.isArray(outputs) ? outputs : []) as Record<string, unknown>[];
    const found =
      output === '' ? list.find(({ datatype }) => datatype !== 'BYTES') : list.find((each) => each['name'] === output);
    if (found === undefined) {
      const names = list.map(({ name }) => String(name)).join(', ');
      throw this.#wrong(
        `answers ${names === '' ? 'no outputs' : names}${output === '' ? '' : `, and ${output} was asked for`}`,
      );
    }
    const numbers = numbersIn(found['data']);
    const dims = sizesOf(found['shape']) ?? [];
    if (numbers === undefined) throw this.#wrong(`answers ${String(found['name'])} without a list of numbers as data`);
    if (elementCount(dims) !== numbers.length) {
      throw this.#wrong(
        `answers ${numbers.length} numbers for ${String(found['name'])}, and its shape is [${dims.join(', ')}]`,
      );
    }
    return numberTensor(numbers, dims);
  }

  #wrong(what: string): AnomalyError {
    return new AnomalyError('ANM_MODEL_OUTPUT', `${this.address} ${what}`);
  }
}

/** Whether the server's metadata has Triton's extension "binary tensor data"; servers without metadata have none. */
async function takesBinary(http: HttpModel, base: string, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = parseAnswer(await http.send('GET', `${base}/v2`, undefined, signal), http.shown(`${base}/v2`));
    const { extensions } = (answer ?? {}) as { extensions?: unknown };
    return Array.isArray(extensions) && extensions.includes('binary_tensor_data');
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}

interface Place {
  /** Of the protocol within the server. */
  readonly base: string;
  /** Of the model within the server. */
  readonly path: string;
  readonly name: string;
  readonly version?: string;
}

function placeOf({ pathname }: URL): Place {
  const [, before, name, version] = PATH.exec(pathname) ?? [];
  if (name === undefined) {
    throw new AnomalyError('ANM_USAGE', `cannot use the server as a model as its address names none`, {
      hint: 'as oip+http://HOST:PORT/MODEL or oip+http://HOST:PORT/MODEL/versions/V',
    });
  }
  // The address of the protocol itself is meant by some who write it.
  const base = before!.replace(/\/v2\/models$/, '');
  const path = `${base}/v2/models/${name}${version === undefined ? '' : `/versions/${version}`}`;
  return {
    base,
    path,
    name: decodeURIComponent(name),
    ...(version !== undefined && { version: decodeURIComponent(version) }),
  };
}

function valuesOf(list: unknown): OnnxValue[] {
  if (!Array.isArray(list)) return [];
  return (list as Record<string, unknown>[]).map(({ name, datatype, shape }) => {
    const sizes = sizesOf(shape);
    // A shape of one free dimension stands for an unknown one, too: the protocol has no other word for it.
    const isUnknown = sizes === undefined || (sizes.length === 1 && sizes[0] === -1);
    return {
      name: String(name),
      kind: 'tensor',
      type: TYPES[String(datatype)] ?? 'undefined',
      shape: isUnknown ? undefined : sizes.map((size) => (size < 0 ? null : size)),
    };
  });
}

function textsOf(parameters: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries((parameters ?? {}) as Record<string, unknown>);
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function sizesOf(shape: unknown): number[] | undefined {
  if (!Array.isArray(shape)) return undefined;
  // Some write 64 bits as text.
  const sizes = shape.map(Number);
  return sizes.every(Number.isInteger) ? sizes : undefined;
}
