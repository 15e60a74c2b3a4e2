import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PipelineDefinition } from '../../src/engine/definition.ts';
import { baselines } from '../../src/eval/baselines.ts';
import { bootstrap } from '../../src/eval/bootstrap.ts';
import { baselineCandidate, detectorCandidate } from '../../src/eval/candidates.ts';
import { compareDetectors } from '../../src/eval/compare.ts';
import { evaluate } from '../../src/eval/evaluate.ts';
import type { LabelledSeries } from '../../src/eval/labelledSeries.ts';
import { EVENT_RULES } from '../../src/eval/metrics/events.ts';
import { newMaxima } from '../../src/eval/nab/refractory.ts';
import { NAB_PROFILES, NabScorer, nabRows, probation, rawScore } from '../../src/eval/nab/scorer.ts';
import { ruleReports } from '../../src/eval/rules.ts';
import { AlertedRows, alertsAt, scoreSeries } from '../../src/eval/scoring.ts';
import { syntheticSuite } from '../../src/eval/synthetic/suite.ts';
import { loadNab, loadNabScores } from '../helpers/nabData.ts';

const REFRACTORY = { refractoryMs: 3_600_000 };
const definition: PipelineDefinition = {
  ...{ fields: ['value'], outOfOrdernessMs: 0, windows: [], features: [] },
  score: {
    on: null,
    detector: { detector: 'kpi', window: 64, minCount: 8, stepMs: 900_000 },
    ...{ rules: ['kpi@value'], shaping: REFRACTORY, isUniform: true },
    limits: () => ({ min: -Infinity, max: Infinity }),
  },
};
const some = syntheticSuite().filter(({ name }) => name.startsWith('events-1h/') || name.startsWith('clean-1h/'));
const options = { ...{ suite: 'some', isLabelled: true, rules: EVENT_RULES, seed: 1, isNab: false }, now: () => 0 };

test('the pipeline alerts at the rows that its own scores give after threshold and shaping', async () => {
  for (const series of some.slice(0, 4)) {
    const { scores, alertRows } = await scoreSeries(definition, series);
    assert.ok(alertRows.length > 0, series.name);
    assert.deepEqual(alertRows, alertsAt(series.times, scores, 2.5, REFRACTORY), series.name);
  }
});

test('a report counts what its series count, and the same run gives the same report', async () => {
  const candidates = [
    detectorCandidate('kpi', definition),
    ...baselines(7).map((baseline) => baselineCandidate(baseline, REFRACTORY)),
  ];
  const report = await evaluate(some, candidates, options);
  assert.deepEqual(await evaluate(some, candidates, options), report);
  assert.equal(report.labelledEvents, 96);
  for (const { detector, metrics, intervals, perSeries, kinds } of report.detectors) {
    const sum = (of: (one: (typeof perSeries)[number]) => number) => perSeries.reduce((all, one) => all + of(one), 0);
    assert.equal(metrics.recall, sum(({ found }) => found) / 96, detector);
    assert.equal(
      sum(({ found }) => found),
      kinds.reduce((all, { found }) => all + found, 0),
    );
    for (const name of ['recall', 'f1', 'falseAlarmsPerDay', 'vusPr'] as const) {
      assert.ok(intervals[name].low <= metrics[name] && metrics[name] <= intervals[name].high, `${detector} ${name}`);
    }
  }
  const [kpi, , , , random] = report.detectors;
  assert.ok(kpi!.metrics.recall > 0.3 && random!.metrics.recall < 0.1);
  assert.ok(kpi!.metrics.vusPr > random!.metrics.vusPr);
});

test('a detector differs from itself by nothing, and from a random one clearly', async () => {
  const random = baselines(7).find(({ name }) => name === 'random')!;
  const candidates = [detectorCandidate('kpi', definition), baselineCandidate(random, REFRACTORY)];
  const [kpi, chance] = (await evaluate(some, candidates, options)).detectors;
  for (const { difference, isClear } of compareDetectors(kpi!, kpi!, 1).differences) {
    assert.deepEqual([difference, isClear], [0, false]);
  }
  const recall = compareDetectors(kpi!, chance!, 1).differences.find(({ metric }) => metric === 'recall')!;
  assert.ok(recall.difference < 0 && recall.isClear);
  assert.throws(() => compareDetectors(kpi!, { ...chance!, perSeries: [] }, 1), /no series is in both/);
});

