import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { eachBatch, type FitProgress } from '../../../src/models/training/fit.ts';
import { rawScores } from '../../../src/models/training/scores.ts';
import { TRAINER_KINDS } from '../../../src/models/training/trainerKind.ts';
import { type TrainOptions, type TrainResult, trainModel } from '../../../src/models/training/trainModel.ts';
import { fillWindows } from '../../../src/models/training/windowSet.ts';
import { ortRun } from '../helpers/ortRun.ts';
import { finish, trainOptions, waves } from '../helpers/trainingSeries.ts';

const THREE = [waves('a', 700, 3, 1), waves('b', 500, 3, 2)];
const ONE = [waves('a', 900, 1, 3), waves('b', 700, 1, 4)];

function trained(over: Partial<TrainOptions>): TrainResult {
  const options = trainOptions(over);
  return finish(trainModel(options.channels.length === 1 ? ONE : THREE, options));
}

const shaOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

for (const kind of TRAINER_KINDS) {
  for (const channels of [['value'], ['x', 'y', 'z']]) {
    test(`onnxruntime agrees with the trainer: ${kind}, ${channels.length} fields`, async () => {
      const { bytes, model, windows, spec } = trained({ kind, channels });
      const count = Math.min(60, model.batch, windows.validation.length);
      const inputs = new Float64Array(model.batch * (windows.length + 1) * channels.length);
      fillWindows(windows, windows.validation, 0, count, inputs);
      model.run(inputs, count);
      const rows = spec.kind === 'forecast' ? spec.length : spec.length + 1;
      const fed = new Float32Array(count * rows * channels.length);
      for (let w = 0; w < count; w++) {
        const from = w * (spec.length + 1) * channels.length;
        fed.set(inputs.subarray(from, from + rows * channels.length), w * rows * channels.length);
      }
      const { data, dims } = await ortRun(bytes, fed, [count, rows, channels.length]);
      assert.equal(data.length, count * model.outputWidth);
      assert.equal(dims[0], count);
      let worst = 0;
      for (let k = 0; k < data.length; k++) {
        // A distance is a sum of squares: what counts is its digits, below 1 its size.
        const scale = Math.max(1, Math.abs(model.outputs[k]!));
        worst = Math.max(worst, Math.abs(data[k]! - model.outputs[k]!) / scale);
      }
      assert.ok(worst < 1e-5, `they differ by ${worst}`);
      assert.ok(data.some((value) => Math.abs(value) > 0.1));
    });
  }
}

test('single rows: a length of 0', async () => {
  for (const kind of ['pca', 'mahalanobis'] as const) {
    const { bytes, model, windows } = trained({ kind, channels: ['x', 'y', 'z'], length: 0 });
    const inputs = new Float64Array(model.batch * 3);
    fillWindows(windows, windows.validation, 0, 5, inputs);
    model.run(inputs, 5);
    const { data } = await ortRun(bytes, Float32Array.from(inputs.subarray(0, 15)), [5, 1, 3]);
    data.forEach((value, k) => {
      assert.ok(Math.abs(value - model.outputs[k]!) < 1e-5);
    });
  }
});

test('the same seed and data give the same bytes, another seed others', () => {
  for (const kind of ['forecast', 'autoencoder'] as const) {
    const first = shaOf(trained({ kind, epochs: 2 }).bytes);
    assert.equal(shaOf(trained({ kind, epochs: 2 }).bytes), first);
    assert.notEqual(shaOf(trained({ kind, epochs: 2, seed: 2 }).bytes), first);
  }
});

test('the bytes are those of every runtime', () => {
  // Recorded on Node; a runtime whose arithmetic differs, or a trainer that calls an inexact Math function, fails here.
  const { bytes } = trained({ kind: 'forecast', epochs: 2 });
  assert.equal(shaOf(bytes), '36f0ea15c26bac909548603fb2fb8136b42a8c81bde162b9ae4b98994e1c112a');
});

test('a network learns what there is to learn', () => {
  const forecast = trained({ kind: 'forecast', epochs: 8 }).summary;
  assert.ok(forecast.fit!.validationLoss < 0.35 * forecast.baselineLoss!, JSON.stringify(forecast));
  const autoencoder = trained({ kind: 'autoencoder', epochs: 12 }).summary;
  assert.ok(autoencoder.fit!.validationLoss < 0.5 * autoencoder.baselineLoss!, JSON.stringify(autoencoder));
});

test('a value that does not fit scores far above the usual ones', () => {
  for (const kind of TRAINER_KINDS) {
    const { model, windows, summary } = trained({ kind, epochs: 8 });
    const size = windows.length + 1;
    const inputs = new Float64Array(model.batch * size);
    fillWindows(windows, windows.validation, 0, 1, inputs);
    inputs[size - 1] = inputs[size - 1]! + 4;
    model.run(inputs, 1);
    const [score] = rawScores(model, inputs, 1, windows);
    assert.ok(score! > summary.scoreP99, `${kind}: ${score}, usually below ${summary.scoreP99}`);
  }
});

test('training stops when the validation loss becomes no better, and keeps the best epoch', () => {
  const losses: FitProgress[] = [];
  const options = trainOptions({ epochs: 60, patience: 2, learningRate: 0.05 });
  const { summary, model, windows } = finish(trainModel(ONE, options), (step) => losses.push(step));
  const { epochs, bestEpoch, validationLoss } = summary.fit!;
  assert.ok(epochs < 60, `${epochs} epochs`);
  assert.equal(epochs, bestEpoch + 2);
  const ends = losses.filter(({ share, epoch }) => share === epoch / 60);
  const best = Math.min(...ends.map((each) => each.validationLoss));
  // Rounding to single precision is all that lies between.
  assert.ok(Math.abs(best - validationLoss) < 1e-6);
  let sum = 0;
  eachBatch(model, windows, (inputs, count) => {
    for (let w = 0; w < count; w++) {
      const d = Math.abs(model.outputs[w]! - inputs[w * 13 + 12]!);
      sum += d < 1 ? (d * d) / 2 : d - 0.5;
    }
  });
  assert.ok(Math.abs(sum / windows.validation.length - validationLoss) < 1e-12);
});
