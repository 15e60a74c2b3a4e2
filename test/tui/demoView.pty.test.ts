import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needsPty, PtyRun } from './helpers/pty.ts';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_SCROLLBACK = '\u001b[3J';

function assertRestored({ raw }: PtyRun): void {
  assert.ok(raw.includes(HIDE_CURSOR), 'the cursor was hidden');
  assert.ok(raw.lastIndexOf(SHOW_CURSOR) > raw.lastIndexOf(HIDE_CURSOR), 'the cursor is shown again');
  assert.ok(!raw.includes(CLEAR_SCROLLBACK), 'the scrollback was left alone');
}

function count(lines: readonly string[], pattern: RegExp): number {
  return lines.filter((line) => pattern.test(line)).length;
}

test('the live view: one frame in place, then the summary below it', async (context) => {
  if (!needsPty(context)) return;
  const run = new PtyRun(['demo', '--speed', '15000'], 100, 30);
  assert.equal(await run.exit(), 0, run.raw);
  const lines = run.lines();
  assertRestored(run);
  // Drawn again and again, but there once.
  assert.ok(run.raw.split('anomaly demo  ').length > 4, 'several frames');
  assert.equal(
    count(lines, /^anomaly demo {2}[\d.]+ s {2}done {2}files > topic > windows > kpi detector > alerts$/),
    1,
  );
  assert.equal(count(lines, /^produced {4}█+ 46,\d+ \/ 46,\d+$/), 1);
  assert.equal(count(lines, /^events\/s +[▁▂▃▄▅▆▇█]+ [\d,]+\/s$/), 1);
  assert.equal(count(lines, /^\d{4}-\d\d-\d\d \d\d:\d\d \S+ +\S+ +[\d.]+ {2}(anomaly|false alarm)$/), 8);
  const summary = lines.findIndex((line) => line.startsWith('anomaly demo: ended by itself'));
  assert.ok(summary > lines.findIndex((line) => line.startsWith('produced')));
  assert.match(lines.slice(summary).join('\n'), /labelled ones found/);
  assert.ok(run.raw.includes('\u001b[32m') || run.raw.includes('\u001b[33m'), 'alerts are coloured');
});

test('^C in the live view drains, says so below the frame, and exits 130', async (context) => {
  if (!needsPty(context)) return;
  const run = new PtyRun(['demo', '--speed', '1000', '--color', 'never'], 90, 24);
  await run.sees(/produced {4}[█░]/);
  run.type('\u0003');
  assert.equal(await run.exit(), 130, run.raw);
  assertRestored(run);
  const lines = run.lines();
  assert.equal(count(lines, /^anomaly demo {2}/), 1);
  assert.equal(count(lines, /^SIGINT: /), 1);
  assert.equal(count(lines, /^anomaly demo: interrupted, drained and committed/), 1);
  assert.equal(count(lines, /\^C$/), 0);
  assert.ok(!/\u001b\[3\d/.test(run.raw), 'no colour was asked for');
});

test('a second ^C ends it at once with the terminal restored and nothing left behind', async (context) => {
  if (!needsPty(context)) return;
  const scratch = mkdtempSync(join(tmpdir(), 'anomaly-test-'));
  context.after(() => rmSync(scratch, { recursive: true }));
  const run = new PtyRun(['demo', '--speed', '1000'], 90, 24, { TMPDIR: scratch });
  const left = () => readdirSync(scratch).filter((name) => name.startsWith('anomaly-demo-'));
  await run.sees(/produced {4}[█░]/);
  assert.equal(left().length, 1);
  run.type('\u0003\u0003');
  assert.equal(await run.exit(), 130, run.raw);
  assertRestored(run);
  assert.deepEqual(left(), []);
});

test('a smaller and again larger window: no crash, scrollback kept, the frame fits', async (context) => {
  if (!needsPty(context)) return;
  const run = new PtyRun(['demo', '--speed', '5000'], 100, 30);
  await run.sees(/produced {4}[█░]/);
  await run.resize(40, 8);
  const small = run.raw.length;
  // Cut to the width: the numbers of the bar are at its end, so a frame of 40 columns ends them earlier.
  await run.sees(/produced {4}[█░]{8,14} [\d,]+ \/ [\d,]+/, small);
  await run.resize(110, 40);
  const large = run.raw.length;
  await run.sees(/produced {4}[█░]{60,} [\d,]+ \/ [\d,]+/, large);
  run.type('\u0003');
  assert.equal(await run.exit(), 130, run.raw);
  assertRestored(run);
  assert.equal(count(run.lines(), /^anomaly demo: interrupted/), 1);
});

test('no view, and no escape, with --no-tui', async (context) => {
  if (!needsPty(context)) return;
  const run = new PtyRun(['demo', '--speed', '20000', '--no-tui', '--color', 'never'], 100, 30);
  assert.equal(await run.exit(), 0, run.raw);
  assert.ok(!run.raw.includes('\u001b'), run.raw);
  assert.equal(count(run.lines(), /^anomaly demo: ended by itself/), 1);
});
