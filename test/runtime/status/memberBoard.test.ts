import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HistogramBuilder } from '../../../src/observe/histogram.ts';
import type { LatencyStatus } from '../../../src/observe/latency.ts';
import { LatencySketch } from '../../../src/observe/latencySketch.ts';
import { NO_CHECKPOINT, NO_TOTALS } from '../../../src/observe/status.ts';
import type { JobReading } from '../../../src/runtime/input/jobReading.ts';
import { MemberBoard } from '../../../src/runtime/status/memberBoard.ts';
import { statusOf } from '../../helpers/status.ts';

function readingOf(...toAlert: number[]): JobReading {
  const sketch = new LatencySketch();
  for (const value of toAlert) sketch.add(value);
  const none = new LatencySketch().plain();
  const latency: LatencyStatus = {
    ...{
      hops: { commit: sketch.plain() },
      toAlert: sketch.plain(),
      windowWait: none,
      clockSkewMs: null,
      from: 'append',
    },
  };
  return {
    ...{
      hasJoined: true,
      isPaused: false,
      totals: NO_TOTALS,
      partitions: [],
      restoring: null,
      waitedMs: 0,
    },
    ...{ commitMs: new HistogramBuilder().plain(), checkpoint: NO_CHECKPOINT, model: null, transactionsAborted: 0 },
    latency,
  } as unknown as JobReading;
}

test('a member’s latency goes on over its restarts', () => {
  const board = new MemberBoard(statusOf({}), () => 0);
  assert.equal(board.status().latency, null);
  let reading = readingOf(10, 20);
  board.watch(() => reading);
  assert.equal(board.status().latency!.toAlert.count, 2);
  board.restarting(new Error('gone'));
  assert.equal(board.status().latency!.toAlert.count, 2);
  reading = readingOf(30);
  board.watch(() => reading);
  const { toAlert, hops } = board.status().latency!;
  assert.deepEqual([toAlert.count, toAlert.maxMs, hops.commit!.count], [3, 30, 3]);
  board.stopped();
  assert.equal(board.status().latency!.toAlert.count, 3);
});

test('that a run joined its group stays so over all restarts', () => {
  const board = new MemberBoard(statusOf({}), () => 0);
  let reading = { ...readingOf(), hasJoined: false };
  board.watch(() => reading);
  assert.equal(board.hasJoined, false);
  reading = { ...reading, hasJoined: true };
  assert.equal(board.hasJoined, true);
  board.restarting(new Error('away'));
  reading = { ...reading, hasJoined: false };
  board.watch(() => reading);
  assert.equal(board.hasJoined, true);
});
