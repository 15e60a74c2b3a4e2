import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { IdleWatch } from '../../src/runtime/idleWatch.ts';
import { PartitionAtWork } from '../../src/runtime/partitionAtWork.ts';
import type { Task } from '../../src/runtime/task.ts';

let time: number;
let end: number;
let endAgeMs: number;
let nextClosing: number;
let advanced: number[];
const consumer = { endOffset: () => end, endAgeMs: () => endAgeMs };
let partition: PartitionAtWork;
let idle: IdleWatch;
beforeEach(() => {
  time = 0;
  end = 10;
  endAgeMs = 0;
  nextClosing = 1040;
  advanced = [];
  const pipeline = {
    watermark: 1000,
    get nextClosing() {
      return nextClosing;
    },
    advanceWatermark(watermark: number) {
      advanced.push(watermark);
      pipeline.watermark = watermark;
      nextClosing = Infinity;
    },
  };
  const task = { pipeline } as unknown as Task;
  partition = new PartitionAtWork({ topic: 't', partition: 0 }, task, 10);
  partition.begin({
    ...{
      task,
      position: 10,
      suppressBelow: 10,
      effects: [],
      scores: [],
      crashes: [],
      drafts: [],
      kept: [],
      journalEnd: 0,
      wantsSnapshot: false,
    },
  });
  idle = new IdleWatch(30, consumer, () => time);
  turn(0);
});

function turn(at: number): number {
  time = at;
  idle.turn([partition], () => {});
  return advanced.length;
}

test('after the time the watermark runs on from where the silence found it, and only what closes counts', () => {
  assert.equal(turn(29), 0);
  assert.equal(turn(35), 0, 'it would close nothing');
  assert.equal(turn(41.9), 1);
  assert.deepEqual(advanced, [1041]);
  assert.deepEqual(partition.drafts, [{ type: 'idle', offset: 10, watermark: 1041 }]);
  assert.equal(turn(500), 1, 'nothing is open any more');
  nextClosing = 1600;
  assert.equal(turn(601), 2);
  assert.equal(advanced[1], 1601, 'counted from the beginning of the silence');
});

test('a record ends the silence', () => {
  time = 25;
  idle.heard(partition);
  assert.equal(turn(50), 0);
  assert.equal(turn(66), 1);
  assert.deepEqual(advanced, [1041]);
});

test('records that wait to be read are no silence, nor are those that are run again', () => {
  end = 11;
  assert.equal(turn(100), 0);
  end = 10;
  partition.suppressBelow = 11;
  assert.equal(turn(100), 0);
  partition.suppressBelow = 10;
  assert.equal(turn(100), 1);
});

test('where no fetch is answered it is silent up to the last answer, not up to now', () => {
  endAgeMs = Infinity;
  assert.equal(turn(100), 0, 'nothing is known yet');
  endAgeMs = 100 - 29;
  assert.equal(turn(100), 0, 'asked 29 ms after the silence began, and not answered since');
  endAgeMs = 1000 - 41;
  assert.equal(turn(1000), 1);
  assert.deepEqual(advanced, [1041]);
});

test('what is paused is not silent', () => {
  time = 100;
  idle.hold([partition]);
  assert.equal(turn(129), 0);
  assert.equal(turn(141), 1);
});

test('switched off it does nothing', () => {
  idle = new IdleWatch(Number.POSITIVE_INFINITY, consumer, () => time);
  turn(0);
  assert.equal(turn(1e12), 0);
});
