import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SinkStatus } from '../../src/observe/status.ts';
import { toldSinks, worstOf } from '../../src/observe/toldSinks.ts';

const sink = (name: string, problem: string | null = null): SinkStatus => ({
  ...{ name, type: 'webhook', outcomes: {}, retries: 0, queue: 1, waitingSinceMs: 1, circuit: 'closed', retryMs: null },
  ...{ lastSuccessMs: null, lastFailureMs: problem === null ? null : 9, problem },
});
const record = (name: string, outcome: string, revision: number) => ({
  name,
  outcome,
  atMs: 5,
  problem: null,
  revision,
});
const TOLD = { revision: 2, isTold: true };

test('a sink without a record of the newest revision waits, or fails', () => {
  const recorded = [record('a', 'delivered', 2), record('b', 'delivered', 1)];
  const sinks = toldSinks(TOLD, recorded, [sink('a', 'answered 500'), sink('b'), sink('oncall', 'no answer')]);
  assert.deepEqual(
    sinks.map(({ name, outcome, atMs, problem }) => [name, outcome, atMs, problem]),
    [
      ['a', 'delivered', 5, null],
      ['b', 'waiting', null, null],
      ['oncall', 'failing', 9, 'no answer'],
    ],
  );
  assert.deepEqual(worstOf(sinks), { outcome: 'failing', names: ['oncall'] });
  assert.equal(worstOf([]), null);
  assert.equal(worstOf([record('a', 'delivered', 2), record('b', 'waiting', 1)])?.outcome, 'waiting');
  assert.equal(worstOf([record('a', 'delivered', 2), record('b', 'skipped', 2)])?.outcome, 'skipped');
});

test('what nobody is to be told of, and what all sinks are done with, stays as recorded', () => {
  const recorded = [record('a', 'delivered', 2)];
  assert.equal(toldSinks(TOLD, recorded, [sink('a', 'answered 500')]), recorded);
  assert.deepEqual(toldSinks({ ...TOLD, isTold: false }, [], [sink('a')]), []);
});