test('the bootstrap interval of a mean is about two standard errors wide each way', () => {
  const values = Float64Array.from({ length: 400 }, (_, i) => i % 2);
  const { mean } = bootstrap(values.length, 1, (indexes) => ({
    mean: indexes.reduce((sum, index) => sum + values[index]!, 0) / indexes.length,
  }));
  assert.ok(Math.abs(mean.low - 0.451) < 0.008 && Math.abs(mean.high - 0.549) < 0.008, `${mean.low} ${mean.high}`);
});

test('new maxima are those of a plain look back', () => {
  const scores = fc.array(fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constant(NaN)), { maxLength: 200 });
  fc.assert(
    fc.property(scores, (given) => {
      const reach = Math.floor(probation(given.length) / 2);
      const plain = given.map((score, i) => {
        const before = given.slice(Math.max(0, i - reach), i);
        return before.some((other) => other >= score) ? NaN : score;
      });
      assert.deepEqual([...newMaxima(given)], plain);
    }),
  );
});

test('a file scores by its flagged rows what the sweep gives at that threshold', () => {
  const files = loadNab().filter(({ name }) => name.startsWith('realTraffic/'));
  const published = loadNabScores('numenta');
  const scorer = new NabScorer(files, (index) => published[files[index]!.name]!);
  for (const profile of NAB_PROFILES) {
    const raw = files.reduce((sum, file) => {
      const flagged = published[file.name]!.flatMap((score, i) => (score >= 0.5 ? [i] : []));
      return sum + rawScore(nabRows(file), flagged, profile);
    }, 0);
    assert.ok(Math.abs(raw - scorer.at(0.5, profile).raw) < 1e-9);
  }
});

test('leaving groups out is choosing each threshold on the other groups', () => {
  const files = loadNab();
  const published = loadNabScores('relativeEntropy');
  const of = (part: readonly LabelledSeries[]) => new NabScorer(part, (index) => published[part[index]!.name]!);
  const folder = ({ name }: LabelledSeries) => name.slice(0, name.indexOf('/'));
  const profile = NAB_PROFILES[0]!;
  let raw = 0;
  for (const group of new Set(files.map(folder))) {
    const { threshold } = of(files.filter((file) => folder(file) !== group)).best(profile);
    raw += of(files.filter((file) => folder(file) === group)).at(threshold, profile).raw;
  }
  const logo = of(files).logo(profile);
  assert.ok(Math.abs(logo.raw - raw) < 1e-9);
  assert.equal(logo.thresholds.length, 7);
});

test('a rule is held against the events by itself, and what only it found is told', () => {
  const series: LabelledSeries = {
    name: 'a',
    times: Float64Array.from({ length: 400 }, (_, i) => i * 60_000),
    values: new Float64Array(400),
    events: [100, 200, 300].map((from) => ({ from, to: from + 5, startMs: from * 60_000, endMs: (from + 5) * 60_000 })),
  };
  const alerts = new AlertedRows(['kpi@value']);
  for (const row of [101, 201, 250]) alerts.add('kpi@value', row);
  for (const row of [203, 302]) alerts.add('watch/flat', row);
  const scored = { scores: new Float64Array(400), ...alerts.sorted() };
  assert.deepEqual([...scored.alertRows], [101, 201, 203, 250, 302]);
  assert.deepEqual([...scored.besideRows!], [203, 302]);
  assert.deepEqual(ruleReports([series], [scored], EVENT_RULES), [
    { rule: 'kpi@value', alerts: 3, found: 2, onlyFound: 1, falseAlarms: 1 },
    { rule: 'watch/flat', alerts: 2, found: 2, onlyFound: 1, falseAlarms: 0 },
  ]);
});
