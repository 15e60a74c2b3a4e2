import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rhythm } from '../../../src/engine/detectors/rhythm.ts';
import { StateRow } from '../../../src/engine/stateRow.ts';
import { bells } from '../../helpers/statistics.ts';

const HOUR_MS = 3_600_000;
const MONDAY_MS = Date.UTC(2024, 0, 1);

/** A value each 15 minutes; returns in which hours there was a rhythm. */
function run(rhythm: Rhythm, fromHour: number, toHour: number, valueAt: (hour: number) => number): boolean[] {
  const had: boolean[] = [];
  for (let hour = fromHour; hour < toHour; hour++) {
    for (let k = 0; k < 4; k++) rhythm.learn(0, MONDAY_MS + hour * HOUR_MS + k * 900_000, valueAt(hour));
    had.push(rhythm.has(0));
  }
  return had;
}

function rhythmOf(): Rhythm {
  const rhythm = new Rhythm();
  rhythm.reserve(1);
  return rhythm;
}

test('a daily pattern is a rhythm after three days, with the correlation of its differences', () => {
  const rhythm = rhythmOf();
  const pattern = (hour: number) => [0, 1, 3, 7, 2, 9, 4, 4, 0, 5, 8, 1][hour % 12]! + (hour % 24 < 12 ? 0 : 3);
  const had = run(rhythm, 0, 24 * 5, pattern);
  assert.equal(had.indexOf(true), 72);
  assert.ok(had.slice(72).every(Boolean));
  // Equal days: but for how the usual size is found, each difference is that of the day before.
  assert.ok((rhythm.describe(0).correlation_day as number) > 0.98);
});

test('noise, a trend and a single jump are none', () => {
  const bell = bells(5);
  for (const valueAt of [
    () => bell(),
    (hour: number) => 3 * hour + bell(),
    (hour: number) => 3 * hour,
    () => 7,
    (h: number) => (h < 100 ? 0 : 99) + bell(),
  ]) {
    assert.ok(run(rhythmOf(), 0, 24 * 28, valueAt).every((each) => !each));
  }
});

test('a pattern of the week counts, and one that ends is forgotten in weeks, at a full day', () => {
  const rhythm = rhythmOf();
  const bell = bells(8);
  const weekly = (hour: number) => table(hour % 168);
  run(rhythm, 0, 24 * 21, weekly);
  assert.ok(rhythm.has(0));
  assert.ok((rhythm.describe(0).correlation_week as number) > 0.9);
  assert.ok((rhythm.describe(0).correlation_day as number) < 0.4);
  const had = run(rhythm, 24 * 21, 24 * 100, () => 5 * bell());
  const end = had.indexOf(false);
  assert.ok(end > 24 && end < 24 * 60, `after ${end} hours`);
  assert.equal(end % 24, 0);
  assert.ok(had.slice(end).every((each) => !each));
});

test('hours without a value have no difference, and late values change nothing', () => {
  const pattern = (hour: number) => (hour % 24 < 8 ? 0 : 10) + (hour % 24);
  const rhythm = rhythmOf();
  run(rhythm, 0, 24 * 4, pattern);
  run(rhythm, 24 * 4 + 30, 24 * 9, pattern);
  assert.ok(rhythm.has(0));
  const other = rhythmOf();
  run(other, 0, 24 * 4, pattern);
  other.learn(0, MONDAY_MS, 1e9);
  run(other, 24 * 4 + 30, 24 * 9, pattern);
  assert.deepEqual(other.describe(0), rhythm.describe(0));
});

test('goes on to the same bits from a row', () => {
  const bell = bells(2);
  const values = Array.from({ length: 24 * 20 }, (_, hour) => 3 * Math.sin(hour / 3.82) + bell());
  const whole = rhythmOf();
  run(whole, 0, values.length, (hour) => values[hour]!);
  for (const cut of [1, 25, 170, 300]) {
    const before = rhythmOf();
    run(before, 0, cut, (hour) => values[hour]!);
    const row = new StateRow();
    before.pack(0, row);
    const after = rhythmOf();
    after.unpack(0, row);
    run(after, cut, values.length, (hour) => values[hour]!);
    assert.deepEqual(after.describe(0), whole.describe(0));
  }
});

/** A pattern of a week without one of the day. */
function table(hour: number): number {
  const bell = bells(1000 + hour);
  for (let k = 0; k < 20; k++) bell();
  return 10 * bell();
}
