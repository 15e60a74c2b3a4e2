import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '../../src/config/load.ts';
import type { PipelineConfig } from '../../src/config/pipelineConfig.ts';
import { definePipeline } from '../../src/runtime/definition/definition.ts';
import { temporaryFiles } from '../helpers/files.ts';

async function pipelineOf(yaml: string): Promise<PipelineConfig> {
  const directory = temporaryFiles({ 'anomaly.yaml': yaml });
  try {
    const env = { HOME: directory.path };
    const settings = await loadSettings({ flags: [], extras: [], env, cwd: directory.path, ignoreProfile: true });
    assert.deepEqual(settings.problems, []);
    return settings.pipeline();
  } finally {
    directory.remove();
  }
}
const SOURCE = 'source: {topics: [a], fields: {value: value, load: load}}\n';
const refused = (yaml: string, message: RegExp) => assert.rejects(pipelineOf(yaml), message);

test('the presets are watched for missing and flat series, of windows for flat ones; plain rules are not', async () => {
  const windows = 'windows: [{size: 5m}]\n';
  const watchesOf = async (yaml: string) => (await pipelineOf(SOURCE + yaml)).score?.watches?.map(({ watch }) => watch);
  assert.deepEqual(await watchesOf('score: {detector: kpi}'), ['missing', 'flat']);
  assert.deepEqual(await watchesOf(`${windows}score: {on: w5m.mean}`), ['flat']);
  assert.equal(await watchesOf('score: {detector: range, min: 0}'), undefined);
  assert.equal(await watchesOf('score: {watch: none}'), undefined);
  assert.deepEqual(await watchesOf('score: {detector: range, min: 0, watch: [missing]}'), ['missing']);
});

test('what a watch cannot watch is refused by name', async () => {
  await refused(`${SOURCE}score: {watch: [flatt]}`, /score\.watch wants some of .*got "flatt"; did you mean flat\?/);
  const windows = `${SOURCE}windows: [{size: 5m}]\n`;
  await refused(
    `${windows}score: {on: w5m.mean, watch: [missing]}`,
    /has missing, which needs records, and score\.on is w5m\.mean/,
  );
  const feature = 'features: [{name: mean_1h, statistic: mean, of: w5m.mean, rolling: 12}]\n';
  await refused(`${windows}${feature}score: {on: mean_1h, watch: [peers]}`, /has peers, which needs records/);
  await refused(
    'source: {topics: [a]}\nscore: {watch: [multivariate]}',
    /needs two fields of a record, or score\.multivariate\.group_by/,
  );
  await pipelineOf('source: {topics: [a]}\nscore: {watch: [multivariate], multivariate: {group_by: /}}');
});

test('watches have rules, thresholds and settings of their own', async () => {
  const config = await pipelineOf(`${SOURCE}score:
  watch: [missing, flat, multivariate, peers]
  sensitivity: high
  missing: {after: 10m}
  peers: {group_by: '-', threshold: 7}
overrides: [{series: "pump-*", sensitivity: low}]
`);
  const [missing, flat, multivariate, peers] = definePipeline(config).score!.watches!;
  assert.deepEqual(missing!.rules, ['missing@value', 'missing@load']);
  assert.equal(missing!.afterMs, 600_000);
  assert.deepEqual([flat!.threshold, flat!.thresholdOf!('pump-1'), flat!.thresholdOf!('fan')], [4, 9, undefined]);
  assert.deepEqual(multivariate!.rules, ['multivariate@record']);
  assert.deepEqual([peers!.groupBy, peers!.threshold, peers!.thresholdOf], ['-', 7, undefined]);
});
