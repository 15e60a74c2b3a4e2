import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import { AlertRows, ENDED, OPEN } from '../../../src/engine/rows.ts';
import { sketchQuantileMs } from '../../../src/observe/latencySketch.ts';
import type { PartitionAtWork } from '../../../src/runtime/partitionAtWork.ts';
import { BatchTimes } from '../../../src/runtime/status/batchTimes.ts';
import { LatencyGauge } from '../../../src/runtime/status/latencyGauge.ts';

const EPOCH_MS = 1_700_000_000_000;

/** A gauge whose clock stands until it is moved, and a partition that puts out what is asked. */
function world({ needsCommit = true, namesInput = true } = {}) {
  const clock = { ms: 0 };
  const delivered: (() => void)[] = [];
  const gauge = new LatencyGauge({
    ticks: () => clock.ms,
    now: () => EPOCH_MS + clock.ms,
    producer: { delivered: () => new Promise((resolve) => delivered.push(resolve)) },
    ...{ needsCommit, namesInput },
  });
  const alertRows = new AlertRows();
  const windowRows = { count: 0, offset: [] as number[], end: [] as number[], onTime: [] as number[] };
  const scores = { waiting: 0, askedEver: 0, scoredEver: 0, onScored: undefined as (() => void) | undefined };
  const partition = {
    ...{ isReplaying: false, times: new BatchTimes(), scores: undefined as typeof scores | undefined },
    task: { pipeline: { alertRows, windowRows } },
  };
  const at = partition as unknown as PartitionAtWork;
  const batchOf = (firstOffset: number, count: number, stampMs: number, isAppendTime: boolean, waitedMs: number) => {
    const batch = new ColumnBatch(0, count);
    Object.assign(batch, { count, firstOffset, nextOffset: firstOffset + count, isAppendTime, waitedMs });
    for (let i = 0; i < count; i++) {
      batch.offsets[i] = firstOffset + i;
      batch.recordTimes[i] = stampMs;
    }
    return batch;
  };
  const alert = (offset: number, recordTime: number, batch: ColumnBatch | undefined, phase = OPEN) => {
    const row = alertRows.add(0, 0, 0);
    alertRows.offset[row] = offset;
    alertRows.recordTime[row] = recordTime;
    alertRows.phase[row] = phase;
    gauge.put(at, batch);
    alertRows.clear();
  };
  const ack = async () => {
    for (const each of delivered.splice(0)) each();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, gauge, partition, at, scores, batchOf, alert, ack };
}

const p50 = (sketch: Parameters<typeof sketchQuantileMs>[0] | undefined) =>
  sketch === undefined ? null : Math.round(sketchQuantileMs(sketch, 0.5)!);

test('the hops of an alert add up to its way, and the budget has the one that broke it', async () => {
  const { clock, gauge, at, batchOf, alert, ack } = world();
  clock.ms = 1000;
  // Appended 30 ms before its bytes were here, which waited for 20.
  const batch = batchOf(5, 2, EPOCH_MS + 950, true, 20);
  gauge.began(batch);
  clock.ms = 1003;
  gauge.decoded(at, batch);
  clock.ms = 1008;
  alert(6, EPOCH_MS + 950, batch);
  gauge.scored(at);
  clock.ms = 1018;
  await ack();
  gauge.cut();
  clock.ms = 1100;
  gauge.committed();
  const { hops, toAlert, from, overBudget } = gauge.reading()!;
  assert.deepEqual(
    [p50(hops.broker), p50(hops.fetchWait), p50(hops.decode), p50(hops.score), p50(hops.produce), p50(hops.commit)],
    [30, 20, 3, 5, 10, 82],
  );
  assert.equal(toAlert.maxMs, 150);
  assert.deepEqual([from, overBudget, hops.producerWait], ['append', { commit: 1 }, undefined]);
});

