import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupsAbove, groupTotals } from '../../../src/observe/lag/groupTotals.ts';
import { partitionLag } from '../../../src/observe/lag/partitionLag.ts';

const base = { group: 'g', topic: 't', partition: 0, committed: 40, start: 0, end: 100 };

test('lag is the end minus the commit', () => {
  assert.deepEqual(partitionLag(base), {
    group: 'g',
    topic: 't',
    partition: 0,
    committed: 40,
    end: 100,
    lag: 60,
    reason: null,
  });
  assert.equal(partitionLag({ ...base, committed: 100 }).lag, 0);
});

test('an unknown lag is null with a reason, never 0', () => {
  const none = partitionLag({ ...base, committed: -1 });
  assert.deepEqual([none.lag, none.committed, none.reason], [null, null, 'nothing committed']);
  const noEnd = partitionLag({ ...base, end: null, problem: 'no leader' });
  assert.deepEqual([noEnd.lag, noEnd.reason], [null, 'no leader']);
  const beyond = partitionLag({ ...base, committed: 101 });
  assert.equal(beyond.lag, null);
  assert.match(beyond.reason ?? '', /beyond the end/);
});

test('records deleted before they were read are told', () => {
  const row = partitionLag({ ...base, committed: 40, start: 55 });
  assert.equal(row.lag, 60);
  assert.equal(row.reason, '15 records were deleted before they were read');
  const one = partitionLag({ ...base, committed: 54, start: 55 });
  assert.equal(one.reason, '1 record was deleted before it was read');
});

test('totals of a group leave unknown partitions out and count them', () => {
  const rows = [
    partitionLag(base),
    partitionLag({ ...base, partition: 1, committed: 90 }),
    partitionLag({ ...base, topic: 'u', committed: -1 }),
    partitionLag({ ...base, group: 'h', committed: -1 }),
  ];
  const groups = [
    { group: 'g', state: 'Stable', members: 2 },
    { group: 'h', state: 'Empty', members: 0 },
  ];
  const totals = groupTotals(rows, groups);
  assert.deepEqual(totals, [
    { group: 'g', state: 'Stable', members: 2, topics: 2, partitions: 3, lag: 70, maxLag: 60, unknown: 1 },
    { group: 'h', state: 'Empty', members: 0, topics: 1, partitions: 1, lag: null, maxLag: null, unknown: 1 },
  ]);
  assert.deepEqual(
    groupsAbove(totals, 1000, true).map((each) => each.group),
    ['g', 'h'],
  );
  const known = groupTotals(rows.slice(0, 2), groups.slice(0, 1));
  assert.deepEqual(groupsAbove(known, 70, true), []);
  assert.equal(groupsAbove(known, 69, true).length, 1);
});

test('a group that has nothing to be behind in fails a check only where it was named', () => {
  const totals = groupTotals([], [{ group: 'fresh', state: 'Empty', members: 0 }]);
  assert.deepEqual(groupsAbove(totals, 5, false), []);
  assert.equal(groupsAbove(totals, 5, true).length, 1);
});
