import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, before, test } from 'node:test';
import { AnomalyError } from '../../../src/errors.ts';
import type { MemberStatus } from '../../../src/observe/status.ts';
import { supervise } from '../../../src/runtime/restart/supervise.ts';
import { StatusReader } from '../../../src/runtime/status/reader.ts';
import { append, readTopic, startWorld, type World } from '../../helpers/world.ts';
import { configOf, LogLines } from '../helpers/config.ts';

const START_MS = Date.UTC(2026, 0, 1);
const COORDINATOR_NOT_AVAILABLE = 15;
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function fill(topic: string, from: number, to: number): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    append(producer, topic, { partition: 0, key: 'a', value: { ts: START_MS + i * 10_000, value: i % 7 } });
  }
  await producer.close();
}

function argv(topic: string, ...more: string[]): string[] {
  const flags = ['--topic', topic, '--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--commit-every', '20ms'];
  return ['run', ...flags, '--status-every', '20ms', '-X', 'retry_timeout=100ms', '-o', 'json', ...more];
}

async function until(pipeline: string, isSo: (member: MemberStatus) => boolean): Promise<MemberStatus> {
  for (;;) {
    const reader = await StatusReader.open(world.client, pipeline);
    const [member] = (await reader?.read().finally(() => reader.close())) ?? [];
    if (member !== undefined && isSo(member)) return member;
  }
}

test('a broker that refuses for longer than it is waited for restarts the run, and what comes out is as without', async () => {
  await fill('shaken', 0, 300);
  const signals = new EventEmitter();
  const run = world.run(argv('shaken', '--restart-initial-backoff', '10ms', '--restart-max-backoff', '20ms'), {
    signals,
  });
  await until('shaken', ({ partitions }) => partitions[0]?.committed === 300);
  world.broker.faults.inject({ api: 'OffsetCommit', errorCode: COORDINATOR_NOT_AVAILABLE, probability: 1 });
  await fill('shaken', 300, 600);
  const shaken = await until('shaken', ({ restarts }) => restarts >= 2);
  if (shaken.state === 'restarting') assert.equal(shaken.error!.code, 'ANM_TIMEOUT');
  world.broker.faults.clear();
  const healed = await until(
    'shaken',
    ({ state, partitions }) => state === 'running' && partitions[0]?.committed === 600,
  );
  assert.ok(healed.restarts >= 2);
  assert.equal(healed.error, null);
  signals.emit('SIGTERM');
  const { code, stderr, stdout } = await run;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /error: .*starting again in 0\.0 s, restart 1/);
  assert.equal((JSON.parse(stdout) as { ended: string }).ended, 'stopped');

  await fill('calm', 0, 600);
  const calm = await world.run(argv('calm', '--until', 'end', '--leave-open'));
  assert.equal(calm.code, 0, calm.stderr);
  const rows = async (topic: string) => {
    const [partition] = await readTopic(world, `${topic}.windows`);
    return partition!.map(({ key, value }) => JSON.stringify({ key, value }).replaceAll(topic, 't'));
  };
  const [one, other] = [await rows('shaken'), await rows('calm')];
  assert.ok(one.length > 50);
  assert.deepEqual([...new Set(one)], other);
});

test('without restarts the first failure ends it, with its exit code and as failed in the status', async () => {
  await fill('once', 0, 300);
  const run = world.run(argv('once', '--restart-strategy', 'none'));
  await until('once', ({ partitions }) => partitions[0]?.committed === 300);
  world.broker.faults.inject({ api: 'OffsetCommit', errorCode: COORDINATOR_NOT_AVAILABLE, probability: 1 });
  await fill('once', 300, 400);
  const { code, stderr } = await run;
  world.broker.faults.clear();
  assert.equal(code, 3, stderr);
  const left = await until('once', ({ state }) => state === 'failed');
  assert.equal(left.error!.code, 'ANM_TIMEOUT');
  const shown = await world.run(['control', 'status', 'once']);
  assert.equal(shown.code, 1);
  assert.match(shown.stdout, /failed .*ANM_TIMEOUT/);
});

interface Supervised {
  readonly waits: number[];
  readonly log: LogLines;
  readonly outcome: unknown;
}

