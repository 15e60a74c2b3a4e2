import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColumnBatch } from '../../src/engine/batch.ts';
import type { PipelineDefinition } from '../../src/engine/definition.ts';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { PartitionPipeline } from '../../src/engine/pipeline.ts';
import { anomalyObject, windowObject } from '../../src/runtime/output/rowObjects.ts';

interface Reading {
  readonly series: string;
  readonly time: number;
  readonly values: readonly number[];
}

const SHOWN = {
  aggregates: [new Set(['count', 'mean', 'min', 'max', 'stddev']), new Set(['count', 'mean'])],
  features: [[0, 2, 3], [1]],
};

function definition(on: 'record' | 'window' | 'feature' | 'record feature'): PipelineDefinition {
  return {
    fields: ['a', 'b'],
    outOfOrdernessMs: 30,
    windows: [
      { name: 'w100', sizeMs: 100 },
      { name: 'w70', sizeMs: 70 },
    ],
    features: [
      { name: 'mean_3', rolling: 3, statistic: 'mean', of: { kind: 'aggregate', window: 0, aggregate: 'mean' } },
      { name: 'z_4', rolling: 4, statistic: 'z', of: { kind: 'aggregate', window: 1, aggregate: 'max' } },
      {
        name: 'median_250',
        rollingMs: 250,
        statistic: 'median',
        of: { kind: 'aggregate', window: 0, aggregate: 'count' },
      },
      {
        name: 'before',
        statistic: 'same_time',
        agoMs: 100,
        toleranceMs: 20,
        of: { kind: 'aggregate', window: 0, aggregate: 'min' },
      },
      { name: 'sum_90', rollingMs: 90, statistic: 'sum', of: { kind: 'field', field: 1 } },
    ],
    score: {
      on: {
        record: null,
        window: { kind: 'aggregate', window: 0, aggregate: 'mean' },
        feature: { kind: 'feature', feature: 0 },
        'record feature': { kind: 'feature', feature: 4 },
      }[on] as never,
      detector: { detector: 'rolling-z', sensitivity: 'medium', threshold: 1, window: 5, minCount: 2, stepMs: 100 },
      rules: ['z@a', 'z@b'],
      shaping: { refractoryMs: 0 },
      limits: () => ({ min: -Infinity, max: Infinity }),
    },
  };
}

/** Runs the readings as one partition, cut into batches after the given indexes, with a restart at each of `restarts`. */
function outputOf(
  readings: readonly Reading[],
  def: PipelineDefinition,
  cuts: ReadonlySet<number>,
  restarts: ReadonlySet<number>,
) {
  let pipeline = new PartitionPipeline(def, new KeyDictionary());
  const out = { windows: [] as unknown[], alerts: [] as unknown[], late: [] as unknown[] };
  const drain = (batch: ColumnBatch | undefined) => {
    const place = { topic: 't', partition: 0 };
    for (let i = 0; i < pipeline.windowRows.count; i++) out.windows.push(windowObject(pipeline, i, place, SHOWN));
    for (let i = 0; i < pipeline.alertRows.count; i++) out.alerts.push(anomalyObject(pipeline, i, place));
    const { lateRows } = pipeline;
    for (let i = 0; i < lateRows.count; i++) {
      out.late.push([batch!.offsets[lateRows.index[i]!], lateRows.window[i], lateRows.lateByMs[i]]);
    }
    pipeline.clearOutput();
  };
  let from = 0;
  for (let i = 0; i < readings.length; i++) {
    if (i + 1 < readings.length && !cuts.has(i) && !restarts.has(i)) continue;
    const batch = batchOf(readings.slice(from, i + 1), from, pipeline.keys);
    pipeline.process(batch, 0, batch.count);
    drain(batch);
    from = i + 1;
    if (!restarts.has(i)) continue;
    const state = pipeline.snapshot();
    pipeline = new PartitionPipeline(def, new KeyDictionary());
    pipeline.restore(state, new Set());
  }
  pipeline.close();
  drain(undefined);
  return out;
}

function batchOf(readings: readonly Reading[], offset: number, keys: KeyDictionary): ColumnBatch {
  const batch = new ColumnBatch(2, Math.max(1, readings.length));
  batch.count = readings.length;
  readings.forEach(({ series, time, values }, i) => {
    const key = new TextEncoder().encode(series);
    batch.offsets[i] = offset + i;
    batch.recordTimes[i] = 1_000_000 + offset + i;
    batch.series[i] = series === '' ? -1 : keys.intern(key, 0, key.length);
    batch.eventTimes[i] = time;
    values.forEach((value, f) => {
      batch.fields[f]![i] = value;
    });
  });
  return batch;
}

const value = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.constant(Number.NaN),
  fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
);
const stream = fc
  .array(
    fc.record({
      // An empty name stands for a record that the decoder rejected.
      series: fc.constantFrom('pump-1', 'pump-2', 'fan', ''),
      step: fc.integer({ min: -60, max: 90 }),
      values: fc.tuple(value, value),
    }),
    { maxLength: 120 },
  )
  .map((steps) => {
    let time = 0;
    return steps.map(({ series, step, values }) => {
      time += step;
      return { series, time, values };
    });
  });