test('an alert whose value waited for the model has the score hop of its own batch', async () => {
  const { clock, gauge, partition, at, scores, batchOf, alert, ack } = world({ needsCommit: false });
  partition.scores = scores;
  const first = batchOf(0, 1, EPOCH_MS, true, 0);
  gauge.began(first);
  gauge.decoded(at, first);
  Object.assign(scores, { waiting: 1, askedEver: 1 });
  gauge.scored(at);
  clock.ms = 10;
  const second = batchOf(1, 1, EPOCH_MS + 10, true, 0);
  gauge.began(second);
  gauge.decoded(at, second);
  scores.askedEver = 2;
  gauge.scored(at);
  clock.ms = 25;
  Object.assign(scores, { scoredEver: 1 });
  scores.onScored!();
  alert(0, EPOCH_MS, undefined);
  await ack();
  const { hops, toAlert } = gauge.reading()!;
  assert.deepEqual([toAlert.count, toAlert.maxMs], [1, 25]);
  assert.deepEqual([hops.score?.count, p50(hops.score), hops.commit], [1, 25, undefined]);
});

test('what no record completed, what was thrown away and what runs again is no latency', async () => {
  const { clock, gauge, partition, at, batchOf, alert, ack } = world();
  const batch = batchOf(0, 1, EPOCH_MS, true, 0);
  gauge.began(batch);
  gauge.decoded(at, batch);
  gauge.scored(at);
  // A window that a silence closed.
  partition.times.clear();
  alert(0, EPOCH_MS, undefined);
  gauge.cut();
  gauge.committed();
  assert.equal(gauge.reading()!.toAlert.count, 0);
  gauge.decoded(at, batch);
  alert(0, EPOCH_MS, batch);
  gauge.cut();
  gauge.discarded();
  await ack();
  gauge.committed();
  assert.equal(gauge.reading()!.toAlert.count, 0);
  partition.isReplaying = true;
  gauge.decoded(at, batch);
  gauge.scored(at);
  assert.equal(gauge.reading()!.hops.decode!.count, 2);
  clock.ms = 1;
});

test('a commit that was refused is told with the next one, and takes as long as it took', async () => {
  const { clock, gauge, at, batchOf, alert, ack } = world();
  const batch = batchOf(0, 1, EPOCH_MS, false, 0);
  gauge.began(batch);
  gauge.decoded(at, batch);
  alert(0, EPOCH_MS, batch);
  await ack();
  gauge.cut();
  clock.ms = 500;
  gauge.cut();
  clock.ms = 600;
  gauge.committed();
  const { toAlert, from, hops } = gauge.reading()!;
  assert.deepEqual([toAlert.count, toAlert.maxMs, from, p50(hops.commit)], [1, 600, 'create', 600]);
});

test('the end of an alert is no alert: nothing is measured of its way', async () => {
  const { gauge, at, batchOf, alert, ack } = world({ needsCommit: false });
  const batch = batchOf(0, 2, EPOCH_MS, true, 0);
  gauge.began(batch);
  gauge.decoded(at, batch);
  alert(0, EPOCH_MS, batch);
  alert(1, EPOCH_MS, batch, ENDED);
  await ack();
  assert.equal(gauge.reading()!.toAlert.count, 1);
});

test('a clock that is behind the broker’s makes no time negative: what passed here has passed', async () => {
  const { clock, gauge, at, batchOf, alert, ack } = world({ needsCommit: false });
  clock.ms = 100;
  const batch = batchOf(0, 1, EPOCH_MS + 5100, true, 10);
  gauge.began(batch);
  gauge.decoded(at, batch);
  alert(0, EPOCH_MS + 5100, batch);
  clock.ms = 107;
  await ack();
  const { toAlert, hops } = gauge.reading()!;
  assert.deepEqual([toAlert.maxMs, hops.broker!.maxMs], [17, 0]);
});

test('more batches than are remembered: the alert of an old one is left out rather than guessed', async () => {
  const { gauge, at, batchOf, alert, ack } = world({ needsCommit: false });
  for (let offset = 0; offset < 300; offset++) {
    const batch = batchOf(offset, 1, EPOCH_MS, true, 0);
    gauge.began(batch);
    gauge.decoded(at, batch);
  }
  alert(0, EPOCH_MS, undefined);
  alert(299, EPOCH_MS, undefined);
  await ack();
  assert.equal(gauge.reading()!.toAlert.count, 1);
});
