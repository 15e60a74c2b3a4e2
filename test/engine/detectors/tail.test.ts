import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RobustLevel } from '../../../src/engine/detectors/robustLevel.ts';
import { SortedWindow } from '../../../src/engine/detectors/sortedWindow.ts';
import { TailScores } from '../../../src/engine/detectors/tail.ts';
import { StateRow } from '../../../src/engine/stateRow.ts';
import { bells, uniforms } from '../../helpers/statistics.ts';

const value = fc.oneof(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.integer({ min: -3, max: 3 }));

test('a sorted window is the sorted list of the last values, for any slot, across packing', () => {
  const pushes = fc.array(fc.tuple(fc.nat(70), value), { maxLength: 400 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), pushes, fc.nat(400), (size, list, cut) => {
      let window = new SortedWindow(size);
      window.reserve(71);
      const lists = Array.from({ length: 71 }, () => [] as number[]);
      list.forEach(([slot, entering], i) => {
        if (i === cut) {
          const row = new StateRow();
          const restored = new SortedWindow(size);
          restored.reserve(71);
          for (let each = 0; each < 71; each++) {
            row.clear();
            window.pack(each, row);
            restored.unpack(each, row);
          }
          window = restored;
        }
        window.push(slot, entering);
        const last = lists[slot]!;
        last.push(Math.fround(entering));
        if (last.length > size) last.shift();
        const sorted = [...last].sort((a, b) => a - b);
        assert.equal(window.count(slot), sorted.length);
        sorted.forEach((expected, rank) => {
          assert.ok(window.at(slot, rank) === expected);
        });
        assert.equal(window.rank(slot, last[0]!), sorted.indexOf(last[0]!));
      });
    }),
  );
});

test('median and MAD are those of the sorted deviations', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 20, maxLength: 400 }), (values) => {
      const level = new RobustLevel(288);
      level.reserve(1);
      for (const entering of values) level.learn(0, 1e8 + entering, NaN);
      const last = values.slice(-288);
      const middle = median(last);
      const mad = 1.4826 * medianUpper(last.map((each) => Math.abs(each - middle)));
      const range = Math.max(...last) - Math.min(...last);
      assert.equal(level.median(0), 1e8 + middle);
      assert.ok(Math.abs(level.scale(0) - Math.max(mad, range / 1000)) < 1e-9, `${level.scale(0)} is not ${mad}`);
    }),
  );
});

