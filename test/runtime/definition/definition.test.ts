import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AGGREGATES,
  isAggregate as isConfigAggregate,
  splitAggregate as splitConfigured,
} from '../../../src/config/aggregates.ts';
import {
  BASE_AGGREGATES,
  EXTRA_AGGREGATES,
  isAggregate,
  splitAggregate,
} from '../../../src/engine/windows/aggregates.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import { definePipeline, definitionHash, stateHash } from '../../../src/runtime/definition/definition.ts';
import { defineJob } from '../../../src/runtime/job.ts';
import { configOf } from '../helpers/config.ts';

const SOURCE = 'source: {topics: [t], fields: {pressure: p, temp: sensor.temp}}\n';
const WINDOWS = 'windows: [{name: w1m, type: tumbling, size: 1m}, {name: w.5m, type: tumbling, size: 5m}]\n';

async function refusal(yaml: string): Promise<string> {
  const config = await configOf(yaml);
  try {
    definePipeline(config);
  } catch (error) {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_CONFIG', String(error));
    return `${error.message}\n${error.hint}`;
  }
  return assert.fail('it was defined');
}

test('fields, aggregates and features are found by their names', async () => {
  const on = async (name: string) => {
    const features = 'features: [{name: mean_3, rolling: 3, of: w1m.mean}, {name: z_temp, rolling: 9, of: temp}]\n';
    const config = await configOf(`${SOURCE}${WINDOWS}${features}score: {on: ${name}, detector: rolling-z}\n`);
    return definePipeline(config);
  };
  assert.equal((await on('record')).score!.on, null);
  assert.deepEqual((await on('temp')).score!.on, { kind: 'field', field: 1 });
  assert.deepEqual((await on('w1m.mean')).score!.on, { kind: 'aggregate', window: 0, aggregate: 'mean' });
  assert.deepEqual((await on('w.5m.stddev')).score!.on, { kind: 'aggregate', window: 1, aggregate: 'stddev' });
  const ofFeature = await on('mean_3');
  assert.deepEqual(ofFeature.score!.on, { kind: 'feature', feature: 0 });
  assert.deepEqual(
    ofFeature.features.map(({ of }) => of),
    [
      { kind: 'aggregate', window: 0, aggregate: 'mean' },
      { kind: 'field', field: 1 },
    ],
  );
  assert.deepEqual((await on('record')).score!.rules, ['rolling-z@pressure', 'rolling-z@temp']);
  assert.deepEqual((await on('w1m.mean')).score!.rules, ['rolling-z@w1m.pressure.mean', 'rolling-z@w1m.temp.mean']);
});

test('a name that is not there is refused with its key and what there is', async () => {
  const score = await refusal(`${SOURCE}${WINDOWS}score: {on: w1m.median}\n`);
  assert.match(score, /score\.on cannot be w1m\.median/);
  assert.match(score, /one of: record, pressure, temp, w1m\.count, /);
  assert.match(
    await refusal(`${SOURCE}features: [{name: f, rolling: 3, of: w9.mean}]\n`),
    /features\[0\]\.of .*w9\.mean/,
  );
  const nested = 'features: [{name: f, rolling: 3, of: temp}, {name: g, rolling: 3, of: f}]\n';
  assert.match(await refusal(SOURCE + nested), /features\[1\]\.of cannot be f as a feature of a feature/);
});

const DERIVING =
  'source: {topics: [t], fields: {u: u, i: i}, where: "u  != null"}\nderive: {power: u*i, high: power > 9}\n';

test('derived fields are fields everywhere', async () => {
  const yaml = `${DERIVING}${WINDOWS}features: [{name: f, rolling: 3, of: power}]\nscore: {on: high, detector: rolling-z}\n`;
  const defined = definePipeline(await configOf(yaml));
  assert.deepEqual(defined.fields, ['u', 'i', 'power', 'high']);
  assert.deepEqual(defined.features[0]!.of, { kind: 'field', field: 2 });
  assert.deepEqual(defined.score!.on, { kind: 'field', field: 3 });
  assert.deepEqual(defined.select, {
    fields: ['u', 'i'],
    derived: [
      { name: 'power', expression: 'u*i' },
      { name: 'high', expression: 'power > 9' },
    ],
    where: 'u  != null',
  });
  assert.equal(definePipeline(await configOf(SOURCE)).select, undefined);
});

