import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { main } from '../../src/cli.ts';
import type { CommandContext } from '../../src/commands/command.ts';
import { runDemo } from '../../src/commands/demo/run.ts';
import { StreamLogger } from '../../src/output/streamLogger.ts';
import { StreamOutput } from '../../src/output/streamOutput.ts';

// Of this file alone, so that what a demo leaves behind is seen, and no other test's is.
const scratch = mkdtempSync(join(tmpdir(), 'anomaly-test-'));
process.env['TMPDIR'] = scratch;
after(() => rmSync(scratch, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, as a pipe would see it; `onStart` gets what sends signals. */
async function run(argv: readonly string[], onStderr?: (text: string, signals: EventEmitter) => void): Promise<Ran> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const signals = new EventEmitter();
  const texts = { stdout: '', stderr: '' };
  stdout.on('data', (chunk) => {
    texts.stdout += chunk;
  });
  stderr.on('data', (chunk) => {
    texts.stderr += chunk;
    onStderr?.(texts.stderr, signals);
  });
  const env = { PATH: process.env['PATH'], HOME: tmpdir() };
  const code = await main(argv, { stdin, stdout, stderr, env, cwd: tmpdir(), now: Date.now, signals });
  return { code, ...texts };
}

/** What must not depend on time. */
function results(stdout: string) {
  const { seconds: _, events_per_second: __, latency: ___, ...rest } = JSON.parse(stdout) as Record<string, unknown>;
  return rest;
}

test('demo: the same seed gives the same windows, alerts and grades at any speed', async () => {
  const first = await run(['demo', '--speed', 'max', '--seed', '7', '-o', 'json']);
  const second = await run(['demo', '--speed', '25000', '--seed', '7', '-o', 'json']);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(second.code, 0, second.stderr);
  assert.deepEqual(results(first.stdout), results(second.stdout));
  const summary = results(first.stdout);
  assert.equal(summary['ended'], 'all events');
  assert.equal(summary['events'], summary['events_total']);
  assert.equal(summary['series'], 9);
  assert.equal(summary['labelled'], 24);
  assert.equal(Number(summary['found']) + Number(summary['missed']), 24);
  // What the detector is able to do on these files; a good part of it must arrive here.
  assert.ok(Number(summary['found']) >= 15, `found ${summary['found']}`);
  assert.equal(summary['dead_letters'], 0);
  assert.ok(Number(summary['windows']) > 40_000, `windows ${summary['windows']}`);
  const latency = (JSON.parse(first.stdout) as { latency: Record<string, number> }).latency;
  assert.ok(latency['p50_ms']! > 0 && latency['p50_ms']! <= latency['p99_ms']!);
  assert.deepEqual(readdirSync(scratch), []);
});

test('demo: text and wide print the summary, -q nothing on stderr', async () => {
  const { code, stdout, stderr } = await run(['demo', '--speed', 'max', '-o', 'wide', '-q']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^anomaly demo: ended by itself after \d/);
  assert.match(stdout, /anomalies {7}\d+ of 24 labelled ones found, \d+ missed/);
  assert.match(stdout, /from ingestion/);
  assert.match(stdout, /^SERIES/m);
  assert.match(stdout, /^realKnownCause\/machine_temperature_system_failure /m);
  assert.equal(stderr, '');
});

test('demo: a signal drains and exits 130 with what was done so far', async () => {
  let sent = false;
  const { code, stdout, stderr } = await run(['demo', '--speed', '500'], (text, signals) => {
    if (sent || !text.includes('demo: ')) return;
    sent = true;
    signals.emit('SIGINT');
  });
  assert.equal(code, 130, stderr);
  assert.match(stdout, /^anomaly demo: interrupted, drained and committed/);
  assert.match(stdout, /events {10}[\d,]+ of 46,\d+ of 9 series/);
});

test('demo: a speed that is no number is refused', async () => {
  for (const speed of ['0', '-5', 'fast']) {
    const { code, stderr } = await run(['demo', '--speed', speed]);
    assert.equal(code, 2);
    assert.match(stderr, /--speed cannot be/);
  }
});

test('demo: it ends at its limits, says so, and grades what it came to', async () => {
  for (const limits of [
    { sendLimitMs: 300, totalLimitMs: 20_000 },
    { sendLimitMs: 20_000, totalLimitMs: 300 },
  ]) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const context: Partial<CommandContext> = {
      stdout,
      stderr,
      output: new StreamOutput(stdout, 'json', false),
      logger: new StreamLogger({ stream: stderr, level: 'info', format: 'text', color: false, now: Date.now }),
      signal: new AbortController().signal,
      now: Date.now,
      quiet: false,
    };
    const code = await runDemo(context as CommandContext, { rate: 2000, seed: 1, view: false, ...limits });
    assert.equal(code, 0);
    const summary = JSON.parse(String(stdout.read())) as Record<string, number | string>;
    assert.equal(summary['ended'], 'time limit');
    assert.ok(Number(summary['events']) < 10_000, `events ${summary['events']}`);
    assert.equal(summary['events_total'], 46_593);
    assert.ok(Number(summary['labelled']) < 24);
    assert.deepEqual(readdirSync(scratch), []);
  }
});
