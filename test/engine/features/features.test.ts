import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FeatureDefinition } from '../../../src/engine/definition.ts';
import { createFeature } from '../../../src/engine/features/create.ts';
import { StateRow } from '../../../src/engine/stateRow.ts';
import { uniforms } from '../../helpers/statistics.ts';
import { next, type Reading, referenceOf } from './reference.ts';

const OF = { kind: 'field', field: 0 } as const;
const ROLLING = ['mean', 'stddev', 'z', 'sum', 'count', 'min', 'max', 'median', 'ewma'] as const;
const EXACT: readonly string[] = ['count', 'min', 'max', 'median', 'difference', 'rate_of_change', 'same_time'];
const SLOTS = 3;

const definition: fc.Arbitrary<FeatureDefinition> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...ROLLING), fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(2000)))
    .map(([statistic, rolling]) => ({ name: 'f', statistic, rolling, of: OF })),
  fc
    .tuple(fc.constantFrom(...ROLLING), fc.integer({ min: 1, max: 300 }))
    .map(([statistic, rollingMs]) => ({ name: 'f', statistic, rollingMs, of: OF })),
  fc
    .constantFrom('difference' as const, 'rate_of_change' as const)
    .map((statistic) => ({ name: 'f', statistic, of: OF })),
  fc
    .tuple(fc.integer({ min: 30, max: 200 }), fc.integer({ min: 0, max: 29 }))
    .map(([agoMs, toleranceMs]) => ({ name: 'f', statistic: 'same_time' as const, agoMs, toleranceMs, of: OF })),
);

const value = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double({ min: 1e8 - 0.5, max: 1e8 + 0.5, noNaN: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((each) => (Math.abs(each) < 1e-6 ? 0 : each)),
  fc.constant(Number.NaN),
);

/** Times that go forward as a rule, with ties, gaps, and values that come out of order. */
const readings: fc.Arbitrary<Reading[]> = fc
  .array(
    fc.tuple(
      fc.integer({ min: -1, max: SLOTS - 1 }),
      fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 0, max: 20 }) },
        { weight: 2, arbitrary: fc.integer({ min: -80, max: 0 }) },
        { weight: 1, arbitrary: fc.integer({ min: 100, max: 500 }) },
      ),
      value,
    ),
    { maxLength: 150, size: 'max' },
  )
  .map((steps) => {
    let newest = 1_000_000;
    return steps.map(([slot, step, each]) => {
      const time = newest + step;
      newest = Math.max(newest, time);
      return { slot, time, value: each };
    });
  });

/** Runs the readings in pieces that end after the given indexes; after each of `moves` all state goes to other slots. */
function run(
  feature: FeatureDefinition,
  list: readonly Reading[],
  cuts: ReadonlySet<number>,
  moves: ReadonlySet<number>,
): number[] {
  let operator = createFeature(feature);
  let shift = 0;
  const times = Float64Array.from(list, (each) => each.time);
  const values = Float64Array.from(list, (each) => each.value);
  const out = new Float64Array(list.length);
  operator.reserve(2 * SLOTS);
  let from = 0;
  for (let to = 1; to <= list.length; to++) {
    if (to < list.length && !cuts.has(to) && !moves.has(to)) continue;
    const slots = Int32Array.from(list, ({ slot }) => (slot < 0 ? -1 : slot + shift));
    operator.compute(slots, times, values, from, to, out);
    from = to;
    if (!moves.has(to)) continue;
    const row = new StateRow();
    for (let slot = 0; slot < SLOTS; slot++) operator.pack(slot + shift, row);
    if (to % 2 === 0) {
      operator = createFeature(feature);
      operator.reserve(2 * SLOTS);
    } else {
      // To slots that were in use before, or to the same ones.
      for (let slot = 0; slot < SLOTS; slot++) operator.reset(slot + shift);
    }
    shift = to % 3 === 0 ? SLOTS - shift : shift;
    for (let slot = 0; slot < SLOTS; slot++) operator.unpack(slot + shift, row);
    assert.equal(row.position, row.length);
  }
  return [...out];
}

/** Deviations have nine digits, whatever the size of the values; means and sums all digits but the last ones. */
function toleranceOf({ statistic, rolling }: FeatureDefinition, list: readonly Reading[], expected: number): number {
  if (statistic === 'stddev') return 1e-8 * Math.abs(expected);
  // Near the mean the digits of a deviation are those of the standard deviation.
  if (statistic === 'z') return 1e-8 * Math.max(1, Math.abs(expected));
  const largest = list.reduce((most, each) => Math.max(most, Math.abs(each.value) || 0), 0);
  return 1e-14 * largest * (statistic === 'sum' ? (rolling ?? list.length) : 1);
}

