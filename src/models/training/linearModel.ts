import { DATA_TYPE, floatTensor, longTensor, type NodeSource } from '../onnx/onnxWriter.ts';
import type { Moments } from './moments.ts';
import type { GraphSource, TrainedModel } from './network.ts';

export interface LinearShape {
  readonly length: number;
  readonly channels: number;
  readonly batch: number;
}

/** A window's coordinates along `count` directions of its own: (window - mean) x basis. */
class Projection {
  readonly width: number;
  readonly count: number;
  readonly mean: Float64Array;
  /** width x count, rounded to single precision, as are the means. */
  readonly basis: Float64Array;
  readonly coordinates: Float64Array;

  constructor({ width, mean, eigen }: Moments, count: number, scale: (value: number) => number) {
    this.width = width;
    this.count = count;
    this.mean = mean.map(Math.fround);
    this.basis = new Float64Array(width * count);
    this.coordinates = new Float64Array(count);
    for (let j = 0; j < count; j++) {
      const by = scale(eigen.values[j]!);
      for (let k = 0; k < width; k++) this.basis[k * count + j] = Math.fround(by * eigen.vectors[j * width + k]!);
    }
  }

  run(windows: Float64Array, at: number): void {
    const { width, count, mean, basis, coordinates } = this;
    coordinates.fill(0);
    for (let k = 0; k < width; k++) {
      const centred = windows[at + k]! - mean[k]!;
      for (let j = 0; j < count; j++) coordinates[j]! += centred * basis[k * count + j]!;
    }
  }

  /** From `window` to `coordinates`. */
  nodes(): NodeSource[] {
    return [
      { op: 'Reshape', inputs: ['window', 'flat'], outputs: ['vector'] },
      { op: 'Sub', inputs: ['vector', 'mean'], outputs: ['centred'] },
      { op: 'MatMul', inputs: ['centred', 'basis'], outputs: ['coordinates'] },
    ];
  }

  tensors() {
    const { width, count, mean, basis } = this;
    return [
      longTensor('flat', [2], [-1, width]),
      floatTensor('mean', [width], mean),
      floatTensor('basis', [width, count], basis),
    ];
  }
}

/**
 * The window again, from its principal components: as many as hold `share` of the variance. Source: Jackson and
 * Mudholkar (1979), whose squared prediction error is the score; of windows it is Sub-PCA.
 */
export class PcaModel implements TrainedModel {
  readonly kind = 'reconstruction';
  readonly architecture: string;
  readonly batch: number;
  readonly outputWidth: number;
  readonly outputs: Float64Array;
  readonly #shape: LinearShape;
  readonly #projection: Projection;

  constructor(moments: Moments, shape: LinearShape, share: number) {
    const { width, eigen } = moments;
    const total = eigen.values.reduce((sum, value) => sum + Math.max(0, value), 0);
    let count = 0;
    let held = 0;
    // All of them would give back anything, so the last one stays out.
    while (count < Math.max(1, width - 1) && held < share * total) held += eigen.values[count++]!;
    this.architecture = `pca of ${count} components`;
    this.#shape = shape;
    this.batch = shape.batch;
    this.outputWidth = width;
    this.outputs = new Float64Array(shape.batch * width);
    this.#projection = new Projection(moments, Math.max(1, count), () => 1);
  }

  run(windows: Float64Array, count: number): void {
    const { width, mean, basis, coordinates, count: components } = this.#projection;
    for (let w = 0; w < count; w++) {
      this.#projection.run(windows, w * width);
      for (let k = 0; k < width; k++) {
        let sum = mean[k]!;
        for (let j = 0; j < components; j++) sum += coordinates[j]! * basis[k * components + j]!;
        this.outputs[w * width + k] = sum;
      }
    }
  }

  graph(): GraphSource {
    const { length, channels } = this.#shape;
    const dims = ['batch', length + 1, channels];
    const { width, count, basis } = this.#projection;
    const back = new Float64Array(count * width);
    for (let k = 0; k < width; k++) for (let j = 0; j < count; j++) back[j * width + k] = basis[k * count + j]!;
    return {
      nodes: [
        ...this.#projection.nodes(),
        { op: 'MatMul', inputs: ['coordinates', 'back'], outputs: ['products'] },
        { op: 'Add', inputs: ['products', 'mean'], outputs: ['values'] },
        { op: 'Reshape', inputs: ['values', 'window.shape'], outputs: ['reconstruction'] },
      ],
      initializers: [
        ...this.#projection.tensors(),
        floatTensor('back', [count, width], back),
        longTensor('window.shape', [3], [-1, length + 1, channels]),
      ],
      inputs: [{ name: 'window', type: DATA_TYPE.float, dims }],
      outputs: [{ name: 'reconstruction', type: DATA_TYPE.float, dims }],
    };
  }
}

/** Directions with less than this share of the mean variance count as if they had it: noise must not be divided by. */
const VARIANCE_FLOOR = 1e-2;

/**
 * The squared Mahalanobis distance over the number of values: about 1 on what it was fitted to. Source: Mahalanobis
 * (1936), with the small eigenvalues lifted to 1 % of their mean.
 */
export class MahalanobisModel implements TrainedModel {
  readonly kind = 'score';
  readonly architecture = 'mahalanobis';
  readonly batch: number;
  readonly outputWidth = 1;
  readonly outputs: Float64Array;
  readonly #shape: LinearShape;
  readonly #projection: Projection;

  constructor(moments: Moments, shape: LinearShape) {
    const { width, eigen } = moments;
    const floor = (VARIANCE_FLOOR * eigen.values.reduce((sum, value) => sum + value, 0)) / width;
    this.#shape = shape;
    this.batch = shape.batch;
    this.outputs = new Float64Array(shape.batch);
    // The division by the number of values is in the basis: the graph has only a sum of squares left.
    this.#projection = new Projection(moments, width, (value) => 1 / Math.sqrt(Math.max(value, floor) * width));
  }

  run(windows: Float64Array, count: number): void {
    const { width, coordinates } = this.#projection;
    for (let w = 0; w < count; w++) {
      this.#projection.run(windows, w * width);
      let sum = 0;
      for (let j = 0; j < width; j++) sum += coordinates[j]! * coordinates[j]!;
      this.outputs[w] = sum;
    }
  }

  graph(): GraphSource {
    const { length, channels } = this.#shape;
    return {
      nodes: [
        ...this.#projection.nodes(),
        { op: 'Mul', inputs: ['coordinates', 'coordinates'], outputs: ['squares'] },
        {
          op: 'ReduceSum',
          inputs: ['squares', 'axis1'],
          outputs: ['score'],
          attributes: { keepdims: { integer: 0 } },
        },
      ],
      initializers: [...this.#projection.tensors(), longTensor('axis1', [1], [1])],
      inputs: [{ name: 'window', type: DATA_TYPE.float, dims: ['batch', length + 1, channels] }],
      outputs: [{ name: 'score', type: DATA_TYPE.float, dims: ['batch'] }],
    };
  }
}
