import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DeliveryState } from '../../../src/alerts/delivery/delivery.ts';
import { decodeDelivery, deliveryKey, encodeDelivery } from '../../../src/alerts/delivery/deliveryRecord.ts';
import { pauseMs } from '../../../src/alerts/delivery/pause.ts';
import { summaryOf } from '../../../src/alerts/delivery/summary.ts';
import { TokenBucket } from '../../../src/alerts/delivery/tokenBucket.ts';
import { SEVERITIES } from '../../../src/observe/notification.ts';
import { incident, START_MS } from '../../helpers/delivery.ts';

test('a delivery record is the same after it was bytes, and what is none is left aside', () => {
  const states: fc.Arbitrary<DeliveryState> = fc.record(
    {
      sink: fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/),
      revision: fc.integer({ min: -1, max: 1_000_000 }),
      told: fc.constantFrom('open', 'update', 'resolved', null),
      severity: fc.constantFrom(...SEVERITIES, null),
      summary: fc.option(fc.string({ unit: 'grapheme' })),
      outcome: fc.constantFrom('delivered', 'too_old', 'rate_limited', 'failed', 'skipped'),
      attempts: fc.nat(),
      atMs: fc.nat(Number.MAX_SAFE_INTEGER),
      problem: fc.option(fc.string({ unit: 'grapheme' })),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), states, (incidentId, state) => {
      const stored = { key: deliveryKey(incidentId, state.sink), value: encodeDelivery(state) };
      assert.deepEqual(decodeDelivery(stored), { incidentId, state });
      const json = JSON.parse(new TextDecoder().decode(stored.value));
      for (const change of [
        { kind: 'incident' },
        { version: 2 },
        { told: 'x' },
        { sink: 'other x' },
        { revision: 0.5 },
      ]) {
        const value = new TextEncoder().encode(JSON.stringify({ ...json, ...change }));
        assert.equal(decodeDelivery({ key: stored.key, value }), null, JSON.stringify(change));
      }
    }),
  );
  assert.equal(decodeDelivery({ key: 'a s', value: null }), null);
  assert.equal(decodeDelivery({ key: 'a s', value: new Uint8Array([255, 1]) }), null);
});

test('pauses grow to their bound, and chance moves them by half at most', () => {
  const draws = fc.record({
    failures: fc.integer({ min: 1, max: 5000 }),
    random: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  fc.assert(
    fc.property(draws, fc.boolean(), ({ failures, random }, busy) => {
      const [first, longest] = busy ? [60_000, 600_000] : [1000, 60_000];
      const whole = Math.min(longest, first * 2 ** (failures - 1));
      const paused = pauseMs(failures, { busy }, random);
      const [least, most] = busy ? [whole, whole * 1.5] : [whole / 2, whole];
      assert.ok(paused >= least && paused <= most, `${paused} of ${whole}`);
    }),
  );
  assert.equal(pauseMs(1, { busy: true, afterMs: 300_000 }, 0.5), 300_000);
  assert.equal(pauseMs(1, { afterMs: 1e12 }, 0.5), 3_600_000, 'nobody may name a day');
});

test('a bucket gives its burst at once, its rate in the long run, and never more', () => {
  const waits = fc.array(fc.integer({ min: -5000, max: 20_000 }), { maxLength: 200 });
  fc.assert(
    fc.property(waits, fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 20 }), (steps, perMinute, burst) => {
      const bucket = new TokenBucket(perMinute, burst, START_MS);
      let nowMs = START_MS;
      let forwardMs = 0;
      let taken = 0;
      for (const step of steps) {
        nowMs += step;
        forwardMs += Math.max(0, step);
        while (bucket.waitMs(nowMs) === 0) {
          bucket.take();
          taken += 1;
        }
        const waitMs = bucket.waitMs(nowMs);
        assert.ok(waitMs > 0 && waitMs <= Math.ceil(60_000 / perMinute), String(waitMs));
      }
      assert.ok(taken <= burst + (forwardMs * perMinute) / 60_000 + 1e-6, `${taken} in ${forwardMs} ms`);
    }),
  );
  const idle = new TokenBucket(6, 3, START_MS);
  assert.equal(idle.count(START_MS + 1e9), 3);
  assert.equal(new TokenBucket(Infinity, 1, START_MS).waitMs(START_MS), 0);
});

test('a summary is the worst of its incidents, and over when all of them are', () => {
  const over = incident('b', { status: 'resolved', severity: 'info', startedMs: START_MS - 5, endedMs: START_MS + 7 });
  const open = incident('a', { severity: 'critical', summary: 'the worst' });
  const both = summaryOf('summary/a', [open, over]);
  assert.deepEqual(
    [both.status, both.severity, both.startedMs, both.endedMs],
    ['open', 'critical', START_MS - 5, null],
  );
  assert.match(both.summary, /^2 incidents of pump-room.*the worst$/);
  assert.deepEqual(both.reasons, ['critical: the worst', 'info: pump-7 is too hot (b)']);
  const end = summaryOf('summary/a', [{ ...open, status: 'resolved', endedMs: START_MS + 9 }, over]);
  assert.deepEqual([end.status, end.endedMs], ['resolved', START_MS + 9]);
  const many = Array.from({ length: 300 }, (_, i) => incident(`i${i}`, { series: [`s${i}`], alerts: [`x${i}`] }));
  const large = summaryOf('summary/i0', many);
  assert.deepEqual(
    [large.series.length, large.alerts.length, large.reasons.length, large.seriesCount],
    [50, 50, 21, 600],
  );
  assert.equal(large.reasons.at(-1), 'and 280 more');
});
