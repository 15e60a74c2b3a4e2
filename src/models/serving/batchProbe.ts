import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { numbersOf, type TensorNumbers } from '../runtime/tensorData.ts';
import type { Tensors } from './batcher.ts';
import type { ServedTensor, ServedTensors } from './servedTensors.ts';

const ROWS = 2;
/** Where the file leaves a size free, as the length of a window. */
const FREE_SIZE = 4;
/** Of an input with one row: more than the runtime has memory for. */
const MOST_VALUES = 2 ** 28;
/** Relative: a run of two rows adds in another order than two runs of one. */
const TOLERANCE = 1e-3;
const HALF_TOLERANCE = 1e-2;

/**
 * Why rows of several requests must not share a run; undefined where they may. What a file says of its first dimension is
 * not relied on: exporters bake a batch of 1 into the graph, and some models mix the rows of a batch. So two rows are run
 * together and each alone, and have to give the same.
 */
export async function whyNotShared(
  { inputs, outputs }: Pick<ServedTensors, 'inputs' | 'outputs'>,
  run: (feeds: Tensors) => Promise<Tensors>,
): Promise<string | undefined> {
  for (const { name, shape } of [...inputs, ...outputs]) {
    if (shape === undefined || shape.length === 0) return `${name} has no dimension of rows`;
    if (typeof shape[0] === 'number') return `${name} has a first dimension of ${shape[0]}`;
  }
  try {
    const alone = [await run(feedsOf(inputs, 0, 1)), await run(feedsOf(inputs, 1, 1))];
    const together = await run(feedsOf(inputs, 0, ROWS));
    return difference(outputs, alone, together);
  } catch (error) {
    if (!isAnomalyError(error) || error.code === 'ANM_MODEL_TOO_LARGE') throw error;
    return error.message;
  }
}

function difference(
  outputs: readonly ServedTensor[],
  alone: readonly Tensors[],
  together: Tensors,
): string | undefined {
  for (const { name, datatype } of outputs) {
    const whole = together[name]!;
    const rows = alone.map((each) => each[name]!);
    const hasRows = whole.dims[0] === ROWS && rows.every(({ dims }) => dims[0] === 1);
    if (!hasRows) return `${name} has the shape [${whole.dims.join(', ')}] for ${ROWS} rows`;
    const numbers = numbersOf(whole)!;
    const single = rows.flatMap((each) => Array.from(numbersOf(each)!));
    const tolerance = datatype.name === 'FP16' ? HALF_TOLERANCE : TOLERANCE;
    const isSame = single.every((value, i) => {
      return Object.is(value, numbers[i]) || Math.abs(value - numbers[i]!) <= tolerance * (1 + Math.abs(value));
    });
    if (single.length !== numbers.length || !isSame) return `rows of one run change ${name} of each other`;
  }
  return undefined;
}

/** Numbers that differ by row: small ones, that any datatype has. */
function feedsOf(inputs: readonly ServedTensor[], from: number, rows: number): Tensors {
  return Object.fromEntries(
    inputs.map(({ name, datatype, shape }) => {
      const dims = [rows, ...shape!.slice(1).map((size) => (typeof size === 'number' ? size : FREE_SIZE))];
      const width = dims.slice(1).reduce((product, size) => product * size, 1);
      if (width > MOST_VALUES) {
        const what = `reads ${name} as [${shape!.map((size) => size ?? '?').join(', ')}]`;
        throw new AnomalyError('ANM_MODEL_TOO_LARGE', `the model ${what}, more than ${MOST_VALUES} values a row`);
      }
      const data: TensorNumbers = datatype.make(rows * width);
      const isFloat = datatype.name.startsWith('FP');
      for (let i = 0; i < data.length; i++) {
        const k = (i + from * width) * 7919;
        datatype.set(data, i, isFloat ? (k % 13) / 13 - 0.5 : k % 2);
      }
      return [name, { type: datatype.onnx, dims, data }];
    }),
  );
}
