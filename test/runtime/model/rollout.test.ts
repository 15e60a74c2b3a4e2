import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { CanaryShare } from '../../../src/runtime/model/canaryShare.ts';
import { FlightWindow } from '../../../src/runtime/model/flightWindow.ts';
import { ModelSeat } from '../../../src/runtime/model/modelSeat.ts';
import { type RollbackRule, RolloutGuard } from '../../../src/runtime/model/rolloutGuard.ts';
import { DistanceScorer } from '../helpers/distanceScorer.ts';

test('rows in flight: few at first, more while answers are early, half where a deadline passed', () => {
  const window = new FlightWindow(512, 20);
  const flown = (answer: Parameters<FlightWindow['answered']>[0]) => window.answered(answer, window.begin());
  assert.equal(window.rows, 64);
  flown({ latencyMs: 7 });
  flown({ latencyMs: 7 });
  assert.equal(window.rows, 128);
  flown({ latencyMs: 15 });
  assert.equal(window.rows, 128);
  for (let i = 0; i < 20; i++) flown({ latencyMs: 20, fallback: 'deadline' });
  assert.equal(window.rows, 1);
  for (let i = 0; i < 100; i++) flown({ latencyMs: 2 });
  assert.equal(window.rows, 512);
});

test('a stall that makes all flights late halves the window once, and the next one again', () => {
  const window = new FlightWindow(512, 20);
  const late = { latencyMs: 20, fallback: 'deadline' } as const;
  const together = Array.from({ length: 10 }, () => window.begin());
  for (const flight of together.slice(0, 5)) window.answered(late, flight);
  assert.equal(window.rows, 32);
  const next = window.begin();
  for (const flight of together.slice(5)) window.answered(late, flight);
  assert.equal(window.rows, 32);
  window.answered(late, next);
  assert.equal(window.rows, 16);
});

test('an open breaker answers at once: rows are handed to it in flights as large as at first', () => {
  const window = new FlightWindow(512, 20);
  const flown = (answer: Parameters<FlightWindow['answered']>[0]) => window.answered(answer, window.begin());
  for (let i = 0; i < 20; i++) flown({ latencyMs: 20, fallback: 'deadline' });
  assert.equal(window.rows, 1);
  flown({ latencyMs: 0, fallback: 'error' });
  assert.equal(window.rows, 1);
  for (let i = 0; i < 20; i++) flown({ latencyMs: 0, fallback: 'breaker-open' });
  assert.equal(window.rows, 64);
});

const RULE: RollbackRule = { withinMs: 1000, values: 100, errorRate: 0.05, latencyMs: 20, drift: 5 };
const answer = (rows: number, missing: number, latencyMs: number) => {
  return { scores: Float32Array.from({ length: rows }, (_, i) => (i < missing ? NaN : 1)), latencyMs };
};
const calm = { calibrated: 0, extreme: 0 };

test('a new model goes by errors, latency or drift, and none of them before enough values', () => {
  const by = (missing: number, latencyMs: number) => {
    const guard = new RolloutGuard(RULE, 0, calm);
    guard.answered(answer(50, missing, latencyMs));
    assert.equal(guard.verdict(calm), undefined);
    guard.answered(answer(50, missing, latencyMs));
    return guard.verdict(calm);
  };
  assert.equal(by(2, 5), undefined);
  assert.match(by(3, 5) ?? '', /6\.0 % of 100 values had no score, more than score\.model\.rollback\.error_rate/);
  assert.match(by(0, 21) ?? '', /100\.0 % of 100 values took longer than score\.model\.rollback\.latency \(20 ms\)/);
  const drift = new RolloutGuard(RULE, 0, { calibrated: 900, extreme: 300 });
  assert.equal(drift.verdict({ calibrated: 999, extreme: 399 }), undefined);
  assert.match(drift.verdict({ calibrated: 1000, extreme: 306 }) ?? '', /6\.0 % of its scores.*drift \(5\)/);
  assert.equal(drift.verdict({ calibrated: 1100, extreme: 311 }), undefined);
  assert.deepEqual([drift.isOver(999), drift.isOver(1000)], [false, true]);
});

test('a canary has its share of the series, always the same ones, and scores come back in their order', async () => {
  const keys = new KeyDictionary();
  const ids = Array.from({ length: 4000 }, (_, i) => {
    const key = new TextEncoder().encode(`pump-${i}`);
    return keys.intern(key, 0, key.length);
  });
  const bounds = { mostRows: 10, timeoutMs: 20 };
  const live = new ModelSeat(new DistanceScorer({ length: 1 }), 'a', bounds, false);
  const other = { name: 'other' };
  const seat = new ModelSeat(new DistanceScorer({ length: 1, identity: other }), 'b', bounds, false);
  const canary = new CanaryShare(seat, 0.2);
  const own = ids.filter((id) => canary.has(keys, id));
  assert.ok(Math.abs(own.length / ids.length - 0.2) < 0.03, `${own.length}`);
  // The first series has the first id here, and another one in another process.
  const others = new KeyDictionary();
  for (const id of [...ids].reverse()) {
    const key = new TextEncoder().encode(`pump-${id}`);
    assert.equal(canary.has(others, others.intern(key, 0, key.length)), own.includes(id));
  }
  const series = Int32Array.from(ids.slice(0, 50));
  const windows = Float32Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 0 : (i - 1) / 2));
  let [byLive, byCanary] = [0, 0];
  const { scores, models, by } = await canary.ask(
    { rows: 50, windows, series, offsets: new Float64Array(50) },
    keys,
    live,
    (given) => {
      byLive += given.scores.length;
    },
    (given) => {
      byCanary += given.scores.length;
    },
  );
  assert.deepEqual(
    [...scores],
    Array.from({ length: 50 }, (_, i) => i),
  );
  assert.deepEqual([byLive + byCanary, models[1]], [50, other]);
  assert.deepEqual(
    [...by!],
    [...series].map((id) => (own.includes(id) ? 1 : 0)),
  );
});
