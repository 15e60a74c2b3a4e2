import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sigmoid, tanh } from '../../../src/models/training/activations.ts';
import { LstmAutoencoder } from '../../../src/models/training/autoencoder.ts';
import { LstmForecaster } from '../../../src/models/training/forecaster.ts';
import type { Network } from '../../../src/models/training/network.ts';
import { Random } from '../../../src/models/training/random.ts';

const SHAPE = { length: 5, channels: 2, hidden: 3, batch: 4 };
const COUNT = 3;

/** By finite differences, over every weight: two-sided, whose error is of the order of the step's square. */
function checkGradients(network: Network): void {
  const random = new Random(11);
  const windows = Float64Array.from({ length: SHAPE.batch * 6 * 2 }, () => 3 * random.uniform() - 1.5);
  const { values, gradients } = network.parameters;
  const lossAt = () => {
    network.run(windows, COUNT);
    return network.loss(windows, COUNT);
  };
  // A second call after another batch: nothing of the former one may be left.
  network.run(
    windows.map((value) => -2 * value),
    SHAPE.batch,
  );
  network.backward(windows, SHAPE.batch);
  gradients.fill(0);
  lossAt();
  network.backward(windows, COUNT);
  const analytic = gradients.slice();
  let largest = 0;
  const step = 1e-5;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    values[i] = value + step;
    const above = lossAt();
    values[i] = value - step;
    const below = lossAt();
    values[i] = value;
    const numeric = (above - below) / (2 * step);
    largest = Math.max(largest, Math.abs(analytic[i]!));
    assert.ok(Math.abs(analytic[i]! - numeric) < 1e-8, `weight ${i}: ${analytic[i]}, by differences ${numeric}`);
  }
  assert.ok(largest > 1e-2, 'the gradient is not just 0');
}

test('the gradient of the forecaster is that of its loss', () => {
  checkGradients(new LstmForecaster(SHAPE, new Random(5)));
});

test('the gradient of the autoencoder is that of its loss', () => {
  checkGradients(new LstmAutoencoder(SHAPE, new Random(6)));
});

test('sigmoid and tanh hold sixteen digits', () => {
  for (let i = -4000; i <= 4000; i++) {
    const x = i / 100;
    assert.ok(Math.abs(sigmoid(x) - 1 / (1 + Math.exp(-x))) < 5e-16, `sigmoid(${x})`);
    assert.ok(Math.abs(tanh(x) - Math.tanh(x)) < 5e-16, `tanh(${x})`);
  }
  assert.equal(sigmoid(1e9), 1);
  assert.ok(sigmoid(-1e9) < 1e-17);
  assert.equal(tanh(1e9), 1);
  assert.equal(tanh(-1e9), -1);
});

test('random numbers are uniform, and the same for a seed', () => {
  const [first, second, other] = [new Random(1), new Random(1), new Random(2)];
  const drawn = Array.from({ length: 10_000 }, () => first.uniform());
  assert.deepEqual(
    drawn.slice(0, 100),
    Array.from({ length: 100 }, () => second.uniform()),
  );
  assert.notEqual(other.uniform(), drawn[0]);
  const counts = new Array(10).fill(0);
  for (const each of drawn) counts[Math.floor(10 * each)]++;
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 150);
  const order = Int32Array.from({ length: 50 }, (_, i) => i);
  first.shuffle(order, 50);
  assert.notDeepEqual(
    [...order],
    [...order].sort((a, b) => a - b),
  );
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  );
});