test('output does not depend on where batches, commits and snapshots end', () => {
  const positions = fc.array(fc.nat(120)).map((list) => new Set(list));
  fc.assert(
    fc.property(
      stream,
      positions,
      positions,
      fc.constantFrom('record' as const, 'window' as const, 'feature' as const, 'record feature' as const),
      (readings, cuts, restarts, on) => {
        const def = definition(on);
        const whole = outputOf(readings, def, new Set(), new Set());
        const cut = outputOf(readings, def, cuts, restarts);
        assert.equal(JSON.stringify(cut), JSON.stringify(whole));
      },
    ),
    { numRuns: 300 },
  );
});

test('the end of an alert follows its alert, once, wherever batches and snapshots end', () => {
  const positions = fc.array(fc.nat(120)).map((list) => new Set(list));
  // Long enough to be judged, and calm enough to end.
  const calm = fc
    .array(
      fc.record({ series: fc.constantFrom('a', 'b'), values: fc.tuple(fc.constantFrom(0, 1, 2, 50), fc.nat(3)) }),
      { minLength: 60, maxLength: 120 },
    )
    .map((rows) => rows.map((row, i) => ({ ...row, time: 20 * i })));
  let ends = 0;
  fc.assert(
    fc.property(calm, positions, positions, fc.constantFrom('record', 'window'), (readings, cuts, restarts, on) => {
      const plain = definition(on as 'record');
      const score = { ...plain.score!, shaping: { refractoryMs: 0, closeBelow: 0.5, tellsEnd: true } };
      const def = { ...plain, score };
      const whole = outputOf(readings, def, new Set(), new Set());
      assert.equal(JSON.stringify(outputOf(readings, def, cuts, restarts)), JSON.stringify(whole));
      const { tellsEnd: _, ...silent } = score.shaping;
      const untold = outputOf(readings, { ...def, score: { ...score, shaping: silent } }, new Set(), new Set());
      const rows = whole.alerts as { id: string; series: string; rule: string; state: string }[];
      const alerts = rows.filter(({ state }) => state === 'open').map(({ id }) => id);
      assert.deepEqual(
        alerts,
        (untold.alerts as { id: string }[]).map(({ id }) => id),
        'the alerts are those of a pipeline that tells no end',
      );
      const open = new Set<string>();
      for (const { series, rule, state } of rows) {
        const key = `${rule}/${series}`;
        if (state === 'open') open.add(key);
        else {
          ends++;
          assert.ok(open.delete(key), `${key} ended and was not open`);
        }
      }
    }),
    { numRuns: 60 },
  );
  assert.ok(ends > 60, `${ends} ends`);
});

test('every record is in exactly one row of each window, or late for it', () => {
  fc.assert(
    fc.property(stream, (readings) => {
      const out = outputOf(readings, definition('record'), new Set(), new Set());
      for (const [w, name] of ['w100', 'w70'].entries()) {
        const rows = (out.windows as { window: string; field: string; count: number }[]).filter(
          (row) => row.window === name,
        );
        const counted = rows.filter((row) => row.field === 'a').reduce((sum, row) => sum + row.count, 0);
        const late = (out.late as [number, number, number][]).filter(
          ([offset, window]) => window === w && !Number.isNaN(readings[offset]!.values[0]),
        );
        const all = readings.filter((reading) => reading.series !== '' && !Number.isNaN(reading.values[0]));
        assert.equal(counted + late.length, all.length);
      }
    }),
  );
});

test('windows close in the order of their ends, and a window closes at the record that moves the watermark to its end', () => {
  const readings = [0, 50, 129, 130, 400].map((time) => ({ series: 's', time, values: [time, 1] }));
  const { windows } = outputOf(readings, definition('record'), new Set(), new Set());
  const seen = (windows as { window: string; end: number; field: string; offset: number }[])
    .filter((row) => row.field === 'a')
    .map((row) => [row.window, row.end, row.offset]);
  assert.deepEqual(seen, [
    ['w70', 70, 2],
    ['w100', 100, 3],
    ['w70', 140, 4],
    ['w100', 200, 4],
    ['w70', 420, 4],
    ['w100', 500, 4],
  ]);
});

test('features of windows go by the ends of the windows, of records by their event times', () => {
  const readings = [0, 10, 120, 100, 260, 330, 500].map((time, i) => ({ series: 's', time, values: [i, 1] }));
  const { windows } = outputOf(readings, definition('record'), new Set(), new Set());
  const rows = (
    windows as { window: string; field: string; start: number; features: { name: string; value: number | null }[] }[]
  )
    .filter((row) => row.window === 'w100' && row.field === 'a')
    .map((row) => [row.start, ...row.features.slice(1).map(({ value }) => value)]);
  // Counts 2, 2, 1, 1, 1; least values 0, 2, 4, 5, 6. Nothing is in [400, 500).
  assert.deepEqual(rows, [
    [0, 2, null],
    [100, 2, 0],
    [200, 2, 2],
    [300, 1, 4],
    [500, 1, null],
  ]);
});
