import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type JsonRecord, readTopic, send, startWorld, type World } from '../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const START = Date.UTC(2026, 0, 5);
const STEP_MS = 300_000;
const ROWS = 288 * 8;
const timeOf = (row: number) => new Date(START + row * STEP_MS).toISOString();
/** A daily wave with a little noise, and spikes at some rows. */
const levelAt = (row: number, spikes: readonly number[]) =>
  50 + 10 * Math.sin((row * Math.PI) / 144) + ((row * 7919) % 101) / 100 + (spikes.includes(row) ? 60 : 0);
const SPIKES = [1000, 1500, 2100];

type Json = Record<string, never>;
interface Detector {
  detector: string;
  role: string;
  microseconds_per_point: number;
  metrics: { precision: number | null; recall: number | null; f1: number | null; alerts_per_day: number };
  sensitivities: { sensitivity: string; alerts: number; is_current: boolean; precision: number | null }[];
  per_series: { series: string; points: number; found: number; events: number; alerts: number; false_alarms: number }[];
  delay: { median_seconds: number };
  nab: null | { as_run: number[]; optimised: number[] };
}
interface Report {
  is_labelled: boolean;
  series: number;
  labelled_events: number;
  detectors: Detector[];
}

function write(name: string, text: string): string {
  writeFileSync(join(world.dir, name), text);
  return name;
}

function csv(name: string, spikes: readonly number[], labelled: boolean): string {
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const flag = labelled ? `,${spikes.includes(i) ? 1 : 0}` : '';
    return `${timeOf(i)},${levelAt(i, spikes).toFixed(3)}${flag}`;
  });
  return write(name, `timestamp,value${labelled ? ',is_anomaly' : ''}\n${rows.join('\n')}\n`);
}

