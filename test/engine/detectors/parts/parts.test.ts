import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdict } from '../../../../src/engine/detectors/detector.ts';
import { Chart } from '../../../../src/engine/detectors/parts/chart.ts';
import { Context } from '../../../../src/engine/detectors/parts/context.ts';
import { Course } from '../../../../src/engine/detectors/parts/course.ts';
import { Difference } from '../../../../src/engine/detectors/parts/difference.ts';
import { Lasting } from '../../../../src/engine/detectors/parts/lasting.ts';
import { MedianDistance } from '../../../../src/engine/detectors/parts/median.ts';
import { distance, MAX_SCORE, type Observation, observation } from '../../../../src/engine/detectors/parts/part.ts';
import { SeasonalResidual } from '../../../../src/engine/detectors/parts/seasonal.ts';
import { SeenRange } from '../../../../src/engine/detectors/parts/seenRange.ts';
import { Usual } from '../../../../src/engine/detectors/parts/usual.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MONDAY_MS = Date.UTC(2024, 0, 1);
const SIZE = 1e9;

const seen = (fields: Partial<Observation>): Observation => ({ ...observation(), ...fields });

/** Small values in turn, so that a tail has seen 60 and knows that nothing is ever large. */
function* wobble(count: number, sizes: readonly number[] = [1, 2, 3, 4]): Generator<number> {
  for (let i = 0; i < count; i++) yield sizes[i % sizes.length]! * (i % 2 === 0 ? 1 : -1);
}

test('course: the step, the usual interval, and no step over missing data or back in time', () => {
  const course = new Course();
  course.reserve(1);
  const step = (timeMs: number, value: number) => {
    const now = seen({ timeMs, value });
    course.look(now);
    course.learn(now);
    return now;
  };
  assert.ok(Number.isNaN(step(0, 5).step));
  assert.equal(step(MINUTE_MS, 7).step, 2);
  assert.equal(step(2 * MINUTE_MS, 4).intervalMs, MINUTE_MS);
  // Three minutes are more than two usual intervals, and count as no more than four of them.
  const late = step(5 * MINUTE_MS, 9);
  assert.ok(Number.isNaN(late.step));
  assert.equal(step(6 * MINUTE_MS, 10).intervalMs, MINUTE_MS + 0.05 * 2 * MINUTE_MS);
  assert.ok(Number.isNaN(step(0, 3).step), 'a late value');
  assert.equal(step(7 * MINUTE_MS, 11).step, 1, 'the late one was no neighbour');
});

test('difference: the size of the step against those before, silent without one', () => {
  const part = new Difference(SIZE);
  part.reserve(1);
  for (const step of wobble(100)) part.learn(seen({ step }));
  assert.ok(Number.isNaN(part.evaluate(seen({ step: NaN }))));
  // A quarter of the steps is below 2, and three quarters below 4.
  assert.ok(Math.abs(part.evaluate(seen({ step: -2 })) + Math.log10(0.75)) < 1e-6);
  assert.ok(Math.abs(part.evaluate(seen({ step: 4 })) + Math.log10(0.25)) < 1e-6);
  assert.equal(part.evaluate(seen({ step: 100 })), MAX_SCORE);
  const out = verdict(1);
  for (const step of [9, -9]) part.learn(seen({ step }));
  for (let k = 0; k < 100; k++) part.learn(seen({ step: 1 }));
  part.explain(seen({ step: 3, value: 10 }), 3, out);
  assert.equal(out.expected, 7);
  assert.ok(out.upper > 7 + 4 && out.lower < 7 - 4 && Math.abs(out.upper + out.lower - 14) < 1e-9);
});

test('median distance: in MADs of the last values, and a thousand of them where there is no spread', () => {
  assert.equal(distance(3, 1.5), 2);
  assert.equal(distance(-3, 0), 1000);
  assert.equal(distance(0, 0), 0);
  const part = new MedianDistance(100, SIZE);
  part.reserve(1);
  for (const each of wobble(100)) {
    const now = seen({ value: 50 + each });
    part.evaluate(now);
    part.learn(now);
  }
  assert.equal(part.evaluate(seen({ value: 500 })), MAX_SCORE);
  const out = verdict(1);
  part.explain(seen({ value: 500 }), 2.5, out);
  assert.ok(Math.abs(out.expected - 50) <= 1, `${out.expected}`);
});

test('usual: a level first, after two days the time of day, with the size of surprises by the hour', () => {
  const usual = new Usual(15 * MINUTE_MS);
  usual.reserve(1);
  let begun = -1;
  for (let i = 0; i < 3 * 96; i++) {
    const timeMs = MONDAY_MS + i * 15 * MINUTE_MS;
    const isNoon = i % 96 === 48;
    const now = seen({ timeMs, value: isNoon ? 30 : 10, seen: i, intervalMs: 15 * MINUTE_MS });
    usual.look(now);
    now.learnt = now.value;
    if (usual.learn(now)) begun = i;
    // Surprises are 4 large from 12 to 13 h, else 1.
    if (i > 0) usual.learnSize(now, Math.floor((i % 96) / 4) === 12 ? 4 : 1);
  }
  assert.equal(begun, 2 * 96);
  const at = (hour: number) => {
    const now = seen({ timeMs: MONDAY_MS + 3 * DAY_MS + hour * HOUR_MS, value: 12, seen: 999, intervalMs: 900_000 });
    usual.look(now);
    return now;
  };
  assert.equal(at(3).expected, 10);
  assert.equal(at(3).residual, 2);
  assert.ok(at(3).seasonKnown);
  // 12 surprises of each hour, against 60 of the usual size, 1 + 3 / 24.
  const usualSize = 1 + 3 / 24;
  const forgotten = (1 - (1 - 1 / 300) ** 12) * 300;
  assert.ok(Math.abs(at(12).scale - (4 * forgotten + 60 * usualSize) / (forgotten + 60)) < 0.01, `${at(12).scale}`);
  assert.ok(at(12).scale > at(3).scale);
});

