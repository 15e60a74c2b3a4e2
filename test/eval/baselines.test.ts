import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baselines } from '../../src/eval/baselines.ts';
import { BaselineTail } from '../../src/eval/baselineTail.ts';
import type { LabelledSeries } from '../../src/eval/labelledSeries.ts';
import { NAB_PROFILES, nabRows, normalizedScore, rawScore } from '../../src/eval/nab/scorer.ts';
import { alertsAt } from '../../src/eval/scoring.ts';
import { loadNab, loadNabScores } from '../helpers/nabData.ts';
import { uniforms } from '../helpers/statistics.ts';

const files = loadNab();
const named = (name: string) => baselines(1).find((baseline) => baseline.name === name)!;

test('a range check of 5 % scores 50.8/49.9/52.6 on NAB, flagged row by row', () => {
  const { score, threshold } = named('range 5 %');
  const every = files.map((file) => alertsAt(file.times, score(file), threshold, { refractoryMs: 0 }));
  const scores = NAB_PROFILES.map((profile) => {
    const raw = files.reduce((sum, file, i) => sum + rawScore(nabRows(file), every[i]!, profile), 0);
    return normalizedScore(raw, 116, profile).toFixed(1);
  });
  assert.deepEqual(scores, ['50.8', '49.9', '52.6']);
});

test("the windowed Gaussian's deviations are those behind the scores that the benchmark publishes of it", () => {
  const published = loadNabScores('windowedGaussian');
  const { score } = named('windowed Gaussian');
  let compared = 0;
  for (const file of files) {
    const deviations = score(file);
    const given = published[file.name]!;
    for (let i = 1; i < given.length; i++) {
      const expected = 1 - 0.5 * complementaryError(deviations[i]! / Math.SQRT2);
      assert.ok(Math.abs(given[i]! - expected) < 1e-5, `${file.name} ${i}: ${given[i]} and ${expected}`);
      compared++;
    }
  }
  assert.equal(compared, 365_558 - 58);
});

/** Within 1.2e-7 of erfc for x >= 0 (Numerical Recipes, erfcc). */
function complementaryError(x: number): number {
  const t = 1 / (1 + 0.5 * x);
  const coefficients = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418];
  let sum = 0;
  for (const coefficient of coefficients) sum = t * (coefficient + sum);
  return t * Math.exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + sum)));
}

test('the tail is calibrated: one value in a hundred scores above 2, whatever the unit', () => {
  for (const unit of [1e-6, 1, 1e9]) {
    const uniform = uniforms(5);
    const tail = new BaselineTail();
    let [above, scored] = [0, 0];
    for (let i = 0; i < 40_000; i++) {
      const magnitude = -unit * Math.log(1 - uniform());
      const score = tail.score(magnitude);
      if (score > 2) above++;
      if (i < 60) assert.ok(Number.isNaN(score));
      else scored++;
      tail.learn(magnitude);
    }
    assert.ok(Math.abs(above / scored - 0.01) < 0.0025, `${unit}: ${above / scored}`);
  }
});

test('no baseline looks ahead, and the random one depends on its seed and the series only', () => {
  const file = files.find(({ name }) => name === 'realTraffic/speed_6005.csv')!;
  const half: LabelledSeries = { ...file, times: file.times.slice(0, 1000), values: file.values.slice(0, 1000) };
  for (const { name, score } of baselines(1)) {
    assert.deepEqual(score(half), score(file).slice(0, 1000), name);
  }
  const random = (seed: number, name: string) =>
    baselines(seed)
      .find((baseline) => baseline.name === 'random')!
      .score({ ...half, name });
  assert.notDeepEqual(random(1, 'a'), random(2, 'a'));
  assert.notDeepEqual(random(1, 'a'), random(1, 'b'));
});
