import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addShares, type CpuProfile, cpuShares, shareRows } from '../../src/observe/cpuShares.ts';

const frame = (id: number, functionName: string, url: string, children: number[] = []) => ({
  ...{ id, children },
  callFrame: { functionName, url, lineNumber: 0 },
});
const sourceOf = (url: string) => (url.startsWith('src/') ? url : undefined);

const PROFILE: CpuProfile = {
  nodes: [
    frame(1, '(root)', '', [2, 3, 4]),
    frame(2, '(idle)', ''),
    frame(3, '(garbage collector)', ''),
    frame(4, 'process', 'src/runtime/runner.ts', [5, 7, 9]),
    frame(5, 'decode', 'src/engine/decode/decoder.ts', [6]),
    frame(6, 'utf8Slice', 'node:buffer'),
    frame(7, 'write', 'src/runtime/output/topicSink.ts', [8]),
    frame(8, 'variance', 'src/engine/rolling.ts'),
    frame(9, 'add', 'src/engine/detectors/rollingZ.ts', [10]),
    frame(10, 'variance', 'src/engine/rolling.ts'),
  ],
  startTime: 0,
  endTime: 12_000,
  samples: [2, 3, 4, 5, 6, 7, 8, 9, 10, 99],
  timeDeltas: [2000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 2000, -5],
};

test('a sample belongs to the innermost function that the table knows: what serves an operator is the operator’s', () => {
  const shares = cpuShares(PROFILE, sourceOf);
  assert.deepEqual(shares.timesMs, { wait: 2, gc: 1, other: 1, decode: 2, sink: 2, score: 3 });
  assert.equal(shares.totalMs, 11);
  const rows = shareRows(shares);
  assert.deepEqual(
    rows.map(({ operator }) => operator),
    ['score', 'decode', 'sink', 'gc', 'other', 'wait'],
  );
  assert.equal(rows[0]!.share, 3 / 9);
  assert.equal(rows.at(-1)!.share, 2 / 11);
});

test('shares of several members add up, and nothing is no share', () => {
  const shares = cpuShares(PROFILE, sourceOf);
  const both = addShares(shares, shares);
  assert.deepEqual([both.totalMs, both.timesMs.score, both.timesMs.keys], [22, 6, undefined]);
  assert.deepEqual(shareRows(cpuShares({ nodes: [], startTime: 0, endTime: 0 }, sourceOf)), []);
});
