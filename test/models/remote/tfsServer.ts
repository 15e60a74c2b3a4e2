import { type Answer, distance, type Received } from './localServer.ts';

export interface TfsModel {
  readonly name: string;
  readonly steps: number;
  readonly channels: number;
  /** Dimensions as [steps, batch, channels]. */
  readonly isTimeFirst?: boolean;
  /** Beside the scores, as Keras models of several heads give. */
  readonly hasSecondOutput?: boolean;
}

const VERSIONS = ['3', '12'];
const LABELS: Readonly<Record<string, string>> = { stable: '3' };

/**
 * The rules of TensorFlow Serving's REST API that its page documents (tensorflow_serving/g3doc/api_rest.md): addresses,
 * one of `instances` and `inputs`, nested lists whose shape is the signature's, names left out where there is one tensor,
 * errors as `{"error"}`. The model is |last - mean| of the first channel.
 */
export function tfsAnswer(model: TfsModel, { method, path, body }: Received): Answer {
  const match = /^\/v1\/models\/([^/:]+)(?:\/(versions|labels)\/([^/:]+))?(\/metadata|:predict)?$/.exec(path);
  if (match === null) return error(404, `Malformed request: ${method} ${path}`);
  const [, name, kind, which, verb] = match;
  const version = kind === 'labels' ? LABELS[which!] : (which ?? VERSIONS.at(-1));
  if (name !== model.name || version === undefined || !VERSIONS.includes(version)) {
    return error(
      404,
      `Servable not found for request: ${which === undefined ? `Latest(${name})` : `Specific(${name}, ${which})`}`,
    );
  }
  if (verb === '/metadata')
    return method === 'GET' ? { body: metadata(model, version) } : error(404, 'Malformed request');
  if (verb !== ':predict' || method !== 'POST') return error(404, `Malformed request: ${method} ${path}`);
  return predict(model, body);
}

function predict(model: TfsModel, text: string): Answer {
  let request: Record<string, unknown>;
  try {
    request = JSON.parse(text);
  } catch {
    return error(400, 'JSON Parse error: Invalid value.');
  }
  const { signature_name: signature = 'serving_default', instances, inputs, ...other } = request;
  if (Object.keys(other).length > 0) return error(400, `Unexpected key ${Object.keys(other)[0]}`);
  if (signature !== 'serving_default' && signature !== 'second') {
    return error(400, `Serving signature name: "${signature}" not found in signature def`);
  }
  if ((instances === undefined) === (inputs === undefined)) {
    return error(400, "Request must have exactly one of 'instances' and 'inputs'");
  }
  const isRows = instances !== undefined;
  const tensor = isRows ? instances : ((inputs as { x?: unknown }).x ?? inputs);
  const shape = shapeOf(tensor);
  const wanted = model.isTimeFirst === true ? [model.steps, -1, model.channels] : [-1, model.steps, model.channels];
  if (shape === undefined || shape.length !== 3 || wanted.some((size, i) => size !== -1 && size !== shape[i])) {
    return error(
      400,
      `Tensor shape ${shape === undefined ? 'is ragged' : `[${shape}]`}, the signature has [${wanted}]`,
    );
  }
  const values = tensor as number[][][];
  const windows =
    model.isTimeFirst === true
      ? values[0]!.map((_, row) => values.map((step) => step[row]![0]!))
      : values.map((row) => row.map((step) => step[0]!));
  // Rows of the answer are as many as the instances.
  if (isRows && windows.length !== shape[0]) return error(500, 'Tensor has different 0-th dimension');
  const scores = windows.map((window) => [distance(window)]);
  if (model.hasSecondOutput !== true) return { body: isRows ? { predictions: scores } : { outputs: scores } };
  const rows = scores.map((score, row) => ({ score, label: [row] }));
  const columns = { score: scores, label: scores.map((_, row) => [row]) };
  return { body: isRows ? { predictions: rows } : { outputs: columns } };
}

function metadata(model: TfsModel, version: string): unknown {
  const dims = (sizes: readonly number[]) => ({
    dim: sizes.map((size) => ({ size: String(size), name: '' })),
    unknown_rank: false,
  });
  const tensor = (name: string, dtype: string, sizes: readonly number[]) => ({
    dtype,
    tensor_shape: dims(sizes),
    name: `${name}:0`,
  });
  const { steps, channels } = model;
  const signature = {
    inputs: {
      x: tensor(
        'serving_default_x',
        'DT_FLOAT',
        model.isTimeFirst === true ? [steps, -1, channels] : [-1, steps, channels],
      ),
    },
    outputs: {
      ...(model.hasSecondOutput === true && { label: tensor('StatefulPartitionedCall', 'DT_INT64', [-1, 1]) }),
      score: tensor('StatefulPartitionedCall', 'DT_FLOAT', [-1, 1]),
    },
    method_name: 'tensorflow/serving/predict',
  };
  return {
    model_spec: { name: model.name, signature_name: '', version },
    metadata: { signature_def: { signature_def: { serving_default: signature, second: signature } } },
  };
}

/** Undefined where lists of one depth differ in length, or there is anything else than numbers. */
function shapeOf(value: unknown): number[] | undefined {
  if (typeof value === 'number') return [];
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const shapes = value.map(shapeOf);
  const [first] = shapes;
  if (first === undefined || shapes.some((shape) => String(shape) !== String(first))) return undefined;
  return [value.length, ...first];
}

function error(status: number, message: string): Answer {
  return { status, body: { error: message } };
}
