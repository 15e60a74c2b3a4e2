import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normal, type Reading, seeded, Watched, watching } from './helpers/watched.ts';

const HOUR = 3_600_000;
const STEP = 600_000;
const DAY_STEPS = 144;

/** A daily rhythm with quiet weekends and noise, every ten minutes. */
function weeks(days: number, seed: number, added: (day: number) => number = () => 0): Reading[] {
  const noise = normal(seeded(seed));
  return Array.from({ length: days * DAY_STEPS }, (_, i) => {
    const day = i / DAY_STEPS;
    const rhythm = 10 * Math.sin(2 * Math.PI * day) * (Math.floor(day) % 7 >= 5 ? 0.4 : 1);
    return { series: 'pump', time: i * STEP, values: 100 + rhythm + noise() + added(day) };
  });
}

const told = (watch: 'shift' | 'drift', list: readonly Reading[]) =>
  new Watched(watching([{ watch }])).feed(list).alerts;

test('a shift of the level is told within hours, once, and neither rhythm nor weekends are one', () => {
  const alerts = told(
    'shift',
    weeks(56, 2, (day) => (day >= 40 ? 5 : 0)),
  );
  assert.equal(alerts.length, 1);
  const hours = (alerts[0]!.start - 40 * 24 * HOUR) / HOUR;
  assert.ok(hours > 0 && hours <= 12, `${hours} hours`);
  assert.ok(alerts[0]!.parts[0]!.score! > 5 && alerts[0]!.parts[1]!.score! < 1);
});

test('a drift is told within days', () => {
  const alerts = told(
    'drift',
    weeks(70, 3, (day) => Math.max(0, day - 40) * 0.5),
  );
  assert.ok(alerts.length >= 1);
  const days = alerts[0]!.start / HOUR / 24 - 40;
  assert.ok(days > 0 && days < 7, `${days} days`);
  assert.ok(alerts.length <= 10, `${alerts.length}`);
});

test('of 40 series of 20 weeks without a change at most one is told', () => {
  for (const watch of ['shift', 'drift'] as const) {
    let alerts = 0;
    for (let seed = 1; seed <= 40; seed++) alerts += told(watch, weeks(140, 1000 + seed)).length;
    assert.ok(alerts <= 1, `${watch}: ${alerts}`);
  }
});

test('spikes are no change of level', () => {
  const random = seeded(77);
  const list = weeks(56, 5).map((each) =>
    random() < 0.005 ? { ...each, values: (each.values as number) + 200 } : each,
  );
  assert.deepEqual(told('shift', list), []);
});
