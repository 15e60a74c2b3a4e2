import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '../../src/config/load.ts';
import { configOf } from '../runtime/helpers/config.ts';

async function problemsOf(...extras: string[]): Promise<string[]> {
  const input = { flags: [], env: { HOME: '/nonexistent' }, cwd: '/nonexistent', ignoreProfile: true };
  const settings = await loadSettings({ ...input, extras: ['source.topics=a', ...extras] });
  if (settings.problems.length > 0) return settings.problems.map(({ key, message }) => `${key} ${message}`);
  try {
    settings.pipeline();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

test('defaults are Flinks for exponential-delay, without a limit', async () => {
  const { operation } = await configOf('source: {topics: [a]}\n');
  assert.deepEqual(operation, {
    workers: 1,
    restart: {
      strategy: 'exponential-delay',
      attempts: Infinity,
      delayMs: 1000,
      maxFailures: 3,
      failureIntervalMs: 60_000,
      initialBackoffMs: 1000,
      maxBackoffMs: 60_000,
      backoffMultiplier: 1.5,
      resetBackoffThresholdMs: 3_600_000,
      jitterFactor: 0.1,
      poisonAfter: 3,
    },
    status: { everyMs: 1000 },
    metrics: { listen: '', groupBy: '', maxGroups: 50 },
  });
});

test('off is a number of attempts, of crashes, and a pace of status', async () => {
  const yaml =
    'source: {topics: [a]}\nrestart: {attempts: off, poison_after: off}\nstatus: {every: off}\nmetrics: {listen: "off"}\n';
  const { restart, status, metrics } = (await configOf(yaml)).operation;
  assert.deepEqual([restart.attempts, restart.poisonAfter, status.everyMs], [Infinity, Infinity, Infinity]);
  assert.equal(metrics.listen, '');
});

test('what cannot be is named', async () => {
  assert.match((await problemsOf('workers=0'))[0]!, /workers must be at least 1, got 0/);
  assert.match((await problemsOf('restart.strategy=expo'))[0]!, /restart.strategy wants none, fixed-delay/);
  assert.match((await problemsOf('restart.attempts=x'))[0]!, /restart.attempts wants a whole number/);
  assert.match((await problemsOf('metrics.listen=9100'))[0]!, /metrics.listen wants host:port or off, got "9100"/);
  const [message] = await problemsOf('restart.initial_backoff=2m');
  assert.match(message!, /restart.initial_backoff is 120000 ms, longer than restart.max_backoff, which is 60000 ms/);
  for (const listen of ['0.0.0.0:9100', 'localhost:0', '[::1]:9100', ':9100', 'off']) {
    assert.deepEqual(await problemsOf(`metrics.listen=${listen}`), []);
  }
});
