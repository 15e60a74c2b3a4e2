import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RobustLevel } from '../../../src/engine/detectors/robustLevel.ts';
import { SortedWindow } from '../../../src/engine/detectors/sortedWindow.ts';
import { TailScores } from '../../../src/engine/detectors/tail.ts';
import { SnapshotReader, SnapshotWriter } from '../../../src/engine/state.ts';
import { bells, uniforms } from '../../helpers/statistics.ts';

const value = fc.oneof(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.integer({ min: -3, max: 3 }));

test('a sorted window is the sorted list of the last values, for any slot, across snapshots', () => {
  const pushes = fc.array(fc.tuple(fc.nat(70), value), { maxLength: 400 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), pushes, fc.nat(400), (size, list, cut) => {
      let window = new SortedWindow(size);
      window.reserve(71);
      const lists = Array.from({ length: 71 }, () => [] as number[]);
      list.forEach(([slot, entering], i) => {
        if (i === cut) {
          const writer = new SnapshotWriter();
          window.snapshot(writer);
          window = new SortedWindow(size);
          window.restore(new SnapshotReader(writer.encode()));
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
      const level = new RobustLevel();
      level.reserve(1);
      for (const entering of values) level.learn(0, 1e8 + entering);
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
  const tail = new TailScores(2000);
  tail.reserve(1);
  for (let i = 0; i < 59; i++) tail.learn(0, i);
  assert.ok(Number.isNaN(tail.score(0, 1000)));
  assert.equal(tail.magnitudeAt(0, 3), Infinity);
  for (let i = 59; i < 100; i++) tail.learn(0, i);
  // 0 .. 99: half of them are below 50; the 98 % quantile is 97, beyond it 98 and 99 exceed by 1.5 on average.
  assert.equal(tail.score(0, 0), 0);
  assert.ok(Math.abs(tail.score(0, 50) + Math.log10(1 - 50 / 101)) < 1e-12);
  const beyond = -Math.log10(0.02) + 15 / 1.5 / Math.LN10;
  assert.ok(Math.abs(tail.score(0, 97 + 15) - beyond) < 1e-12);
  assert.ok(Math.abs(tail.magnitudeAt(0, beyond) - 112) < 1e-9);
  assert.equal(tail.bounded(0, 96, 1), 96);
  assert.ok(Math.abs(tail.bounded(0, 1e9, beyond) - 112) < 1e-9);
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
  assert.ok(tail.score(0, 0.2) > 60);
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
