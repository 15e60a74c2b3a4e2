import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeasonalMedian } from '../../../src/engine/detectors/seasonal.ts';
import { StateRow } from '../../../src/engine/stateRow.ts';
import { bells } from '../../helpers/statistics.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MONDAY_MS = Date.UTC(2024, 0, 1);
const STEP_MS = 15 * MINUTE_MS;

function seasonOf(slots = 1): SeasonalMedian {
  const season = new SeasonalMedian(STEP_MS);
  season.reserve(slots);
  return season;
}

/** Predicts, then learns, one value each interval; returns the predictions. */
function run(season: SeasonalMedian, from: number, to: number, valueAt: (time: number) => number, interval = STEP_MS) {
  const predictions: number[] = [];
  let before = NaN;
  for (let time = from; time < to; time += interval) {
    predictions.push(season.predict(0, time, interval));
    const value = valueAt(time);
    season.learn(0, time, value, value - before);
    before = value;
  }
  return predictions;
}

const hourOf = (time: number) => Math.floor((time % DAY_MS) / HOUR_MS);

test('knows the time of day after two days', () => {
  const season = seasonOf();
  const early = run(season, MONDAY_MS, MONDAY_MS + 2 * DAY_MS, hourOf);
  assert.ok(early.every(Number.isNaN));
  const late = run(season, MONDAY_MS + 2 * DAY_MS, MONDAY_MS + 4 * DAY_MS, hourOf);
  // At midnight the step before is still held back, so of three steps and two days five values are known: too few.
  assert.ok(Number.isNaN(late[0]!));
  late.slice(1).forEach((prediction, i) => {
    assert.equal(prediction, hourOf((i + 1) * STEP_MS), `step ${i + 1}`);
  });
});

test('tells the weekend from the other days, in UTC', () => {
  const season = seasonOf();
  const weekday = (time: number) => new Date(time).getUTCDay();
  const valueAt = (time: number) => (weekday(time) === 0 || weekday(time) === 6 ? 5 : 100);
  run(season, MONDAY_MS, MONDAY_MS + 14 * DAY_MS, valueAt);
  const predictions = run(season, MONDAY_MS + 14 * DAY_MS, MONDAY_MS + 21 * DAY_MS, valueAt);
  const perDay = DAY_MS / STEP_MS;
  assert.ok(predictions.slice(0, 5 * perDay).every((each) => each === 100));
  assert.ok(predictions.slice(5 * perDay + 1, 7 * perDay - 1).every((each) => each === 5));
});

test('what is newest does not vouch for itself, and one bad day does not move the median', () => {
  const season = seasonOf();
  run(season, MONDAY_MS, MONDAY_MS + 3 * DAY_MS, () => 10);
  const broken = run(season, MONDAY_MS + 3 * DAY_MS, MONDAY_MS + 4 * DAY_MS, () => 1000, MINUTE_MS);
  assert.ok(broken.every((each) => each === 10));
  const next = run(season, MONDAY_MS + 4 * DAY_MS, MONDAY_MS + 5 * DAY_MS, () => 10);
  assert.ok(next.every((each) => each === 10));
});

test('values near 1e8 keep their digits, also after the level moved there', () => {
  const bell = bells(1);
  const season = seasonOf();
  const base = (time: number) => hourOf(time) / 100;
  run(season, MONDAY_MS, MONDAY_MS + 5 * DAY_MS, (time) => base(time) + 0.001 * bell());
  run(season, MONDAY_MS + 7 * DAY_MS, MONDAY_MS + 40 * DAY_MS, (time) => 1e8 + base(time) + 0.001 * bell());
  const from = MONDAY_MS + 42 * DAY_MS;
  const predictions = run(season, from, from + DAY_MS, (time) => 1e8 + base(time));
  predictions.forEach((prediction, i) => {
    assert.ok(Math.abs(prediction - 1e8 - base(from + i * STEP_MS)) < 0.002, `step ${i}: ${prediction}`);
  });
});

test('hourly values look as far around as their interval reaches', () => {
  const season = seasonOf();
  run(season, MONDAY_MS, MONDAY_MS + 2 * DAY_MS + HOUR_MS, () => 7, HOUR_MS);
  assert.equal(season.predict(0, MONDAY_MS + 2 * DAY_MS + HOUR_MS, HOUR_MS), 7);
  assert.ok(Number.isNaN(season.predict(0, MONDAY_MS + 2 * DAY_MS + HOUR_MS + STEP_MS, STEP_MS)));
});

test('a late value is left out, and asks for its own time of day', () => {
  const season = seasonOf();
  run(season, MONDAY_MS, MONDAY_MS + 3 * DAY_MS, hourOf);
  const now = MONDAY_MS + 3 * DAY_MS + 12 * HOUR_MS + 30 * MINUTE_MS;
  assert.equal(season.predict(0, now, STEP_MS), 12);
  season.learn(0, now, 12, NaN);
  const late = now - 6 * HOUR_MS;
  assert.equal(season.predict(0, late, STEP_MS), 6);
  season.learn(0, late, 1e6, NaN);
  assert.equal(season.predict(0, now, STEP_MS), 12);
});

test('goes on from a row to the same bits, in the middle of a season slot', () => {
  const bell = bells(9);
  const values = Array.from({ length: 6 * 288 }, () => 1e6 + 50 * bell());
  const straight = seasonOf(3);
  let broken = seasonOf(3);
  values.forEach((value, i) => {
    const time = MONDAY_MS + i * 5 * MINUTE_MS;
    if (i % 500 === 499) {
      const restored = seasonOf(3);
      for (const slot of [0, 1, 2]) {
        const row = new StateRow();
        broken.pack(slot, row);
        restored.unpack(slot, row);
      }
      broken = restored;
    }
    const slot = i % 3;
    assert.ok(Object.is(broken.predict(slot, time, 15 * MINUTE_MS), straight.predict(slot, time, 15 * MINUTE_MS)));
    broken.learn(slot, time, value, NaN);
    straight.learn(slot, time, value, NaN);
  });
});

test('values keep their digits after a first one that was far from all others', () => {
  for (const [first, base] of [
    [4_294_967_295, 50],
    [0, 1e9],
    [3.4028234663852886e38, 50],
  ] as const) {
    for (const interval of [STEP_MS, 5 * MINUTE_MS]) {
      const season = seasonOf();
      const usual = (time: number) => base + 20 * Math.sin((2 * Math.PI * time) / DAY_MS);
      const valueAt = (time: number) => (time === MONDAY_MS ? first : usual(time));
      const predictions = run(season, MONDAY_MS, MONDAY_MS + 5 * DAY_MS, valueAt, interval);
      const from = (3 * DAY_MS) / interval;
      predictions.slice(from).forEach((prediction, i) => {
        const time = MONDAY_MS + (from + i) * interval;
        assert.ok(Math.abs(prediction - usual(time)) < 2.7, `${first}, ${base}: ${prediction} for ${usual(time)}`);
      });
    }
  }
});
