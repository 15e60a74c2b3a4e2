import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OffsetTable, TABLE_SIZE } from '../../../src/observe/lag/offsetTable.ts';

function tableOf(...points: readonly (readonly [offset: number, timeMs: number])[]): OffsetTable {
  const table = new OffsetTable();
  for (const [offset, timeMs] of points) assert.equal(table.add(offset, timeMs), 'Added');
  return table;
}

const time = (timeMs: number, isExtrapolated = false) => ({ kind: 'Time', timeMs, isExtrapolated });

test('a point that is not newer, or has a smaller offset, is refused', () => {
  const table = tableOf([10, 100]);
  assert.equal(table.add(11, 100), 'OutOfOrder');
  assert.equal(table.add(11, 99), 'OutOfOrder');
  assert.equal(table.add(9, 101), 'NonMonotonic');
  assert.equal(table.size, 1);
});

test('a flat run is kept as its two ends', () => {
  const table = tableOf([10, 100], [10, 200], [10, 300], [10, 400]);
  assert.equal(table.size, 2);
  assert.equal(table.newestMs, 400);
  table.add(20, 500);
  // Offset 10 was passed when the run ended.
  assert.deepEqual(table.lookup(10), time(400));
  assert.deepEqual(table.lookup(15), time(450));
});

test('the table holds 60 points, and drops the oldest', () => {
  const table = new OffsetTable();
  for (let i = 0; i < TABLE_SIZE + 5; i++) table.add(i * 10, i * 1000);
  assert.equal(table.size, 60);
  // The oldest is offset 50 now: what is below is on the line through the ends.
  assert.deepEqual(table.lookup(50), time(5000));
  assert.deepEqual(table.lookup(45), time(4500, true));
});

test('lookup: zero, too few points, between, outside, and flat', () => {
  assert.deepEqual(new OffsetTable().lookup(5), { kind: 'TooFewPoints' });
  assert.deepEqual(tableOf([10, 100]).lookup(10), { kind: 'LagIsZero' });
  assert.deepEqual(tableOf([10, 100]).lookup(9), { kind: 'TooFewPoints' });
  const table = tableOf([100, 1000], [200, 2000], [300, 6000]);
  assert.deepEqual(table.lookup(300), { kind: 'LagIsZero' });
  assert.deepEqual(table.lookup(150), time(1500));
  assert.deepEqual(table.lookup(250), time(4000));
  assert.deepEqual(table.lookup(200), time(2000));
  // By the line through the oldest and the newest point: 200 offsets in 5 s.
  assert.deepEqual(table.lookup(60), time(0, true));
  assert.deepEqual(tableOf([10, 100], [10, 200]).lookup(5), { kind: 'Flat' });
});

test('property: a point between is found between its neighbours, and time grows with the offset', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 5000 })), {
    minLength: 2,
    maxLength: 80,
  });
  fc.assert(
    fc.property(
      steps,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (list, a, b) => {
        const table = new OffsetTable();
        const points: { offset: number; timeMs: number }[] = [];
        let [offset, timeMs] = [0, 0];
        for (const [more, later] of list) {
          offset += more;
          timeMs += later;
          points.push({ offset, timeMs });
          assert.equal(table.add(offset, timeMs), 'Added');
        }
        assert.ok(table.size <= TABLE_SIZE, `${table.size} points`);
        const newest = points.at(-1)!;
        const at = (share: number) => Math.floor(share * newest.offset);
        const [low, high] = [Math.min(at(a), at(b)), Math.max(at(a), at(b))];
        const found = [table.lookup(low), table.lookup(high)];
        const times = found.map((each) =>
          each.kind === 'Time' ? each.timeMs : each.kind === 'LagIsZero' ? newest.timeMs : null,
        );
        if (times[0] === null || times[1] === null) return;
        // Inside the table; the line through its ends may leave it by what is outside.
        if (found.every((each) => each.kind !== 'Time' || !each.isExtrapolated)) {
          assert.ok(times[0]! <= times[1]! + 1e-6, `${low} at ${times[0]}, ${high} at ${times[1]}`);
          const after = points.find((point) => point.offset >= low && point.timeMs >= times[0]! - 1e-6);
          assert.ok(after !== undefined, 'later than the newest point');
        }
      },
    ),
  );
});
