import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Pacer } from '../../src/inputs/pacer.ts';

/** Sends rows of those times by a made-up clock that only the pacer's waits move; the result is when each went. */
function run(pacer: Pacer, times: readonly number[]): number[] {
  let now = 5000;
  return times.map((time, sent) => {
    for (let waitMs = pacer.advance(sent, time, now); waitMs > 0; waitMs = pacer.advance(sent, time, now))
      now += waitMs;
    return now - 5000;
  });
}

test('a rate spaces rows evenly, and makes up for a late clock', () => {
  assert.deepEqual(run(new Pacer(100, Number.POSITIVE_INFINITY), [0, 0, 0, 0]), [0, 10, 20, 30]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 300 }), (rate, rows) => {
      const sent = run(new Pacer(rate, Number.POSITIVE_INFINITY), new Array<number>(rows).fill(0));
      sent.forEach((at, i) => {
        assert.ok(at >= (i / rate) * 1000 - 1e-6 && at <= (i / rate) * 1000 + 2, `row ${i} of ${rate}/s at ${at}`);
      });
    }),
  );
});

test('a speed keeps the distances of event time, and rows that are behind go at once', () => {
  assert.deepEqual(
    run(new Pacer(Number.POSITIVE_INFINITY, 60), [0, 60_000, 90_000, 30_000, 120_000]),
    [0, 1000, 1500, 1500, 2000],
  );
  assert.deepEqual(run(new Pacer(Number.POSITIVE_INFINITY, 0.5), [1000, 2000]), [0, 2000]);
});

test('both together: the slower one rules; none is no limit, and rows without a time only obey the rate', () => {
  assert.deepEqual(run(new Pacer(1, 10), [0, 1000, 100_000]), [0, 1000, 10_000]);
  assert.ok(new Pacer(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).unlimited);
  assert.deepEqual(run(new Pacer(1000, Number.POSITIVE_INFINITY), [Number.NaN, Number.NaN]), [0, 1]);
});
