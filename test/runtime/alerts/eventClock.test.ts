import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventClock } from '../../../src/runtime/alerts/eventClock.ts';
import { statusOf } from '../../helpers/status.ts';

const member = (name: string, watermark: number | null, lag = 1) => {
  const status = statusOf({ member: name, watermark });
  return { ...status, partitions: status.partitions.map((each) => ({ ...each, topic: name, lag })) };
};

const NONE: ReadonlySet<number> = new Set();
const [FIRST, BOTH] = [new Set([0]), new Set([0, 1])];
/** Late enough for any event time below. */
const LATER = 1_000_000;

test('time is the least watermark, once the alerts of before are sure to be there', () => {
  const clock = new EventClock(3000, 0);
  clock.look([member('a', 100), member('b', 50), member('c', null)], 0);
  clock.look([member('a', 200), member('b', 150)], 1000);
  assert.equal(clock.at(2999, NONE, false), undefined);
  assert.equal(clock.at(3000, NONE, false), 50);
  assert.equal(clock.at(9000, NONE, false), 150);
});

test('a partition that is read to its end and gets nothing does not hold time back', () => {
  const clock = new EventClock(0, 0);
  for (let second = 0; second <= 40; second++) clock.look([member('a', second), member('b', 5, 0)], second * 1000);
  assert.equal(clock.at(20_000, NONE, false), 5);
  assert.equal(clock.at(40_000, NONE, false), 40);
});

test('alerts that are there to be read hold time back, those of each partition', () => {
  const clock = new EventClock(0, 10);
  clock.look([member('a', 5000)], 6000);
  assert.equal(clock.at(6000, BOTH, true), undefined, 'nothing is read');
  clock.take(0, 4000, 6000);
  assert.equal(clock.at(6000, BOTH, true), undefined, 'whatever the other partition has');
  clock.take(1, 1000, 6000);
  assert.equal(clock.at(6000, BOTH, true), 990);
  clock.take(1, 900, 6000);
  assert.equal(clock.at(6000, BOTH, true), 990, 'one that comes late turns no clock back');
  assert.equal(clock.at(6000, FIRST, false), 3990, 'the other is read to its end');
  assert.equal(clock.at(6000, NONE, false), 5000);
});

test('while every partition has alerts to be read no watermark has to settle, else it has', () => {
  const clock = new EventClock(3000, 10);
  clock.look([member('a', 5000)], 6000);
  for (const partition of [0, 1]) clock.take(partition, 4000, 6000);
  assert.equal(clock.at(6000, BOTH, true), 3990);
  assert.equal(clock.at(6000, FIRST, false), undefined, 'alerts of the other may be on their way');
  assert.equal(clock.at(9000, FIRST, false), 3990);
});

test('one alert from the future moves time no further than watermarks and the time here', () => {
  const watched = new EventClock(0, 10);
  watched.look([member('a', 5000)], 6000);
  watched.take(0, 10 * LATER, 6000);
  assert.equal(watched.at(6000, FIRST, true), 5000);
  const blind = new EventClock(0, 10);
  blind.take(0, 10 * LATER, 6000);
  assert.equal(blind.at(6000, FIRST, true), 6000);
  blind.take(1, 4000, 6000);
  assert.equal(blind.at(6000, NONE, false), 3990);
  const ahead = new EventClock(0, 10);
  ahead.look([member('a', 10 * LATER)], 6000);
  assert.equal(ahead.at(7000, NONE, false), 7000, 'nor does a watermark');
});

test('without watermarks the least partition counts, one that has no alerts does not, nor one that has none any more', () => {
  const clock = new EventClock(0, 10);
  assert.equal(clock.at(LATER, NONE, false), undefined, 'nothing is known');
  clock.take(0, 1000, LATER);
  clock.take(1, 5000, LATER);
  assert.equal(clock.at(LATER, NONE, false), 990);
  clock.take(1, 6000, LATER + 31_000);
  assert.equal(clock.at(LATER + 31_000, NONE, false), 5990);
});
