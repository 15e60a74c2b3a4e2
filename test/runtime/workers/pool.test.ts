import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnomalyError } from '../../../src/errors.ts';
import { type MemberStatus, NO_TOTALS } from '../../../src/observe/status.ts';
import type { MembersResult } from '../../../src/runtime/members.ts';
import { errorOf, type FromWorker, plainError, type ToWorker } from '../../../src/runtime/workers/messages.ts';
import { WorkerPool } from '../../../src/runtime/workers/pool.ts';
import { statusOf } from '../../helpers/status.ts';
import { configOf, LogLines } from '../helpers/config.ts';

type Plan = { readonly identity: MemberStatus };

/** A worker in this thread: what it is told, and how the test lets it speak and end. */
class Seat {
  readonly told: ToWorker<Plan>[] = [];
  readonly ended: Promise<string>;
  end!: (reason: string) => void;
  readonly #say: (message: FromWorker) => void;

  constructor(say: (message: FromWorker) => void) {
    this.#say = say;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  send(message: ToWorker<Plan>): void {
    this.told.push(message);
  }

  get member(): string {
    const run = this.told[0];
    return run?.type === 'run' ? run.plan.identity.member : '';
  }

  status(records: number, changes: Partial<MemberStatus> = {}): void {
    this.#say({ type: 'status', status: this.#status(records, changes) });
  }

  done(records: number, result: Partial<MembersResult>): void {
    const base = {
      ended: 'stopped',
      isCommitted: true,
      totals: NO_TOTALS,
      checkpoints: 0,
      latency: null,
      series: 0,
      openWindows: 0,
      partitions: [],
    } as const;
    this.#say({ type: 'done', result: { ...base, ...result }, status: this.#status(records, { state: 'stopped' }) });
    this.end('the thread ended with code 0');
  }

  failed(error: Error): void {
    this.#say({ type: 'failed', error: plainError(error), status: null });
    this.end('the thread ended with code 0');
  }

  #status(records: number, changes: Partial<MemberStatus>): MemberStatus {
    return { ...statusOf({ member: this.member, totals: { ...NO_TOTALS, records } }), ...changes };
  }
}

