import { AnomalyError } from '../../errors.ts';
import type { OnnxType, OnnxValue } from '../onnx/onnxTypes.ts';
import type { TensorData } from '../runtime/tensorData.ts';
import { MODEL_ANSWER, nestedJson, numbersIn, parseAnswer, startOf } from './answerJson.ts';
import type { HttpModel } from './httpModel.ts';
import { type FedTensor, numberTensor, type RemoteProtocol, type RemoteTensors } from './remoteProtocol.ts';

/** tensorflow/core/framework/types.proto. */
const TYPES: Readonly<Record<string, OnnxType>> = {
  DT_FLOAT: 'float32',
  DT_DOUBLE: 'float64',
  DT_HALF: 'float16',
  DT_BFLOAT16: 'bfloat16',
  DT_BOOL: 'bool',
  DT_STRING: 'string',
  DT_INT8: 'int8',
  DT_INT16: 'int16',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_UINT8: 'uint8',
  DT_UINT16: 'uint16',
  DT_UINT32: 'uint32',
  DT_UINT64: 'uint64',
};

/** `/MODEL`, `/MODEL/versions/V` or `/MODEL/labels/L`, behind the path of a proxy where there is one. */
const PATH = /^(.*?)\/([^/]+)(?:\/(versions|labels)\/([^/]+))?\/?$/;
const SIGNATURE = 'serving_default';

type Fields = Readonly<Record<string, unknown>>;

/**
 * TensorFlow Serving's REST API (https://www.tensorflow.org/tfx/serving/api_rest). Windows go in the row format where the
 * batch is the first dimension of input and output, else in the columnar one.
 */
export class TfsProtocol implements RemoteProtocol {
  readonly address: string;
  readonly name: string;
  readonly version?: string;
  readonly tensors: RemoteTensors;
  readonly #http: HttpModel;
  readonly #path: string;
  readonly #signature: string;

  private constructor(http: HttpModel, place: Place, tensors: RemoteTensors) {
    this.address = http.shown(place.path);
    this.name = place.name;
    if (place.version !== undefined) this.version = place.version;
    this.tensors = tensors;
    this.#http = http;
    this.#path = place.path;
    this.#signature = place.signature;
  }

  /** Reads the model's metadata. Throws what `HttpModel.send` throws, ANM_USAGE for an address without a model. */
  static async open(http: HttpModel, url: URL, signal: AbortSignal): Promise<TfsProtocol> {
    const place = placeOf(url);
    const path = `${place.path}/metadata`;
    const answer = parseAnswer(await http.send('GET', path, undefined, signal), http.shown(path));
    const signatures = at(answer, 'metadata', 'signature_def', 'signature_def');
    if (signatures === undefined) {
      const said = startOf(JSON.stringify(answer), MODEL_ANSWER);
      throw new AnomalyError(
        'ANM_PROTOCOL',
        `${http.shown(path)} has no signatures as TensorFlow Serving has: ${said}`,
        {
          hint: 'see whether score.model.uri is the REST address of TensorFlow Serving, port 8501 by default',
        },
      );
    }
    const signature = at(signatures, place.signature);
    if (signature === undefined) {
      const names = Object.keys(signatures).join(', ');
      const message = `${http.shown(place.path)} has the signatures ${names}, and ${place.signature} is asked for`;
      throw new AnomalyError('ANM_MODEL_SPEC', message, { hint: 'name another one in the address: ?signature=NAME' });
    }
    const tensors = { inputs: valuesOf(signature['inputs']), outputs: valuesOf(signature['outputs']) };
    return new TfsProtocol(http, place, tensors);
  }

  async infer(fed: FedTensor, output: string, signal: AbortSignal): Promise<TensorData> {
    const { name, dims, data } = fed;
    const isRows = this.#isRowFormat(fed, output);
    const values = nestedJson(data, dims);
    const own = this.#signature === SIGNATURE ? '' : `"signature_name":${JSON.stringify(this.#signature)},`;
    const tensors = isRows ? `"instances":${values}` : `"inputs":{${JSON.stringify(name)}:${values}}`;
    const body = await this.#http.send('POST', `${this.#path}:predict`, `{${own}${tensors}}`, signal);
    const answer = parseAnswer(body, this.address);
    const key = isRows ? 'predictions' : 'outputs';
    const found = (answer as Fields | null)?.[key];
    if (found === undefined) throw this.#wrong(`answers no ${key}: ${startOf(JSON.stringify(answer), MODEL_ANSWER)}`);
    const numbers = numbersIn(this.#ofOutput(found, output, isRows));
    if (numbers === undefined) throw this.#wrong(`answers ${key} without numbers for ${output}`);
    return numberTensor(numbers);
  }

  /** Rows need a batch as the first dimension of what is sent and of what comes back. */
  #isRowFormat({ isBatchFirst, dims }: FedTensor, output: string): boolean {
    const given = this.tensors.outputs.find(({ name }) => name === output)?.shape;
    if (given === undefined) return isBatchFirst;
    return isBatchFirst && given.length > 0 && (given[0] === null || given[0] === dims[0]);
  }

  /** One output has no name in the answer; of several, rows are objects, and columns one object. */
  #ofOutput(found: unknown, output: string, isRows: boolean): unknown {
    const one = (each: unknown): unknown =>
      typeof each === 'object' && each !== null && !Array.isArray(each) ? (each as Fields)[output] : each;
    return isRows && Array.isArray(found) ? found.map(one) : one(found);
  }

  #wrong(what: string): AnomalyError {
    return new AnomalyError('ANM_MODEL_OUTPUT', `${this.address} ${what}`);
  }
}

interface Place {
  readonly path: string;
  readonly name: string;
  readonly version?: string;
  readonly signature: string;
}

/** The signature is taken out of the address' query: it is none of the server's. */
function placeOf(url: URL): Place {
  const [, before, name, kind, which] = PATH.exec(url.pathname) ?? [];
  if (name === undefined) {
    throw new AnomalyError('ANM_USAGE', 'cannot use the server as a model as its address names none', {
      hint: 'as tfs+http://HOST:8501/MODEL, tfs+http://HOST:8501/MODEL/versions/V or tfs+http://HOST:8501/MODEL/labels/L',
    });
  }
  // The address of the API itself is meant by some who write it.
  const base = before!.replace(/\/v1\/models$/, '');
  const path = `${base}/v1/models/${name}${kind === undefined ? '' : `/${kind}/${which}`}`;
  return {
    path,
    name: decodeURIComponent(name),
    ...(which !== undefined && { version: decodeURIComponent(which) }),
    signature: url.searchParams.get('signature') ?? SIGNATURE,
  };
}

function valuesOf(tensors: unknown): OnnxValue[] {
  return Object.entries((tensors ?? {}) as Record<string, Fields>).map(([name, tensor]) => {
    const shape = tensor['tensor_shape'] as { dim?: { size: string }[]; unknown_rank?: boolean } | undefined;
    const sizes = shape?.unknown_rank === true ? undefined : (shape?.dim ?? []).map(({ size }) => Number(size));
    return {
      name,
      kind: 'tensor',
      type: TYPES[String(tensor['dtype'])] ?? 'undefined',
      shape: sizes?.map((size) => (size < 0 ? null : size)),
    };
  });
}

function at(value: unknown, ...path: readonly string[]): Fields | undefined {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Fields)[key];
  }
  return typeof found === 'object' && found !== null ? (found as Fields) : undefined;
}
