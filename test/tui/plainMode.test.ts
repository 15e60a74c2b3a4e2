import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copySequence, noCopyReason } from '../../src/tui/clipboard.ts';
import { tuiMode } from '../../src/tui/mode.ts';
import { plainLines } from '../../src/tui/plainMode.ts';
import { emptySnapshot, NOON, plantSnapshot, unknownSnapshot } from './helpers/snapshots.ts';

test('every line begins with OK, WARN or FAIL, and nothing in it is a drawing', () => {
  for (const snapshot of [plantSnapshot(), emptySnapshot(), unknownSnapshot()]) {
    for (const line of plainLines(snapshot)) {
      assert.match(line, /^(OK|WARN|FAIL) /);
      assert.doesNotMatch(line, /[\u0000-\u001f\u2500-\u259f]|NaN|undefined|null/);
    }
  }
});

test('a checkpoint that was never made has no age', () => {
  const snapshot = plantSnapshot();
  const [first] = snapshot.checkpoints;
  const never = { ...first!, atMs: null, failure: null };
  const said = (checkpoints: typeof snapshot.checkpoints) =>
    plainLines({ ...snapshot, checkpoints }).filter((line) => line.includes('checkpoints of'));
  assert.deepEqual(said([never]), ['OK checkpoints of 1 member, none yet']);
  assert.match(
    said([{ ...never, atMs: NOON - 5000 }, never])[0]!,
    /^OK .*2 members, the oldest of .* ago, 1 without one$/,
  );
});

test('what is wrong is named: who, what, since when', () => {
  const lines = plainLines(plantSnapshot());
  assert.ok(
    lines.some((line) => /^FAIL pipeline boiler gone/.test(line)),
    lines.join('\n'),
  );
  assert.ok(
    lines.some((line) => /^WARN pipeline web-shop restoring.*45\.0 %/.test(line)),
    lines.join('\n'),
  );
  assert.ok(
    lines.some((line) => /^WARN pipeline pump-room.*back-pressure HIGH before model/.test(line)),
    lines.join('\n'),
  );
  assert.ok(
    lines.some((line) => /^FAIL lag .*billing on invoices\/0 STALL 990,000 records/.test(line)),
    lines.join('\n'),
  );
  assert.ok(
    lines.some((line) => /^FAIL checkpoints .*pump-2: s3:\/\/checkpoints: access denied/.test(line)),
    lines.join('\n'),
  );
  assert.ok(
    lines.some((line) => /^FAIL incident critical since 11:56:00.*pagerduty was not reached/.test(line)),
    lines.join('\n'),
  );
});

test('a broker that went away fails, with the time since and why', () => {
  const lost = { state: 'lost', address: 'b:9092', sinceMs: NOON - 30_000, problem: 'connection refused' } as const;
  assert.equal(
    plainLines(plantSnapshot({ connection: lost }))[0],
    'FAIL 12:00:00 UTC, broker b:9092, profile prod-eu lost for 30.0 s: connection refused',
  );
});

test('where there is no screen, the reason is said', () => {
  const [tty, none] = [{ isTTY: true }, { isTTY: false }];
  const ask = { stdin: tty, stdout: tty, env: { TERM: 'xterm' }, accessible: false };
  assert.deepEqual(tuiMode(ask), { mode: 'screen', reason: null });
  assert.equal(tuiMode({ ...ask, stdout: none }).reason, 'stdout is no terminal');
  assert.equal(tuiMode({ ...ask, stdin: none }).mode, 'lines');
  assert.equal(tuiMode({ ...ask, env: { TERM: 'dumb' } }).mode, 'lines');
  assert.equal(tuiMode({ ...ask, accessible: true }).reason, '--accessible');
  assert.equal(tuiMode({ ...ask, env: { TERM: 'xterm', INK_SCREEN_READER: 'true' } }).mode, 'lines');
});

test('text goes to the clipboard by OSC 52, unless it is too long or the terminal has none', () => {
  assert.equal(copySequence('hi'), '\u001b]52;c;aGk=\u0007');
  assert.equal(copySequence('x'.repeat(60_000)), null);
  assert.equal(noCopyReason('xterm-256color'), null);
  assert.match(noCopyReason('linux')!, /no clipboard; o writes a file/);
});
