import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import type { ControlCommand } from '../../../src/runtime/control/command.ts';
import { decodeCommand, encodeCommand } from '../../../src/runtime/control/command.ts';
import { ControlQueue } from '../../../src/runtime/control/controlQueue.ts';
import { type CommandedPartition, type ControlActions, RunControl } from '../../../src/runtime/control/runControl.ts';
import { LogLines } from '../helpers/config.ts';

let time: number;
let reason: string | undefined;
let at: CommandedPartition;
let done: string[];
let queue: ControlQueue;
let control: RunControl;
beforeEach(() => {
  time = 0;
  reason = 't/0 is being restored';
  at = { topic: 't', partition: 0, position: 7, suppressBelow: 0, isReplaying: false };
  done = [];
  queue = new ControlQueue(() => time);
  const actions: ControlActions = {
    consumer: {
      pause: (places) => done.push(...places.map(({ topic, partition }) => `hold ${topic}/${partition}`)),
      resume: () => {},
      seek: ({ topic, partition, offset }) => done.push(`seek ${topic}/${partition} ${offset}`),
      position: () => 7,
    },
    logger: new LogLines(),
    partitions: () => (reason === undefined ? [at] : []),
    waitsFor: () => reason,
    ticks: () => time,
    journal: ({ command }) => done.push(`journal ${command}`),
    savepoint: async (name) => {
      done.push(`savepoint ${name}`);
      return 'c1';
    },
    promote: async (uri) => uri,
    feedback: async ({ alert }) => {
      done.push(`feedback ${alert}`);
      return 'threshold 2 -> 2.2';
    },
    stop: () => done.push('stop'),
  };
  control = new RunControl(queue, actions);
});

const command = (
  id: string,
  verb: ControlCommand['command'],
  name: string | null,
  waitMs?: number,
): ControlCommand => ({
  ...{ id, command: verb, name, group: null, sentMs: 0, by: 'u@h' },
  ...(waitMs !== undefined && { waitMs }),
});
const answers = () => queue.applied.map(({ id, offsets, error }) => [id, offsets.length, error?.message]);
const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

test('a savepoint waits until the member has its partitions and their states, and then is of them', async () => {
  queue.push(command('1', 'savepoint', 'early', 5000));
  queue.push(command('2', 'pause', null));
  control.turn();
  time = 4999;
  control.turn();
  assert.deepEqual([done, answers()], [[], []]);
  reason = undefined;
  control.turn();
  await settled();
  control.turn();
  assert.deepEqual(done, ['journal savepoint', 'savepoint early', 'journal pause', 'hold t/0']);
  assert.deepEqual(answers(), [
    ['1', 1, undefined],
    ['2', 1, undefined],
  ]);
});

test('when its time is over it fails with what it waited for, and the next has a time of its own', () => {
  queue.push(command('1', 'savepoint', 'early', 5000));
  queue.push(command('2', 'stop', 'last', 5000));
  control.turn();
  time = 5000;
  control.turn();
  assert.deepEqual(answers(), [['1', 0, 'cannot take savepoint early as t/0 is being restored']]);
  time = 9999;
  control.turn();
  assert.equal(answers().length, 1);
  time = 10_000;
  control.turn();
  assert.deepEqual([answers().length, done], [2, []], 'a stop whose savepoint failed does not stop');
});

test('what is no savepoint waits for nothing', () => {
  queue.push(command('1', 'pause', null));
  queue.push(command('2', 'stop', null));
  control.turn();
  assert.deepEqual(done, ['journal pause', 'journal stop', 'stop']);
});

const VERDICT = { alert: 'z@v/a/1', rule: 'z@v', series: 'a', partition: 0, timeMs: 1, isTrue: false };

test('a verdict waits for the state of its partition, is no entry of commands, and is answered with what it did', async () => {
  queue.push({ ...command('1', 'feedback', null, 5000), verdict: VERDICT });
  control.turn();
  assert.deepEqual([done, answers()], [[], []]);
  reason = undefined;
  control.turn();
  await settled();
  assert.deepEqual(done, ['feedback z@v/a/1']);
  assert.deepEqual(
    queue.applied.map(({ result, error }) => [result, error]),
    [['threshold 2 -> 2.2', null]],
  );
});

test('a verdict goes with its command, and one that is not whole is left out', () => {
  const sent = { ...command('1', 'feedback', null), verdict: VERDICT };
  assert.deepEqual(decodeCommand(encodeCommand(sent)), sent);
  const { verdict: _, ...without } = sent;
  assert.deepEqual(decodeCommand(encodeCommand(without)), { problem: 'its feedback has no whole verdict' });
});

test('the time goes with the command', () => {
  const sent = command('1', 'savepoint', 'early', 28_000);
  assert.deepEqual(decodeCommand(encodeCommand(sent)), sent);
  const { waitMs: _, ...older } = sent;
  assert.deepEqual(decodeCommand(encodeCommand(older)), older);
});

/** Offsets from `first` up to `end`. */
function batchOf(first: number, end: number): ColumnBatch {
  const batch = new ColumnBatch(0, end - first);
  Object.assign(batch, { topic: 't', partition: 0, count: end - first, firstOffset: first, nextOffset: end });
  for (let i = 0; i < batch.count; i++) batch.offsets[i] = first + i;
  return batch;
}

test('while paused, what comes goes back to where the partition is, to be read on resume', () => {
  reason = undefined;
  assert.equal(control.holds(batchOf(5, 10)), false, 'nobody paused');
  queue.push(command('1', 'pause', null));
  control.turn();
  done = [];
  assert.equal(control.holds(batchOf(5, 10)), true);
  assert.deepEqual(done, ['seek t/0 7', 'hold t/0']);
  reason = 'its state is on its way';
  assert.equal(control.holds(batchOf(5, 10)), false);
});

test('while paused, records up to the commit bring the state back, and none beyond it are run', () => {
  reason = undefined;
  at = { ...at, position: 7, suppressBelow: 20, isReplaying: true };
  queue.push(command('1', 'pause', null));
  control.turn();
  assert.deepEqual(done, ['journal pause'], 'its fetching goes on');
  const [below, across] = [batchOf(7, 20), batchOf(15, 30)];
  assert.deepEqual([control.holds(below), below.count, done], [false, 13, ['journal pause']]);
  assert.deepEqual([control.holds(across), across.count, across.nextOffset], [false, 5, 20]);
  assert.deepEqual(done.slice(1), ['seek t/0 20', 'hold t/0']);
  at = { ...at, position: 20, isReplaying: false };
  assert.equal(control.holds(batchOf(20, 30)), true);
});