test('every feature gives what its reference gives, values out of order included', () => {
  fc.assert(
    fc.property(definition, readings, (feature, list) => {
      const seen = run(feature, list, new Set(), new Set());
      const wanted = referenceOf(feature, list);
      seen.forEach((each, i) => {
        const expected = wanted[i]!;
        const what = `${feature.statistic} of ${i} is ${each}, not ${expected}`;
        const isExact = EXACT.includes(feature.statistic) || Number.isNaN(expected);
        if (isExact) assert.ok(Object.is(each + 0, expected + 0), what);
        else assert.ok(Math.abs(each - expected) <= toleranceOf(feature, list, expected), what);
      });
    }),
    { numRuns: 1500 },
  );
});

test('results depend neither on where batches end nor on slots that state moves to', () => {
  const positions = fc.array(fc.nat(150)).map((each) => new Set(each));
  fc.assert(
    fc.property(definition, readings, positions, positions, (feature, list, cuts, moves) => {
      const whole = run(feature, list, new Set(), new Set());
      run(feature, list, cuts, moves).forEach((each, i) => {
        assert.ok(Object.is(each, whole[i]), `${feature.statistic} of ${i} is ${each}, not ${whole[i]}`);
      });
    }),
    { numRuns: 1000 },
  );
});

test('values near 1e8 keep nine digits over a long run, also after an outlier has left', () => {
  const uniform = uniforms(11);
  const list: Reading[] = [];
  let time = 0;
  for (let i = 0; i < 60_000; i++) {
    time += Math.floor(20 * uniform());
    list.push({ slot: 0, time, value: i % 20_000 === 5_000 ? 1e18 : 1e8 - 0.5 + uniform() });
  }
  for (const statistic of ['mean', 'stddev', 'ewma'] as const) {
    const feature: FeatureDefinition = { name: 'f', statistic, rollingMs: 1000, of: OF };
    const seen = run(feature, list, new Set(), new Set());
    let checks = 0;
    for (let i = 2_000; i < list.length; i += 97) {
      // Fifty half lives: what is older, an outlier included, weighs less than the last digit.
      const last = list.slice(Math.max(0, i - 8_000), i).filter(({ time }) => time > list[i]!.time - 80_000);
      if (last.some((each) => each.value === 1e18 && (statistic === 'ewma' || each.time > list[i]!.time - 1000)))
        continue;
      const { result } = next(feature, last, list[i]!);
      assert.ok(Math.abs(seen[i]! - result) <= 1e-9 * result, `${statistic} of ${i}: ${seen[i]}, not ${result}`);
      checks++;
    }
    assert.ok(checks > 200, `${statistic}: ${checks} were looked at`);
  }
});

test('equal values have the deviation 0 exactly, and infinite ones pass', () => {
  const feature: FeatureDefinition = { name: 'f', statistic: 'stddev', rollingMs: 10, of: OF };
  const list = [1e16, -3, 0.7, 0.1, 0.1, 0.1, 0.1, Infinity, 5, 5, 5].map((each, i) => ({
    slot: 0,
    time: 5 * i,
    value: each,
  }));
  const seen = run(feature, list, new Set(), new Set());
  assert.deepEqual(seen.slice(4, 7), [0, 0, 0]);
  assert.ok(Number.isNaN(seen[7]) && Number.isNaN(seen[8]));
  assert.deepEqual(seen.slice(9), [0, 0]);
});

test('an ewma goes on after values whose difference is infinite', () => {
  const feature: FeatureDefinition = { name: 'f', statistic: 'ewma', rolling: 10, of: OF };
  const list = [1.7e308, -1.7e308, 1.7e308, ...Array<number>(20_000).fill(1)].map((value, time) => ({
    ...{ slot: 0, time, value },
  }));
  const seen = run(feature, list, new Set(), new Set());
  assert.ok(seen.every(Number.isFinite), 'all are finite');
  assert.ok(Math.abs(seen.at(-1)! - 1) < 1e-9, `${seen.at(-1)}`);
});

