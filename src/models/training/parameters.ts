import type { Random } from './random.ts';

/** All weights of a network in one array, their gradients in another: what an optimiser goes over in one loop. */
export class Parameters {
  values = new Float64Array(0);
  gradients = new Float64Array(0);
  #length = 0;
  readonly #fills: ((values: Float64Array) => void)[] = [];

  /** Sets `count` weights aside, by a rule for their first values; gives the place of the first one. */
  add(count: number, fill: (values: Float64Array) => void): number {
    const start = this.#length;
    this.#length += count;
    this.#fills.push((values) => fill(values.subarray(start, start + count)));
    return start;
  }

  /** Makes the arrays, once all weights are set aside. */
  allocate(): void {
    this.values = new Float64Array(this.#length);
    this.gradients = new Float64Array(this.#length);
    for (const fill of this.#fills) fill(this.values);
  }

  get count(): number {
    return this.#length;
  }

  /** Rounds every weight to single precision, as an ONNX file keeps it. */
  roundToSingle(): void {
    const { values } = this;
    for (let i = 0; i < values.length; i++) values[i] = Math.fround(values[i]!);
  }
}

/** Uniform between +-1 / sqrt(width): the usual first weights of recurrent and dense layers. */
export function uniformFill(random: Random, width: number): (values: Float64Array) => void {
  const bound = 1 / Math.sqrt(width);
  return (values) => {
    for (let i = 0; i < values.length; i++) values[i] = bound * (2 * random.uniform() - 1);
  };
}
