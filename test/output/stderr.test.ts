import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { AnomalyError } from '../../src/errors.ts';
import { renderError, renderErrorJson, reportOf } from '../../src/output/errorReport.ts';
import { formatBytes, formatNumber, formatRate, formatSpan } from '../../src/output/format.ts';
import { createProgress } from '../../src/output/progress.ts';
import { StreamLogger } from '../../src/output/streamLogger.ts';

function recorder() {
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text.push(String(chunk));
      done();
    },
  });
  const text: string[] = [];
  return { stream: Object.assign(stream, { columns: 20 }), all: () => text.join('') };
}

test('progress off a terminal: nothing at first, then a plain line every ten seconds', () => {
  const { stream, all } = recorder();
  let nowMs = 0;
  let made = 0;
  const progress = createProgress({ stream, quiet: false, live: false, now: () => nowMs });
  for (; nowMs <= 25_000; nowMs += 100) progress.update(() => `line ${++made}`);
  progress.end();
  assert.equal(all(), 'line 1\nline 2\n');
  assert.equal(made, 2);
});

test('progress on a terminal rewrites one line at most ten times a second, cut to its width', () => {
  const { stream, all } = recorder();
  let nowMs = 0;
  const progress = createProgress({ stream, quiet: false, live: true, now: () => nowMs });
  for (; nowMs < 300; nowMs += 10) progress.update(() => `at ${nowMs} of something long`);
  progress.end();
  assert.equal(all(), '\rat 0 of something l\rat 100 of something\rat 200 of something\n');
});

test('a terminal that says it has no columns gets the whole line', () => {
  const { stream, all } = recorder();
  const progress = createProgress({
    stream: Object.assign(stream, { columns: 0 }),
    ...{ quiet: false, live: true },
    now: () => 0,
  });
  progress.update(() => 'whole line');
  progress.end();
  assert.equal(all(), '\rwhole line\n');
});

test('a quiet progress prints nothing', () => {
  const { stream, all } = recorder();
  const progress = createProgress({ stream, quiet: true, live: true, now: () => 0 });
  progress.update(() => 'text');
  progress.end(() => 'end');
  assert.equal(all(), '');
});

test('the logger keeps its level, makes room for itself, and hides secrets', () => {
  const { stream, all } = recorder();
  let cleared = 0;
  const options = { stream, color: false, now: () => 5, beforeLine: () => cleared++ };
  const text = new StreamLogger({ ...options, level: 'info', format: 'text' });
  text.debug('not shown');
  text.info('connected', { broker: 'a:1', password: 'hunter2' });
  text.warn('late', { share: 0.02, why: 'two words' });
  assert.equal(all(), 'connected broker=a:1 password=********\nwarning: late share=0.02 why="two words"\n');
  assert.equal(cleared, 2);
  const lines = recorder();
  const json = new StreamLogger({ ...options, stream: lines.stream, level: 'debug', format: 'json' });
  json.debug('x', { lagRecords: 1 });
  assert.equal(lines.all(), '{"level":20,"time":5,"msg":"x","lag_records":1}\n');
});

test('errors: code, causes that the message does not tell, what to try; the stack only for debugging', () => {
  const inner = new Error('connect ECONNREFUSED');
  const error = new AnomalyError('ANM_BROKER_UNREACHABLE', 'cannot connect to a:1', {
    cause: new Error('connection refused', { cause: inner }),
    details: { dialTimeoutMs: 3000 },
  });
  const report = reportOf(error);
  assert.equal(report.exitCode, 3);
  assert.equal(
    renderError(report, { color: false, debug: false }),
    'error[ANM_BROKER_UNREACHABLE]: cannot connect to a:1\n' +
      '  cause: connection refused\n  cause: connect ECONNREFUSED\n  try: check --brokers, or run anomaly doctor\n',
  );
  assert.match(renderError(report, { color: false, debug: true }), /stderr\.test\.ts/);
  const parsed = JSON.parse(renderErrorJson(report, false));
  assert.deepEqual(parsed, {
    schema_version: 1,
    error: {
      code: 'ANM_BROKER_UNREACHABLE',
      message: 'cannot connect to a:1',
      causes: ['connection refused', 'connect ECONNREFUSED'],
      hint: 'check --brokers, or run anomaly doctor',
      exit_code: 3,
      details: { dial_timeout_ms: 3000 },
    },
  });
});

test('an error that is not ours is a defect of the tool', () => {
  const report = reportOf(new TypeError('x is not a function'));
  assert.equal(report.code, 'ANM_INTERNAL');
  assert.equal(report.exitCode, 1);
  assert.match(report.hint, /--debug/);
});

test('numbers, sizes and spans for people', () => {
  assert.equal(formatNumber(1234567.5), '1,234,567.5');
  assert.equal(formatNumber(-1234), '-1,234');
  assert.equal(formatNumber(999), '999');
  assert.equal(formatBytes(1536), '1.5 KiB');
  assert.equal(formatBytes(10), '10 B');
  assert.deepEqual([0.44, 12.4, 3210, 125_000, 5_400_000, 273_600_000].map(formatSpan), [
    '0.4 ms',
    '12 ms',
    '3.2 s',
    '2m05s',
    '1h30m',
    '3d04h',
  ]);
  assert.equal(formatRate(12345.6), '12,346/s');
  assert.equal(formatRate(0.25), '0.3/s');
});
