import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RampPacer } from '../../../src/commands/demo/pacer.ts';

/** Rows that may have gone at a time, when asked every millisecond. */
function sentBy(pacer: RampPacer, startMs: number, untilMs: number): number {
  let sent = 0;
  for (let nowMs = startMs; nowMs <= untilMs; nowMs++) {
    while (pacer.advance(sent, Number.NaN, nowMs) === 0) sent++;
  }
  return sent;
}

test('the rate rises over the ramp and then holds', () => {
  const rows = (untilMs: number) => sentBy(new RampPacer(1000, 2000), 5000, 5000 + untilMs);
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) <= 2, `${actual}, not ${expected}`);
  near(rows(1000), 250);
  near(rows(2000), 1000);
  near(rows(5000), 4000);
  near(rows(6000) - rows(5000), 1000);
});

test('without a limit nothing waits', () => {
  const pacer = new RampPacer(Number.POSITIVE_INFINITY, 2000);
  assert.equal(pacer.unlimited, true);
  assert.equal(pacer.advance(1e9, 0, 0), 0);
});
