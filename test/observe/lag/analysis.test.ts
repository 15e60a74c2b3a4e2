import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LagAnalysis } from '../../../src/observe/lag/analysis.ts';
import type { ClusterReading, GroupReading, LogReading, MemberReading } from '../../../src/observe/lag/reading.ts';
import type { LagSample, PartitionSample } from '../../../src/observe/lag/sample.ts';
import type { LagView } from '../../../src/observe/watch/snapshot.ts';

interface Look {
  readonly atMs: number;
  readonly ends: readonly (number | null)[];
  /** -1 for none. */
  readonly committed: readonly number[];
  /** Partitions of each member. */
  readonly members?: readonly (readonly number[])[];
  readonly starts?: readonly number[];
  readonly group?: Partial<GroupReading>;
}

function reading({ atMs, ends, committed, members = [], starts = [], group = {} }: Look): ClusterReading {
  const partitions = ends.map((end, partition): LogReading => {
    const isKnown = end !== null;
    return {
      partition,
      start: isKnown ? (starts[partition] ?? 0) : null,
      end,
      problem: isKnown ? null : 'the partition has no leader',
    };
  });
  const list = members.map(
    (own, i): MemberReading => ({
      memberId: `m${i}`,
      clientId: `c${i}`,
      host: '/127.0.0.1',
      partitions: own.map((partition) => ({ topic: 't', partition })),
    }),
  );
  return {
    atMs,
    topics: new Map([['t', { problem: null, partitions }]]),
    groups: [
      {
        group: 'g',
        state: list.length > 0 ? 'Stable' : 'Empty',
        members: list,
        committed: committed.flatMap((offset, partition) => (offset < 0 ? [] : [{ topic: 't', partition, offset }])),
        problem: null,
        ...group,
      },
    ],
  };
}

function run(looks: readonly Look[], analysis = new LagAnalysis()): LagSample {
  let sample: LagSample | undefined;
  for (const look of looks) sample = analysis.take(reading(look));
  return sample!;
}

/** One partition, looked at every 2 s; a member holds it unless said otherwise. */
const every2s = (points: readonly (readonly [end: number, committed: number])[], isHeld = true): Look[] =>
  points.map(([end, committed], i) => ({
    atMs: 2000 * i,
    ends: [end],
    committed: [committed],
    members: isHeld ? [[0]] : [],
  }));
const one = (sample: LagSample): PartitionSample => sample.partitions[0]!;
const steps = (count: number, of: (i: number) => readonly [number, number]) =>
  Array.from({ length: count }, (_, i) => of(i));

test('a sample of a partition is a LagView', () => {
  const view: LagView = one(run(every2s([[10, 5]])));
  assert.deepEqual([view.lagRecords, view.lagMs, view.verdict, view.member], [5, null, null, 'm0']);
  assert.match(view.reason!, /verdict needs 10 commits/);
});

test('one look tells the lag; a verdict only where there is none; two looks tell rates and time', () => {
  const first = one(run(every2s([[10, 5]])));
  assert.deepEqual([first.inRate, first.outRate, first.rateReason], [null, null, 'rates need 2 looks']);
  assert.equal(one(run(every2s([[10, 10]]))).verdict, 'OK');
  const second = one(
    run(
      every2s([
        [100, 50],
        [120, 60],
      ]),
    ),
  );
  assert.deepEqual([second.inRate, second.outRate, second.drainMs, second.drainReason], [10, 5, null, 'the lag grows']);
  // 60 is 60 records below the end, at 10 a second.
  assert.deepEqual([second.lagMs, second.isExtrapolated], [6000, true]);
  const shrinking = one(
    run(
      every2s([
        [100, 50],
        [102, 60],
      ]),
    ),
  );
  assert.deepEqual([shrinking.verdict, shrinking.drainMs], ['OK', 10_500]);
});

test('time is interpolated between the looks at the end of the log', () => {
  const sample = one(
    run(
      every2s([
        [0, 0],
        [100, 10],
        [140, 120],
      ]),
    ),
  );
  assert.deepEqual([sample.lagMs, sample.isExtrapolated], [1000, false]);
  assert.equal(
    one(
      run(
        every2s([
          [10, 10],
          [10, 10],
        ]),
      ),
    ).lagMs,
    0,
  );
  assert.match(
    one(
      run(
        every2s([
          [10, 5],
          [10, 5],
        ]),
      ),
    ).lagMsReason!,
    /did not grow/,
  );
});

