import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompositeDetector } from '../../../src/engine/detectors/composite.ts';
import { isFirstAbsurd } from '../../../src/engine/detectors/firstValue.ts';
import { PRESETS, type PresetName } from '../../../src/engine/detectors/presets.ts';
import { type Columns, regular, type SeenAlert, scoreAcrossSnapshot, scoreAll } from '../../helpers/scoring.ts';
import { bells } from '../../helpers/statistics.ts';

const PER_DAY = 288;
const DAYS = 12;
const ABSURD = [65_535, 4_294_967_295, -2_147_483_648, 3.4028234663852886e38, -9e299];

const makeOf = (name: PresetName): CompositeDetector => {
  return new CompositeDetector(PRESETS[name], { stepMs: 900_000 }, () => ({ min: -Infinity, max: Infinity }));
};

/** A daily wave with noise, a value each 5 minutes, whose first value is another. */
function begunWith(first: number, base: number): Float64Array {
  const bell = bells(7);
  const values = Float64Array.from({ length: DAYS * PER_DAY }, (_, i) => {
    return base + 20 * Math.sin((2 * Math.PI * i) / PER_DAY) + bell();
  });
  values[0] = first;
  return values;
}

test('a series begins at its second value where the first was absurd', () => {
  const from = (values: Float64Array, index: number): Columns => {
    const columns = regular(values);
    const [slots, times] = [Array.from(columns.slots), Array.from(columns.times)];
    return { slots: slots.slice(index), times: times.slice(index), values: values.slice(index) };
  };
  for (const name of Object.keys(PRESETS) as PresetName[]) {
    // Nothing of it begins with the first value.
    if (name === 'difference') continue;
    for (const first of ABSURD) {
      const values = begunWith(first, 50);
      const seen: SeenAlert[] = scoreAll(makeOf(name), regular(values)).map((each) => ({
        ...each,
        index: each.index - 1,
      }));
      assert.deepEqual(seen, scoreAll(makeOf(name), from(values, 1)), `${name} after ${first}`);
    }
  }
});

test('spikes are found where the first value lies beyond the digits of the others', () => {
  for (const name of ['auto', 'kpi', 'seasonal'] as const) {
    for (const first of [0, 2_147_483_647]) {
      const values = begunWith(first, 1e9);
      const spikes = [9, 10, 11].map((day) => day * PER_DAY + 100);
      for (const at of spikes) values[at] = values[at]! + 12;
      const found = scoreAll(makeOf(name), regular(values)).map(({ index }) => index);
      for (const at of spikes) assert.ok(found.includes(at), `${name} finds ${at} after ${first}`);
      assert.ok(found.length < 70, `${name} after ${first}: ${found.length}`);
    }
  }
});

test('mad-z finds spikes of a level that the first value is far from', () => {
  const bell = bells(3);
  for (const first of [0, 2_147_483_647, -9e299]) {
    const isSpike = (i: number) => i > 1000 && i % 500 === 0;
    const values = Float64Array.from({ length: 6000 }, (_, i) => 1e9 + 3 * bell() + (isSpike(i) ? 180 : 0));
    values[0] = first;
    const found = scoreAll(makeOf('mad-z'), regular(values)).map(({ index }) => index);
    for (let i = 1500; i < 6000; i += 500) assert.ok(found.includes(i), `finds ${i} after ${first}`);
    assert.ok(found.length < 25, `after ${first}: ${found.length}`);
  }
});

test('where state moves on between the first values changes nothing', () => {
  const columns = regular(begunWith(65_535, 50));
  for (const cut of [1, 2, 3]) {
    assert.deepEqual(
      scoreAcrossSnapshot(() => makeOf('auto'), columns, cut),
      scoreAll(makeOf('auto'), columns),
    );
  }
});

test('first values that a series can have are no absurd ones', () => {
  const absurd = (first: number, second: number, third: number) => isFirstAbsurd(first, third, third - second);
  for (const [first, second, third] of [
    ...[
      [0, 5, 5],
      [5, 0, 0],
      [65_535, 0, 0],
      [1, 1, 1],
      [0, 50, 51],
      [-1, 50, 51],
      [0, 1e6, 1e6 + 1],
    ],
    // Bursts, constants with a decimal fraction, sums that differ by rounding, a counter and a heavy tail.
    ...[
      [5e6, 1000, 7000],
      [0, 5.1, 5.1],
      [5, 0.3, 0.1 + 0.2],
      [0, 4e9, 4e9 + 5000],
      [1000, 1, 3],
    ],
  ] as const) {
    assert.equal(absurd(first!, second!, third!), false, `${first} before ${second}, ${third}`);
  }
  assert.equal(isFirstAbsurd(65_535, 50, NaN), false, 'after a gap, there is nothing to go by');
  for (const first of ABSURD) assert.ok(absurd(first, 50, 51), `${first}`);
  assert.ok(absurd(0, 1e9, 1e9 + 3), 'the digits that differ are lost');
});
