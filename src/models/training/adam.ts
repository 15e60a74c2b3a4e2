import type { Parameters } from './parameters.ts';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Source: Kingma and Ba (2015), Adam, with the gradient's norm clipped before it. */
export class Adam {
  readonly #parameters: Parameters;
  readonly #clipNorm: number;
  readonly #mean: Float64Array;
  readonly #square: Float64Array;
  #power1 = 1;
  #power2 = 1;

  constructor(parameters: Parameters, clipNorm: number) {
    this.#parameters = parameters;
    this.#clipNorm = clipNorm;
    this.#mean = new Float64Array(parameters.count);
    this.#square = new Float64Array(parameters.count);
  }

  /** One step along the gradients, which are 0 after it. */
  step(rate: number): void {
    const { values, gradients } = this.#parameters;
    const mean = this.#mean;
    const square = this.#square;
    let norm = 0;
    for (let i = 0; i < gradients.length; i++) norm += gradients[i]! * gradients[i]!;
    norm = Math.sqrt(norm);
    const shrink = norm > this.#clipNorm ? this.#clipNorm / norm : 1;
    this.#power1 *= BETA1;
    this.#power2 *= BETA2;
    const meanRate = rate / (1 - this.#power1);
    const squareScale = 1 / (1 - this.#power2);
    for (let i = 0; i < values.length; i++) {
      const gradient = shrink * gradients[i]!;
      mean[i] = BETA1 * mean[i]! + (1 - BETA1) * gradient;
      square[i] = BETA2 * square[i]! + (1 - BETA2) * gradient * gradient;
      values[i] = values[i]! - (meanRate * mean[i]!) / (Math.sqrt(square[i]! * squareScale) + EPSILON);
      gradients[i] = 0;
    }
  }
}
