import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import type { PipelineDefinition, WindowDefinition } from '../../../src/engine/definition.ts';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { PartitionPipeline } from '../../../src/engine/pipeline.ts';

const AGGREGATES = ['count', 'anomalies', 'threshold'];
const WINDOWS: readonly WindowDefinition[] = [
  { name: 'tumbling', sizeMs: 100, aggregates: AGGREGATES },
  { name: 'hopping', type: 'hopping', sizeMs: 100, advanceMs: 20, aggregates: AGGREGATES },
  { name: 'session', type: 'session', sizeMs: 0, gapMs: 30, aggregates: AGGREGATES },
  { name: 'count', type: 'count', sizeMs: 0, size: 4, aggregates: AGGREGATES },
];

function definition(watermark: 'partition' | 'series', allowedLatenessMs: number): PipelineDefinition {
  return {
    fields: ['a', 'b'],
    outOfOrdernessMs: 20,
    watermark,
    allowedLatenessMs,
    windows: WINDOWS,
    features: [],
    score: {
      on: null,
      detector: { detector: 'range', window: 8, minCount: 2, stepMs: 100 },
      rules: ['a', 'b'],
      shaping: { refractoryMs: 0 },
      limits: () => ({ min: -10, max: 10 }),
    },
  };
}

interface Reading {
  readonly series: number;
  readonly step: number;
  readonly values: readonly [number, number];
}

function run(def: PipelineDefinition, readings: readonly Reading[], batchSize: number) {
  const pipeline = new PartitionPipeline(def, new KeyDictionary());
  for (const name of ['x', 'y']) pipeline.keys.intern(new TextEncoder().encode(name), 0, 1);
  const rows: Record<string, number | string>[] = [];
  const drain = () => {
    const out = pipeline.windowRows;
    for (let i = 0; i < out.count; i++) {
      rows.push({
        window: WINDOWS[out.window[i]!]!.name,
        series: out.series[i]!,
        field: out.field[i]!,
        start: out.start[i]!,
        end: out.end[i]!,
        count: out.values[i]!,
        final: out.final[i]!,
        anomalies: out.aggregate('anomalies')[i]!,
        threshold: out.aggregate('threshold')[i]!,
      });
    }
    pipeline.clearOutput();
  };
  let time = 0;
  for (let from = 0; from < readings.length; from += batchSize) {
    const part = readings.slice(from, from + batchSize);
    const batch = new ColumnBatch(2, part.length);
    batch.count = part.length;
    part.forEach(({ series, step, values }, i) => {
      time += step;
      batch.offsets[i] = from + i;
      batch.series[i] = series;
      batch.eventTimes[i] = time;
      [batch.fields[0]![i], batch.fields[1]![i]] = values;
    });
    pipeline.process(batch, 0, batch.count);
    drain();
  }
  pipeline.close();
  drain();
  return rows;
}

const value = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.constant(Number.NaN));
const readings = fc.array(
  fc.record({ series: fc.nat(1), step: fc.integer({ min: -30, max: 60 }), values: fc.tuple(value, value) }),
  { maxLength: 60, size: 'max' },
);

test('alerts of a window are those of its values, for each shape, wherever a batch ends', () => {
  const modes = fc.constantFrom(['partition', 0], ['partition', 50], ['series', 0], ['series', 50]);
  fc.assert(
    fc.property(readings, modes, fc.integer({ min: 1, max: 9 }), (stream, [watermark, lateness], batchSize) => {
      const def = definition(watermark as 'partition', lateness as number);
      const rows = run(def, stream, 60);
      assert.deepEqual(run(def, stream, batchSize), rows);
      for (const row of rows) {
        assert.equal(row['threshold'], 0);
        assert.ok((row['anomalies'] as number) <= (row['count'] as number));
      }
      let time = 0;
      const timed = stream.map((reading) => {
        time += reading.step;
        return { ...reading, time };
      });
      // Without late records, a window has all values between its bounds.
      for (const row of rows.filter(({ window, final }) => window === 'tumbling' && final === 1)) {
        const inside = timed.filter(
          (each) => each.series === row['series'] && each.time >= +row['start']! && each.time < +row['end']!,
        );
        const values = inside.map((each) => each.values[row['field'] as 0]).filter((each) => !Number.isNaN(each));
        if (values.length !== row['count']) continue;
        assert.equal(row['anomalies'], values.filter((each) => Math.abs(each) > 10).length);
      }
    }),
    { numRuns: 150 },
  );
});
