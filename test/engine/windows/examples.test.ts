import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import type { PipelineDefinition, WindowDefinition } from '../../../src/engine/definition.ts';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { PartitionPipeline } from '../../../src/engine/pipeline.ts';

/** Each shape of window and each time at which it puts rows out, in numbers that can be followed by eye. */
type Reading = readonly [time: number, value: number, series?: string];

function pipelineOf(window: Omit<WindowDefinition, 'name'>, more: Partial<PipelineDefinition> = {}) {
  const windows = [{ name: 'w', ...window }];
  return new PartitionPipeline(
    { fields: ['a'], outOfOrdernessMs: 0, windows, features: [], ...more },
    new KeyDictionary(),
  );
}

/** Rows as 'series [start, end) count @offset', with what says when they came. */
function feed(pipeline: PartitionPipeline, readings: readonly Reading[], offset = 0): string[] {
  const batch = new ColumnBatch(1, readings.length);
  batch.count = readings.length;
  readings.forEach(([time, value, series = 's'], i) => {
    const key = new TextEncoder().encode(series);
    batch.offsets[i] = offset + i;
    batch.series[i] = pipeline.keys.intern(key, 0, key.length);
    batch.eventTimes[i] = time;
    batch.fields[0]![i] = value;
  });
  pipeline.process(batch, 0, batch.count);
  return drain(pipeline);
}

function drain(pipeline: PartitionPipeline): string[] {
  const { windowRows: rows, lateRows: late, keys } = pipeline;
  const lines = Array.from({ length: rows.count }, (_, i) => {
    const when = `pane ${rows.pane[i]}${rows.onTime[i] === 1 ? ' on time' : ''}${rows.final[i] === 1 ? ' final' : ''}`;
    const span = `[${rows.start[i]}, ${rows.end[i]})`;
    return `${keys.text(rows.series[i]!)} ${span} ${rows.values[i]} @${rows.offset[i]} ${when}`;
  });
  for (let i = 0; i < late.count; i++) lines.push(`record ${late.index[i]} is late by ${late.lateByMs[i]}`);
  pipeline.clearOutput();
  return lines;
}

test('allowed lateness: on time, an update for each late record, a last row; then late', () => {
  const pipeline = pipelineOf({ sizeMs: 100 }, { allowedLatenessMs: 50 });
  assert.deepEqual(
    feed(pipeline, [
      [10, 1],
      [20, 2],
      [100, 3],
    ]),
    ['s [0, 100) 2 @2 pane 0 on time'],
  );
  assert.deepEqual(
    feed(
      pipeline,
      [
        [30, 4],
        [40, 5],
      ],
      3,
    ),
    ['s [0, 100) 3 @3 pane 1', 's [0, 100) 4 @4 pane 2'],
  );
  // A series whose first value is late has no row on time.
  assert.deepEqual(feed(pipeline, [[50, 6, 'other']], 5), ['other [0, 100) 1 @5 pane 0']);
  assert.deepEqual(feed(pipeline, [[150, 7]], 6), ['s [0, 100) 4 @6 pane 3 final', 'other [0, 100) 1 @6 pane 1 final']);
  assert.deepEqual(feed(pipeline, [[99, 8]], 7), ['record 0 is late by 50']);
});

test('early rows: at multiples of emit_every, of series with new values', () => {
  const pipeline = pipelineOf({ sizeMs: 100, emitEveryMs: 30 });
  assert.deepEqual(
    feed(pipeline, [
      [10, 1],
      [20, 2, 'other'],
      [31, 3],
    ]),
    ['s [0, 100) 2 @2 pane 0', 'other [0, 100) 1 @2 pane 0'],
  );
  assert.deepEqual(
    feed(
      pipeline,
      [
        [40, 4],
        [95, 5],
      ],
      3,
    ),
    ['s [0, 100) 4 @4 pane 1'],
  );
  assert.deepEqual(feed(pipeline, [[100, 6]], 5), [
    's [0, 100) 4 @5 pane 2 on time final',
    'other [0, 100) 1 @5 pane 1 on time final',
  ]);
});