async function json<T = Report>(...argv: string[]): Promise<T> {
  const { code, stdout, stderr } = await world.run(['eval', ...argv, '-o', 'json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

async function refused(...argv: string[]) {
  const { code, stdout, stderr } = await world.run(['eval', ...argv]);
  assert.equal(stdout, '');
  return { code, stderr };
}

test('a column of labels: the spikes are found, and baselines stand beside', async () => {
  const report = await json(csv('pump.csv', SPIKES, true));
  assert.deepEqual([report.is_labelled, report.series, report.labelled_events], [true, 1, 3]);
  const [kpi] = report.detectors;
  assert.equal(kpi!.metrics.recall, 1);
  const names = report.detectors.map(({ detector }) => detector);
  assert.deepEqual(names.slice(1), ['range 5 %', 'windowed Gaussian', '|difference| tail', 'random']);
  assert.deepEqual(
    kpi!.sensitivities.map(({ sensitivity, is_current }) => [sensitivity, is_current]),
    [
      ['low', false],
      ['medium', true],
      ['high', false],
    ],
  );
  const text = await world.run(['eval', 'pump.csv', '--no-baselines']);
  assert.match(text.stdout, /^pump\.csv: 1 series, 2,304 points, 3 labelled events, 7 series-days/);
  assert.match(text.stdout, /\n\w+ +2\.50 /);
  assert.doesNotMatch(text.stdout, /random/);
});

test('labels of a JSON or CSV file do as a column does', async () => {
  csv('bare.csv', SPIKES, false);
  const [first, ...rest] = SPIKES;
  const windows = [
    { start: timeOf(first!), end: timeOf(first! + 1), kind: 'spike' },
    ...rest.map((row) => [timeOf(row), timeOf(row + 1)]),
  ];
  write('faults.json', JSON.stringify({ 'bare.csv': windows }));
  const rows = SPIKES.map((row) => `bare,${START + row * STEP_MS},${timeOf(row + 1)}`);
  write('faults.csv', `series,start,end\n${rows.join('\n')}\n`);
  const byColumn = (await json(csv('pump.csv', SPIKES, true))).detectors[0]!.metrics;
  for (const labels of ['faults.json', 'faults.csv']) {
    assert.deepEqual((await json('bare.csv', '--labels', labels)).detectors[0]!.metrics, byColumn, labels);
  }
});

test('labels that do not match are refused with series and times', async () => {
  csv('bare.csv', SPIKES, false);
  write('wrong.json', JSON.stringify({ bare: [['2031-01-01', '2031-01-02']], other: [['2026-01-06', '2026-01-07']] }));
  const mismatch = await refused('bare.csv', '--labels', 'wrong.json');
  assert.equal(mismatch.code, 5);
  assert.match(mismatch.stderr, /ANM_LABELS/);
  assert.match(mismatch.stderr, /no series other, which is labelled at 2026-01-06T00:00:00\.000Z/);
  assert.match(
    mismatch.stderr,
    /series bare: the label 2031-01-01T00:00:00\.000Z to 2031-01-02.* lies outside of its times, 2026-01-05/,
  );
  write('broken.json', '{"bare": [["soon", "later"]]}');
  assert.match(
    (await refused('bare.csv', '--labels', 'broken.json')).stderr,
    /broken\.json, series bare as "soon" is no time/,
  );
  assert.match((await refused('bare.csv', '--labels', 'none.json')).stderr, /ANM_LABELS.*none\.json/);
});

test('without labels there are alerts by sensitivity, and nothing that claims to know which are right', async () => {
  const report = await json(csv('bare.csv', SPIKES, false));
  assert.equal(report.is_labelled, false);
  assert.equal(report.detectors.length, 1);
  const [low, medium, high] = report.detectors[0]!.sensitivities;
  assert.ok(low!.alerts >= 3 && medium!.alerts >= low!.alerts && high!.alerts >= medium!.alerts);
  assert.equal(medium!.precision, null);
  assert.equal(report.detectors[0]!.per_series[0]!.false_alarms, null);
  const { stdout } = await world.run(['eval', 'bare.csv']);
  assert.match(stdout, /no labels/);
  assert.doesNotMatch(stdout, /PRECISION/);
});

test('a folder as NAB has it is scored by its profiles', async () => {
  const demo = fileURLToPath(new URL('../../fixtures/nab/demo', import.meta.url));
  mkdirSync(join(world.dir, 'corpus', 'labels'), { recursive: true });
  for (const folder of ['realTraffic', 'realKnownCause']) {
    cpSync(join(demo, folder), join(world.dir, 'corpus', 'data', folder), { recursive: true });
  }
  cpSync(join(demo, 'combined_windows.json'), join(world.dir, 'corpus', 'labels', 'combined_windows.json'));
  const labels = join(world.dir, 'corpus', 'labels', 'combined_windows.json');
  const all = JSON.parse(readFileSync(labels, 'utf8')) as Record<string, unknown>;
  const refusal = await refused('corpus');
  assert.match(refusal.stderr, /ANM_LABELS.*no series realAWSCloudwatch\//);
  const own = Object.entries(all).filter(([name]) => /^real(Traffic|KnownCause)/.test(name));
  writeFileSync(labels, JSON.stringify(Object.fromEntries(own)));
  const report = await json('corpus', '--no-baselines');
  assert.equal(report.series, own.length);
  const { nab } = report.detectors[0]!;
  assert.equal(nab!.as_run.length, 3);
  assert.ok(nab!.optimised[0]! >= nab!.as_run[0]! - 1e-9);
  const traffic = await json('corpus', '--series', 'realTraffic/*', '--no-baselines');
  assert.ok(traffic.series < report.series);
});

test('--compare pairs two detectors, configurations or saved reports', async () => {
  const suite = ['--suite', 'synthetic', '--series', 'events-1h/s*'];
  const live = await json<{ a: string; b: string; differences: Json[]; report: Report }>(
    ...suite,
    '--compare',
    'kpi',
    'rolling-z',
  );
  assert.deepEqual([live.a, live.b], ['kpi', 'rolling-z']);
  assert.equal(live.report.detectors.length, 2);
  write('low.yaml', 'version: 1\nsource: {topics: [x]}\nscore: {detector: kpi, sensitivity: low}\n');
  write('high.yaml', 'version: 1\nsource: {topics: [x]}\nscore: {detector: kpi, sensitivity: high}\n');
  const { stdout } = await world.run(['eval', ...suite, '--compare', 'low.yaml', 'high.yaml']);
  assert.match(stdout, /high\.yaml against low\.yaml, on 6 series/);
  const saved = await world.run(['eval', ...suite, '--no-baselines', '-o', 'json']);
  write('kpi.json', saved.stdout);
  const same = await json<{ differences: { difference: number | null; is_clear: boolean }[] }>(
    '--compare',
    'kpi.json',
    'kpi.json',
  );
  assert.ok(same.differences.every(({ difference, is_clear }) => difference === 0 && !is_clear));
  assert.match((await refused(...suite, '--compare', 'kpi', 'rolling')).stderr, /did you mean rolling-z/);
  assert.match((await refused(...suite, '--compare', 'kpi')).stderr, /--compare wants two names/);
  assert.match((await refused('--compare', 'low.json', 'low.json')).stderr, /cannot read the report low\.json/);
});

test('--parts measures the detector without each of its parts', async () => {
  const suite = ['--suite', 'synthetic', '--series', 'events-1h/f*', '--no-baselines'];
  const { detectors } = await json(...suite, '--parts');
  const [whole, ...variants] = detectors;
  assert.ok(variants.length >= 2);
  for (const { detector, role } of variants) {
    assert.equal(role, 'variant');
    assert.match(detector, new RegExp(`^${whole!.detector} without `));
  }
  assert.ok(variants.some(({ metrics }) => metrics.f1 !== whole!.metrics.f1));
  assert.deepEqual(whole, {
    ...(await json(...suite)).detectors[0],
    microseconds_per_point: whole!.microseconds_per_point,
  });
});

test('the page is one file without scripts, with a chart a series', async () => {
  csv('pump.csv', SPIKES, true);
  const { code, stderr } = await world.run(['eval', 'pump.csv', '--html', 'report.html']);
  assert.equal(code, 0, stderr);
  const page = readFileSync(join(world.dir, 'report.html'), 'utf8');
  assert.equal(page.match(/<figure>/g)!.length, 1);
  assert.equal(page.match(/class="label"/g)!.length, 3);
  assert.doesNotMatch(page, /<script|<link|https?:|url\(|NaN|undefined/);
  assert.match(
    (await refused('pump.csv', '--html', 'no/such/report.html')).stderr,
    /cannot write no\/such\/report\.html/,
  );
});

/** The same values as records of a topic, a partition a series, without and with spikes. */
async function fillTopic(): Promise<void> {
  const records = ['pump-1', 'pump-2'].flatMap((key, partition) =>
    Array.from({ length: ROWS }, (_, row): JsonRecord => {
      const timestamp = START + row * STEP_MS;
      return {
        partition,
        key,
        timestamp,
        value: { ts: timestamp, value: levelAt(row, partition === 0 ? SPIKES : []) },
      };
    }),
  );
  await send(world.client, 'sensors', 2, records);
}

test('a topic gives the alerts that run writes, and writes nothing itself', async () => {
  await fillTopic();
  const topics = async () => (await world.client.admin.topics()).map(({ name }) => name).sort();
  const before = await topics();
  const report = await json('--topic', 'sensors', '--time', 'ts', '--detector', 'kpi');
  assert.deepEqual(await topics(), before);
  const counts = new Map(report.detectors[0]!.per_series.map(({ series, alerts }) => [series, alerts]));
  assert.deepEqual([...counts.keys()], ['pump-1', 'pump-2']);
  const { code, stderr } = await world.run([
    ...['run', '--topic', 'sensors', '--time', 'ts', '--detector', 'kpi', '--until', 'end'],
    ...['--sink-format', 'json', '--out-of-orderness', '0s'],
  ]);
  assert.equal(code, 0, stderr);
  const alerts = (await readTopic(world, 'sensors.anomalies'))
    .flat()
    .map(({ value }) => value as Record<string, unknown>);
  const counted = START + Math.floor(0.15 * ROWS) * STEP_MS;
  // As JSON a time is epoch milliseconds.
  const startOf = (alert: Record<string, unknown>) => new Date(alert['start'] as number | string).getTime();
  for (const [series, count] of counts) {
    const own = alerts.filter((alert) => alert['series'] === series && startOf(alert) >= counted);
    assert.ok(series !== 'pump-1' || count >= 3);
    assert.equal(own.length, count, series);
  }
});

test('windows of a configured pipeline are scored as run scores them', async () => {
  write(
    'windows.yaml',
    'version: 1\npipeline: by-window\nsource: {topics: [sensors], time: ts}\ntime: {out_of_orderness: 0s}\n' +
      'windows: [{name: w15m, type: tumbling, size: 15m, aggregates: [mean, max]}]\n' +
      'score: {on: w15m.max, detector: kpi, sensitivity: high}\nsinks: {format: json}\n',
  );
  const report = await json('-f', 'windows.yaml');
  const { code, stderr } = await world.run(['run', '-f', 'windows.yaml', '--until', 'end', '--leave-open']);
  assert.equal(code, 0, stderr);
  const alerts = (await readTopic(world, 'by-window.anomalies')).flat();
  const written = alerts.map(({ value }) => value as { series: string; start: number; rule: string });
  assert.ok(written.some(({ rule }) => rule === 'kpi@w15m.max'));
  for (const { series, points, alerts: count } of report.detectors[0]!.per_series) {
    // The last window stays open.
    assert.equal(points, ROWS / 3 - 1, series);
    const counted = START + Math.floor(0.15 * points) * 3 * STEP_MS;
    const own = written.filter((alert) => alert.series === series && alert.start >= counted);
    assert.equal(own.length, count, series);
  }
  assert.ok(written.length >= 3);
});

test('windows over a file: an event is found by the window that holds it, and its delay lasts to the end of that', async () => {
  csv('pump.csv', SPIKES, true);
  const [detector] = (await json('pump.csv', '--window', '2h', '--on', 'w2h.max', '--max', '90', '--no-baselines'))
    .detectors;
  const [series] = detector!.per_series;
  // The last window stays open.
  assert.deepEqual([series!.points, series!.events, series!.found], [ROWS / 24 - 1, 3, 3]);
  // The spikes are 100, 60 and 60 minutes into their windows of 120.
  assert.equal(detector!.delay.median_seconds, 3600);
  write('by-hour.yaml', 'version: 1\nsource: {topics: [x]}\nwindows: [{name: w, size: 1h}]\nscore: {on: w.max}\n');
  write('by-record.yaml', 'version: 1\nsource: {topics: [x]}\nscore: {on: record}\n');
  const mixed = await refused('pump.csv', '--compare', 'by-hour.yaml', 'by-record.yaml');
  assert.match(mixed.stderr, /by-hour\.yaml scores w\.max, by-record\.yaml scores record/);
});

const MODEL = fileURLToPath(new URL('../../fixtures/demo-model/nab-demo.onnx', import.meta.url));

test('a model beside the detector: the alerts that run writes, over a topic and over the same values in files', async () => {
  const flags = ['--topic', 'sensors', '--time', 'ts', '--detector', 'kpi', '--model', MODEL];
  const report = await json(...flags);
  const { code, stderr } = await world.run([
    ...['run', ...flags, '--pipeline', 'with-model', '--until', 'end', '--sink-format', 'json'],
    ...['--out-of-orderness', '0s', '-X', 'score.model.timeout=60s'],
  ]);
  assert.equal(code, 0, stderr);
  const alerts = (await readTopic(world, 'with-model.anomalies')).flat();
  const counted = START + Math.floor(0.15 * ROWS) * STEP_MS;
  const written = alerts
    .map(({ value }) => value as { series: string; start: number; parts: { name: string; score: number | null }[] })
    .filter(({ start }) => start >= counted);
  const told = written.some(({ parts }) => parts.some(({ name, score }) => name === 'model' && score !== null));
  assert.ok(told, 'the model had a say');
  const counts = (series: string) => written.filter((alert) => alert.series === series).length;
  for (const { series, alerts: count } of report.detectors[0]!.per_series) assert.equal(count, counts(series), series);
  csv('pump-1.csv', SPIKES, false);
  const [detector] = (await json('pump-1.csv', '--detector', 'kpi', '--model', MODEL)).detectors;
  assert.equal(detector!.per_series[0]!.alerts, counts('pump-1'));
  // Without it the scores are others.
  const alone = (await json('--topic', 'sensors', '--time', 'ts', '--detector', 'kpi')).detectors[0]!;
  const high = ({ sensitivities }: Detector) => sensitivities.find(({ sensitivity }) => sensitivity === 'high')!.alerts;
  assert.notEqual(high(report.detectors[0]!), high(alone));
});

test('a part of a topic is held against the labels of that part', async () => {
  write('topic.json', JSON.stringify({ 'pump-1': SPIKES.map((row) => [timeOf(row), timeOf(row + 1)]) }));
  const now = () => START + ROWS * STEP_MS;
  const options = { now };
  const whole = await world.run(['eval', '--topic', 'sensors', '--labels', 'topic.json', '-o', 'json'], options);
  assert.equal(whole.code, 0, whole.stderr);
  assert.equal((JSON.parse(whole.stdout) as Report).labelled_events, 3);
  const part = await world.run(
    ['eval', '--topic', 'sensors', '--labels', 'topic.json', '--since', '4d', '-o', 'json'],
    options,
  );
  assert.equal(part.code, 0, part.stderr);
  // Row 1000 was more than four days ago.
  const report = JSON.parse(part.stdout) as Report;
  assert.equal(report.labelled_events, 2);
  assert.equal(report.detectors[0]!.per_series.find(({ series }) => series === 'pump-1')!.found, 2);
});

test('what cannot be evaluated says why', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /cannot evaluate as nothing is named/],
    [['--suite', 'real'], /--suite cannot be real/],
    [['--suite', 'synthetic', '--topic', 'sensors'], /more than one of PATH, --suite and --topic/],
    [['--suite', 'synthetic', '--series', 'nothing*'], /no series is nothing\*/],
    [['--suite', 'synthetic', '--derive', 'a=value*2'], /cannot evaluate files with derive/],
    [['missing.csv'], /ANM_/],
    [['--topic', 'nowhere'], /ANM_TOPIC_MISSING/],
    [['pump.csv', '--since', '4w'], /--since is for topics/],
    [['pump.csv', '--label-column', 'verdict'], /--label-column cannot be verdict/],
  ];
  for (const [argv, message] of cases) {
    const { code, stderr } = await refused(...argv);
    assert.ok(code > 1, `${argv.join(' ')}: ${code}`);
    assert.match(stderr, message);
  }
});
