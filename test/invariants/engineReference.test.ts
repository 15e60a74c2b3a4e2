import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColumnBatch } from '../../src/engine/batch.ts';
import type { PipelineDefinition, WindowDefinition } from '../../src/engine/definition.ts';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { PartitionPipeline } from '../../src/engine/pipeline.ts';
import { type Event, type ReadingEvent, ReferenceEngine, type ReferenceRow } from '../helpers/referenceEngine.ts';

/**
 * The engine against plain objects: whatever the records, the windows, the batches and the restarts, it puts out the
 * rows of the reference, in its order.
 */
const AGGREGATES = [
  ...['count', 'mean', 'min', 'max', 'stddev', 'sum', 'variance', 'first', 'last', 'range', 'rate', 'slope'],
  ...['distinct', 'p25', 'p50', 'p99.9'],
];

const RUNS = Number(process.env['REFERENCE_RUNS'] ?? 300);

const value = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -20, max: 20 }) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
  // Within the 17 decades that bins of quantiles span.
  {
    weight: 2,
    arbitrary: fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map((x) => (Math.abs(x) < 1e-6 ? 0 : x)),
  },
);

/** Disorder, duplicates, gaps, silence of the partition, and records that are far too late. */
const wildSteps = fc.oneof(fc.integer({ min: -40, max: 60 }), fc.constantFrom(0, 0, 400, -300, 0.5));
/** Steps of tens, so that bounds of windows are met exactly and several series end at one time; most of it is late. */
const coarseSteps = fc.integer({ min: -6, max: 7 }).map((tens) => tens * 10);

const eventsOf = (step: fc.Arbitrary<number>) =>
  fc
    .array(
      fc.oneof(
        {
          weight: 12,
          arbitrary: fc.record({
            kind: fc.constant('reading' as const),
            // An empty name stands for a record that the decoder rejected.
            series: fc.constantFrom('pump-1', 'pump-2', 'fan', ''),
            step,
            values: fc.tuple(value, value),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ kind: fc.constant('idle' as const), silence: fc.integer({ min: 0, max: 300 }) }),
        },
      ),
      { maxLength: 80, size: 'max' },
    )
    .map((steps) => {
      let time = 0;
      return steps.map((step): Event => {
        if (step.kind === 'idle') return { kind: 'idle', watermark: time + step.silence };
        time += step.step;
        return { kind: 'reading', series: step.series, time, values: step.values };
      });
    });

const shapes = {
  tumbling: fc.record({
    type: fc.constant('tumbling' as const),
    sizeMs: fc.constantFrom(50, 70, 100),
    offsetMs: fc.constantFrom(0, 13),
    emitEveryMs: fc.constantFrom(0, 30),
  }),
  hopping: fc.constantFrom([100, 25], [90, 60], [70, 70], [100, 10], [96, 36]).chain(([sizeMs, advanceMs]) =>
    fc.record({
      type: fc.constant('hopping' as const),
      sizeMs: fc.constant(sizeMs!),
      advanceMs: fc.constant(advanceMs!),
      offsetMs: fc.constantFrom(0, -7),
    }),
  ),
  session: fc.record({
    type: fc.constant('session' as const),
    sizeMs: fc.constant(0),
    gapMs: fc.constantFrom(20, 45),
    emitEveryMs: fc.constantFrom(0, 30),
  }),
  count: fc.record({
    type: fc.constant('count' as const),
    sizeMs: fc.constant(0),
    size: fc.constantFrom(1, 3, 7),
  }),
};

function definitionOf(window: fc.Arbitrary<Omit<WindowDefinition, 'name'>>): fc.Arbitrary<PipelineDefinition> {
  return fc
    .record({
      fields: fc.constantFrom(['a'], ['a', 'b']),
      outOfOrdernessMs: fc.constantFrom(0, 30),
      watermark: fc.constantFrom('partition' as const, 'series' as const),
      idleAfterMs: fc.constantFrom(Infinity, 100),
      allowedLatenessMs: fc.constantFrom(0, 60),
      windows: fc.array(window, { minLength: 1, maxLength: 3 }),
    })
    .map((given) => ({
      ...given,
      features: [],
      windows: given.windows.map((each, w) => ({ ...each, name: `w${w}`, aggregates: AGGREGATES })),
    }));
}

const positions = fc.array(fc.nat(80), { maxLength: 12, size: 'max' }).map((list) => new Set(list));
const any = fc.oneof(shapes.tumbling, shapes.hopping, shapes.session, shapes.count);

for (const [name, definition, events] of [
  ['windows of every shape', definitionOf(any), eventsOf(wildSteps)],
  ['hopping windows in disorder', definitionOf(shapes.hopping), eventsOf(coarseSteps)],
  ['sessions in disorder', definitionOf(shapes.session), eventsOf(coarseSteps)],
] as const) {
  test(`the engine puts out the rows of plain objects, wherever batches and snapshots end: ${name}`, () => {
    fc.assert(
      fc.property(definition, events, positions, positions, (def, stream, cuts, restarts) => {
        const reference = new ReferenceEngine(def);
        stream.forEach((event, offset) => {
          reference.take(event, offset);
        });
        reference.close();
        const engine = run(def, stream, cuts, restarts);
        assert.deepEqual(engine.rows.map(identityOf), reference.rows.map(identityOf));
        assert.deepEqual(engine.late, reference.late);
        engine.rows.forEach((row, i) => {
          compareValues(row.aggregates, reference.rows[i]!);
        });
      }),
      { numRuns: RUNS },
    );
  });
}

interface EngineRow extends Omit<ReferenceRow, 'values'> {
  readonly aggregates: Readonly<Record<string, number>>;
}

