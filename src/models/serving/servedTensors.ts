import type { OnnxModel, OnnxValue } from '../onnx/onnxTypes.ts';
import type { TensorData } from '../runtime/tensorData.ts';
import { type Datatype, datatypeOf } from './datatypes.ts';
import { RequestError } from './requestError.ts';

/** An input or output that the protocol can carry. */
export interface ServedTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** A number, a name for one that is free, or null for one that is free without a name. Undefined: any shape. */
  readonly shape: readonly (number | string | null)[] | undefined;
}

export interface ServedTensors {
  readonly inputs: readonly ServedTensor[];
  readonly outputs: readonly ServedTensor[];
  /** Outputs that are no tensors of numbers, as labels are: they are not served. */
  readonly leftOut: readonly string[];
  /** Input that cannot be sent, so that the model cannot be served; undefined: none. */
  readonly problem: string | undefined;
}

export function servedTensors({ inputs, outputs }: Pick<OnnxModel, 'inputs' | 'outputs'>): ServedTensors {
  const carried = (values: readonly OnnxValue[]): ServedTensor[] =>
    values.flatMap(({ name, kind, type, shape }) => {
      const datatype = kind === 'tensor' ? datatypeOf(type) : undefined;
      return datatype === undefined ? [] : [{ name, datatype, shape }];
    });
  const given = carried(inputs);
  const gives = carried(outputs);
  const other = (values: readonly OnnxValue[], known: readonly ServedTensor[]) =>
    values.filter(({ name }) => !known.some((each) => each.name === name));
  const [unsent] = other(inputs, given);
  const problem =
    unsent !== undefined
      ? `its input ${unsent.name} is of ${unsent.kind === 'tensor' ? unsent.type : `a ${unsent.kind}`}`
      : gives.length === 0
        ? 'none of its outputs is a tensor of numbers'
        : undefined;
  return { inputs: given, outputs: gives, leftOut: other(outputs, gives).map(({ name }) => name), problem };
}

/** `-1` for what is free, as the protocol writes it. */
export function metadataOf({ name, datatype, shape }: ServedTensor) {
  return {
    name,
    datatype: datatype.name,
    shape: (shape ?? [-1]).map((size) => (typeof size === 'number' ? size : -1)),
  };
}

/**
 * Holds what came against what the model reads: names, datatypes, ranks, fixed sizes, and one size for each name.
 *
 * @throws RequestError naming the input and both sides
 */
export function checkInputs(wanted: readonly ServedTensor[], feeds: Readonly<Record<string, TensorData>>): void {
  const names = wanted.map(({ name }) => name).join(', ');
  for (const name of Object.keys(feeds)) {
    if (!wanted.some((each) => each.name === name)) {
      throw new RequestError(400, `there is no input ${JSON.stringify(name)}; the model reads ${names}`);
    }
  }
  const sizes = new Map<string, { size: number; input: string }>();
  for (const { name, datatype, shape } of wanted) {
    const given = feeds[name];
    if (given === undefined) throw new RequestError(400, `input ${name} is missing; the model reads ${names}`);
    if (given.type !== datatype.onnx) {
      const is = datatypeOf(given.type)?.name ?? given.type;
      throw new RequestError(400, `input ${name} is of ${is}, and the model reads ${datatype.name}`);
    }
    if (shape === undefined) continue;
    const fits =
      given.dims.length === shape.length &&
      shape.every((size, i) => typeof size !== 'number' || size === given.dims[i]);
    if (!fits) {
      const reads = shape.map((size) => size ?? '?').join(', ');
      throw new RequestError(
        400,
        `input ${name} has the shape [${given.dims.join(', ')}], and the model reads [${reads}]`,
      );
    }
    for (const [i, label] of shape.entries()) {
      if (typeof label !== 'string') continue;
      const size = given.dims[i]!;
      const before = sizes.get(label);
      if (before !== undefined && before.size !== size) {
        throw new RequestError(400, `${label} is ${before.size} in input ${before.input} and ${size} in input ${name}`);
      }
      sizes.set(label, { size, input: name });
    }
  }
}
