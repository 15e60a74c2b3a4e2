import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import type { PipelineDefinition } from '../../../src/engine/definition.ts';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { PartitionPipeline } from '../../../src/engine/pipeline.ts';
import { SeriesClock } from '../../../src/engine/time/seriesClock.ts';

function batchOf(records: readonly (readonly [series: number, time: number])[]): ColumnBatch {
  const batch = new ColumnBatch(1, records.length);
  batch.count = records.length;
  records.forEach(([series, time], i) => {
    batch.offsets[i] = i;
    batch.series[i] = series;
    batch.eventTimes[i] = time;
    batch.fields[0]![i] = 1;
  });
  return batch;
}

const marksOf = ({ marks: { before, after, floor } }: SeriesClock, count: number) =>
  Array.from({ length: count }, (_, i) => [before[i], after[i], floor[i]]);

test('a series has its own time, but is never further behind the highest than idle_after', () => {
  const clock = new SeriesClock(10, 100);
  clock.reserve(3);
  const batch = batchOf([
    [0, 50],
    [1, 500],
    [0, 60],
    [-1, 9000],
    [2, 30],
  ]);
  assert.equal(clock.cut(batch, 0, 5, Infinity, Infinity), 5);
  assert.deepEqual(
    marksOf(clock, 5).filter((_, i) => i !== 3),
    [
      [-Infinity, 40, -60],
      [-60, 490, 390],
      [390, 390, 390],
      [390, 390, 390],
    ],
  );
  assert.equal(clock.watermark, 490);
});

test('without idle_after a silent series is closed by none but itself', () => {
  const clock = new SeriesClock(0, Infinity);
  clock.reserve(2);
  clock.cut(
    batchOf([
      [0, 50],
      [1, 1e9],
      [0, 40],
    ]),
    0,
    3,
    Infinity,
    Infinity,
  );
  assert.deepEqual(marksOf(clock, 3)[2], [50, 50, -Infinity]);
  assert.equal(clock.floor, -Infinity);
});

test('where the keys are dropped, times by series are dropped with them', () => {
  const definition: PipelineDefinition = {
    fields: ['a'],
    outOfOrdernessMs: 0,
    watermark: 'series',
    windows: [{ name: 'w', sizeMs: 100 }],
    features: [],
    source: { key: 'id', paths: ['a'] },
  };
  const before = new PartitionPipeline(definition, new KeyDictionary());
  before.keys.intern(new TextEncoder().encode('x'), 0, 1);
  before.process(batchOf([[0, 1000]]), 0, 1);
  const keyed = { ...definition, source: { key: 'other', paths: ['a'] } };
  const after = new PartitionPipeline(keyed, new KeyDictionary());
  after.restore(before.snapshot(), new Set(['keys']));
  assert.equal(after.watermark, 1000);
  after.keys.intern(new TextEncoder().encode('y'), 0, 1);
  after.process(batchOf([[0, 50]]), 0, 1);
  assert.equal(after.lateRows.count, 0);
  assert.equal(after.openWindows, 1);
});

test('the end of the input closes what is open, and makes no later record of a series that is behind late', () => {
  const pipeline = new PartitionPipeline(
    { fields: ['a'], outOfOrdernessMs: 0, watermark: 'series', windows: [{ name: 'w', sizeMs: 100 }], features: [] },
    new KeyDictionary(),
  );
  for (const name of 'xy') pipeline.keys.intern(new TextEncoder().encode(name), 0, 1);
  const run = (records: Parameters<typeof batchOf>[0]) => {
    pipeline.clearOutput();
    pipeline.process(batchOf(records), 0, records.length);
    pipeline.close();
    const { windowRows: rows, lateRows } = pipeline;
    const starts = Array.from({ length: rows.count }, (_, i) => [rows.series[i], rows.start[i]]);
    return { starts, late: Array.from(lateRows.index.subarray(0, lateRows.count)) };
  };
  assert.deepEqual(
    run([
      [0, 10],
      [1, 5_000],
    ]),
    {
      starts: [
        [0, 0],
        [1, 5_000],
      ],
      late: [],
    },
  );
  assert.deepEqual(
    run([
      [0, 20],
      [0, 130],
      [1, 5_050],
      [1, 5_100],
    ]),
    {
      starts: [
        [0, 100],
        [1, 5_100],
      ],
      late: [0, 2],
    },
  );
});
