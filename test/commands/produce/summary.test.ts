import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProducePlan } from '../../../src/commands/produce/plan.ts';
import { progressText } from '../../../src/commands/produce/summary.ts';
import { SendTotals } from '../../../src/inputs/sendRows.ts';

/** A file of which all bytes are read, as the read-ahead has it soon. */
function plan(options: Partial<ProducePlan['options']>): ProducePlan {
  const all = { rate: Number.POSITIVE_INFINITY, speed: Number.POSITIVE_INFINITY, limit: Number.POSITIVE_INFINITY };
  const input = { totalBytes: 1000, bytesRead: () => 990 };
  return { options: { ...all, loop: false, ...options }, input } as unknown as ProducePlan;
}

function totals(): SendTotals {
  const sent = new SendTotals(1);
  sent.rows = 50;
  sent.valueBytes = 400;
  sent.lastTimeMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  return sent;
}

test('what is left is told by bytes where nothing is paced, and by rows where their number is known', () => {
  assert.equal(progressText(plan({}), totals(), 10), '50 rows  5/s  400 B  99 %  ETA 1 s');
  assert.equal(progressText(plan({ limit: 200, rate: 5 }), totals(), 10), '50 rows  5/s  400 B  25 %  ETA 30 s');
});

test('one row is told as one', () => {
  const one = Object.assign(totals(), { rows: 1 });
  assert.equal(progressText(plan({ rate: 5 }), one, 10), '1 row  0/s  400 B');
});

test('a paced load does not take what is read ahead for what is sent', () => {
  assert.equal(
    progressText(plan({ speed: 1 }), totals(), 10),
    '50 rows  5/s  400 B  event time 2026-01-02T03:04:05.000Z',
  );
  assert.equal(progressText(plan({ rate: 5 }), totals(), 10), '50 rows  5/s  400 B');
});
