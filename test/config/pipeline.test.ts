import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '../../src/config/load.ts';
import { defaultOperation } from '../../src/config/operation.ts';
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
  const { operation, ...config } = await pipelineOf('source: {topics: [sensors]}\n');
  assert.deepEqual(operation, defaultOperation());
  assert.deepEqual(config, {
    version: 1,
    pipeline: 'sensors',
    group: 'sensors',
    source: { topics: ['sensors'], fields: { value: 'value' }, format: 'auto', columns: [], start: 'earliest' },
    derive: {},
    time: {
      watermark: 'partition',
      outOfOrdernessMs: 5000,
      maxAheadMs: 600_000,
      idleAfterMs: Infinity,
      allowedLatenessMs: 0,
    },
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
    state: { backend: 'memory', ttlMs: Infinity, maxSeries: Infinity, onFull: 'reject', hotSeries: 100_000 },
    checkpoint: { store: '', everyMs: 10_000, retain: 10, maxFailures: Infinity },
    guarantee: 'at-least-once',
    commitEveryMs: 1000,
    transactionTimeoutMs: 10_000,
  });
});

test('scoring is on when any of its keys is set, an empty section included', async () => {
  const score = {
    on: 'record',
    detector: 'auto',
    sensitivity: 'medium',
    window: 64,
    minCount: 8,
    stepMs: 900_000,
    refractoryMs: 43_200_000,
    watches: [{ watch: 'missing' }, { watch: 'flat' }],
  };
  assert.deepEqual((await pipelineOf('source: {topics: [a]}\nscore:\n')).score, score);
  const { watches: _, ...plain } = score;
  assert.deepEqual((await pipelineOf('source: {topics: [a]}\n', ['score.detector=rolling-z'])).score, {
    ...plain,
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

test('windows of every shape, as flags and in the file', async () => {
  const byFlag = await pipelineOf('source: {topics: [a]}\n', [
    'windows=1h/1m:mean+p99.9+p5,session:gap=10m:emit_every=1m,count:100:sum,day=1d:timezone=Europe/Berlin:offset=6h',
  ]);
  const byFile = await pipelineOf(`source: {topics: [a]}
windows:
  - {size: 1h, advance: 1m, aggregates: [p99.9, mean, p5]}
  - {gap: 10m, emit_every: 1m}
  - {type: count, size: 100, aggregates: [sum]}
  - {name: day, size: 1d, timezone: Europe/Berlin, offset: 6h}
`);
  assert.deepEqual(byFlag, byFile);
  assert.deepEqual(
    byFile.windows.map(({ name, type }) => [name, type]),
    [
      ['w1h_1m', 'hopping'],
      ['s10m', 'session'],
      ['c100', 'count'],
      ['day', 'tumbling'],
    ],
  );
  assert.deepEqual(byFile.windows[0]!.aggregates, ['mean', 'p5', 'p99.9']);
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
    pipelineOf('source: {topics: [a]}\nscore: {detector: threshold}\n'),
    /needs score\.min or score\.max/,
  );
});

test('max_ahead can be off', async () => {
  assert.equal((await pipelineOf('source: {topics: [a]}\ntime: {max_ahead: off}\n')).time.maxAheadMs, Infinity);
});

test('what config init writes is valid', async () => {
  const config = await pipelineOf(CONFIG_TEMPLATE);
  assert.equal(config.pipeline, 'pump-room');
  assert.equal(config.score?.detector, 'auto');
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

test('two pipelines over one source write to topics of their own', async () => {
  const named = async (name: string) => (await pipelineOf(`pipeline: ${name}\nsource: {topics: [sensors]}\n`)).sinks;
  const { windows, anomalies, late, deadLetters } = await named('fast');
  assert.deepEqual(
    [windows, anomalies, late, deadLetters],
    ['windows', 'anomalies', 'late', 'dlq'].map((s) => `fast.${s}`),
  );
  assert.equal((await named('slow')).windows, 'slow.windows');
  assert.equal((await named('"pump room/2"')).windows, 'pump_room_2.windows', 'a topic cannot have every name');
});

test('times that do not fit each other are refused with the keys that they are of', async () => {
  const problems = async (yaml: string) => {
    const directory = temporaryFiles({ 'anomaly.yaml': `source: {topics: [a]}\n${yaml}` });
    try {
      const env = { HOME: directory.path };
      const found = await loadSettings({ flags: [], extras: [], env, cwd: directory.path, ignoreProfile: true });
      found.pipeline();
      return found.problems.map(({ key, message }) => `${key} ${message}`);
    } catch (error) {
      return [(error as Error).message];
    } finally {
      directory.remove();
    }
  };
  const slow = await problems('guarantee: exactly-once\ncommit_every: 30s\ncheckpoint: {every: 1m}\n');
  assert.match(slow.join(), /commit_every is 30000 ms.*less than half of transaction_timeout, which is 10000 ms/);
  // At least once has no transactions.
  assert.deepEqual(await problems('commit_every: 30s\ncheckpoint: {every: 1m}\n'), []);
  const rare = await problems('commit_every: 20s\ncheckpoint: {every: 10s}\n');
  assert.match(rare.join(), /checkpoint\.every is 10000 ms, shorter than commit_every, which is 20000 ms/);
  // The one that nobody gave follows the other.
  assert.deepEqual(await problems('commit_every: 20s\n'), []);
  assert.deepEqual(await problems('checkpoint: {every: 100ms}\n'), []);
});
