import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusOutage } from '../../../src/observe/status.ts';
import { OutageNotice } from '../../../src/runtime/status/outageNotice.ts';

const START_MS = Date.UTC(2026, 0, 1);

/** A notice that looks once a second, and its lines. */
function noticed(lagOf?: () => number | null) {
  const lines: string[] = [];
  const say = (text: string): void => void lines.push(text);
  let nowMs = START_MS;
  let outage: StatusOutage | null = null;
  const notice = new OutageNotice({
    ...{ outage: () => outage, promise: () => 'it goes on by itself', now: () => nowMs },
    logger: { debug: say, info: say, warn: say, error: say },
    ...(lagOf !== undefined && { lagRecords: lagOf }),
  });
  return {
    lines,
    /** So many looks, in each of which the cluster is away or not. */
    looks: (count: number, isAway: boolean) => {
      for (let i = 0; i < count; i++) {
        nowMs += OutageNotice.everyMs;
        if (!isAway) outage = null;
        else outage ??= { sinceMs: nowMs - 3000, problem: 'a:1: connection refused' };
        notice.look();
      }
    },
  };
}

const AWAY =
  'no answer from the cluster since 2026-01-01T00:00:08.000Z (a:1: connection refused): it goes on by itself';

test('one line when the cluster is away, however long, and one when it is back, with what waits', () => {
  let lag: number | null = 1;
  const { lines, looks } = noticed(() => lag);
  looks(10, false);
  assert.deepEqual(lines, []);
  looks(40, true);
  assert.deepEqual(lines, [AWAY]);
  looks(1, false);
  assert.deepEqual(lines, [AWAY], 'the lag that the first look finds may be from before');
  lag = 3200;
  looks(1, false);
  assert.deepEqual(lines, [AWAY, 'the cluster is back, away for 43 s: 3200 records behind']);
  looks(100, false);
  assert.equal(lines.length, 2);
});

test('the lag is waited for while partitions are given out, but not for ever', () => {
  let lag: number | null = null;
  const one = noticed(() => lag);
  one.looks(10, true);
  one.looks(8, false);
  assert.equal(one.lines.length, 1);
  lag = 0;
  one.looks(1, false);
  assert.equal(one.lines[1], 'the cluster is back, away for 13 s: no records behind');
  const other = noticed(() => null);
  other.looks(300, true);
  other.looks(20, false);
  assert.equal(other.lines[1], 'the cluster is back, away for 5 min');
});

test('who has no lag tells at the second look', () => {
  const { lines, looks } = noticed();
  looks(10, true);
  looks(2, false);
  assert.equal(lines[1], 'the cluster is back, away for 13 s');
});

test('a connection that comes and goes for ten minutes is two lines a minute at most', () => {
  const { lines, looks } = noticed();
  for (let i = 0; i < 100; i++) {
    looks(3, true);
    looks(3, false);
  }
  assert.ok(lines.length > 2 && lines.length <= 20, `${lines.length} lines`);
  for (let i = 0; i < 100; i++) {
    looks(5, true);
    looks(1, false);
  }
  assert.ok(lines.length <= 21, 'one that is back for a second is not back');
});
