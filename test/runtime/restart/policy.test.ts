import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RestartConfig } from '../../../src/config/operationConfig.ts';
import { decideRestart, NO_RESTARTS, type RestartHistory } from '../../../src/runtime/restart/policy.ts';

const BASE: RestartConfig = {
  strategy: 'exponential-delay',
  attempts: Infinity,
  delayMs: 1000,
  maxFailures: 3,
  failureIntervalMs: 60_000,
  initialBackoffMs: 1000,
  maxBackoffMs: 60_000,
  backoffMultiplier: 2,
  resetBackoffThresholdMs: 3_600_000,
  jitterFactor: 0,
  poisonAfter: 3,
};

/** Runs that fail after these times, each beginning when the wait before it is over: the waits, up to the refusal. */
function waits(
  config: RestartConfig,
  runsMs: readonly number[],
  random: () => number = () => 0.5,
): (number | string)[] {
  let history: RestartHistory = NO_RESTARTS;
  let atMs = 0;
  const seen: (number | string)[] = [];
  for (const runMs of runsMs) {
    atMs += runMs;
    const decision = decideRestart(config, history, atMs, random());
    if (!decision.restart) {
      seen.push(decision.reason);
      break;
    }
    seen.push(decision.afterMs);
    history = decision.history;
    atMs += decision.afterMs;
  }
  return seen;
}

test('none never restarts', () => {
  assert.deepEqual(waits({ ...BASE, strategy: 'none' }, [1]), ['restart.strategy is none']);
});

test('fixed-delay restarts that many times in all, however long it ran between', () => {
  const config = { ...BASE, strategy: 'fixed-delay', attempts: 2, delayMs: 70 } as const;
  assert.deepEqual(waits(config, [1, 1e9, 1]), [70, 70, 'restart.attempts is 2']);
  assert.deepEqual(waits({ ...config, attempts: 0 }, [1]), ['restart.attempts is 0']);
});

test('failure-rate counts what is within the interval only', () => {
  const config = { ...BASE, strategy: 'failure-rate', delayMs: 0, maxFailures: 2, failureIntervalMs: 100 } as const;
  assert.deepEqual(waits(config, [10, 60, 60, 60]), [0, 0, 0, 0]);
  const seen = waits(config, [10, 10, 10]);
  assert.deepEqual(seen.slice(0, 2), [0, 0]);
  assert.match(String(seen[2]), /3 failures within restart.failure_interval \(100 ms\)/);
});

test('exponential-delay doubles up to the longest wait, and begins again after a long run', () => {
  assert.deepEqual(waits({ ...BASE, maxBackoffMs: 5000 }, [5, 5, 5, 5, 5]), [1000, 2000, 4000, 5000, 5000]);
  assert.deepEqual(waits(BASE, [5, 5, 3_600_000, 5]), [1000, 2000, 1000, 2000]);
  assert.deepEqual(waits({ ...BASE, attempts: 2 }, [5, 5, 5]), [1000, 2000, 'restart.attempts is 2']);
  assert.deepEqual(waits({ ...BASE, attempts: 2 }, [5, 5, 3_600_000, 5, 5]), [
    ...[1000, 2000, 1000, 2000],
    'restart.attempts is 2',
  ]);
});

const configs = fc.record({
  initialBackoffMs: fc.integer({ min: 1, max: 10_000 }),
  moreMs: fc.integer({ min: 0, max: 100_000 }),
  backoffMultiplier: fc.double({ min: 1, max: 10, noNaN: true }),
  jitterFactor: fc.double({ min: 0, max: 1, noNaN: true }),
  resetBackoffThresholdMs: fc.integer({ min: 0, max: 100_000 }),
});
const runs = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 30 });
const randoms = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 });

test('a wait is never longer than max_backoff, nor off its backoff by more than the jitter; short runs never shorten it', () => {
  fc.assert(
    fc.property(configs, runs, randoms, ({ moreMs, ...knobs }, runsMs, chances) => {
      const config = { ...BASE, ...knobs, maxBackoffMs: knobs.initialBackoffMs + moreMs };
      let i = 0;
      const seen = waits(config, runsMs, () => chances[i++ % chances.length]!) as number[];
      const plain = waits({ ...config, jitterFactor: 0 }, runsMs) as number[];
      assert.equal(seen.length, runsMs.length);
      for (const [at, waitMs] of seen.entries()) {
        assert.ok(waitMs >= 0 && waitMs <= config.maxBackoffMs);
        const backoffMs = plain[at]!;
        assert.ok(Math.abs(waitMs - backoffMs) <= backoffMs * config.jitterFactor + 1e-6);
        const isReset = at === 0 || runsMs[at]! >= config.resetBackoffThresholdMs;
        if (isReset) assert.equal(backoffMs, config.initialBackoffMs);
        else assert.ok(backoffMs >= plain[at - 1]!);
      }
    }),
  );
});

test('failure-rate refuses exactly when more failures than allowed lie in one interval', () => {
  fc.assert(
    fc.property(runs, fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 300_000 }), (runsMs, most, spanMs) => {
      const config = {
        ...BASE,
        strategy: 'failure-rate',
        delayMs: 0,
        maxFailures: most,
        failureIntervalMs: spanMs,
      } as const;
      const seen = waits(config, runsMs);
      const times: number[] = [];
      let refused = false;
      for (const [at, runMs] of runsMs.entries()) {
        times.push((times.at(-1) ?? 0) + runMs);
        refused = times.filter((time) => time > times[at]! - spanMs).length > most;
        assert.equal(typeof seen[at] === 'string', refused);
        if (refused) break;
      }
      assert.equal(
        seen.some((each) => typeof each === 'string'),
        refused,
      );
    }),
  );
});
