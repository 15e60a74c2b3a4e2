import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { needsPty, PtyRun } from './helpers/pty.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/tui.ts', import.meta.url));
/** Where npm has installed the other runtimes, as .ci/run does. */
const FOLDER = process.env['ANOMALY_RUNTIMES'] ?? fileURLToPath(new URL('../../.ci/runtimes', import.meta.url));

for (const [name, before] of [
  ['bun', []],
  ['deno', ['run', '--quiet', '-A']],
] as const) {
  const bin = `${FOLDER}/node_modules/.bin/${name}`;
  const skip = existsSync(bin) ? false : `${name} is not installed in ${FOLDER}`;

  test(`on ${name}: a first frame, keys, a new size, and the screen as it was`, { skip }, async (context) => {
    if (!needsPty(context)) return;
    const run = new PtyRun([bin, ...before, FIXTURE, '--moving'], 120, 32, {}, 'command');
    await run.shows(/\[1 pipeline\]/);
    run.type('2');
    await run.shows(/\[2 lag\][\s\S]*▸ pump-room/);
    run.type('\u001b[B\u001b[B');
    await run.shows(/▸ pump-room +raw-sensors +2/);
    await run.resize(100, 24);
    await run.shows(/^.{70,99}$[\s\S]*\[2 lag\][\s\S]*▸ pump-room +raw-sensors +2[\s\S]*q quit/m);
    assert.match(run.modes(), /-icanon/);
    run.type('q');
    assert.equal(await run.exit(), 0, run.raw);
    assertLeft(run);
  });

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    test(`on ${name}: the screen is as it was after ${signal}`, { skip }, async (context) => {
      if (!needsPty(context)) return;
      const run = new PtyRun([bin, ...before, FIXTURE, '--moving'], 120, 32, {}, 'command');
      await run.shows(/\[1 pipeline\]/);
      process.kill(run.pid(), signal);
      assert.equal(await run.exit(), code, run.raw);
      assertLeft(run);
    });
  }

  test(`on ${name}: the screen is as it was after an error that nobody caught`, { skip }, async (context) => {
    if (!needsPty(context)) return;
    const run = new PtyRun([bin, ...before, FIXTURE, '--crash', 'timer'], 120, 32, {}, 'command');
    assert.equal(await run.exit(), 1, run.raw);
    assertLeft(run);
    assert.ok(
      run.lines().some((line) => /a timer broke/.test(line)),
      run.lines().join('\n'),
    );
  });
}

function assertLeft(run: PtyRun): void {
  const last = (text: string) => run.raw.lastIndexOf(text);
  assert.ok(last('\u001b[?1049l') > last('\u001b[?1049h'), 'the alternate screen was left');
  assert.ok(last('\u001b[?25h') > last('\u001b[?25l'), 'the cursor is shown');
  assert.ok(!run.raw.includes('\u001b[3J'), 'the scrollback was left alone');
  assert.match(run.modes(), /(^| )icanon\b/, 'keys are lines again');
}
