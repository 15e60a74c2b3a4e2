import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import type { PipelineDefinition, WindowDefinition } from '../../../src/engine/definition.ts';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { PartitionPipeline } from '../../../src/engine/pipeline.ts';

const SHAPES: Record<string, Omit<WindowDefinition, 'name' | 'aggregates'>> = {
  tumbling: { sizeMs: 100 },
  hopping: { type: 'hopping', sizeMs: 100, advanceMs: 50 },
  session: { type: 'session', sizeMs: 0, gapMs: 60 },
  count: { type: 'count', sizeMs: 0, size: 4 },
};

function definition(
  shape: Omit<WindowDefinition, 'name' | 'aggregates'>,
  watermark: 'partition' | 'series',
  aggregates: readonly string[],
): PipelineDefinition {
  const windows = [{ name: 'w', aggregates, ...shape }];
  return { fields: ['a'], outOfOrdernessMs: 0, watermark, windows, features: [] };
}

function feed(pipeline: PartitionPipeline, times: readonly number[], offset: number): void {
  const batch = new ColumnBatch(1, times.length);
  batch.count = times.length;
  times.forEach((time, i) => {
    batch.offsets[i] = offset + i;
    batch.series[i] = pipeline.keys.intern(new TextEncoder().encode('s'), 0, 1);
    batch.eventTimes[i] = time;
    batch.fields[0]![i] = time;
  });
  pipeline.process(batch, 0, batch.count);
}

for (const watermark of ['partition', 'series'] as const) {
  for (const [name, shape] of Object.entries(SHAPES)) {
    test(`${name}, ${watermark}: an aggregate that is added is null for windows that are open, then there`, () => {
      const before = new PartitionPipeline(definition(shape, watermark, ['mean', 'last']), new KeyDictionary());
      feed(before, [10, 20], 0);
      // A second restart keeps what was missing at the first.
      const added = definition(shape, watermark, ['mean', 'sum', 'p50', 'distinct', 'variance']);
      const once = new PartitionPipeline(added, new KeyDictionary());
      once.restore(before.snapshot(), new Set());
      feed(once, [30], 2);
      const after = new PartitionPipeline(added, new KeyDictionary());
      after.restore(once.snapshot(), new Set());
      feed(after, [40, 200, 210, 220, 230, 400, 410, 420, 430], 3);
      after.close();
      const rows = after.windowRows;
      const seen = Array.from({ length: rows.count }, (_, i) => ({
        start: rows.start[i]!,
        count: rows.values[i]!,
        mean: rows.mean[i]!,
        sum: rows.aggregate('sum')[i]!,
        p50: rows.aggregate('p50')[i]!,
        distinct: rows.aggregate('distinct')[i]!,
        variance: rows.aggregate('variance')[i]!,
      }));
      assert.ok(seen.length >= 2);
      for (const { start, count, mean, sum, p50, distinct, variance } of seen) {
        // What follows from the five doubles of every window was never missing.
        assert.ok(variance >= 0);
        if (start < 100) assert.ok([sum, p50, distinct].every(Number.isNaN), `${start}: ${sum}`);
        else {
          assert.ok(Math.abs(sum - mean * count) < 1e-9 * sum);
          assert.equal(distinct, count);
          assert.ok(Math.abs(p50 - mean) < 20);
        }
      }
      assert.ok(seen.some(({ start }) => start < 100) && seen.some(({ start }) => start >= 100));
    });
  }
}
