import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '../../src/config/load.ts';
import { CONFIG_TEMPLATE } from '../../src/config/template.ts';
import { temporaryFiles } from '../helpers/files.ts';

async function pipelineOf(yaml: string, extras: readonly string[] = [], defaults?: Record<string, unknown>) {
  const directory = temporaryFiles({ 'anomaly.yaml': yaml });
  try {
    const env = { HOME: directory.path };
    const settings = await loadSettings({ flags: [], extras, env, cwd: directory.path, ignoreProfile: true });
    assert.deepEqual(settings.problems, []);
    return settings.pipeline(defaults);
  } finally {
    directory.remove();
  }
}

test('documented defaults', async () => {
  const config = await pipelineOf('source: {topics: [sensors]}\n');
  assert.deepEqual(config, {
    version: 1,
    pipeline: 'sensors',
    group: 'sensors',
    source: { topics: ['sensors'], fields: { value: 'value' }, format: 'auto', columns: [], start: 'earliest' },
    time: { watermark: 'partition', outOfOrdernessMs: 5000, maxAheadMs: 600_000 },
    windows: [],
    features: [],
    overrides: [],
    sinks: {
      format: 'avro',
      windows: 'sensors.windows',
      anomalies: 'sensors.anomalies',
      late: 'sensors.late',
      deadLetters: 'sensors.dlq',
    },
    checkpoint: { store: '', everyMs: 1000 },
    guarantee: 'at-least-once',
  });
});

test('scoring is on when any of its keys is set, an empty section included', async () => {
  const score = {
    on: 'record',
    detector: 'kpi',
    sensitivity: 'medium',
    window: 64,
    minCount: 8,
    stepMs: 900_000,
    refractoryMs: 3_600_000,
  };
  assert.deepEqual((await pipelineOf('source: {topics: [a]}\nscore:\n')).score, score);
  assert.deepEqual((await pipelineOf('source: {topics: [a]}\n', ['score.detector=rolling-z'])).score, {
    ...score,
    detector: 'rolling-z',
    refractoryMs: 0,
  });
  assert.deepEqual((await pipelineOf('source: {topics: [a]}\n', [], { 'score.on': 'record' })).score, score);
});

test('windows, features and overrides in the notation of flags and of the file', async () => {
  const byFlag = await pipelineOf('source: {topics: [a]}\n', [
    'windows=5m,hourly=1h:mean+count',
    'features=mean_1h=mean:w5m.mean:12',
    'overrides=pump-*:min=-1.5:max=90:sensitivity=low',
  ]);
  const byFile = await pipelineOf(`source: {topics: [a]}
windows: [{size: 5m}, {name: hourly, type: tumbling, size: 1h, aggregates: [count, mean]}]
features: [{name: mean_1h, statistic: mean, of: w5m.mean, rolling: 12}]
overrides: [{series: "pump-*", min: -1.5, max: 90, sensitivity: low}]
`);
  assert.deepEqual(byFlag, byFile);
  assert.deepEqual(byFlag.windows[0], {
    name: 'w5m',
    type: 'tumbling',
    sizeMs: 300_000,
    aggregates: ['count', 'mean', 'min', 'max', 'stddev'],
  });
});

test('defaults of a command are weaker than the file', async () => {
  const config = await pipelineOf('source: {topics: [a]}\nscore: {detector: rolling-z}\n', [], {
    'score.detector': 'range',
    'source.topics': ['b'],
    pipeline: 'named',
  });
  assert.equal(config.score?.detector, 'rolling-z');
  assert.deepEqual(config.source.topics, ['a']);
  assert.equal(config.pipeline, 'named');
});

test('keys that contradict each other', async () => {
  const yaml = 'source: {topics: [a]}\nscore: {detector: rolling-z, window: 4, min_count: 8, min: 5, max: 1}\n';
  await assert.rejects(pipelineOf(yaml), (error: { code: string; message: string }) => {
    assert.equal(error.code, 'ANM_CONFIG');
    assert.match(error.message, /score\.min_count is 8, more than the 4 values/);
    assert.match(error.message, /anomaly\.yaml:2: score\.min is 5, above score\.max/);
    return true;
  });
  await assert.rejects(
    pipelineOf('source: {topics: [a]}\nscore: {detector: range}\n'),
    /needs score\.min or score\.max/,
  );
});

test('max_ahead can be off', async () => {
  assert.equal((await pipelineOf('source: {topics: [a]}\ntime: {max_ahead: off}\n')).time.maxAheadMs, Infinity);
});

test('what config init writes is valid', async () => {
  const config = await pipelineOf(CONFIG_TEMPLATE);
  assert.equal(config.pipeline, 'pump-room');
  assert.equal(config.score?.detector, 'kpi');
  // The commented keys as well, once their comment signs are gone.
  const all = CONFIG_TEMPLATE.split('\n')
    .map((line) => line.replace(/^(\s*)# (?=[a-z_]+:|\s+- )/, '$1'))
    .join('\n');
  const whole = await pipelineOf(all);
  assert.equal(whole.features[0]?.rolling, 12);
  assert.equal(whole.overrides[0]?.series, 'pump-*');
});

test('an aggregate that its window does not list is refused by name, for scores and for features', async () => {
  const yaml =
    'source: {topics: [t]}\nwindows: [{name: w5m, size: 5m, aggregates: [count, max]}]\n' +
    'features: [{name: a, rolling: 3, of: w5m.max}, {name: b, rolling: 3, of: w5m.stddev}]\nscore: {on: w5m.mean}\n';
  await assert.rejects(
    pipelineOf(yaml),
    (error: Error) =>
      /anomaly\.yaml:4: score\.on is w5m\.mean, and the aggregates of window w5m are count, max: add mean/.test(
        error.message,
      ) &&
      /anomaly\.yaml:3: features\[1\]\.of is w5m\.stddev/.test(error.message) &&
      !error.message.includes('features[0]'),
  );
  await pipelineOf(yaml.replace('w5m.mean', 'w5m.max').replace('stddev', 'count'));
});

test("alerts of another stage's windows go where those of run go", async () => {
  const { sinks } = await pipelineOf('source: {topics: [sensors.windows]}\n');
  assert.deepEqual([sinks.anomalies, sinks.windows], ['sensors.anomalies', 'sensors.windows.windows']);
});