test('hopping: a value is in size / advance windows; a late one in those that are still open', () => {
  const pipeline = pipelineOf({ type: 'hopping', sizeMs: 100, advanceMs: 50 });
  assert.deepEqual(
    feed(pipeline, [
      [60, 1],
      [100, 2],
    ]),
    ['s [0, 100) 1 @1 pane 0 on time final'],
  );
  // [0, 100) is gone, [50, 150) is not.
  assert.deepEqual(
    feed(
      pipeline,
      [
        [70, 3],
        [40, 4],
      ],
      2,
    ),
    ['record 1 is late by 0'],
  );
  assert.deepEqual(feed(pipeline, [[200, 5]], 4), [
    's [50, 150) 3 @4 pane 0 on time final',
    's [100, 200) 1 @4 pane 0 on time final',
  ]);
});

test('sessions: a value may bridge two, and one that came on time may still grow', () => {
  const pipeline = pipelineOf(
    { type: 'session', sizeMs: 0, gapMs: 20 },
    { outOfOrdernessMs: 30, allowedLatenessMs: 40 },
  );
  assert.deepEqual(
    feed(pipeline, [
      [10, 1],
      [45, 2],
    ]),
    [],
  );
  assert.deepEqual(
    feed(
      pipeline,
      [
        [28, 3],
        [95, 4],
      ],
      2,
    ),
    ['s [10, 65) 3 @3 pane 0 on time'],
  );
  assert.deepEqual(feed(pipeline, [[64, 5]], 4), []);
  assert.deepEqual(feed(pipeline, [[114, 6]], 5), ['s [10, 84) 4 @5 pane 1 on time']);
  assert.deepEqual(feed(pipeline, [[154, 7]], 6), ['s [10, 84) 4 @6 pane 2 final']);
});

test('count: every n values of a series, whatever their times', () => {
  const pipeline = pipelineOf({ type: 'count', sizeMs: 0, size: 2 });
  assert.deepEqual(
    feed(pipeline, [
      [50, 1],
      [7, 2, 'other'],
      [10, Number.NaN],
      [20, 3],
      [900, 4],
    ]),
    ['s [20, 51) 2 @3 pane 0 on time final'],
  );
  pipeline.close();
  assert.deepEqual(drain(pipeline), []);
  assert.equal(pipeline.openWindows, 2);
});

test('a watermark a series: nobody is made late by another, and silence closes after idle_after', () => {
  const pipeline = pipelineOf({ sizeMs: 100 }, { watermark: 'series', idleAfterMs: 1000 });
  assert.deepEqual(
    feed(pipeline, [
      [10, 1, 'slow'],
      [950, 2, 'fast'],
      [20, 3, 'slow'],
    ]),
    [],
  );
  assert.deepEqual(feed(pipeline, [[1100, 4, 'fast']], 3), [
    'slow [0, 100) 2 @3 pane 0 on time final',
    'fast [900, 1000) 1 @3 pane 0 on time final',
  ]);
  assert.equal(pipeline.nextClosing, 1200 + 1000);
  pipeline.advanceWatermark(2200);
  assert.deepEqual(drain(pipeline), ['fast [1100, 1200) 1 @3 pane 0 on time final']);
});

test('silence of the partition closes by the watermark that it is moved on to, at the last offset', () => {
  const pipeline = pipelineOf({ sizeMs: 100 });
  feed(pipeline, [
    [10, 1],
    [150, 2],
  ]);
  assert.equal(pipeline.nextClosing, 200);
  pipeline.advanceWatermark(199);
  assert.deepEqual(drain(pipeline), []);
  pipeline.advanceWatermark(205);
  assert.deepEqual(drain(pipeline), ['s [100, 200) 1 @1 pane 0 on time final']);
  assert.equal(pipeline.nextClosing, Infinity);
  assert.deepEqual(feed(pipeline, [[199, 3]], 2), ['record 0 is late by 5']);
});
