import { AnomalyError } from '../../errors.ts';
import { Adam } from './adam.ts';
import { huber, type Network, type TrainedModel } from './network.ts';
import type { Random } from './random.ts';
import { fillWindows, type WindowSet } from './windowSet.ts';

export interface FitOptions {
  readonly epochs: number;
  /** Epochs without a better validation loss after which it stops. */
  readonly patience: number;
  readonly learningRate: number;
}

export interface FitProgress {
  /** From 1. */
  readonly epoch: number;
  /** Share of all epochs that is done. */
  readonly share: number;
  /** Mean Huber loss of the windows of this epoch so far. */
  readonly trainLoss: number;
  /** Of the last whole epoch; NaN in the first. */
  readonly validationLoss: number;
}

export interface FitResult {
  readonly epochs: number;
  readonly bestEpoch: number;
  readonly trainLoss: number;
  readonly validationLoss: number;
}

const CLIP_NORM = 1;
/** Windows between two signs of life. */
const REPORT_EVERY = 512;

/**
 * Adam on batches in a random order, until the epochs are over or the validation loss has not become better for
 * `patience` of them; the weights are those of the best epoch, rounded to single precision. A generator: the caller says
 * when it goes on, and may stop it.
 * @throws ANM_TRAINING_DIVERGED
 */
export function* fit(
  network: Network,
  set: WindowSet,
  random: Random,
  options: FitOptions,
): Generator<FitProgress, FitResult, void> {
  const { parameters, batch } = network;
  const adam = new Adam(parameters, CLIP_NORM);
  const order = set.training.slice();
  const windows = new Float64Array(batch * (set.length + 1) * set.channels);
  const best = { weights: parameters.values.slice(), epoch: 0, loss: Number.POSITIVE_INFINITY, trainLoss: NaN };
  let validationLoss = NaN;
  let epoch = 0;
  while (epoch < options.epochs && epoch - best.epoch < options.patience) {
    epoch++;
    random.shuffle(order, order.length);
    // Smaller steps towards the end, as a network that jumps about its minimum is no better for it.
    const rate = options.learningRate * (1 - (0.9 * (epoch - 1)) / Math.max(1, options.epochs - 1));
    let sum = 0;
    let seen = 0;
    let reported = 0;
    while (seen < order.length) {
      const count = Math.min(batch, order.length - seen);
      fillWindows(set, order, seen, count, windows);
      network.run(windows, count);
      sum += network.loss(windows, count) * count;
      network.backward(windows, count);
      adam.step(rate);
      seen += count;
      if (seen - reported < REPORT_EVERY) continue;
      reported = seen;
      const share = (epoch - 1 + seen / order.length) / options.epochs;
      yield { epoch, share, trainLoss: sum / seen, validationLoss };
    }
    validationLoss = meanLoss(network, set);
    checkLoss(sum / seen, validationLoss, epoch);
    if (validationLoss < best.loss) {
      Object.assign(best, { epoch, loss: validationLoss, trainLoss: sum / seen });
      best.weights.set(parameters.values);
    }
    yield { epoch, share: epoch / options.epochs, trainLoss: sum / seen, validationLoss };
  }
  parameters.values.set(best.weights);
  parameters.roundToSingle();
  const rounded = meanLoss(network, set);
  return { epochs: epoch, bestEpoch: best.epoch, trainLoss: best.trainLoss, validationLoss: rounded };
}

/** Mean Huber loss over the validation windows. */
export function meanLoss(network: Network, set: WindowSet): number {
  let sum = 0;
  eachBatch(network, set, (windows, count) => {
    sum += network.loss(windows, count) * count;
  });
  return sum / set.validation.length;
}

/**
 * The loss of the simplest model of the same kind: for a forecast the value before, else the middle of the scale. A
 * network that does no better has learnt nothing.
 */
export function baselineLoss(model: TrainedModel, set: WindowSet): number {
  const { channels, length } = set;
  const size = (length + 1) * channels;
  let sum = 0;
  let numbers = 0;
  for (const start of set.validation) {
    const row = start * channels;
    const first = model.kind === 'forecast' ? length * channels : 0;
    for (let k = first; k < size; k++) {
      const guess = model.kind === 'forecast' ? set.rows[row + k - channels]! : 0;
      sum += huber(set.rows[row + k]! - guess);
      numbers++;
    }
  }
  return sum / numbers;
}

/** Runs the validation windows, a batch at a time. */
export function eachBatch(
  model: TrainedModel,
  set: WindowSet,
  take: (windows: Float64Array, count: number) => void,
): void {
  const windows = new Float64Array(model.batch * (set.length + 1) * set.channels);
  for (let from = 0; from < set.validation.length; from += model.batch) {
    const count = Math.min(model.batch, set.validation.length - from);
    fillWindows(set, set.validation, from, count, windows);
    model.run(windows, count);
    take(windows, count);
  }
}

function checkLoss(trainLoss: number, validationLoss: number, epoch: number): void {
  if (Number.isFinite(trainLoss) && Number.isFinite(validationLoss)) return;
  throw new AnomalyError('ANM_TRAINING_DIVERGED', `cannot go on as the loss is ${validationLoss} in epoch ${epoch}`, {
    hint: 'values may be too large for --scaling none: give --scaling standard, or a smaller --learning-rate',
    details: { epoch },
  });
}