/** Lets what was said reach those who wait for it. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function poolOf(
  count: number,
  options: { yaml?: string; sourcePartitions?: number; pause?: () => Promise<void> } = {},
) {
  const { operation } = await configOf(`source: {topics: [a]}\n${options.yaml ?? ''}`);
  const seats: Seat[] = [];
  const log = new LogLines();
  const stop = new AbortController();
  const pool = new WorkerPool<Plan>({
    plans: Array.from({ length: count }, (_, i) => ({ identity: statusOf({ member: `m-${i}` }) })),
    spawn: (onMessage) => {
      const seat = new Seat(onMessage);
      seats.push(seat);
      return seat;
    },
    sourcePartitions: options.sourcePartitions ?? 2,
    restart: operation.restart,
    ...{ now: () => 5000, ticks: () => 0, random: () => 0.5, signal: stop.signal, logger: log },
    pause: options.pause ?? (async () => {}),
  });
  return { pool, seats, log, stop, running: pool.run() };
}

test('a worker that dies is started again, and what its lives counted adds up', async () => {
  const { pool, seats, log, running } = await poolOf(2);
  seats[0]!.status(10);
  seats[1]!.status(5);
  seats[0]!.end('the process ended by SIGKILL');
  await settle();
  assert.deepEqual(
    seats.map(({ member }) => member),
    ['m-0', 'm-1', 'm-0'],
  );
  const [first] = pool.statuses();
  assert.deepEqual(
    [first!.state, first!.restarts, first!.totals.records, first!.error!.code],
    ['restarting', 1, 10, 'ANM_WORKER'],
  );
  seats[2]!.status(7);
  assert.deepEqual(
    pool.statuses().map(({ totals, restarts }) => [totals.records, restarts]),
    [
      [17, 1],
      [5, 0],
    ],
  );
  seats[2]!.done(8, {});
  seats[1]!.done(5, {});
  const { totals, ended } = await running;
  assert.deepEqual([totals.records, ended], [23, 'stopped']);
  assert.match(
    log.lines.join(),
    /worker m-0 ended without a result: the process ended by SIGKILL: starting again in 1\.0 s/,
  );
});

test('a worker that dies before it ever came to its group ends all', async () => {
  const { seats, running } = await poolOf(2);
  seats[0]!.end('cannot load');
  await settle();
  assert.deepEqual(seats[1]!.told.at(-1), { type: 'stop', reason: 'failed' });
  seats[1]!.done(0, {});
  await assert.rejects(running, { code: 'ANM_WORKER', message: 'worker m-0 ended without a result: cannot load' });
});

test('a worker that gives up ends the others in order, with its error as it was', async () => {
  const { seats, running } = await poolOf(2);
  for (const seat of seats) seat.status(1);
  const cause = new TypeError('inner');
  seats[1]!.failed(new AnomalyError('ANM_BAD_DATA', 'too much', { hint: 'look', details: { n: 1 }, cause }));
  await settle();
  assert.deepEqual(seats[0]!.told.at(-1), { type: 'stop', reason: 'failed' });
  seats[0]!.done(1, {});
  await assert.rejects(running, { code: 'ANM_BAD_DATA', message: 'too much', hint: 'look', details: { n: 1 } });
});

test('the signal is told to each once; a worker in a wait between two lives is not started again', async () => {
  const { seats, stop, running } = await poolOf(2);
  for (const seat of seats) seat.status(1);
  stop.abort('SIGTERM');
  stop.abort('SIGTERM');
  for (const seat of seats) assert.deepEqual(seat.told.slice(1), [{ type: 'stop', reason: 'SIGTERM' }]);
  seats[0]!.done(1, {});
  seats[1]!.end('the process ended by SIGKILL');
  await assert.rejects(running, { code: 'ANM_WORKER' });
  assert.equal(seats.length, 2);
});

test('once every partition was read to the end, workers without any are told to stop', async () => {
  const { seats, running } = await poolOf(3, { sourcePartitions: 2 });
  for (const seat of seats) seat.status(1);
  const part = (partition: number) => ({ topic: 'a', partition, series: 2, openWindows: 0 });
  seats[0]!.done(1, { ended: 'end', partitions: [part(0)] });
  await settle();
  assert.equal(seats[2]!.told.length, 1);
  seats[1]!.done(1, { ended: 'end', partitions: [part(0), part(1)] });
  await settle();
  assert.deepEqual(seats[2]!.told.at(-1), { type: 'stop', reason: 'end' });
  seats[2]!.done(0, {});
  const { ended, series } = await running;
  // A partition that moved is counted once.
  assert.deepEqual([ended, series], ['end', 4]);
});

test('a signal while all wait between two lives is a stop, and no end', async () => {
  let goOn = () => {};
  const pause = () => new Promise<void>((resolve) => (goOn = resolve));
  const { seats, stop, running } = await poolOf(1, { pause });
  seats[0]!.status(1);
  seats[0]!.end('killed');
  await settle();
  stop.abort('SIGTERM');
  goOn();
  const { ended } = await running;
  assert.deepEqual([ended, seats.length], ['stopped', 1]);
});

test('the failure that came first is the one that is told, whichever worker it was', async () => {
  const { seats, running } = await poolOf(2);
  for (const seat of seats) seat.status(1);
  seats[1]!.failed(new AnomalyError('ANM_SOURCE_GAP', 'records are gone'));
  await settle();
  seats[0]!.failed(new AnomalyError('ANM_GROUP_REBALANCED', 'told to stop'));
  await assert.rejects(running, { code: 'ANM_SOURCE_GAP' });
});

test('commands reach every worker, and log lines say whose they are', async () => {
  const { pool, seats, running, stop } = await poolOf(2);
  const command = { id: '1', command: 'pause', name: null, group: null, sentMs: 0, by: 'u@h' } as const;
  pool.command(command);
  for (const seat of seats) assert.deepEqual(seat.told.at(-1), { type: 'command', command });
  stop.abort('SIGTERM');
  for (const seat of seats) seat.done(0, {});
  await running;
});

test('a worker that is started again while the pipeline is paused is told so, and not once it was resumed', async () => {
  const { pool, seats, running, stop } = await poolOf(1);
  const command = { id: '1', command: 'pause', name: null, group: null, sentMs: 0, by: 'u@h' } as const;
  pool.command(command);
  seats[0]!.status(1);
  seats[0]!.end('the process ended by SIGKILL');
  await settle();
  const told = (seat: number) => seats[seat]!.told.map(({ type }) => type);
  assert.deepEqual(told(1), ['run', 'command']);
  assert.deepEqual(seats[1]!.told[1], { type: 'command', command });
  pool.command({ ...command, id: '2', command: 'resume' });
  seats[1]!.status(1);
  seats[1]!.end('the process ended by SIGKILL');
  await settle();
  assert.deepEqual(told(2), ['run']);
  stop.abort('SIGTERM');
  seats[2]!.done(0, {});
  await running;
});

test('the outage is the longest of the workers that are there: one that died or is done knows of none', async () => {
  const { pool, seats, running } = await poolOf(2, { pause: () => new Promise(() => {}) });
  const outage = (sinceMs: number) => ({ outage: { sinceMs, problem: 'a:1: connection refused' } });
  assert.equal(pool.outage(), null);
  seats[0]!.status(1, outage(2000));
  seats[1]!.status(1, outage(1000));
  assert.equal(pool.outage()!.sinceMs, 1000);
  seats[1]!.end('the process ended by SIGKILL');
  await settle();
  assert.equal(pool.outage()!.sinceMs, 2000);
  seats[0]!.failed(new AnomalyError('ANM_CONFIG', 'x'));
  await settle();
  assert.equal(pool.outage(), null);
  assert.deepEqual(
    pool.statuses().map((status) => status.outage),
    [null, null],
  );
  void running.catch(() => {});
});

test('an error is the same after it crossed', () => {
  const error = new AnomalyError('ANM_TIMEOUT', 'slow', { hint: 'wait', details: { ms: 1 }, cause: new Error('why') });
  const crossed = errorOf(structuredClone(plainError(error))) as AnomalyError;
  assert.deepEqual(
    [crossed.code, crossed.message, crossed.hint, crossed.details],
    ['ANM_TIMEOUT', 'slow', 'wait', { ms: 1 }],
  );
  assert.equal((crossed.cause as Error).message, 'why');
  assert.equal(crossed.stack, error.stack);
  assert.equal((errorOf(plainError('text')) as AnomalyError).code, undefined);
});