test('seasonal residual: in sizes usual at this hour, and learnt anew when the season begins', () => {
  const part = new SeasonalResidual(SIZE);
  part.reserve(1);
  const score = (value: number, scale: number) => {
    const now = seen({ value, expected: 100, residual: value - 100, scale, seasonKnown: true });
    const result = part.evaluate(now);
    part.learn(now);
    return result;
  };
  for (const each of wobble(100)) score(100 + each, 1);
  // 8 is much where 1 is usual, and as usual as 1 where 8 is.
  assert.ok(score(108, 1) > 4);
  assert.ok(score(108, 8) < 0.5);
  part.beginSeason(0);
  assert.ok(Number.isNaN(score(108, 1)));
});

test('context: the residual less its own mean, and what is learnt of a surprise is bounded', () => {
  const part = new Context(SIZE);
  part.reserve(1);
  const take = (residual: number, i: number) => {
    const now = seen({ residual, value: 100 + residual, scale: 1, seen: i });
    const score = part.evaluate(now);
    part.bound(now);
    part.learn(now);
    return { score, learnt: now.learnt };
  };
  let i = 0;
  // Every residual is 20 or so: that is the mean, which the context takes off.
  for (const each of wobble(400)) take(20 + each, i++);
  assert.ok(take(20, i++).score < 0.3);
  const far = take(1e6, i++);
  assert.equal(far.score, MAX_SCORE);
  assert.ok(far.learnt > 120 && far.learnt < 250, `${far.learnt} is learnt of 1000100`);
  // So the mean is hardly moved.
  assert.ok(take(20, i++).score < 2.5);
});

test('lasting: the mean of the last 12 residuals finds what none of them shows alone', () => {
  const part = new Lasting(SIZE);
  part.reserve(1);
  const take = (residual: number) => {
    const now = seen({ residual, value: residual, learnt: residual, seasonKnown: true, intervalMs: 5 * MINUTE_MS });
    const score = part.evaluate(now);
    part.learn(now);
    return score;
  };
  const sizes = [1, 3, 2, 1, 2, 3, 1, 2];
  let last = NaN;
  for (const each of wobble(239, sizes)) last = take(each);
  assert.ok(Number.isNaN(last), 'neighbouring means say little before 240');
  for (const each of wobble(600, sizes)) last = take(each);
  assert.ok(last < 2.5);
  for (let k = 0; k < 12; k++) last = take(3);
  assert.ok(last > 2.5, `${last} after twelve residuals of 3`);
  assert.ok(Number.isNaN(part.evaluate(seen({ residual: 1, seasonKnown: false }))));
});

test('lasting: a new level is no news after some days', () => {
  const part = new Lasting(4000);
  part.reserve(1);
  const take = (residual: number) => {
    const now = seen({ residual, value: residual, learnt: residual, seasonKnown: true, intervalMs: 5 * MINUTE_MS });
    const score = part.evaluate(now);
    part.learn(now);
    return score;
  };
  for (const each of wobble(2000, [1, 3, 2])) take(each);
  let [first, last] = [0, 0];
  for (const each of wobble(4 * 288, [1, 3, 2])) {
    last = take(5 + each);
    first = Math.max(first, last);
  }
  assert.ok(first > 2.5 && last < 1.5, `${first}, then ${last}`);
});

test('seen range: 2.5 at a twentieth of the range outside, silent before 60 values and a season', () => {
  const part = new SeenRange();
  part.reserve(1);
  const take = (value: number) => {
    const now = seen({ value, seasonKnown: true });
    const score = part.evaluate(now);
    part.learn(now);
    return score;
  };
  for (let i = 0; i < 60; i++) assert.ok(Number.isNaN(take(i % 2 === 0 ? 0 : 100)));
  assert.equal(take(50), 0);
  assert.equal(part.evaluate(seen({ value: 105, seasonKnown: true })), 2.5);
  assert.equal(part.evaluate(seen({ value: -10, seasonKnown: true })), 5);
  assert.equal(part.evaluate(seen({ value: 1e9, seasonKnown: true })), MAX_SCORE);
  const out = verdict(1);
  part.explain(seen({ value: 200 }), 2.5, out);
  assert.deepEqual([out.lower, out.upper], [-5, 105]);
  assert.ok(Number.isNaN(part.evaluate(seen({ value: 1e9 }))), 'the season is not known');
});

test('chart: a small shift of level is found after some values, with the band in which it would not be', () => {
  const part = new Chart(SIZE);
  part.reserve(1);
  let i = 0;
  const take = (value: number) => {
    const now = seen({ value, seen: i++ });
    const score = part.evaluate(now);
    const out = verdict(1);
    part.explain(now, 2.5, out);
    part.learn(now);
    return { score, out };
  };
  for (const each of wobble(1000)) take(50 + each);
  const first = take(53);
  assert.ok(first.score < 2.5 && first.out.lower < 53 && first.out.upper > 53);
  let last = first;
  for (let k = 0; k < 8; k++) last = take(53);
  assert.ok(last.score > 2.5, `${last.score} after nine values of 53`);
  assert.ok(last.out.upper < 53);
  assert.ok(Math.abs(last.out.expected - 50) < 0.5);
});
