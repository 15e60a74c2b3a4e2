import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { plant } from '../../src/eval/synthetic/plant.ts';

test('the plant is the same on every runtime, and was fixed before anything was judged by it', () => {
  const { series, faults, judgedFromMs } = plant();
  const digest = createHash('sha256');
  for (const { name, times, values } of series) digest.update(name).update(times).update(values);
  digest.update(JSON.stringify({ faults, judgedFromMs }));
  assert.deepEqual([series.length, faults.length], [200, 52]);
  assert.ok(
    faults.every(
      ({ startMs, endMs, series: names }) => startMs >= judgedFromMs && endMs > startMs && names.length >= 3,
    ),
    'each fault is judged and has series',
  );
  assert.equal(digest.digest('hex'), '728b940bdbf9da956e129f02fd0a9708b0debe5ff8be871cf4f8d85586e79e70');
});
