import type { ModelKind } from '../modelSpec.ts';
import type { NodeSource, TensorSource, ValueSource } from '../onnx/onnxWriter.ts';
import type { Parameters } from './parameters.ts';

/** What a network or a fitted model is in an ONNX file. */
export interface GraphSource {
  readonly nodes: readonly NodeSource[];
  readonly initializers: readonly TensorSource[];
  readonly inputs: readonly ValueSource[];
  readonly outputs: readonly ValueSource[];
}

/** What runs windows and becomes an ONNX graph. */
export interface TrainedModel {
  readonly kind: ModelKind;
  /** In words, for metadata: 'lstm-forecaster'. */
  readonly architecture: string;
  /** Most windows of one call. */
  readonly batch: number;
  /** Numbers of one window's output. */
  readonly outputWidth: number;
  /** batch x outputWidth, filled by run. */
  readonly outputs: Float64Array;
  /** Runs `count` windows of (length + 1) x channels numbers, one after the other. */
  run(windows: Float64Array, count: number): void;
  graph(): GraphSource;
}

/** A model that learns by its gradient. */
export interface Network extends TrainedModel {
  readonly parameters: Parameters;
  /** Mean Huber loss of the windows of the last run. */
  loss(windows: Float64Array, count: number): number;
  /** Adds the gradient of that loss to the parameters' gradients. */
  backward(windows: Float64Array, count: number): void;
}

export interface NetworkShape {
  /** Values before the one that is scored. */
  readonly length: number;
  readonly channels: number;
  readonly hidden: number;
  readonly batch: number;
}

/** Huber's loss with a bend at 1: squares near 0, so that outliers pull no harder than others. */
export function huber(difference: number): number {
  const size = Math.abs(difference);
  return size < 1 ? 0.5 * size * size : size - 0.5;
}

export function huberSlope(difference: number): number {
  return Math.max(-1, Math.min(1, difference));
}
