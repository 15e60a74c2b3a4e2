import type { ModelSpec } from '../modelSpec.ts';
import { writeOnnx } from '../onnx/onnxWriter.ts';
import { specMetadata } from '../specMetadata.ts';
import { LstmAutoencoder } from './autoencoder.ts';
import { baselineLoss, type FitProgress, type FitResult, fit } from './fit.ts';
import { LstmForecaster } from './forecaster.ts';
import { MahalanobisModel, PcaModel } from './linearModel.ts';
import { windowMoments } from './moments.ts';
import type { TrainedModel } from './network.ts';
import { Random } from './random.ts';
import type { TrainingSeries } from './scaledSeries.ts';
import { scoreQuantiles } from './scores.ts';
import type { TrainerKind } from './trainerKind.ts';
import { buildWindows, type WindowSet } from './windowSet.ts';

export interface TrainOptions {
  readonly kind: TrainerKind;
  readonly channels: readonly string[];
  readonly length: number;
  readonly scaling: ModelSpec['scaling'];
  /** residual: width of a season slot. */
  readonly stepMs: number;
  readonly hidden: number;
  readonly epochs: number;
  readonly patience: number;
  readonly learningRate: number;
  readonly batch: number;
  readonly validation: number;
  readonly maxWindows: number;
  /** pca: share of the variance that the components hold. */
  readonly variance: number;
  readonly seed: number;
  readonly toolVersion: string;
  /** What one value is, where that is no record: w5m.mean. */
  readonly on?: string;
}

export interface TrainSummary {
  readonly architecture: string;
  readonly parameters: number;
  readonly series: number;
  readonly constantSeries: readonly string[];
  /** Records that were left out, as a field of them was no number. */
  readonly missing: number;
  readonly trainWindows: number;
  readonly validationWindows: number;
  /** Absent for what is fitted in one step. */
  readonly fit?: FitResult;
  /** Mean Huber loss of the simplest model of the kind on the same windows; with `fit` only. */
  readonly baselineLoss?: number;
  /** Raw scores on the windows to validate with. */
  readonly scoreP50: number;
  readonly scoreP99: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface TrainResult {
  readonly spec: ModelSpec;
  readonly bytes: Uint8Array;
  readonly summary: TrainSummary;
  /** For whoever wants to compare: the model as the trainer runs it, and its windows. */
  readonly model: TrainedModel;
  readonly windows: WindowSet;
}

/**
 * Trains a model and makes its ONNX file: the same bytes for the same series, options and version, on every runtime. A
 * generator of progress: the caller says when it goes on.
 * @throws ANM_TRAINING_DATA, ANM_TRAINING_DIVERGED
 */
export function* trainModel(
  series: readonly TrainingSeries[],
  options: TrainOptions,
): Generator<FitProgress, TrainResult, void> {
  const windows = buildWindows(series, { ...options, channels: options.channels.length });
  const { model, fitted } = yield* fitModel(windows, options);
  const quantiles = scoreQuantiles(model, windows);
  const graph = model.graph();
  const spec: ModelSpec = {
    kind: model.kind,
    length: options.length,
    channels: options.channels,
    scaling: options.scaling,
    input: graph.inputs[0]!.name,
    output: graph.outputs[0]!.name,
    ...(model.kind === 'score' && { direction: 'high' as const }),
  };
  const summary: TrainSummary = {
    architecture: model.architecture,
    parameters: graph.initializers.reduce((sum, { type, data }) => sum + (type === 1 ? data.length / 4 : 0), 0),
    ...{ series: windows.series, constantSeries: windows.constantSeries, missing: windows.missing },
    ...{ trainWindows: windows.training.length, validationWindows: windows.validation.length },
    ...(fitted !== undefined && { fit: fitted, baselineLoss: baselineLoss(model, windows) }),
    ...{ scoreP50: quantiles.p50, scoreP99: quantiles.p99, fromMs: windows.fromMs, untilMs: windows.untilMs },
  };
  const bytes = writeOnnx({
    ...graph,
    graphName: options.kind,
    producer: { name: 'anomaly', version: options.toolVersion },
    opsets: { '': 17 },
    metadata: { ...specMetadata(spec), ...trainingMetadata(summary, options) },
  });
  return { spec, bytes, summary, model, windows };
}

interface Fitted {
  readonly model: TrainedModel;
  readonly fitted: FitResult | undefined;
}

function* fitModel(windows: WindowSet, options: TrainOptions): Generator<FitProgress, Fitted, void> {
  const { kind, length, hidden, batch } = options;
  const channels = options.channels.length;
  if (kind === 'pca' || kind === 'mahalanobis') {
    const moments = windowMoments(windows);
    const shape = { length, channels, batch };
    const model =
      kind === 'pca' ? new PcaModel(moments, shape, options.variance) : new MahalanobisModel(moments, shape);
    return { model, fitted: undefined };
  }
  const random = new Random(options.seed);
  const shape = { length, channels, hidden, batch };
  const network = kind === 'forecast' ? new LstmForecaster(shape, random) : new LstmAutoencoder(shape, random);
  const fitted = yield* fit(network, windows, random, options);
  return { model: network, fitted };
}

/** What of the training is worth keeping with the file; figures with six digits, as more of them mean nothing. */
function trainingMetadata(summary: TrainSummary, options: TrainOptions): Record<string, string> {
  const { fit: fitted } = summary;
  const metrics = {
    ...(fitted !== undefined && {
      train_loss: rounded(fitted.trainLoss),
      validation_loss: rounded(fitted.validationLoss),
      baseline_loss: rounded(summary.baselineLoss!),
      epochs: fitted.epochs,
      best_epoch: fitted.bestEpoch,
    }),
    score_p50: rounded(summary.scoreP50),
    score_p99: rounded(summary.scoreP99),
    train_windows: summary.trainWindows,
    validation_windows: summary.validationWindows,
    series: summary.series,
  };
  return {
    'anomaly.architecture': summary.architecture,
    'anomaly.trained_from': timeText(summary.fromMs),
    'anomaly.trained_until': timeText(summary.untilMs),
    'anomaly.seed': String(options.seed),
    'anomaly.tool_version': options.toolVersion,
    'anomaly.metrics': JSON.stringify(metrics),
    ...(options.on !== undefined && { 'anomaly.on': options.on }),
    ...(options.scaling === 'residual' && { 'anomaly.season_step_ms': String(options.stepMs) }),
  };
}

function timeText(timeMs: number): string {
  return Number.isFinite(timeMs) ? new Date(timeMs).toISOString() : '';
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
