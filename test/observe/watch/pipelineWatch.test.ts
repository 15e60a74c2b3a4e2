import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketMs, type SketchData, sketchBucket } from '../../../src/observe/latencySketch.ts';
import { type MemberStatus, NO_TOTALS, type StatusTotals } from '../../../src/observe/status.ts';
import { statusKey } from '../../../src/observe/statusRecord.ts';
import { PipelineWatch } from '../../../src/observe/watch/pipelineWatch.ts';
import { statusOf } from '../../helpers/status.ts';

const SESSION_MS = 10_000;
const totals = (more: Partial<StatusTotals>): StatusTotals => ({ ...NO_TOTALS, ...more });

function sketch(...latenciesMs: number[]): SketchData {
  const counts = new Map<number, number>();
  for (const each of latenciesMs) counts.set(sketchBucket(each), (counts.get(sketchBucket(each)) ?? 0) + 1);
  const sumMs = latenciesMs.reduce((sum, each) => sum + each, 0);
  return { buckets: [...counts].flat(), count: latenciesMs.length, sumMs, maxMs: Math.max(0, ...latenciesMs) };
}

function withLatency(toAlert: SketchData, changes: Parameters<typeof statusOf>[0]): MemberStatus {
  const latency = { hops: {}, toAlert, windowWait: sketch(), clockSkewMs: null };
  return { ...statusOf(changes), latency } as MemberStatus;
}

test('the rate of a pipeline is that of its members together, a point a second, two minutes of them', () => {
  const watch = new PipelineWatch('p', SESSION_MS);
  for (let second = 0; second <= 300; second++) {
    const atMs = second * 1000;
    watch.take(statusOf({ member: 'a', atMs, totals: totals({ records: second * 100 }) }));
    watch.take(statusOf({ member: 'b', atMs, totals: totals({ records: second * 50 }) }));
    // The screen looks four times a second.
    for (let part = 0; part < 4; part++) watch.tick(atMs + part * 250);
  }
  const { rates, latency } = watch.view(300_000);
  assert.deepEqual(rates, new Array(120).fill(150));
  assert.equal(latency.length, 120);
});

test('a burst between two points is in the next one, and a member that began anew does not count below nothing', () => {
  const watch = new PipelineWatch('p', SESSION_MS);
  watch.take(statusOf({ atMs: 0, totals: totals({ records: 0 }) }));
  watch.tick(0);
  watch.take(statusOf({ atMs: 500, totals: totals({ records: 3000 }) }));
  watch.take(statusOf({ atMs: 900, totals: totals({ records: 3000 }) }));
  watch.tick(1000);
  watch.take(statusOf({ atMs: 2000, startedMs: 1500, totals: totals({ records: 100 }) }));
  watch.tick(2000);
  const [first, burst, anew] = watch.view(2000).rates;
  assert.deepEqual([first, burst], [0, 3000]);
  assert.ok(anew! > 0 && anew! < 100, `${anew} records a second of a hundred in 1.1 s`);
});

test('latency is of what came since the point before, over all members, also where one began anew', () => {
  const watch = new PipelineWatch('p', SESSION_MS);
  // What a member had measured before it was looked at is no news.
  watch.take(withLatency(sketch(900, 900), { member: 'a', atMs: 0 }));
  watch.take(withLatency(sketch(), { member: 'b', atMs: 0 }));
  watch.tick(0);
  watch.take(withLatency(sketch(900, 900, 5, 5, 5), { member: 'a', atMs: 500 }));
  watch.take(withLatency(sketch(50), { member: 'b', atMs: 500 }));
  watch.tick(1000);
  watch.take(withLatency(sketch(20), { member: 'a', atMs: 1500, startedMs: 1200 }));
  watch.tick(2000);
  watch.tick(3000);
  const { latency } = watch.view(3000);
  assert.deepEqual(
    latency.map(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]),
    [
      [null, null],
      [bucketMs(sketchBucket(5)), bucketMs(sketchBucket(50))],
      // The largest value of a sketch that began anew is known.
      [20, 20],
      [null, null],
    ],
  );
});

test('a member is gone after the session timeout, a pipeline a minute later; one that failed is shown with its error', () => {
  const watch = new PipelineWatch('p', SESSION_MS);
  watch.take(statusOf({ member: 'a', atMs: 1000 }));
  assert.equal(watch.view(11_000).state, 'running');
  assert.equal(watch.view(11_001).state, 'gone');
  assert.equal(watch.view(11_001).stages.length, 0, 'nobody is at work');
  watch.tick(71_000);
  assert.equal(watch.isForgotten, false);
  watch.tick(71_001);
  assert.equal(watch.isForgotten, true);

  const error = { code: 'ANM_STORE_FULL', message: 'no room' };
  watch.take(statusOf({ member: 'a', atMs: 80_000, state: 'failed', error }));
  watch.tick(3_600_000);
  const failed = watch.view(3_600_000);
  assert.deepEqual([failed.state, failed.members[0]!.error], ['failed', error]);
  watch.tick(3_680_001);
  assert.equal(watch.isForgotten, true);
});

test('one that ended in order is gone at once, and one that lives on keeps the pipeline running', () => {
  const watch = new PipelineWatch('p', SESSION_MS);
  const [a, b] = [statusOf({ member: 'a', atMs: 1000 }), statusOf({ member: 'b', atMs: 1000 })];
  watch.take(a);
  watch.take(b);
  watch.ended(statusKey(a), 1500);
  assert.equal(watch.view(2000).state, 'running');
  watch.ended(statusKey(b), 1600);
  const view = watch.view(2000);
  assert.equal(view.state, 'gone');
  assert.ok(
    view.members.every(({ state }) => state === 'stopped'),
    'they said that they ended',
  );
});

test('the state is that of the member that is worst off', () => {
  const stateWith = (...states: MemberStatus['state'][]) => {
    const watch = new PipelineWatch('p', SESSION_MS);
    for (const [i, state] of states.entries()) watch.take(statusOf({ member: `m${i}`, state, atMs: 1000 }));
    return watch.view(1000).state;
  };
  assert.equal(stateWith('running', 'running'), 'running');
  assert.equal(stateWith('running', 'restoring'), 'restoring');
  assert.equal(stateWith('running', 'starting'), 'restoring');
  assert.equal(stateWith('running', 'restoring', 'restarting'), 'restarting');
  assert.equal(stateWith('running', 'paused'), 'running');
  assert.equal(stateWith('paused', 'paused'), 'paused');
  assert.equal(stateWith('running', 'stopping'), 'stopping');
  assert.equal(stateWith('running', 'failed'), 'running');
});

test('statuses that come out of order or twice change nothing', () => {
  const watch = new PipelineWatch('p', SESSION_MS);
  const newer = statusOf({ atMs: 2000, totals: totals({ records: 10 }) });
  watch.take(newer);
  watch.take(statusOf({ atMs: 1000, totals: totals({ records: 5 }) }));
  watch.take(newer);
  assert.equal(watch.view(2000).members[0]!.totals.records, 10);
});

test('members are bounded, the longest silent ones go', () => {
  const watch = new PipelineWatch('p', SESSION_MS);
  for (let i = 0; i < 3000; i++) watch.take(statusOf({ member: `m${i}`, atMs: i }));
  const left = watch.statuses;
  assert.equal(left.length, 1000);
  assert.ok(
    left.every(({ atMs }) => atMs >= 2000),
    'those of the last statuses',
  );
});