test('an expression that is wrong is refused with its key and its place', async () => {
  const wrong = await refusal('source: {topics: [t], where: "value >"}\n');
  assert.match(wrong, /^source\.where: cannot read the expression as it ends here[^\n]*\n {4}value >\n {11}\^\n/);
  assert.match(
    await refusal('source: {topics: [t]}\nderive: {a: value + b, b: 1}\n'),
    /^derive\.a: .*there is no field b/,
  );
  assert.match(
    await refusal('source: {topics: [t]}\nderive: {value: 1}\n'),
    /derive\.value cannot be 1 as source\.fields has/,
  );
});

test('the hash changes with an expression, and not with how it is written', async () => {
  const hash = async (yaml: string) => definitionHash(await configOf(yaml), 'run');
  const base = await hash(DERIVING);
  assert.equal(await hash(DERIVING.replace('u*i', '(u * i)').replace('u  != null', 'u is not null')), base);
  assert.notEqual(await hash(DERIVING.replace('u*i', 'u/i')), base);
  assert.notEqual(await hash(DERIVING.replace('u  != null', 'u == null')), base);
  const state = async (yaml: string) => stateHash(definePipeline(await configOf(yaml + WINDOWS)));
  const before = await state(DERIVING);
  assert.equal(await state(DERIVING.replace('u*i', '(u * i)')), before);
  assert.notEqual(await state(DERIVING.replace('u*i', 'u/i')), before);
  assert.notEqual(await state(DERIVING.replace('u  != null', 'u == null')), before);
});

test('overrides hold for the series that their glob matches, the last one first', async () => {
  const overrides =
    'overrides: [{series: "pump-*", min: 0, max: 90}, {series: "pump-1?", max: 80, sensitivity: low}, {series: "a.b", max: 1}]\n';
  const { score } = definePipeline(await configOf(`${SOURCE}score: {detector: range, max: 100}\n${overrides}`));
  assert.deepEqual(score!.limits('pump-2'), { min: 0, max: 90 });
  assert.deepEqual(score!.limits('pump-12'), { min: 0, max: 80 });
  assert.deepEqual(score!.limits('a.b'), { min: -Infinity, max: 1 });
  assert.deepEqual(score!.limits('axb'), { min: -Infinity, max: 100 });
  const facts = score!.factsOf!;
  const from = (series: string) => [facts(series).threshold, score!.origins![facts(series).origin]];
  assert.deepEqual(from('pump-12'), [0, 'override pump-1?: sensitivity low']);
  assert.deepEqual(from('pump-2'), [0, 'sensitivity medium']);
});

test('what is known of a series comes from all overrides that match it, key by key', async () => {
  const score = 'score: {detector: kpi, direction: above, min_deviation: 2, mute: [range]}\n';
  const overrides =
    'overrides: [{series: "a*", direction: below, min_deviation_ratio: 0.1}, {series: "ab", min_deviation: 0, mute: [ctx, limits]}]\n';
  const { factsOf } = definePipeline(await configOf(SOURCE + score + overrides)).score!;
  const shown = (series: string) => {
    const { direction, minDeviation, minDeviationRatio, muted } = factsOf!(series);
    return [direction, minDeviation, minDeviationRatio, muted];
  };
  assert.deepEqual(shown('x'), ['above', 2, 0, 0b1000]);
  assert.deepEqual(shown('ac'), ['below', 2, 0.1, 0b1000]);
  assert.deepEqual(shown('ab'), ['below', 0, 0.1, 0b10100]);
  assert.match(
    await refusal(`${SOURCE}score: {detector: kpi, mute: [rnage]}\n`),
    /^score\.mute cannot be rnage as the detector has no such part/,
  );
});

