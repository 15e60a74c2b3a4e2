import { type Parameters, uniformFill } from './parameters.ts';
import type { Random } from './random.ts';

/** outputs = weights x inputs + biases; weights have one row an output. */
export class DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: number;
  readonly biases: number;
  readonly #parameters: Parameters;

  constructor(parameters: Parameters, inputs: number, outputs: number, random: Random) {
    this.#parameters = parameters;
    this.inputs = inputs;
    this.outputs = outputs;
    this.weights = parameters.add(inputs * outputs, uniformFill(random, inputs));
    this.biases = parameters.add(outputs, (values) => values.fill(0));
  }

  /** from[fromAt ...] -> to[toAt ...]. */
  forward(from: Float64Array, fromAt: number, to: Float64Array, toAt: number): void {
    const { inputs, outputs } = this;
    const { values } = this.#parameters;
    for (let o = 0; o < outputs; o++) {
      let sum = values[this.biases + o]!;
      for (let k = 0; k < inputs; k++) sum += values[this.weights + o * inputs + k]! * from[fromAt + k]!;
      to[toAt + o] = sum;
    }
  }

  /** Adds the gradients of the weights, and those of the inputs to back[backAt ...]. */
  backward(
    from: Float64Array,
    fromAt: number,
    outputGradients: Float64Array,
    gradientAt: number,
    back: Float64Array,
    backAt: number,
  ): void {
    const { inputs, outputs } = this;
    const { values, gradients } = this.#parameters;
    for (let o = 0; o < outputs; o++) {
      const gradient = outputGradients[gradientAt + o]!;
      gradients[this.biases + o]! += gradient;
      for (let k = 0; k < inputs; k++) {
        gradients[this.weights + o * inputs + k]! += gradient * from[fromAt + k]!;
        back[backAt + k]! += gradient * values[this.weights + o * inputs + k]!;
      }
    }
  }
}
