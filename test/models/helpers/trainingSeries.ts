import type { TrainingSeries } from '../../../src/models/training/scaledSeries.ts';
import { TRAINING_DEFAULTS } from '../../../src/models/training/trainerKind.ts';
import type { TrainOptions } from '../../../src/models/training/trainModel.ts';
import { bells } from '../../helpers/statistics.ts';

const STEP_MS = 300_000;
const MONDAY_MS = Date.UTC(2024, 0, 1);

/** Waves of one period with noise, `channels` of them, each later than the one before. */
export function waves(name: string, count: number, channels: number, seed: number): TrainingSeries {
  const noise = bells(seed);
  const times = Float64Array.from({ length: count }, (_, i) => MONDAY_MS + i * STEP_MS);
  const values = new Float64Array(count * channels);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < channels; c++) {
      // Of parabolas, as sines are not the same on every runtime.
      const phase = ((i + 18 - 3 * c) % 18) / 9 - 1;
      const wave = 4 * phase * (1 - Math.abs(phase));
      values[i * channels + c] = 100 + 20 * wave + 2 * noise();
    }
  }
  return { name, count, times, values };
}

export function trainOptions(over: Partial<TrainOptions>): TrainOptions {
  return {
    ...TRAINING_DEFAULTS,
    kind: 'forecast',
    channels: ['value'],
    length: 12,
    scaling: 'standard',
    stepMs: STEP_MS,
    hidden: 8,
    epochs: 4,
    toolVersion: '0.0.0-test',
    ...over,
  };
}

/** Runs a generator to its end. */
export function finish<T, R>(generator: Generator<T, R, void>, onStep: (step: T) => void = () => {}): R {
  for (;;) {
    const { done, value } = generator.next();
    if (done === true) return value as R;
    onStep(value as T);
  }
}