test('the pool gives back what windows no longer hold', async () => {
  const { TimedLists } = await import('../../../src/engine/features/timedLists.ts');
  const lists = new TimedLists();
  lists.reserve(1000);
  const fill = () => {
    for (let slot = 0; slot < 1000; slot++) for (let i = 0; i < 50; i++) lists.insert(slot, i % 7, i);
  };
  fill();
  const bytes = lists.poolBytes;
  for (let round = 0; round < 20; round++) {
    for (let slot = 0; slot < 1000; slot++) {
      if (round % 3 === 0) lists.reset(slot);
      else while (lists.count(slot) > 0) round % 3 === 1 ? lists.dropHead(slot) : lists.dropTail(slot);
    }
    fill();
  }
  assert.equal(lists.poolBytes, bytes);
  assert.ok(bytes < 1000 * 50 * 16 * 1.5, `${bytes} bytes for 50,000 entries`);
});

test('a window that is full gets shorter, and counts what left it early', () => {
  const many = 1_000_010;
  const times = Float64Array.from({ length: many }, (_, i) => i);
  const slots = new Int32Array(many);
  const of = (statistic: 'count' | 'same_time') =>
    createFeature({ name: 'f', statistic, rollingMs: 1e9, agoMs: 1_000_005, toleranceMs: 10, of: OF });
  for (const statistic of ['count', 'same_time'] as const) {
    const out = new Float64Array(many);
    const operator = of(statistic);
    operator.reserve(1);
    operator.compute(slots, times, times, 0, many, out);
    assert.equal(operator.shortenedCount, 10);
    assert.deepEqual([...out.subarray(-2)], statistic === 'count' ? [1_000_000, 1_000_000] : [8, 9]);
  }
});

test('a median over many values, as one over few, by the tree', () => {
  const uniform = uniforms(5);
  const list = Array.from({ length: 6000 }, (_, i) => ({ slot: 0, time: i, value: Math.floor(500 * uniform()) / 10 }));
  const seen = run({ name: 'f', statistic: 'median', rolling: 1500, of: OF }, list, new Set(), new Set([2000, 4001]));
  for (let i = 0; i < list.length; i += 331) {
    const last = list.slice(Math.max(0, i - 1499), i);
    assert.equal(seen[i], next({ name: 'f', statistic: 'median', rolling: 1500, of: OF }, last, list[i]!).result);
  }
});

test('what a slot goes on from is told in plain values', () => {
  const describe = (feature: Partial<FeatureDefinition>) => {
    const operator = createFeature({ name: 'f', statistic: 'mean', of: OF, ...feature });
    operator.reserve(2);
    const times = Float64Array.of(1000, 2000, 3000);
    operator.compute(new Int32Array(3), times, Float64Array.of(4, 6, 11), 0, 3, new Float64Array(3));
    return [operator.describe(0), operator.describe(1)];
  };
  const roll = { rollingMs: 1500 };
  assert.deepEqual(describe(roll), [
    { statistic: 'mean', span_ms: 1500, values: 2, mean: 8.5, newest_ms: 3000 },
    { statistic: 'mean', span_ms: 1500, values: 0, mean: null, newest_ms: null },
  ]);
  assert.deepEqual(describe({ statistic: 'max', rolling: 9 }), [
    { statistic: 'max', of_last: 9, value: 11 },
    { statistic: 'max', of_last: 9, value: null },
  ]);
  assert.deepEqual(describe({ statistic: 'median', rolling: 9 })[0], {
    statistic: 'median',
    of_last: 9,
    values: 3,
    value: 6,
  });
  assert.deepEqual(describe({ statistic: 'median', ...roll })[0], {
    ...{ statistic: 'median', span_ms: 1500, values: 2, value: 8.5 },
  });
  assert.deepEqual(describe({ statistic: 'difference' }), [
    { statistic: 'difference', last: 11, last_ms: 3000 },
    { statistic: 'difference', last: null, last_ms: null },
  ]);
  assert.deepEqual(describe({ statistic: 'same_time', agoMs: 1000, toleranceMs: 0 }), [
    { statistic: 'same_time', ago_ms: 1000, values: 2, oldest_ms: 2000 },
    { statistic: 'same_time', ago_ms: 1000, values: 0, oldest_ms: null },
  ]);
  assert.deepEqual(describe({ statistic: 'ewma', rolling: 1 })[0], {
    statistic: 'ewma',
    weight: 1.75,
    value: 15 / 1.75,
  });
});
