import { sigmoidRange, tanhRange } from './activations.ts';
import { type Parameters, uniformFill } from './parameters.ts';
import type { Random } from './random.ts';

export interface LstmShape {
  readonly inputs: number;
  readonly hidden: number;
  readonly steps: number;
  /** Most windows of one call. */
  readonly batch: number;
}

/**
 * A recurrent layer with the gates of ONNX in ONNX's order (input, output, forget, cell), so that its weights go into a
 * file as they stand. Source: Hochreiter and Schmidhuber (1997), with forget gates of Gers et al. (2000).
 *
 * Arrays are time-major: element k of window b at step t is at (t * batch + b) * width + k. The input of a step and the
 * output of the step before lie next to each other, as one vector of inputs + hidden numbers: one matrix serves both.
 */
export class LstmLayer {
  readonly shape: LstmShape;
  /** One row a gate unit: weights of the inputs, then of the step before. 4 * hidden rows. */
  readonly weights: number;
  readonly biases: number;
  /** (steps + 1) x batch x (inputs + hidden): the vector of step t; its tail at t + 1 is the output of step t. */
  readonly vectors: Float64Array;
  /** steps x batch x inputs, filled by backward where it is asked for. */
  readonly inputGradients: Float64Array;
  readonly #parameters: Parameters;
  /** steps x batch x 4 hidden: the gates after their functions. */
  readonly #gates: Float64Array;
  /** (steps + 1) x batch x hidden. */
  readonly #cells: Float64Array;
  readonly #cellTanh: Float64Array;
  readonly #cellGradients: Float64Array;
  /** batch x (inputs + hidden). */
  readonly #vectorGradients: Float64Array;

  constructor(parameters: Parameters, shape: LstmShape, random: Random) {
    const { inputs, hidden, steps, batch } = shape;
    const width = inputs + hidden;
    this.shape = shape;
    this.#parameters = parameters;
    this.weights = parameters.add(4 * hidden * width, uniformFill(random, hidden));
    this.biases = parameters.add(4 * hidden, (values) => {
      values.fill(0);
      // Remembering is where learning starts from. Source: Jozefowicz et al. (2015).
      values.fill(1, 2 * hidden, 3 * hidden);
    });
    this.vectors = new Float64Array((steps + 1) * batch * width);
    this.inputGradients = new Float64Array(steps * batch * inputs);
    this.#gates = new Float64Array(steps * batch * 4 * hidden);
    this.#cells = new Float64Array((steps + 1) * batch * hidden);
    this.#cellTanh = new Float64Array(steps * batch * hidden);
    this.#cellGradients = new Float64Array(batch * hidden);
    this.#vectorGradients = new Float64Array(batch * width);
  }

  /** Place in `vectors` of the output of step t of window b. */
  outputAt(t: number, b: number): number {
    const { inputs, hidden, batch } = this.shape;
    return ((t + 1) * batch + b) * (inputs + hidden) + inputs;
  }

  /** Place in `vectors` of the input of step t of window b: the caller fills it before forward. */
  inputAt(t: number, b: number): number {
    const { inputs, hidden, batch } = this.shape;
    return (t * batch + b) * (inputs + hidden);
  }

  /** Runs the first `count` windows. */
  forward(count: number): void {
    const { inputs, hidden, steps, batch } = this.shape;
    const width = inputs + hidden;
    for (let b = 0; b < count; b++) {
      this.vectors.fill(0, b * width + inputs, (b + 1) * width);
      this.#cells.fill(0, b * hidden, (b + 1) * hidden);
    }
    for (let t = 0; t < steps; t++) {
      for (let b = 0; b < count; b++) this.#stepForward(t * batch + b, (t + 1) * batch + b);
    }
  }

