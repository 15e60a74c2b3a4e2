import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NO_TOTALS } from '../../src/observe/status.ts';
import { ClusterWatch } from '../../src/observe/watch/clusterWatch.ts';
import type { AlertView, AnomalyView, LagView } from '../../src/observe/watch/snapshot.ts';
import { statusOf } from '../helpers/status.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const PIPELINES = 20;
const HOUR_SECONDS = 3600;
const STEP_SECONDS = 10;
const ALLOWED_GROWTH_BYTES = 4 * 1024 * 1024;

/**
 * Hours before a cluster that never rests: members start anew under new names each minute, anomalies and incidents never
 * repeat, and the lag has other groups each minute.
 */
function watchSeconds(watch: ClusterWatch, fromSecond: number, seconds: number): void {
  for (let second = fromSecond; second < fromSecond + seconds; second += STEP_SECONDS) {
    const atMs = second * 1000;
    const minute = Math.floor(second / 60);
    for (let p = 0; p < PIPELINES; p++) {
      const [pipeline, member] = [`pipeline-${p}`, `member-${minute}`];
      const totals = { ...NO_TOTALS, records: second * 1000 };
      watch.status(statusOf({ pipeline, group: pipeline, member, atMs, startedMs: minute * 60_000, totals }));
    }
    // Pipelines that are seen once.
    watch.status(statusOf({ pipeline: `once-${second}`, group: 'g', atMs }));
    for (let i = 0; i < 20; i++)
      watch.anomaly({ id: `anomaly-${second}-${i}`, series: 'x'.repeat(100) } as AnomalyView);
    watch.alert({ notification: { id: `incident-${second}` }, isTold: true, sinks: [] } as unknown as AlertView);
    watch.lag(Array.from({ length: 100 }, (_, i) => ({ group: `group-${minute}-${i}` }) as LagView));
    watch.snapshot(atMs);
  }
}

function heapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

test('a watch of hours takes no more memory than one of an hour, whatever comes and goes', () => {
  const watch = new ClusterWatch({
    ...{ profile: null, address: 'broker:9092', sessionTimeoutMs: 10_000, pipeline: null, nowMs: 0, log: () => [] },
  });
  watchSeconds(watch, 0, HOUR_SECONDS);
  const [first, shown] = [heapBytes(), JSON.stringify(watch.snapshot(HOUR_SECONDS * 1000)).length];
  watchSeconds(watch, HOUR_SECONDS, 4 * HOUR_SECONDS);
  const grown = heapBytes() - first;
  assert.ok(grown < ALLOWED_GROWTH_BYTES, `the heap grew by ${grown} bytes in four more hours`);
  const later = JSON.stringify(watch.snapshot(5 * HOUR_SECONDS * 1000)).length;
  assert.ok(later < 1.2 * shown, `a snapshot grew from ${shown} to ${later} characters`);
});
