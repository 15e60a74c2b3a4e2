import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Commit,
  type Evidence,
  groupVerdict,
  partitionVerdict,
  statusCode,
  VERDICTS,
  type Verdict,
} from '../../../src/observe/lag/burrow.ts';

/** Commits 5 s apart up to now; each is [offset, lag]. */
function evidence(commits: readonly (readonly [number, number | null])[], more: Partial<Evidence> = {}): Evidence {
  const list: Commit[] = commits.map(([offset, lag], i) => ({ offset, lag, atMs: 1000 * i }));
  const last = list.at(-1);
  return {
    commits: list,
    brokerOffsets: [],
    lag: last?.lag ?? 0,
    nowMs: last?.atMs ?? 0,
    allowedLag: 0,
    ...more,
  };
}

test('status codes are those of Burrow', () => {
  assert.deepEqual(VERDICTS.map(statusCode), [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual([statusCode('NOTFOUND'), statusCode('ERR'), statusCode('REWIND')], [0, 3, 6]);
});

const CASES: readonly [string, Evidence, Verdict][] = [
  ['no commits', evidence([]), 'OK'],
  [
    'no lag, whatever the window',
    evidence([
      [5, 3],
      [5, 3],
      [5, 0],
    ]),
    'OK',
  ],
  [
    'lag within what is allowed',
    evidence(
      [
        [5, 9],
        [5, 9],
      ],
      { lag: 9, allowedLag: 9 },
    ),
    'OK',
  ],
  [
    'the lag shrinks',
    evidence([
      [5, 9],
      [8, 7],
      [9, 8],
    ]),
    'OK',
  ],
  [
    'the lag was 0 once',
    evidence([
      [5, 0],
      [6, 4],
      [7, 8],
    ]),
    'OK',
  ],
  [
    'the lag was within what is allowed once',
    evidence(
      [
        [5, 2],
        [5, 4],
        [5, 8],
      ],
      { allowedLag: 2 },
    ),
    'OK',
  ],
  [
    'the lag never shrinks',
    evidence([
      [5, 4],
      [6, 4],
      [7, 8],
    ]),
    'WARN',
  ],
  [
    'an unknown lag is passed over',
    evidence([
      [5, 4],
      [6, null],
      [7, 8],
    ]),
    'WARN',
  ],
  [
    'commits go on at one offset',
    evidence([
      [5, 4],
      [5, 6],
      [5, 8],
    ]),
    'STALL',
  ],
  [
    'an offset went back',
    evidence([
      [7, 4],
      [5, 6],
      [6, 8],
    ]),
    'REWIND',
  ],
  [
    'an offset went back and came again',
    evidence([
      [7, 4],
      [5, 6],
      [8, 3],
    ]),
    'OK',
  ],
  [
    'a rewind counts even where the lag was 0',
    evidence([
      [7, 0],
      [5, 6],
      [6, 8],
    ]),
    'REWIND',
  ],
  [
    'no commit for longer than the window is',
    evidence(
      [
        [5, 4],
        [6, 4],
        [7, 4],
      ],
      { nowMs: 4001, lag: 9 },
    ),
    'STOP',
  ],
  [
    'no commit for exactly as long',
    evidence(
      [
        [5, 4],
        [6, 4],
        [7, 4],
      ],
      { nowMs: 4000, lag: 9 },
    ),
    'WARN',
  ],
  [
    'stopped, but a broker showed no lag lately',
    evidence(
      [
        [5, 4],
        [6, 4],
        [7, 4],
      ],
      { nowMs: 9000, lag: 9, brokerOffsets: [7, 16] },
    ),
    'WARN',
  ],
  [
    'stopped comes before a rewind',
    evidence(
      [
        [7, 4],
        [5, 6],
      ],
      { nowMs: 9000, lag: 9 },
    ),
    'STOP',
  ],
  [
    'stopped comes before a lag that was 0',
    evidence(
      [
        [6, 0],
        [7, 0],
      ],
      { nowMs: 9000, lag: 9, brokerOffsets: [16] },
    ),
    'STOP',
  ],
];

for (const [name, given, verdict] of CASES) {
  test(`Burrow: ${name}: ${verdict}`, () => assert.equal(partitionVerdict(given), verdict));
}

test('a group is as bad as its worst partition, and never worse than ERR', () => {
  assert.equal(groupVerdict([]), 'NOTFOUND');
  assert.equal(groupVerdict(['OK', 'OK']), 'OK');
  assert.equal(groupVerdict(['OK', 'WARN']), 'WARN');
  for (const verdict of ['STOP', 'STALL', 'REWIND', 'ERR'] as const) {
    assert.equal(groupVerdict(['OK', verdict, 'WARN']), 'ERR');
  }
});

const commits = fc
  .array(fc.tuple(fc.nat(20), fc.nat(20), fc.integer({ min: 1, max: 100 })), { minLength: 1, maxLength: 10 })
  .map((list) => {
    let atMs = 0;
    return list.map(([offset, lag, gap]): Commit => {
      atMs += gap;
      return { offset, lag, atMs };
    });
  });

test('property: verdicts keep their meaning', () => {
  fc.assert(
    fc.property(
      commits,
      fc.nat(20),
      fc.nat(500),
      fc.array(fc.nat(40)),
      fc.nat(5),
      (list, lag, wait, ends, allowedLag) => {
        const last = list.at(-1)!;
        const nowMs = last.atMs + wait;
        const verdict = partitionVerdict({ commits: list, brokerOffsets: ends, lag, nowMs, allowedLag });
        if (lag <= allowedLag) assert.equal(verdict, 'OK');
        if (verdict === 'STOP') {
          assert.ok(wait > last.atMs - list[0]!.atMs, 'stopped for less than the window');
          assert.ok(
            ends.every((end) => end > last.offset),
            'stopped with no lag lately',
          );
        }
        if (verdict === 'STALL') assert.equal(new Set(list.map(({ offset }) => offset)).size, 1);
        if (verdict === 'REWIND')
          assert.ok(
            list.some(({ offset }) => offset > last.offset),
            'nothing was rewound',
          );
        if (verdict === 'WARN') {
          const lags = list.map((commit) => commit.lag!);
          assert.deepEqual(
            lags,
            [...lags].sort((a, b) => a - b),
          );
          assert.ok(lags[0]! > allowedLag, 'warned of a lag that is allowed');
        }
        assert.notEqual(verdict, 'NOTFOUND');
        assert.notEqual(verdict, 'ERR');
      },
    ),
  );
});