  #stepForward(at: number, next: number): void {
    const { inputs, hidden } = this.shape;
    const width = inputs + hidden;
    const { values } = this.#parameters;
    const { vectors } = this;
    const gates = this.#gates;
    const vector = at * width;
    const gate = at * 4 * hidden;
    // Four rows at a time: each read of the vector serves four sums, which do not wait for one another.
    for (let g = 0; g < 4 * hidden; g += 4) {
      let sum0 = values[this.biases + g]!;
      let sum1 = values[this.biases + g + 1]!;
      let sum2 = values[this.biases + g + 2]!;
      let sum3 = values[this.biases + g + 3]!;
      const row0 = this.weights + g * width;
      const row1 = row0 + width;
      const row2 = row1 + width;
      const row3 = row2 + width;
      for (let k = 0; k < width; k++) {
        const value = vectors[vector + k]!;
        sum0 += values[row0 + k]! * value;
        sum1 += values[row1 + k]! * value;
        sum2 += values[row2 + k]! * value;
        sum3 += values[row3 + k]! * value;
      }
      gates[gate + g] = sum0;
      gates[gate + g + 1] = sum1;
      gates[gate + g + 2] = sum2;
      gates[gate + g + 3] = sum3;
    }
    this.#activate(at, next);
  }

  /** The gates' functions, the cell, and the output. */
  #activate(at: number, next: number): void {
    const { inputs, hidden } = this.shape;
    const { vectors } = this;
    const gates = this.#gates;
    const cells = this.#cells;
    const cellTanh = this.#cellTanh;
    const gate = at * 4 * hidden;
    const output = next * (inputs + hidden) + inputs;
    sigmoidRange(gates, gate, gate + 3 * hidden);
    tanhRange(gates, gate + 3 * hidden, gate + 4 * hidden);
    for (let h = 0; h < hidden; h++) {
      const cell =
        gates[gate + 2 * hidden + h]! * cells[at * hidden + h]! + gates[gate + h]! * gates[gate + 3 * hidden + h]!;
      cells[next * hidden + h] = cell;
      cellTanh[at * hidden + h] = cell;
    }
    tanhRange(cellTanh, at * hidden, (at + 1) * hidden);
    for (let h = 0; h < hidden; h++) vectors[output + h] = gates[gate + hidden + h]! * cellTanh[at * hidden + h]!;
  }

  /**
   * Adds the gradients of the weights, of the first `count` windows.
   * @param outputGradients steps x batch x hidden: of the loss by each output, the way through later steps left out
   */
  backward(outputGradients: Float64Array, count: number, wantsInputGradients: boolean): void {
    const { inputs, hidden, steps, batch } = this.shape;
    const width = inputs + hidden;
    this.#cellGradients.fill(0, 0, count * hidden);
    this.#vectorGradients.fill(0, 0, count * width);
    for (let t = steps - 1; t >= 0; t--) {
      for (let b = 0; b < count; b++) {
        this.#stepBackward(t * batch + b, b, outputGradients);
        if (!wantsInputGradients) continue;
        const from = b * width;
        this.inputGradients.set(this.#vectorGradients.subarray(from, from + inputs), (t * batch + b) * inputs);
      }
    }
  }

  #stepBackward(at: number, b: number, outputGradients: Float64Array): void {
    const { inputs, hidden } = this.shape;
    const width = inputs + hidden;
    const { values, gradients } = this.#parameters;
    const { vectors } = this;
    const gates = this.#gates;
    const gate = at * 4 * hidden;
    const back = this.#vectorGradients;
    const from = b * width;
    this.#gateGradients(at, b, outputGradients);
    back.fill(0, from, from + width);
    const vector = at * width;
    for (let g = 0; g < 4 * hidden; g += 4) {
      const d0 = gates[gate + g]!;
      const d1 = gates[gate + g + 1]!;
      const d2 = gates[gate + g + 2]!;
      const d3 = gates[gate + g + 3]!;
      gradients[this.biases + g]! += d0;
      gradients[this.biases + g + 1]! += d1;
      gradients[this.biases + g + 2]! += d2;
      gradients[this.biases + g + 3]! += d3;
      const row0 = this.weights + g * width;
      const row1 = row0 + width;
      const row2 = row1 + width;
      const row3 = row2 + width;
      for (let k = 0; k < width; k++) {
        const value = vectors[vector + k]!;
        gradients[row0 + k]! += d0 * value;
        gradients[row1 + k]! += d1 * value;
        gradients[row2 + k]! += d2 * value;
        gradients[row3 + k]! += d3 * value;
        back[from + k]! +=
          d0 * values[row0 + k]! + d1 * values[row1 + k]! + d2 * values[row2 + k]! + d3 * values[row3 + k]!;
      }
    }
  }

  /** Puts the gradients before the gates' functions in the place of the gates. */
  #gateGradients(at: number, b: number, outputGradients: Float64Array): void {
    const { inputs, hidden } = this.shape;
    const gates = this.#gates;
    const gate = at * 4 * hidden;
    const recurrent = b * (inputs + hidden) + inputs;
    for (let h = 0; h < hidden; h++) {
      const i = gates[gate + h]!;
      const o = gates[gate + hidden + h]!;
      const f = gates[gate + 2 * hidden + h]!;
      const c = gates[gate + 3 * hidden + h]!;
      const bent = this.#cellTanh[at * hidden + h]!;
      const output = outputGradients[at * hidden + h]! + this.#vectorGradients[recurrent + h]!;
      const cell = this.#cellGradients[b * hidden + h]! + output * o * (1 - bent * bent);
      gates[gate + h] = cell * c * i * (1 - i);
      gates[gate + hidden + h] = output * bent * o * (1 - o);
      gates[gate + 2 * hidden + h] = cell * this.#cells[at * hidden + h]! * f * (1 - f);
      gates[gate + 3 * hidden + h] = cell * i * (1 - c * c);
      this.#cellGradients[b * hidden + h] = cell * f;
    }
  }
}
