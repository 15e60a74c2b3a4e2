import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normal, type Reading, seeded, Watched, watching } from './helpers/watched.ts';

const STEP = 60_000;
const valuesOf = (count: number, value: (i: number) => number): Reading[] =>
  Array.from({ length: count }, (_, i) => ({ series: 'pump', time: i * STEP, values: value(i) }));
const flat = (list: readonly Reading[]) => new Watched(watching([{ watch: 'flat' }])).feed(list).alerts;

test('a sensor that freezes is told once, when its run is longer than any that is likely', () => {
  const noise = normal(seeded(3));
  const list = valuesOf(2_000, (i) => (i >= 1_000 && i < 1_300 ? 0.123 : noise()));
  const alerts = flat(list);
  assert.equal(alerts.length, 1);
  const [alert] = alerts;
  assert.deepEqual([alert!.rule, alert!.value], ['flat@value', 0.123]);
  assert.ok(alert!.start >= 1_004 * STEP && alert!.start <= 1_010 * STEP, `${alert!.start / STEP}`);
});

test('runs that a quantised, slow series shows are none; a run three times the longest is', () => {
  const noise = normal(seeded(4));
  let level = 20;
  const list = valuesOf(20_000, (i) => {
    level += 0.05 * noise() + 0.001 * (20 - level);
    if (i === 15_000) level = 21.5;
    return Math.round((i >= 15_000 && i < 16_000 ? 21.5 : level) * 10) / 10;
  });
  let longest = 0;
  let run = 1;
  for (let i = 1; i < 15_000; i++) {
    run = list[i]!.values === list[i - 1]!.values ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  const alerts = flat(list);
  assert.equal(alerts.length, 1, `longest ${longest}`);
  assert.ok(alerts[0]!.start >= (15_000 + 3 * longest - 2) * STEP);
});

test('counters that stop, switches, gauges at rest and series of few values are never flat', () => {
  const random = seeded(8);
  let count = 0;
  const counter = valuesOf(3_000, (i) => {
    if (i <= 1_500 || i >= 2_500) count += 1 + Math.floor(random() * 9);
    return count;
  });
  assert.deepEqual(flat(counter), []);
  assert.deepEqual(flat(valuesOf(3_000, (i) => (i > 2_000 ? 1 : Math.floor(random() * 2)))), []);
  assert.deepEqual(flat(valuesOf(3_000, (i) => (i > 2_000 ? 2 : Math.floor(random() * 5)))), []);
  const gauge = valuesOf(3_000, (i) => (i > 2_000 ? 0 : Math.max(0, Math.floor(100 * random() - 3))));
  assert.deepEqual(flat(gauge), []);
  assert.deepEqual(flat(valuesOf(3_000, () => 7)), []);
});

test('a record that is repeated is no further value', () => {
  const noise = normal(seeded(6));
  const list = valuesOf(1_000, () => noise()).flatMap((each, i) => (i < 500 ? [each] : Array<Reading>(20).fill(each)));
  assert.deepEqual(flat(list), []);
});

test('a freeze that was told is learnt at a part of its length: one as long is told again', () => {
  const noise = normal(seeded(5));
  const isFrozen = (i: number) => i % 1_000 > 900 && i > 1_000;
  assert.equal(flat(valuesOf(4_000, (i) => (isFrozen(i) ? 0.5 : noise()))).length, 3);
});