test('verdicts over whole windows: WARN, STALL, STOP, REWIND and OK', () => {
  assert.equal(one(run(every2s(steps(12, (i) => [100 + 20 * i, 10 + 10 * i])))).verdict, 'WARN');
  assert.equal(one(run(every2s(steps(12, (i) => [300 + 10 * i, 10 + 20 * i])))).verdict, 'OK');
  // Nothing moves: a commit counts every 10 s at most, so that slow committers are not called stalled.
  const still = (count: number, isHeld: boolean) =>
    one(
      run(
        every2s(
          steps(count, (i) => [100 + i, 50]),
          isHeld,
        ),
      ),
    );
  assert.equal(still(45, true).verdict, null);
  assert.equal(still(52, true).verdict, 'STALL');
  assert.equal(still(45, false).verdict, null);
  assert.equal(still(52, false).verdict, 'STOP');
  assert.equal(
    one(
      run(
        every2s([
          [100, 50],
          [101, 40],
        ]),
      ),
    ).verdict,
    'REWIND',
  );
  // It read for 20 s, and then nobody came any more.
  const gone = [
    ...every2s(steps(11, (i) => [100 + i, 50 + i])),
    ...[24, 34, 44].map((s) => ({ atMs: 1000 * s, ends: [130], committed: [60] })),
  ];
  assert.equal(one(run(gone)).verdict, 'STOP');
});

test('what pipelines told of themselves counts as looks from before', () => {
  const analysis = new LagAnalysis();
  for (let i = 0; i < 12; i++) {
    analysis.learn({ group: 'g', topic: 't', partition: 0, atMs: 1000 * i, committed: 10 * i, end: 100 + 20 * i });
  }
  const sample = one(run([{ atMs: 12_000, ends: [340], committed: [120], members: [[0]] }], analysis));
  assert.deepEqual([sample.verdict, sample.inRate, sample.outRate], ['WARN', 20, 10]);
  assert.equal(sample.lagMs, 11_000);
});

test('what cannot be known has a reason, and is no 0', () => {
  const sample = run([{ atMs: 0, ends: [10, null, 10, 10], committed: [5, 5, -1, 20], starts: [8, 0, 0, 0] }]);
  const [deleted, leaderless, uncommitted, beyond] = sample.partitions;
  assert.deepEqual([deleted!.lagRecords, deleted!.deletedRecords], [5, 3]);
  assert.equal(deleted!.lagReason, '3 records were deleted before they were read');
  for (const [row, reason] of [
    [leaderless, /no leader/],
    [uncommitted, /nothing committed/],
    [beyond, /beyond the end/],
  ] as const) {
    assert.deepEqual([row!.lagRecords, row!.lagMs, row!.verdict, row!.drainMs], [null, null, null, null]);
    for (const said of [row!.lagReason, row!.lagMsReason, row!.verdictReason, row!.reason]) assert.match(said!, reason);
  }
  const [group] = sample.groups;
  assert.deepEqual([group!.lag, group!.unknown, group!.verdict, group!.deletedRecords], [5, 3, null, 3]);
  assert.match(group!.verdictReason!, /^the verdict needs/);
});

test('a group: worst verdict that is known, sums of rates, members and their skew', () => {
  const looks = steps(12, (i) => [i, i]).map(([i]) => ({
    atMs: 2000 * i,
    ends: [100 + 20 * i, 100 + 20 * i, 1000 + 400 * i],
    committed: [10 + 10 * i, 100 + 20 * i, 1000 + 400 * i],
    members: [[0], [1, 2], []],
  }));
  const { groups, partitions } = run(looks);
  const [group] = groups;
  assert.deepEqual(
    [group!.verdict, group!.lag, group!.maxLag, group!.inRate, group!.outRate],
    ['WARN', 200, 200, 220, 215],
  );
  assert.deepEqual(
    group!.loads.map(({ partitions: count, lagRecords, share }) => [count, lagRecords, share]),
    [
      [1, 200, 1],
      [2, 0, 0],
      [0, 0, 0],
    ],
  );
  assert.equal(group!.skew, 3);
  assert.deepEqual(
    partitions.map(({ isHot }) => isHot),
    [false, false, true],
  );
  assert.equal(group!.hotPartitions, 1);
  assert.equal(group!.trend.at(-1), 200);
  const stalled = run(
    steps(4, (i) => [i, i]).map(([i]) => ({ atMs: 1000 * i, ends: [10 + i], committed: [5], members: [[0]] })),
  );
  assert.deepEqual([one(stalled).isStalled, stalled.groups[0]!.stalledPartitions], [true, 1]);
});

