import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SinkStatus } from '../../../src/observe/status.ts';
import {
  ClusterWatch,
  type ClusterWatchOptions,
  MOST_ALERTS,
  MOST_ANOMALIES,
} from '../../../src/observe/watch/clusterWatch.ts';
import { Newest } from '../../../src/observe/watch/newest.ts';
import { Ring } from '../../../src/observe/watch/ring.ts';
import type { AlertView, AnomalyView } from '../../../src/observe/watch/snapshot.ts';
import { statusOf } from '../../helpers/status.ts';

function watchOf(more: Partial<ClusterWatchOptions> = {}): ClusterWatch {
  const address = 'broker:9092';
  return new ClusterWatch({
    ...{ profile: null, address, sessionTimeoutMs: 10_000, pipeline: null, nowMs: 0, log: () => [], ...more },
  });
}

const anomaly = (i: number) => ({ id: `a${i}`, value: i }) as AnomalyView;
const alert = (i: number) => ({ notification: { id: `i${i}` }, sinks: [] }) as unknown as AlertView;

test('the connection: connecting until the first answer, lost since when and why, and back', () => {
  const watch = watchOf();
  watch.lost('connection refused', 1000);
  assert.deepEqual(watch.snapshot(1000).connection, {
    ...{ state: 'connecting', address: 'broker:9092', sinceMs: 0, problem: 'connection refused' },
  });
  watch.connected(2000);
  assert.deepEqual(watch.connection, { state: 'connected', address: 'broker:9092', sinceMs: 2000, problem: null });
  watch.lost('reset', 3000);
  watch.lost('connection refused', 4000);
  assert.deepEqual([watch.connection.state, watch.connection.sinceMs], ['lost', 3000]);
  assert.equal(watch.connection.problem, 'connection refused', 'the reason of the last attempt');
  watch.connected(5000);
  assert.deepEqual([watch.connection.state, watch.connection.problem], ['connected', null]);
});

test('while the cluster is away, and just after, silence says nothing of a pipeline', () => {
  const watch = watchOf();
  watch.connected(0);
  watch.status(statusOf({ atMs: 1000 }));
  watch.lost('connection refused', 2000);
  const stateAt = (atMs: number) => watch.snapshot(atMs).pipelines[0]?.state;
  assert.equal(stateAt(19_000), 'running');
  watch.connected(20_000);
  assert.equal(stateAt(29_000), 'running');
  assert.equal(stateAt(30_001), 'gone');
});

test('pipelines come by name, are forgotten when they are gone, and one alone can be asked for', () => {
  const watch = watchOf();
  for (const pipeline of ['pump', 'boiler']) watch.status(statusOf({ pipeline, group: pipeline, atMs: 1000 }));
  watch.status(statusOf({ pipeline: 'pump', group: 'pump', atMs: 60_000 }));
  assert.deepEqual(
    watch.snapshot(61_000).pipelines.map(({ name, state }) => [name, state]),
    [
      ['boiler', 'gone'],
      ['pump', 'running'],
    ],
  );
  assert.deepEqual(
    watch.snapshot(72_000).pipelines.map(({ name }) => name),
    ['pump'],
  );
  const one = watchOf({ pipeline: 'pump' });
  for (const pipeline of ['pump', 'boiler']) one.status(statusOf({ pipeline, group: pipeline, atMs: 1000 }));
  assert.deepEqual(
    one.snapshot(1000).pipelines.map(({ name }) => name),
    ['pump'],
  );
});

test('lists are bounded, the newest stay, newest first; what comes again is there once', () => {
  const watch = watchOf();
  for (let i = 0; i < 10_000; i++) {
    watch.anomaly(anomaly(i));
    watch.alert(alert(i));
    watch.status(statusOf({ pipeline: `p${i}`, group: `p${i}`, atMs: 1000 }));
  }
  watch.anomaly(anomaly(9999));
  const { anomalies, alerts, pipelines } = watch.snapshot(1000);
  assert.deepEqual([anomalies.length, alerts.length], [MOST_ANOMALIES, MOST_ALERTS]);
  assert.deepEqual([anomalies[0]!.id, anomalies.at(-1)!.id], ['a9999', `a${10_000 - MOST_ANOMALIES}`]);
  assert.equal(pipelines.length, 500);
  watch.forgetAlert('i9999');
  assert.equal(watch.snapshot(1000).alerts[0]!.notification.id, 'i9998');
});

test('a sink that has no record of an alert waits or fails, as the live stage tells; held ones wait for nobody', () => {
  const watch = watchOf();
  const sink: SinkStatus = {
    ...{ name: 'oncall', type: 'webhook', outcomes: {}, retries: 3, queue: 2, waitingSinceMs: 1 },
    ...{ retryMs: 2, lastSuccessMs: null, lastFailureMs: 900, problem: 'no answer within 3000 ms' },
    circuit: 'open',
  };
  const put = (id: string, isTold: boolean) =>
    watch.alert({ notification: { id, pipeline: 'p', revision: 1 }, isTold, sinks: [] } as unknown as AlertView);
  put('held', false);
  put('told', true);
  const stage = (sinks: readonly SinkStatus[]) =>
    watch.status(statusOf({ atMs: 1000, alerts: { outcomes: {}, open: 1, sinks } }));
  stage([sink]);
  const [told, held] = watch.snapshot(1000).alerts;
  const problem = 'no answer within 3000 ms';
  assert.deepEqual(told!.sinks, [{ name: 'oncall', outcome: 'failing', atMs: 900, problem }]);
  assert.deepEqual(held!.sinks, []);
  assert.deepEqual(watch.snapshot(60_000).alerts[0]!.sinks, [], 'a stage that is gone tells nothing');
  stage([]);
  assert.equal(watch.snapshot(1000).alerts[0]!.hasSinks, false);
});

test('rings and lists keep their bound at any number of values', () => {
  for (const most of [1, 2, 7]) {
    const ring = new Ring<number>(most);
    const newest = new Newest<number>(most);
    for (let i = 0; i < 50; i++) {
      ring.push(i);
      newest.set(String(i), i);
      const expected = Array.from({ length: Math.min(most, i + 1) }, (_, k) => i - Math.min(most, i + 1) + 1 + k);
      assert.deepEqual(ring.values(), expected);
      assert.deepEqual(newest.values(), expected.toReversed());
    }
  }
});
