import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SubsequenceWatch } from '../../../src/engine/watches/subsequence.ts';
import { normal, type Reading, seeded, Watched, watching } from './helpers/watched.ts';

const STEP = 60_000;
/** A cycle of 60 values with two peaks; the cycles in `upside` are turned over in time. */
function cycles(count: number, seed: number, upside: ReadonlySet<number> = new Set()): Reading[] {
  const noise = normal(seeded(seed));
  const shape = (x: number) => Math.sin(2 * Math.PI * x) + (x > 0.2 && x < 0.4 ? 2 : 0);
  return Array.from({ length: count * 60 }, (_, i) => {
    const x = (i % 60) / 60;
    const value = shape(upside.has(Math.floor(i / 60)) ? 1 - x : x) + 0.1 * noise();
    return { series: 'pump', time: i * STEP, values: value };
  });
}

test('a shape that has no like is told, and the same cycle again is not', () => {
  const watch = watching([{ watch: 'subsequence', length: 32, threshold: 5 }]);
  const { alerts } = new Watched(watch).feed(cycles(60, 3, new Set([40])));
  assert.ok(alerts.length >= 1);
  assert.ok(
    alerts.every(({ start }) => start >= 40 * 60 * STEP && start < 41.6 * 60 * STEP),
    JSON.stringify(alerts),
  );
  assert.deepEqual(new Watched(watch).feed(cycles(60, 4)).alerts, []);
});

/** Feeds values to a slot of a watch; the distances that it has after each. */
function distancesOf(values: readonly number[], length: number): number[] {
  const watch = new SubsequenceWatch(length);
  watch.reserve(1);
  watch.setThreshold(0, Infinity);
  return values.map((value, i) => {
    watch.observe(Int32Array.of(0), Float64Array.of(i), Float64Array.of(value), 0, 1, { onFound: () => {} });
    return watch.distance;
  });
}

test('a first value that was absurd takes no digits of the others, and they are as without it', () => {
  const list = cycles(30, 5).map(({ values }) => values as number);
  const expected = distancesOf(list, 16);
  for (const first of [65_535, 4_294_967_295, 3.4028234663852886e38]) {
    const seen = distancesOf([first, 50, ...list.map((each) => each + 50)], 16).slice(2);
    seen.forEach((distance, i) => {
      if (Number.isNaN(expected[i]!)) assert.ok(Number.isNaN(distance), `${i}: ${distance}`);
      else assert.ok(Math.abs(distance - expected[i]!) < 1e-4, `${i}: ${distance}, not ${expected[i]}`);
    });
  }
});

test('a value that dwarfs the others takes no digits of distances to stretches without it', () => {
  const length = 16;
  for (const absurd of [4_294_967_295, 3.4028234663852886e38]) {
    const list = cycles(60, 5).map(({ values }) => values as number);
    const usual = distancesOf(list, length);
    list[1_500] = absurd;
    const seen = distancesOf(list, length);
    let apart = 0;
    for (let i = 1_500 + length; i < list.length; i++) {
      assert.ok(seen[i]! > 0.5 * usual[i]!, `${absurd}, ${i}: ${seen[i]} for ${usual[i]}`);
      if (seen[i]! > 1.5 * usual[i]!) apart++;
    }
    assert.ok(apart < 100, `${absurd}: ${apart} distances are too large`);
  }
});

test('distances are those to the nearest stretch of the last 1,024 that does not overlap', () => {
  const length = 16;
  const watch = new SubsequenceWatch(length);
  watch.reserve(1);
  watch.setThreshold(0, 0.5);
  const list = cycles(40, 5, new Set([30])).map(({ values }) => values as number);
  let checked = 0;
  list.forEach((value, i) => {
    watch.observe(Int32Array.of(0), Float64Array.of(i), Float64Array.of(value), 0, 1, { onFound: () => {} });
    assert.equal(Number.isNaN(watch.distance), i < 1_024 + 2 * length - 1);
    if (i < 1_100 || i % 37 !== 0) return;
    const kept = list.map((each) => Math.fround(each - list[0]!));
    let best = Infinity;
    for (let lag = length; lag < length + 1_024; lag++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += (kept[i - k]! - kept[i - k - lag]!) ** 2;
      best = Math.min(best, sum);
    }
    checked++;
    assert.ok(Math.abs(watch.distance - Math.sqrt(best)) < 1e-9, `${i}: ${watch.distance} ${Math.sqrt(best)}`);
  });
  assert.ok(checked > 20, `${checked}`);
});
