import { DATA_TYPE, floatTensor, longTensor } from '../onnx/onnxWriter.ts';
import { DenseLayer } from './denseLayer.ts';
import { LstmLayer } from './lstmLayer.ts';
import { lstmTensors } from './lstmTensors.ts';
import { type GraphSource, huber, huberSlope, type Network, type NetworkShape } from './network.ts';
import { Parameters } from './parameters.ts';
import type { Random } from './random.ts';

/**
 * The window again, after it went through the `hidden` numbers of an encoder's last output: a decoder reads those at
 * every step, and a dense layer makes values of what it says. Source: Malhotra et al. (2016), LSTM-based
 * encoder-decoder for multi-sensor anomaly detection, with a decoder that reads the code and not its own last value.
 */
export class LstmAutoencoder implements Network {
  readonly kind = 'reconstruction';
  readonly architecture = 'lstm-autoencoder';
  readonly batch: number;
  readonly outputWidth: number;
  readonly outputs: Float64Array;
  readonly parameters = new Parameters();
  readonly #shape: NetworkShape;
  readonly #steps: number;
  readonly #encoder: LstmLayer;
  readonly #decoder: LstmLayer;
  readonly #dense: DenseLayer;
  readonly #outputGradients: Float64Array;
  /** One step's gradients by the decoder's output. */
  readonly #stepGradients: Float64Array;
  readonly #decoderGradients: Float64Array;
  readonly #encoderGradients: Float64Array;

  constructor(shape: NetworkShape, random: Random) {
    const { length, channels, hidden, batch } = shape;
    const steps = length + 1;
    this.#shape = shape;
    this.#steps = steps;
    this.batch = batch;
    this.outputWidth = steps * channels;
    this.outputs = new Float64Array(batch * this.outputWidth);
    this.#encoder = new LstmLayer(this.parameters, { inputs: channels, hidden, steps, batch }, random);
    this.#decoder = new LstmLayer(this.parameters, { inputs: hidden, hidden, steps, batch }, random);
    this.#dense = new DenseLayer(this.parameters, hidden, channels, random);
    this.parameters.allocate();
    this.#outputGradients = new Float64Array(batch * this.outputWidth);
    this.#stepGradients = new Float64Array(hidden);
    this.#decoderGradients = new Float64Array(steps * batch * hidden);
    this.#encoderGradients = new Float64Array(steps * batch * hidden);
  }

  run(windows: Float64Array, count: number): void {
    const { channels, hidden } = this.#shape;
    const steps = this.#steps;
    const encoder = this.#encoder;
    const decoder = this.#decoder;
    for (let b = 0; b < count; b++) {
      for (let t = 0; t < steps; t++) {
        const at = encoder.inputAt(t, b);
        for (let c = 0; c < channels; c++) encoder.vectors[at + c] = windows[(b * steps + t) * channels + c]!;
      }
    }
    encoder.forward(count);
    for (let b = 0; b < count; b++) {
      const code = encoder.outputAt(steps - 1, b);
      for (let t = 0; t < steps; t++) {
        const at = decoder.inputAt(t, b);
        for (let h = 0; h < hidden; h++) decoder.vectors[at + h] = encoder.vectors[code + h]!;
      }
    }
    decoder.forward(count);
    for (let b = 0; b < count; b++) {
      for (let t = 0; t < steps; t++) {
        this.#dense.forward(decoder.vectors, decoder.outputAt(t, b), this.outputs, (b * steps + t) * channels);
      }
    }
  }

  loss(windows: Float64Array, count: number): number {
    const total = count * this.outputWidth;
    let sum = 0;
    for (let i = 0; i < total; i++) sum += huber(this.outputs[i]! - windows[i]!);
    return sum / total;
  }

  backward(windows: Float64Array, count: number): void {
    const { channels, hidden, batch } = this.#shape;
    const steps = this.#steps;
    const decoder = this.#decoder;
    const total = count * this.outputWidth;
    for (let i = 0; i < total; i++) {
      this.#outputGradients[i] = huberSlope(this.outputs[i]! - windows[i]!) / total;
    }
    for (let b = 0; b < count; b++) {
      for (let t = 0; t < steps; t++) {
        const step = this.#stepGradients;
        step.fill(0);
        const at = decoder.outputAt(t, b);
        this.#dense.backward(decoder.vectors, at, this.#outputGradients, (b * steps + t) * channels, step, 0);
        this.#decoderGradients.set(step, (t * batch + b) * hidden);
      }
    }
    decoder.backward(this.#decoderGradients, count, true);
    for (let b = 0; b < count; b++) {
      for (let h = 0; h < hidden; h++) {
        let sum = 0;
        for (let t = 0; t < steps; t++) sum += decoder.inputGradients[(t * batch + b) * hidden + h]!;
        // Only the last output is read; the rest of the array is 0 from the start.
        this.#encoderGradients[((steps - 1) * batch + b) * hidden + h] = sum;
      }
    }
    this.#encoder.backward(this.#encoderGradients, count, false);
  }

  graph(): GraphSource {
    const { channels, hidden } = this.#shape;
    const steps = this.#steps;
    const { values } = this.parameters;
    const { weights, biases } = this.#dense;
    // MatMul has the inputs in rows.
    const dense = new Float64Array(hidden * channels);
    for (let c = 0; c < channels; c++) {
      for (let h = 0; h < hidden; h++) dense[h * channels + c] = values[weights + c * hidden + h]!;
    }
    const perm = { perm: { integers: [1, 0, 2] } };
    const size = { hidden_size: { integer: hidden } };
    const lstm = (name: string, input: string) => [input, `${name}.W`, `${name}.R`, `${name}.B`];
    return {
      nodes: [
        { op: 'Transpose', inputs: ['window'], outputs: ['steps'], attributes: perm },
        { op: 'LSTM', inputs: lstm('encoder', 'steps'), outputs: ['', 'code'], attributes: size },
        { op: 'Tile', inputs: ['code', 'repeats'], outputs: ['codes'] },
        { op: 'LSTM', inputs: lstm('decoder', 'codes'), outputs: ['decoded'], attributes: size },
        { op: 'Squeeze', inputs: ['decoded', 'axis1'], outputs: ['states'] },
        { op: 'MatMul', inputs: ['states', 'dense.W'], outputs: ['products'] },
        { op: 'Add', inputs: ['products', 'dense.B'], outputs: ['values'] },
        { op: 'Transpose', inputs: ['values'], outputs: ['reconstruction'], attributes: perm },
      ],
      initializers: [
        ...lstmTensors('encoder', this.#encoder, values),
        ...lstmTensors('decoder', this.#decoder, values),
        longTensor('repeats', [3], [steps, 1, 1]),
        longTensor('axis1', [1], [1]),
        floatTensor('dense.W', [hidden, channels], dense),
        floatTensor('dense.B', [channels], values.subarray(biases, biases + channels)),
      ],
      inputs: [{ name: 'window', type: DATA_TYPE.float, dims: ['batch', steps, channels] }],
      outputs: [{ name: 'reconstruction', type: DATA_TYPE.float, dims: ['batch', steps, channels] }],
    };
  }
}