test('a bad partition makes the group ERR even where another is unknown; one without a commit has no say', () => {
  const looks = every2s([
    [100, 50],
    [101, 40],
  ]).map((look) => ({ ...look, ends: [...look.ends, null, 7], committed: [...look.committed, 3, -1] }));
  assert.deepEqual([run(looks).groups[0]!.verdict, run(looks).groups[0]!.verdictReason], ['ERR', 't/0 REWIND']);
  const fine = run([{ atMs: 0, ends: [5, 7], committed: [5, -1] }]);
  assert.deepEqual([fine.groups[0]!.verdict, fine.groups[0]!.verdictReason], ['OK', null]);
});

test('a group that goes is gone, and begins anew; one that cannot be asked keeps what is known', () => {
  const analysis = new LagAnalysis();
  run(every2s(steps(12, (i) => [100 + 20 * i, 10 + 10 * i])), analysis);
  const away = run(
    [{ atMs: 30_000, ends: [], committed: [], group: { problem: 'the coordinator is away' } }],
    analysis,
  );
  assert.deepEqual([away.groups[0]!.verdict, away.groups[0]!.verdictReason], [null, 'the coordinator is away']);
  assert.equal(one(run([{ atMs: 32_000, ends: [500], committed: [130], members: [[0]] }], analysis)).verdict, 'WARN');
  const gone = run([{ atMs: 34_000, ends: [], committed: [], group: { state: 'none yet' } }], analysis);
  assert.deepEqual([gone.groups[0]!.state, gone.groups[0]!.verdict, gone.partitions.length], ['gone', 'NOTFOUND', 0]);
  assert.equal(one(run([{ atMs: 36_000, ends: [500], committed: [130] }], analysis)).verdict, null);
});

test('a topic that was made anew is followed from its new start', () => {
  const sample = one(
    run([
      ...every2s([
        [1000, 900],
        [1100, 1000],
      ]),
      { atMs: 5000, ends: [0], committed: [0] },
      { atMs: 6000, ends: [10], committed: [0] },
      { atMs: 7000, ends: [20], committed: [0] },
    ]),
  );
  assert.deepEqual([sample.lagRecords, sample.lagMs, sample.inRate, sample.isExtrapolated], [20, 2000, 10, true]);
});

test('property: unknown is null with a reason, and what is known is consistent', () => {
  const look = fc.record({
    gap: fc.integer({ min: 1, max: 20_000 }),
    grown: fc.nat(100),
    read: fc.integer({ min: -50, max: 120 }),
    hasEnd: fc.boolean(),
    hasCommit: fc.boolean(),
    isHeld: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(look, { minLength: 1, maxLength: 40 }), (looks) => {
      const analysis = new LagAnalysis();
      let [atMs, end, committed] = [0, 100, 50];
      for (const { gap, grown, read, hasEnd, hasCommit, isHeld } of looks) {
        atMs += gap;
        end += grown;
        committed = Math.max(0, committed + read);
        const members = isHeld ? [[0]] : [];
        const sample = run(
          [{ atMs, ends: [hasEnd ? end : null], committed: [hasCommit ? committed : -1], members }],
          analysis,
        );
        for (const row of sample.partitions) {
          if (row.lagRecords === null) assert.ok(row.lagReason, 'no lag and no reason');
          else assert.equal(row.lagRecords, end - committed);
          if (row.lagMs === null) assert.ok(row.lagMsReason, 'no time and no reason');
          else assert.ok(row.lagMs >= 0, `${row.lagMs} ms`);
          if (row.verdict === null) assert.ok(row.verdictReason, 'no verdict and no reason');
          if (row.inRate === null || row.outRate === null) assert.ok(row.rateReason, 'no rate and no reason');
          for (const rate of [row.inRate, row.outRate]) assert.ok(rate === null || rate >= 0, `a rate of ${rate}`);
          if (row.lagRecords === 0) assert.deepEqual([row.verdict, row.lagMs, row.drainMs], ['OK', 0, 0]);
          if (row.drainMs === null && row.lagRecords !== null) assert.ok(row.drainReason, 'no drain and no reason');
        }
      }
    }),
  );
});