/** Supervises runs that end like this, in no time. */
async function supervised(
  outcomes: readonly unknown[],
  options: { yaml?: string; progress?: (runs: number) => number; hasJoined?: boolean; abortAt?: number } = {},
): Promise<Supervised> {
  const { operation } = await configOf(`source: {topics: [a]}\n${options.yaml ?? ''}`);
  const [waits, log, stop] = [[] as number[], new LogLines(), new AbortController()];
  let timeMs = 0;
  let run = 0;
  const outcome = await supervise(
    async () => {
      const next = outcomes[run++];
      if (next instanceof Error) throw next;
      return next;
    },
    {
      config: operation.restart,
      ticks: () => timeMs,
      random: () => 0.5,
      pause: async (waitMs) => {
        timeMs += waitMs;
        waits.push(waitMs);
        if (waits.length === options.abortAt) stop.abort('SIGTERM');
      },
      signal: stop.signal,
      logger: log,
      progress: () => options.progress?.(run) ?? 1,
      hasJoined: () => options.hasJoined ?? false,
      onRestart: async () => {},
    },
  ).catch((error: unknown) => error);
  return { waits, log, outcome };
}

test('passing failures and crashes are restarted, what the user has to mend is not', async () => {
  const [passing, crash] = [new AnomalyError('ANM_TIMEOUT', 'slow'), new TypeError('odd')];
  assert.deepEqual((await supervised([passing, crash, 'done'])).outcome, 'done');
  for (const code of ['ANM_CONFIG', 'ANM_AUTHENTICATION', 'ANM_BAD_DATA', 'ANM_DEFINITION_MISMATCH'] as const) {
    const { outcome, waits } = await supervised([new AnomalyError(code, 'x'), 'done']);
    assert.equal((outcome as AnomalyError).code, code);
    assert.deepEqual(waits, []);
  }
  // Of a code that another run may mend, but not this time.
  const refused = new AnomalyError('ANM_PRODUCE', 'too large', { details: { final: true } });
  assert.deepEqual((await supervised([refused, 'done'])).waits, []);
});

test('what fails before it had begun ends the run at once', async () => {
  const { outcome, waits } = await supervised([new AnomalyError('ANM_TIMEOUT', 'slow'), 'done'], { progress: () => 0 });
  assert.deepEqual([(outcome as AnomalyError).code, waits], ['ANM_TIMEOUT', []]);
});

test('a cluster that goes away before the first commit is waited for where a run had joined; a registry is not', async () => {
  const options = { progress: () => 0, hasJoined: true };
  for (const code of ['ANM_BROKER_UNREACHABLE', 'ANM_TIMEOUT'] as const)
    assert.equal((await supervised([new AnomalyError(code, 'away'), 'done'], options)).outcome, 'done');
  const { outcome } = await supervised([new AnomalyError('ANM_REGISTRY_UNREACHABLE', 'away'), 'done'], options);
  assert.equal((outcome as AnomalyError).code, 'ANM_REGISTRY_UNREACHABLE');
});

test('a signal in a wait ends it without another run', async () => {
  const { outcome, waits } = await supervised([new Error('a'), new Error('b'), 'done'], { abortAt: 2 });
  assert.deepEqual([outcome, waits.length], [undefined, 2]);
});

test('the last failure says which limit ended it', async () => {
  const yaml = 'restart: {strategy: fixed-delay, attempts: 1, delay: 5s}\n';
  const { outcome, waits, log } = await supervised([new Error('a'), new Error('b')], { yaml });
  assert.deepEqual([(outcome as Error).message, waits], ['b', [5000]]);
  assert.deepEqual(log.lines, [
    'error a: starting again in 5.0 s, restart 1',
    'error not started again, as restart.attempts is 1',
  ]);
});

test('that no broker is there is an error once, and again after a run that came to something', async () => {
  const away = () => new AnomalyError('ANM_BROKER_UNREACHABLE', 'no broker');
  // The fourth run committed before it lost the broker.
  const { log } = await supervised([away(), away(), away(), away(), away(), 'done'], {
    progress: (runs) => (runs < 4 ? 1 : 2),
  });
  const levels = log.lines.filter((line) => line.includes('no broker')).map((line) => line.split(' ')[0]);
  assert.deepEqual(levels, ['error', 'debug', 'debug', 'error', 'debug']);
});
