import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ComparisonOptions, OutputComparison } from '../../../src/runtime/verify/outputComparison.ts';
import type { OutputRow } from '../../../src/runtime/verify/outputRow.ts';
import { RowFields } from '../../../src/runtime/verify/rowFields.ts';

/** A window row of a source offset, as JSON. */
function row(source: number, value: Record<string, unknown> = {}, offset = -1): OutputRow {
  const text = JSON.stringify({ series: 'a', window: 'w', start: 0, topic: 's', offset: source, ...value });
  return {
    topic: 'w',
    partition: 0,
    offset,
    timeMs: source,
    key: Buffer.from('a'),
    value: Buffer.from(text),
    headers: [],
  };
}

async function compare(
  computed: readonly OutputRow[],
  found: readonly OutputRow[],
  more: Partial<ComparisonOptions> = {},
): Promise<OutputComparison> {
  async function* rows() {
    for (const [offset, each] of found.entries()) yield { ...each, offset };
  }
  const comparison = new OutputComparison({
    topic: 'w',
    partition: 0,
    found: rows(),
    fields: new RowFields(undefined),
    source: { topic: 's', from: 10, to: 20 },
    isOnlySource: true,
    isTrimmed: false,
    mayRepeat: false,
    isClosed: true,
    comparesTime: true,
    ...more,
  });
  for (const each of computed) await comparison.take(each);
  await comparison.end();
  return comparison;
}

const differs = (message: RegExp) => ({ code: 'ANM_CHECK_FAILED', message });

test('rows outside of the range are passed over, those inside are held against each other', async () => {
  const done = await compare([row(10), row(15)], [row(3), row(9), row(10), row(15), row(20), row(31)]);
  assert.deepEqual([done.equal, done.repeated, done.trimmed], [2, 0, 0]);
  assert.equal((await compare([], [row(3), row(20)])).equal, 0);
});

test('the first field that differs is named with both values', async () => {
  const cases: readonly (readonly [OutputRow, OutputRow, RegExp])[] = [
    [
      row(12, { mean: 1 }),
      row(12, { mean: 2 }),
      /w\/0 offset 0: value\.mean is 2 there and 1 when it is computed again/,
    ],
    [row(12, { mean: 0.1 + 0.2 }), row(12, { mean: 0.3 }), /value\.mean is 0\.3 there and 0\.30000000000000004/],
    [row(12, { f: [{ v: 1 }] }), row(12, { f: [{ v: null }] }), /value\.f\[0\]\.v is null there and 1 when/],
    [row(12), { ...row(12), timeMs: 5 }, /timestamp is 5 there and 12 when/],
    [row(12), { ...row(12), key: Buffer.from('b') }, /key is 'b' there and 'a' when/],
    [row(12), { ...row(12), headers: [{ key: 'h', value: null }] }, /header 0 is 'h' there and absent when/],
    [row(12), { ...row(12), value: Buffer.from(`${Buffer.from(row(12).value!)} `) }, /value is '.*' there/],
  ];
  for (const [computed, found, message] of cases) await assert.rejects(compare([computed], [found]), differs(message));
  await compare([row(12)], [{ ...row(12), timeMs: 5 }], { comparesTime: false });
});

test('a row too few and a row too many are differences', async () => {
  await assert.rejects(
    compare([row(12), row(13)], [row(12)]),
    differs(/w\/0: a row of source offset 13 is computed and not/),
  );
  await assert.rejects(
    compare([row(12), row(13)], [row(12), row(25)]),
    differs(/source offset 13 is computed and not there/),
  );
  await assert.rejects(
    compare([row(12)], [row(12), row(13)]),
    differs(/w\/0 offset 1: a row of source offset 13 is there/),
  );
  await assert.rejects(compare([row(12)], [row(12), row(12)]), differs(/offset 1: a row of source offset 12 is there/));
  // While the pipeline goes on nobody knows yet.
  assert.equal((await compare([row(12)], [row(12), row(13)], { isClosed: false })).equal, 1);
});

test('rows that are there once more are counted where they may be, and only then', async () => {
  const found = [row(11), row(12), row(13), row(12), row(13), row(14)];
  const computed = [row(11), row(12), row(13), row(14)];
  const done = await compare(computed, found, { mayRepeat: true });
  assert.deepEqual([done.equal, done.repeated], [4, 2]);
  await assert.rejects(compare(computed, found), differs(/offset 3: value\.offset|offset 3: timestamp/));
  // Another value is no repetition.
  const other = [row(11), row(12), row(11, { mean: 7 })];
  await assert.rejects(
    compare([row(11), row(12)], other, { mayRepeat: true }),
    differs(/offset 2: a row of source offset 11/),
  );
});

test('what retention has deleted from the front is counted', async () => {
  const done = await compare(
    [row(11), row(12), row(12, { series: 'b' }), row(13)],
    [row(12, { series: 'b' }), row(13)],
    {
      isTrimmed: true,
    },
  );
  assert.deepEqual([done.equal, done.trimmed], [2, 2]);
  await assert.rejects(compare([row(11), row(13)], [row(13)]), differs(/timestamp is 13 there and 11/));
});

test('rows of another source, and what no decoder made, are left out', async () => {
  const found = [row(11, { topic: 'other' }), row(12), row(13, { topic: 'other' })];
  assert.equal((await compare([row(12)], found, { isOnlySource: false })).equal, 1);
  const isForeign = ({ timeMs }: OutputRow) => timeMs === 14;
  assert.equal((await compare([row(12)], [row(12), row(14)], { isForeign })).equal, 1);
});