function identityOf(row: EngineRow | ReferenceRow) {
  const { window: name, series, field, start, end, offset, pane, onTime, isFinal } = row;
  return { window: name, series, field, start, end, offset, pane, onTime, isFinal };
}

function run(
  def: PipelineDefinition,
  stream: readonly Event[],
  cuts: ReadonlySet<number>,
  restarts: ReadonlySet<number>,
) {
  let pipeline = new PartitionPipeline(def, new KeyDictionary());
  const rows: EngineRow[] = [];
  const late: [number, string, number][] = [];
  const drain = (batch?: ColumnBatch) => {
    const { windowRows: out, lateRows } = pipeline;
    for (let i = 0; i < out.count; i++) {
      rows.push({
        window: def.windows[out.window[i]!]!.name,
        series: pipeline.keys.text(out.series[i]!),
        field: def.fields[out.field[i]!]!,
        start: out.start[i]!,
        end: out.end[i]!,
        offset: out.offset[i]!,
        pane: out.pane[i]!,
        onTime: out.onTime[i] === 1,
        isFinal: out.final[i] === 1,
        aggregates: Object.fromEntries(AGGREGATES.map((name) => [name, out.aggregate(name)[i]!])),
      });
    }
    for (let i = 0; i < lateRows.count; i++) {
      const { index, window: windows, lateByMs } = lateRows;
      late.push([batch!.offsets[index[i]!]!, def.windows[windows[i]!]!.name, lateByMs[i]!]);
    }
    pipeline.clearOutput();
  };
  let pending: [number, ReadingEvent][] = [];
  const flush = () => {
    if (pending.length === 0) return;
    const batch = batchOf(pending, def.fields.length, pipeline.keys);
    pipeline.process(batch, 0, batch.count);
    drain(batch);
    pending = [];
  };
  stream.forEach((event, offset) => {
    if (event.kind === 'idle') {
      flush();
      const { watermark, nextClosing } = pipeline;
      pipeline.advanceWatermark(event.watermark);
      if (event.watermark > watermark) assert.ok(pipeline.nextClosing > event.watermark);
      if (event.watermark < nextClosing) assert.equal(pipeline.nextClosing, nextClosing);
      drain();
    } else {
      pending.push([offset, event]);
      if (cuts.has(offset)) flush();
    }
    if (!restarts.has(offset)) return;
    flush();
    const state = pipeline.snapshot();
    pipeline = new PartitionPipeline(def, new KeyDictionary());
    pipeline.restore(state, new Set());
  });
  flush();
  pipeline.close();
  drain();
  return { rows, late };
}

function batchOf(readings: readonly [number, ReadingEvent][], fields: number, keys: KeyDictionary): ColumnBatch {
  const batch = new ColumnBatch(fields, readings.length);
  batch.count = readings.length;
  readings.forEach(([offset, { series, time, values }], i) => {
    const key = new TextEncoder().encode(series);
    batch.offsets[i] = offset;
    batch.recordTimes[i] = 1_000_000 + offset;
    batch.series[i] = series === '' ? -1 : keys.intern(key, 0, key.length);
    batch.eventTimes[i] = time;
    for (let f = 0; f < fields; f++) batch.fields[f]![i] = values[f]!;
  });
  return batch;
}

function compareValues(got: Readonly<Record<string, number>>, row: ReferenceRow): void {
  const values = row.values.map((each) => each.value);
  const count = values.length;
  const sum = values.reduce((total, each) => total + each, 0);
  const mean = sum / count;
  const variance = values.reduce((total, each) => total + (each - mean) ** 2, 0) / count;
  const scale = Math.max(1, ...values.map(Math.abs));
  const near = (name: string, expected: number, tolerance: number) => {
    assert.ok(Math.abs(got[name]! - expected) <= tolerance, `${name} is ${got[name]}, not ${expected}`);
  };
  assert.equal(got['count'], count);
  assert.equal(got['min'], Math.min(...values));
  assert.equal(got['max'], Math.max(...values));
  assert.equal(got['distinct'], new Set(values.map((each) => each + 0)).size);
  near('sum', sum, 1e-12 * scale * count);
  near('mean', mean, 1e-12 * scale);
  near('variance', variance, 1e-9 * scale * scale);
  near('stddev', Math.sqrt(variance), 1e-4 * scale);
  near('range', Math.max(...values) - Math.min(...values), 0);
  near('rate', (count * 1000) / (row.end - row.start), 1e-12 * count * 1000);
  const times = row.values.map(({ time }) => time);
  // Of values of one time the first and the last that came.
  assert.equal(got['first'], values[times.indexOf(Math.min(...times))]);
  assert.equal(got['last'], values[times.lastIndexOf(Math.max(...times))]);
  const meanTime = times.reduce((total, each) => total + each, 0) / count;
  const spread = times.reduce((total, each) => total + ((each - meanTime) / 1000) ** 2, 0);
  const products = times.reduce((total, each, i) => total + ((each - meanTime) / 1000) * (values[i]! - mean), 0);
  if (new Set(times).size < 2) assert.ok(Number.isNaN(got['slope']!));
  else near('slope', products / spread, (1e-9 * scale) / Math.sqrt(spread));
  const sorted = values.toSorted((a, b) => a - b);
  for (const [name, q] of [
    ['p25', 0.25],
    ['p50', 0.5],
    ['p99.9', 0.999],
  ] as const) {
    const exact = sorted[Math.floor(q * (count - 1))]!;
    near(name, exact, Math.abs(exact) * 0.01 * (1 + 1e-9));
  }
}
