import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HOPS, type Hop, type LatencyStatus, mergeLatency, NO_SKETCH } from '../../src/observe/latency.ts';
import { latencyBudget } from '../../src/observe/latencyBudget.ts';
import { LatencySketch, mergeSketches, type SketchData, sketchQuantileMs } from '../../src/observe/latencySketch.ts';
import { decodeStatus, encodeStatus } from '../../src/observe/statusRecord.ts';
import { statusOf } from '../helpers/status.ts';

function sketchOf(values: readonly number[]): SketchData {
  const sketch = new LatencySketch();
  for (const value of values) sketch.add(value);
  return sketch.plain();
}

const latencies = fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { maxLength: 60 });
const anySketch = latencies.map(sketchOf);
const anyLatency: fc.Arbitrary<LatencyStatus> = fc.record(
  {
    hops: fc
      .array(fc.tuple(fc.constantFrom(...HOPS), anySketch), { maxLength: HOPS.length })
      .map((entries) => Object.fromEntries(entries) as Partial<Record<Hop, SketchData>>),
    toAlert: anySketch,
    windowWait: anySketch,
    clockSkewMs: fc.option(fc.integer({ min: -1e6, max: 1e6 })),
    from: fc.constantFrom('append', 'create', 'both'),
    overBudget: fc.constantFrom({}, { commit: 3 }),
    unknownStamps: fc.nat(),
  },
  { noNullPrototype: true },
);

function statusWith(toAlert: readonly number[], changes: Partial<LatencyStatus> = {}): LatencyStatus {
  return { hops: {}, toAlert: sketchOf(toAlert), windowWait: NO_SKETCH, clockSkewMs: null, from: 'append', ...changes };
}

test('sketches of parts are the sketch of all, however they are put together', () => {
  fc.assert(
    fc.property(latencies, latencies, (a, b) => {
      const whole = sketchOf([...a, ...b]);
      const added = new LatencySketch();
      added.merge(sketchOf(a));
      added.merge(sketchOf(b));
      for (const merged of [mergeSketches(sketchOf(a), sketchOf(b)), added.plain()]) {
        assert.deepEqual({ ...merged, sumMs: 0 }, { ...whole, sumMs: 0 });
        assert.ok(Math.abs(merged.sumMs - whole.sumMs) <= 1e-6 * (1 + whole.sumMs), `${merged.sumMs} ${whole.sumMs}`);
      }
    }),
  );
});

test('a quantile of plain data is within 1 % of the true one', () => {
  const values = Array.from({ length: 1000 }, (_, i) => 0.5 + i * i * 0.003);
  for (const q of [0, 0.5, 0.95, 0.99, 1]) {
    const [found, exact] = [sketchQuantileMs(sketchOf(values), q)!, values[Math.floor(q * 999)]!];
    assert.ok(Math.abs(found - exact) <= 0.011 * exact, `${q}: ${found} for ${exact}`);
  }
  assert.equal(sketchQuantileMs(NO_SKETCH, 0.5), null);
});

test('the latency of a status is the same after it was a record', () => {
  fc.assert(
    fc.property(anyLatency, (latency) => {
      const status = statusOf({ latency });
      assert.deepEqual(decodeStatus(encodeStatus(status)), status);
    }),
  );
  assert.deepEqual(decodeStatus(encodeStatus(statusOf({ latency: null })))?.latency, null);
  assert.equal(decodeStatus(encodeStatus(statusOf({})))?.latency, undefined);
});

test('a latency that is broken costs a member nothing but the latency', () => {
  const text = new TextDecoder().decode(encodeStatus(statusOf({ latency: statusWith([1, 2, 3]) })));
  const broken = (change: (latency: Record<string, unknown>) => void) => {
    const value = JSON.parse(text) as { latency: Record<string, unknown> };
    change(value.latency);
    return decodeStatus(new TextEncoder().encode(JSON.stringify(value)))!;
  };
  assert.equal(broken(({ to_alert }) => ((to_alert as { gaps: unknown }).gaps = [1]))?.latency?.toAlert.count, 0);
  assert.equal(broken((latency) => (latency['hops'] = 7))?.latency, null);
});

test('a status record stays small with a full spread of latencies', () => {
  const spread = sketchOf(Array.from({ length: 5000 }, (_, i) => 0.1 * 1.002 ** i));
  const hops = Object.fromEntries(HOPS.map((hop) => [hop, spread]));
  const bytes = encodeStatus(statusOf({ latency: { ...statusWith([]), hops, toAlert: spread, windowWait: spread } }));
  assert.ok(bytes.length < 40_000, `${bytes.length} bytes`);
});

test('merging over a restart keeps what both counted, and the newer skew', () => {
  const before = statusWith([10], { hops: { commit: sketchOf([4]) }, clockSkewMs: 5, overBudget: { commit: 1 } });
  const now = statusWith([20, 30], { hops: { commit: sketchOf([6]) }, from: 'create', overBudget: { commit: 2 } });
  const merged = mergeLatency(before, now)!;
  assert.equal(merged.toAlert.count, 3);
  assert.equal(merged.hops.commit?.count, 2);
  assert.equal(merged.from, 'both');
  assert.equal(merged.clockSkewMs, 5);
  assert.deepEqual(merged.overBudget, { commit: 3 });
  assert.equal(mergeLatency(null, undefined), null);
  assert.deepEqual(mergeLatency(before, null), before);
});

test('the budget names the hop that had the most of what was above it', () => {
  assert.equal(latencyBudget(null).text, 'no alert yet');
  const within = latencyBudget(statusWith([5, 6, 7], { hops: { commit: sketchOf([4]), decode: sketchOf([0.2]) } }));
  assert.equal(within.brokenAt, null);
  assert.equal(within.hop, 'commit');
  assert.match(within.text, /^p95 7 ms, p99 7 ms, within 100 ms; most in commit \(p99 4 ms\)$/);
  const values = [...Array.from({ length: 97 }, () => 10), 300, 300, 300];
  const broken = latencyBudget(
    statusWith(values, {
      from: 'create',
      hops: { commit: sketchOf([900]), score: sketchOf([280]) },
      overBudget: { score: 2, fetchWait: 1 },
    }),
  );
  assert.equal(broken.brokenAt, 'p99');
  assert.equal(broken.hop, 'score');
  assert.match(broken.text, /p99 over 100 ms by score \(p99 2[78]\d ms\), 2 of 3 alerts above it/);
  assert.match(broken.text, /from the producers’ stamps/);
  assert.equal(latencyBudget(statusWith([300, 300])).brokenAt, 'p95');
  assert.match(latencyBudget(statusWith([], { unknownStamps: 4 })).text, /4 alerts have stamps of long ago/);
});
