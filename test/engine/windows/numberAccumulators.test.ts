import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newCells } from '../../../src/engine/windows/accumulator.ts';
import {
  FirstLastAccumulator,
  SlopeAccumulator,
  SumAccumulator,
  slopeOf,
  sumOf,
} from '../../../src/engine/windows/numberAccumulators.ts';

test('a sum keeps the digits of small values beside large ones, also over a merge', () => {
  const sum = new SumAccumulator();
  const cells = newCells(sum, 2);
  for (const slot of [0, 1]) sum.begin(cells, slot);
  for (const value of [1e16, 1, 1, 1]) sum.add(cells, 0, value);
  for (const value of [1, -1e16]) sum.add(cells, 1, value);
  sum.merge(cells, 0, cells, 1);
  assert.equal(sumOf(cells, 0), 4);
  sum.add(cells, 0, Infinity);
  assert.equal(sumOf(cells, 0), Infinity);
});

test('a slope of values near 1e8 at times near 1e12 keeps nine digits, in one piece and in slices', () => {
  const slope = new SlopeAccumulator();
  const cells = newCells(slope, 12);
  for (let slot = 0; slot < 12; slot++) slope.begin(cells, slot);
  for (let i = 0; i < 6000; i++) {
    const time = 1.7e12 + i * 100;
    const value = 1e8 + 0.25 * (i / 10) + (i % 2 === 0 ? 1e-3 : -1e-3);
    slope.add(cells, 0, value, time);
    slope.add(cells, 2 + Math.floor(i / 600), value, time);
  }
  for (let slot = 2; slot < 12; slot++) slope.merge(cells, 1, cells, slot);
  for (const slot of [0, 1]) assert.ok(Math.abs(slopeOf(cells, slot) / 0.25 - 1) < 1e-7, String(slopeOf(cells, slot)));
  const apart = Math.abs(slopeOf(cells, 0) - slopeOf(cells, 1));
  assert.ok(apart < 1e-9 * 0.25, String(apart));
});

test('a slope needs two times', () => {
  const slope = new SlopeAccumulator();
  const cells = newCells(slope, 1);
  slope.begin(cells, 0);
  slope.add(cells, 0, 1, 50);
  slope.add(cells, 0, 2, 50);
  assert.ok(Number.isNaN(slopeOf(cells, 0)));
});

test('first and last go by event time, whatever the order of the records', () => {
  const ends = new FirstLastAccumulator();
  const cells = newCells(ends, 1);
  ends.begin(cells, 0);
  for (const [time, value] of [
    [20, 2],
    [30, 3],
    [10, 1],
    [10, 9],
    [30, 4],
  ] as const)
    ends.add(cells, 0, value, time);
  assert.deepEqual([cells.numbers[1], cells.numbers[3]], [1, 4]);
});
