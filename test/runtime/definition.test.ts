import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAnomalyError } from '../../src/errors.ts';
import { definePipeline, definitionHash } from '../../src/runtime/definition.ts';
import { configOf } from './helpers/config.ts';

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

test('overrides hold for the series that their glob matches, the last one first', async () => {
  const overrides =
    'overrides: [{series: "pump-*", min: 0, max: 90}, {series: "pump-1?", max: 80, sensitivity: low}, {series: "a.b", max: 1}]\n';
  const { score } = definePipeline(await configOf(`${SOURCE}score: {detector: range, max: 100}\n${overrides}`));
  assert.deepEqual(score!.limits('pump-2'), { min: 0, max: 90 });
  assert.deepEqual(score!.limits('pump-12'), { min: 0, max: 80 });
  assert.deepEqual(score!.limits('a.b'), { min: -Infinity, max: 1 });
  assert.deepEqual(score!.limits('axb'), { min: -Infinity, max: 100 });
  assert.equal(score!.thresholdOf!('pump-12'), 0);
  assert.equal(score!.thresholdOf!('pump-2'), undefined);
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
