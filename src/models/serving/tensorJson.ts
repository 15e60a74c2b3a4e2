import { numbersOf, type TensorData, type TensorNumbers } from '../runtime/tensorData.ts';
import type { Datatype } from './datatypes.ts';
import { RequestError } from './requestError.ts';

/**
 * The `data` of a tensor: row-major, flat or nested as the shape says.
 *
 * @throws RequestError naming the input and the place of what does not fit
 */
export function readData(data: unknown, datatype: Datatype, shape: readonly number[], input: string): TensorNumbers {
  if (!Array.isArray(data)) throw new RequestError(400, `the data of input ${input} is no list`);
  const length = shape.reduce((product, dimension) => product * dimension, 1);
  const numbers = datatype.make(length);
  const set = (at: number, value: unknown): void => {
    if (datatype.set(numbers, at, value)) return;
    const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 40);
    throw new RequestError(
      400,
      `the data of input ${input} has ${shown} at element ${at}, which is no ${datatype.name}`,
    );
  };
  if (!Array.isArray(data[0]) || shape.length < 2) {
    if (data.length !== length) {
      const wanted = `its shape [${shape.join(', ')}] has ${length}`;
      throw new RequestError(400, `the data of input ${input} has ${data.length} elements, and ${wanted}`);
    }
    for (let i = 0; i < length; i++) set(i, data[i]);
    return numbers;
  }
  let next = 0;
  const walk = (list: unknown, depth: number, place: string): void => {
    if (!Array.isArray(list) || list.length !== shape[depth]) {
      const is = Array.isArray(list) ? `a list of ${list.length}` : 'no list';
      const wanted = `its shape [${shape.join(', ')}] has ${shape[depth]} there`;
      throw new RequestError(400, `the data of input ${input}${place} is ${is}, and ${wanted}`);
    }
    if (depth === shape.length - 1) for (const value of list) set(next++, value);
    else for (let i = 0; i < list.length; i++) walk(list[i], depth + 1, `${place}[${i}]`);
  };
  walk(data, 0, '');
  return numbers;
}

/** The elements as a JSON list, flat. What is not finite is null, as JSON has no other word for it. */
export function writeData(tensor: TensorData): string {
  const { type, data } = tensor;
  if (type === 'bool') return `[${Array.from(data as Uint8Array, (bit) => bit !== 0).join(',')}]`;
  // 64 bits in all their digits.
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return `[${data.join(',')}]`;
  const numbers = numbersOf(tensor)!;
  const isAllFinite = numbers.every((value) => Number.isFinite(value));
  return isAllFinite ? `[${numbers.join(',')}]` : JSON.stringify(Array.from(numbers));
}
