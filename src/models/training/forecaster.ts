import { DATA_TYPE, floatTensor, longTensor } from '../onnx/onnxWriter.ts';
import { DenseLayer } from './denseLayer.ts';
import { LstmLayer } from './lstmLayer.ts';
import { lstmTensors } from './lstmTensors.ts';
import { type GraphSource, huber, huberSlope, type Network, type NetworkShape } from './network.ts';
import { Parameters } from './parameters.ts';
import type { Random } from './random.ts';

/**
 * The next value from the `length` values before it: a recurrent layer, and a dense one over its last output and the
 * last value. With the value itself at hand, "as the last one" is what learning starts near to, not what it must find.
 */
export class LstmForecaster implements Network {
  readonly kind = 'forecast';
  readonly architecture = 'lstm-forecaster';
  readonly batch: number;
  readonly outputWidth: number;
  readonly outputs: Float64Array;
  readonly parameters = new Parameters();
  readonly #shape: NetworkShape;
  readonly #lstm: LstmLayer;
  readonly #dense: DenseLayer;
  /** batch x (hidden + channels): what the dense layer reads. */
  readonly #features: Float64Array;
  readonly #featureGradients: Float64Array;
  readonly #outputGradients: Float64Array;
  readonly #lstmGradients: Float64Array;

  constructor(shape: NetworkShape, random: Random) {
    const { length, channels, hidden, batch } = shape;
    this.#shape = shape;
    this.batch = batch;
    this.outputWidth = channels;
    this.outputs = new Float64Array(batch * channels);
    this.#lstm = new LstmLayer(this.parameters, { inputs: channels, hidden, steps: length, batch }, random);
    this.#dense = new DenseLayer(this.parameters, hidden + channels, channels, random);
    this.parameters.allocate();
    this.#features = new Float64Array(batch * (hidden + channels));
    this.#featureGradients = new Float64Array(batch * (hidden + channels));
    this.#outputGradients = new Float64Array(batch * channels);
    this.#lstmGradients = new Float64Array(length * batch * hidden);
  }

  run(windows: Float64Array, count: number): void {
    const { length, channels, hidden } = this.#shape;
    const { vectors } = this.#lstm;
    const size = (length + 1) * channels;
    for (let b = 0; b < count; b++) {
      for (let t = 0; t < length; t++) {
        const at = this.#lstm.inputAt(t, b);
        for (let c = 0; c < channels; c++) vectors[at + c] = windows[b * size + t * channels + c]!;
      }
    }
    this.#lstm.forward(count);
    const width = hidden + channels;
    for (let b = 0; b < count; b++) {
      const output = this.#lstm.outputAt(length - 1, b);
      for (let h = 0; h < hidden; h++) this.#features[b * width + h] = vectors[output + h]!;
      const last = b * size + (length - 1) * channels;
      for (let c = 0; c < channels; c++) this.#features[b * width + hidden + c] = windows[last + c]!;
      this.#dense.forward(this.#features, b * width, this.outputs, b * channels);
    }
  }

  loss(windows: Float64Array, count: number): number {
    const { length, channels } = this.#shape;
    const size = (length + 1) * channels;
    let sum = 0;
    for (let b = 0; b < count; b++) {
      const target = b * size + length * channels;
      for (let c = 0; c < channels; c++) sum += huber(this.outputs[b * channels + c]! - windows[target + c]!);
    }
    return sum / (count * channels);
  }

  backward(windows: Float64Array, count: number): void {
    const { length, channels, hidden, batch } = this.#shape;
    const size = (length + 1) * channels;
    const width = hidden + channels;
    this.#featureGradients.fill(0, 0, count * width);
    for (let b = 0; b < count; b++) {
      const target = b * size + length * channels;
      for (let c = 0; c < channels; c++) {
        const difference = this.outputs[b * channels + c]! - windows[target + c]!;
        this.#outputGradients[b * channels + c] = huberSlope(difference) / (count * channels);
      }
      const at = b * width;
      this.#dense.backward(this.#features, at, this.#outputGradients, b * channels, this.#featureGradients, at);
      // Only the last output is read; the rest of the array is 0 from the start.
      const last = ((length - 1) * batch + b) * hidden;
      for (let h = 0; h < hidden; h++) this.#lstmGradients[last + h] = this.#featureGradients[at + h]!;
    }
    this.#lstm.backward(this.#lstmGradients, count, false);
  }

  graph(): GraphSource {
    const { length, channels, hidden } = this.#shape;
    const { values } = this.parameters;
    const { weights, biases, inputs, outputs } = this.#dense;
    return {
      nodes: [
        { op: 'Transpose', inputs: ['window'], outputs: ['steps'], attributes: { perm: { integers: [1, 0, 2] } } },
        {
          op: 'LSTM',
          inputs: ['steps', 'lstm.W', 'lstm.R', 'lstm.B'],
          outputs: ['', 'lstm.last'],
          attributes: { hidden_size: { integer: hidden } },
        },
        { op: 'Squeeze', inputs: ['lstm.last', 'axis0'], outputs: ['state'] },
        {
          op: 'Gather',
          inputs: ['window', 'lastStep'],
          outputs: ['lastValue'],
          attributes: { axis: { integer: 1 } },
        },
        { op: 'Concat', inputs: ['state', 'lastValue'], outputs: ['features'], attributes: { axis: { integer: 1 } } },
        {
          op: 'Gemm',
          inputs: ['features', 'dense.W', 'dense.B'],
          outputs: ['forecast'],
          attributes: { transB: { integer: 1 } },
        },
      ],
      initializers: [
        ...lstmTensors('lstm', this.#lstm, values),
        longTensor('axis0', [1], [0]),
        longTensor('lastStep', [], [length - 1]),
        floatTensor('dense.W', [outputs, inputs], values.subarray(weights, weights + inputs * outputs)),
        floatTensor('dense.B', [outputs], values.subarray(biases, biases + outputs)),
      ],
      inputs: [{ name: 'window', type: DATA_TYPE.float, dims: ['batch', length, channels] }],
      outputs: [{ name: 'forecast', type: DATA_TYPE.float, dims: ['batch', channels] }],
    };
  }
}