test('a tail is silent below 60 values, then ranks, then extrapolates', () => {
  const tail = new TailScores(1e9);
  tail.reserve(1);
  for (let i = 0; i < 59; i++) tail.learn(0, i < 30 ? 0.5 : 1);
  assert.ok(Number.isNaN(tail.score(0, 1000)));
  assert.equal(tail.magnitudeAt(0, 3), Infinity);
  for (let i = 59; i < 148; i++) tail.learn(0, 1);
  tail.learn(0, 8);
  tail.learn(0, 16);
  // 30 values in the bin from 0.5, 118 in [1, 1.125), one in [8, 9), one in [16, 18): the quantile is 1.125, and the two
  // beyond it, taken at the middles of their bins, exceed it by 11.625 on average.
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}`);
  assert.equal(tail.score(0, 0.5), 0);
  near(tail.score(0, 1), -Math.log10(0.8));
  near(tail.score(0, 1.1), -Math.log10(0.8));
  const base = -Math.log10(2 / 151);
  near(tail.score(0, 1.125 + 11.625), base + 1 / Math.LN10);
  near(tail.magnitudeAt(0, base + 2), 1.125 + 2 * Math.LN10 * 11.625);
  assert.equal(tail.bounded(0, 1, 1), 1);
  near(tail.bounded(0, 1e9, base + 2), 1.125 + 2 * Math.LN10 * 11.625);
});

test('forgets: after as many values as its size, what was usual before counts less than half', () => {
  const tail = new TailScores(200);
  tail.reserve(1);
  for (let i = 0; i < 1000; i++) tail.learn(0, 1);
  for (let i = 0; i < 200; i++) tail.learn(0, 4);
  // 1 - 1/e of the weight is that of the fours.
  assert.ok(Math.abs(tail.score(0, 4) + Math.log10(1 - Math.exp(-1))) < 0.01, `${tail.score(0, 4)}`);
});

test('an outlier among the first values does not blur those that follow', () => {
  const uniform = uniforms(3);
  const tails = [new TailScores(2000), new TailScores(2000)];
  for (const tail of tails) tail.reserve(1);
  tails[1]!.learn(0, 1e9);
  for (let i = 0; i < 2000; i++) {
    const magnitude = 1 + uniform();
    for (const tail of tails) tail.learn(0, magnitude);
  }
  for (const magnitude of [1.2, 1.5, 1.8]) {
    assert.ok(Math.abs(tails[0]!.score(0, magnitude) - tails[1]!.score(0, magnitude)) < 0.02, `${magnitude}`);
  }
});

test('goes on to the same bits from a row, wherever it was cut, and slots do not see each other', () => {
  const magnitude = fc.oneof(fc.double({ min: 0, max: 1e300, noNaN: true }), fc.constantFrom(0, 1, 1e-9, 5e-324));
  const lists = fc.array(fc.tuple(fc.nat(1), magnitude), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(lists, fc.nat(299), fc.integer({ min: 2, max: 50 }), (list, cut, size) => {
      const whole = new TailScores(size);
      const alone = new TailScores(size);
      let broken = new TailScores(size);
      for (const tail of [whole, alone, broken]) tail.reserve(2);
      list.forEach(([slot, each], i) => {
        if (i === cut) {
          const next = new TailScores(size);
          next.reserve(2);
          for (const of of [0, 1]) {
            const row = new StateRow();
            broken.pack(of, row);
            next.unpack(of, row);
          }
          broken = next;
        }
        assert.ok(Object.is(broken.score(slot, each), whole.score(slot, each)));
        if (slot === 0) assert.ok(Object.is(alone.score(1, each), whole.score(0, each)));
        assert.ok(!(whole.score(slot, each) < 0));
        const learnt = whole.bounded(slot, each, 8);
        whole.learn(slot, learnt);
        broken.learn(slot, learnt);
        if (slot === 0) alone.learn(1, learnt);
      });
    }),
  );
});

test('is calibrated: exponential magnitudes of any unit score -log10 of their rate', () => {
  const uniform = uniforms(11);
  for (const unit of [1e-6, 1, 1e9]) {
    const tail = new TailScores(2000);
    tail.reserve(1);
    let above2 = 0;
    let above3 = 0;
    for (let i = 0; i < 52_000; i++) {
      const magnitude = -Math.log(1 - uniform()) * unit;
      const score = tail.score(0, magnitude);
      if (i >= 2000 && score > 2) above2++;
      if (i >= 2000 && score > 3) above3++;
      tail.learn(0, magnitude);
    }
    assert.ok(above2 > 400 && above2 < 620, `${above2} of 50,000 above 2, for 500`);
    assert.ok(above3 > 30 && above3 < 90, `${above3} of 50,000 above 3, for 50`);
  }
});

test('where all values are equal they score 0, and the first other one as much as can be', () => {
  const tail = new TailScores(100);
  tail.reserve(1);
  for (let i = 0; i < 100; i++) tail.learn(0, 0.1);
  assert.equal(tail.score(0, 0.1), 0);
  assert.ok(tail.score(0, 0.2) > 7);
  tail.clear(0);
  for (let i = 0; i < 100; i++) tail.learn(0, 0);
  assert.equal(tail.score(0, 0), 0);
  assert.ok(tail.score(0, 1e-9) > 60);
  assert.equal(tail.bounded(0, 0.2, 8), 0.2);
});

test('normal magnitudes below the quantile are ranked evenly', () => {
  const bell = bells(5);
  const tail = new TailScores(500);
  tail.reserve(1);
  let low = 0;
  for (let i = 0; i < 10_500; i++) {
    const magnitude = Math.abs(bell());
    if (i >= 500 && tail.score(0, magnitude) < Math.log10(2)) low++;
    tail.learn(0, magnitude);
  }
  assert.ok(Math.abs(low - 5000) < 200, `${low} of 10,000 score below log10(2), for half of them`);
});

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The upper of the two in the middle, where there are two. */
function medianUpper(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
