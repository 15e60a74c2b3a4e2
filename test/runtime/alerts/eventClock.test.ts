import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventClock } from '../../../src/runtime/alerts/eventClock.ts';
import { statusOf } from '../../helpers/status.ts';

const member = (name: string, watermark: number | null, lag = 1) => {
  const status = statusOf({ member: name, watermark });
  return { ...status, partitions: status.partitions.map((each) => ({ ...each, topic: name, lag })) };
};

test('time is the least watermark, once the alerts of before are sure to be read', () => {
  const clock = new EventClock(3000);
  clock.look([member('a', 100), member('b', 50), member('c', null)], 0);
  clock.look([member('a', 200), member('b', 150)], 1000);
  assert.equal(clock.at(2999), undefined);
  assert.equal(clock.at(3000), 50);
  assert.equal(clock.at(3500), undefined, 'nothing new');
  assert.equal(clock.at(9000), 150);
});

test('a partition that is read to its end and gets nothing does not hold time back', () => {
  const clock = new EventClock(0);
  for (let second = 0; second <= 40; second++) clock.look([member('a', second), member('b', 5, 0)], second * 1000);
  assert.equal(clock.at(20_000), 5);
  assert.equal(clock.at(40_000), 40);
});