test('the hash changes with what is computed, and not with where it is read from or written to', async () => {
  const hash = async (yaml: string) => definitionHash(await configOf(yaml), 'run');
  const base = await hash(`${SOURCE}${WINDOWS}`);
  const moved = `pipeline: other\nsinks: {windows: elsewhere}\ncheckpoint: {every: 5s}\n${WINDOWS}`;
  assert.equal(await hash(`${SOURCE.replace('[t]', '[u]')}${moved}`), base);
  const others = await Promise.all(
    [
      `${SOURCE}${WINDOWS.replace('1m}', '2m}')}`,
      `${SOURCE.replace('sensor.temp', 'temp')}${WINDOWS}`,
      `${SOURCE}${WINDOWS}time: {out_of_orderness: 6s}\n`,
      `${SOURCE}${WINDOWS}score: {detector: kpi}\n`,
    ].map(hash),
  );
  assert.equal(new Set([base, ...others]).size, 5);
  assert.notEqual(definitionHash(await configOf(`${SOURCE}${WINDOWS}`), 'window'), base);
});

test('what a window counts of alerts needs scores of its records', async () => {
  const windows = 'windows: [{name: w1m, size: 1m, aggregates: [mean, anomalies, threshold]}]\n';
  const scored = await configOf(`${SOURCE}${windows}score: {detector: rolling-z}\n`);
  assert.deepEqual(definePipeline(scored).windows[0]!.aggregates, ['mean', 'anomalies', 'threshold']);
  await configOf(`${SOURCE}${windows}score: {on: temp, detector: rolling-z}\n`).then(definePipeline);
  assert.match(await refusal(SOURCE + windows), /windows\[0\]\.aggregates cannot have anomalies .*nothing is scored/);
  assert.match(
    await refusal(`${SOURCE}${windows}score: {on: w1m.mean, detector: rolling-z}\n`),
    /cannot have anomalies of window w1m as what is scored is w1m\.mean, not records/,
  );
});

test('quantiles are aggregates by name, and a window has those that are scored', async () => {
  const windows =
    'windows: [{name: w1m, size: 1m, aggregates: [p99.9]}, {name: day, size: 1d, timezone: Asia/Kolkata}]\n';
  const { score, windows: defined } = definePipeline(
    await configOf(`${SOURCE}${windows}score: {on: w1m.p99.9, detector: rolling-z}\n`),
  );
  assert.deepEqual(score!.on, { kind: 'aggregate', window: 0, aggregate: 'p99.9' });
  assert.deepEqual(score!.rules, ['rolling-z@w1m.pressure.p99.9', 'rolling-z@w1m.temp.p99.9']);
  assert.deepEqual(defined[0]!.aggregates, ['p99.9']);
  assert.equal(defined[1]!.zone!.offsetsMs.at(-1), 5.5 * 3_600_000);
});

test('the aggregates of the configuration are those of the engine', () => {
  assert.deepEqual(AGGREGATES, [...BASE_AGGREGATES, ...EXTRA_AGGREGATES]);
  for (const name of [...AGGREGATES, 'p1', 'p99', 'p99.9', 'p99.9999', 'p0', 'p100', 'p', 'p1.', 'median', 'p.5']) {
    assert.equal(isConfigAggregate(name), isAggregate(name), name);
    assert.deepEqual(splitConfigured(`w.1.${name}`), splitAggregate(`w.1.${name}`));
  }
});

test('an expression that cannot be read names its key, whoever reads it first', async () => {
  const broken = await configOf(`source: {topics: [t], where: "value >"}\n`);
  assert.throws(() => definitionHash(broken, 'run'), { code: 'ANM_CONFIG', message: /^source\.where: cannot read/ });
  const derived = await configOf(`source: {topics: [t]}\nderive: {twice: "value *"}\n`);
  assert.throws(() => definitionHash(derived, 'run'), { code: 'ANM_CONFIG', message: /^derive\.twice: cannot read/ });
});

test('a stage that would read what it writes is refused', async () => {
  const config = await configOf(`pipeline: t\nsource: {topics: [t.windows]}\n${WINDOWS}score: {detector: kpi}\n`);
  assert.throws(() => defineJob(config, 'run'), {
    code: 'ANM_CONFIG',
    message: /cannot write to t\.windows as it is a source topic/,
  });
  defineJob(config, 'score windows');
});
