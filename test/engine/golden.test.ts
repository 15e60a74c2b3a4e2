import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { test } from 'node:test';
import { ColumnBatch } from '../../src/engine/batch.ts';
import type { ColumnRef, PipelineDefinition } from '../../src/engine/definition.ts';
import type { DetectorParameters } from '../../src/engine/detectors/create.ts';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { PartitionPipeline } from '../../src/engine/pipeline.ts';
import { RowEncoder } from '../../src/runtime/output/rowEncoder.ts';
import { loadNab } from '../helpers/nabData.ts';

/** sha256 over every output row of all cases below, encoded as topics get them: the same bytes on every runtime. */
const GOLDEN = 'a3ee639da49429b7e22f80a9e96f5fa9404c5e640e50a6bc3f141256e5e50b7e';
/** So that a digest of nothing cannot pass for one: rows of all cases, and alerts of each. */
const ROWS = {
  windows: 667_728,
  late: 5_016,
  // By input, detector and scored column, as the loops below have them.
  alerts: [
    [9_246, 2_129, 3_184, 11_170, 4_267, 767, 1_006, 2_176, 8_512, 1_772, 2_930, 10_637],
    [7_895, 7_895, 6_910, 3_242, 3_340, 3_340, 2_592, 1_649, 7_363, 7_363, 6_606, 3_018],
  ].flat(),
};

/** Two fields; NaN is null. */
interface Reading {
  readonly key: string;
  readonly timeMs: number;
  readonly values: readonly [number, number];
}

const SHOWN = {
  aggregates: [new Set(['count', 'mean', 'min', 'max', 'stddev']), new Set(['count', 'mean', 'stddev'])],
  features: [
    [0, 1],
    [2, 3],
  ],
};

const DETECTORS: readonly DetectorParameters[] = [
  { detector: 'auto', threshold: 1, window: 64, minCount: 8, stepMs: 300_000, tailSize: 500 },
  { detector: 'rolling-z', threshold: 1.5, window: 64, minCount: 8, stepMs: 300_000 },
  { detector: 'range', window: 64, minCount: 8, stepMs: 300_000 },
];

/** Every kind of column that can be scored: fields of records, a window's aggregate, features of both. */
const SCORED: readonly (ColumnRef | null)[] = [
  null,
  { kind: 'aggregate', window: 0, aggregate: 'mean' },
  { kind: 'feature', feature: 1 },
  { kind: 'feature', feature: 4 },
];

test('the golden digest: engine outputs are the same bytes on every runtime', () => {
  const hash = createHash('sha256');
  const rows: typeof ROWS = { windows: 0, late: 0, alerts: [] };
  for (const readings of [pseudoRandom(20_000), nabSeries('realKnownCause/nyc_taxi.csv')]) {
    for (const detector of DETECTORS) {
      for (const on of SCORED) digest(readings, definition(detector, on), hash, rows);
    }
  }
  assert.deepEqual(rows, ROWS);
  assert.equal(hash.digest('hex'), GOLDEN);
});

function definition(detector: DetectorParameters, on: ColumnRef | null): PipelineDefinition {
  const aggregate = (window: number, name: string) => ({ kind: 'aggregate', window, aggregate: name }) as const;
  return {
    fields: ['a', 'b'],
    outOfOrdernessMs: 60_000,
    windows: [
      { name: 'w5m', sizeMs: 300_000 },
      { name: 'w7m', sizeMs: 420_000 },
    ],
    features: [
      { name: 'mean_12', rolling: 12, statistic: 'mean', of: aggregate(0, 'mean') },
      { name: 'z_30', rolling: 30, statistic: 'z', of: aggregate(0, 'max') },
      { name: 'stddev_9', rolling: 9, statistic: 'stddev', of: aggregate(1, 'mean') },
      { name: 'z_5', rolling: 5, statistic: 'z', of: aggregate(1, 'stddev') },
      { name: 'record_z', rolling: 50, statistic: 'z', of: { kind: 'field', field: 1 } },
    ],
    score: {
      on,
      detector,
      rules: ['rule@a', 'rule@b'],
      shaping: { refractoryMs: 0 },
      limits: (series) => (series === 'sensor-0' ? { min: 3, max: 1e8 } : { min: -0.4, max: 12_000 }),
    },
  };
}

/** Runs one partition in batches of 1000 records, and hashes what comes out in its order. */
function digest(readings: readonly Reading[], def: PipelineDefinition, hash: Hash, rows: typeof ROWS): void {
  let alerts = 0;
  const pipeline = new PartitionPipeline(def, new KeyDictionary());
  const encoder = new RowEncoder(SHOWN, 1, 2);
  const place = { topic: 'golden', partition: 0 };
  const take = (batch?: ColumnBatch) => {
    for (let i = 0; i < pipeline.windowRows.count; i++) {
      encoder.window(pipeline, i, place);
      hash.update(encoder.bytes.subarray(0, encoder.length));
    }
    for (let i = 0; i < pipeline.alertRows.count; i++) {
      encoder.anomaly(pipeline, i, place);
      hash.update(encoder.bytes.subarray(0, encoder.length));
    }
    const { lateRows } = pipeline;
    for (let i = 0; i < lateRows.count; i++) {
      hash.update(`${batch!.offsets[lateRows.index[i]!]}/${lateRows.window[i]}/${lateRows.lateByMs[i]}`);
    }
    rows.windows += pipeline.windowRows.count;
    alerts += pipeline.alertRows.count;
    rows.late += lateRows.count;
    pipeline.clearOutput();
  };
  for (let from = 0; from < readings.length; from += 1000) {
    const batch = batchOf(readings.slice(from, from + 1000), from, pipeline.keys);
    pipeline.process(batch, 0, batch.count);
    take(batch);
  }
  pipeline.close();
  take();
  rows.alerts.push(alerts);
}

function batchOf(readings: readonly Reading[], offset: number, keys: KeyDictionary): ColumnBatch {
  const batch = new ColumnBatch(2, readings.length);
  batch.count = readings.length;
  readings.forEach(({ key, timeMs, values }, i) => {
    const bytes = new TextEncoder().encode(key);
    batch.offsets[i] = offset + i;
    batch.recordTimes[i] = timeMs + 1;
    batch.eventTimes[i] = timeMs;
    batch.series[i] = keys.intern(bytes, 0, bytes.length);
    batch.fields[0]![i] = values[0];
    batch.fields[1]![i] = values[1];
  });
  return batch;
}

/** Numerical Recipes' 32-bit generator: integers alone, so every runtime draws the same. */
function pseudoRandom(count: number): Reading[] {
  let state = 20_260_101;
  const draw = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 4_294_967_296;
  };
  return Array.from({ length: count }, (_, i): Reading => {
    const series = Math.floor(draw() * 7);
    const late = draw() < 0.01 ? 900_000 : draw() * 50_000;
    // One series lies near 1e8, where running sums lose their digits; one in two hundred is an outlier or null.
    const level = series === 3 ? 1e8 : series * 10;
    const odd = draw();
    const a = odd < 0.005 ? level + 1000 * draw() : odd < 0.01 ? Number.NaN : level + draw() - 0.5;
    return { key: `sensor-${series}`, timeMs: 1_700_000_000_000 + i * 9_000 - late, values: [a, draw() * draw()] };
  });
}

function nabSeries(name: string): Reading[] {
  const { times, values } = loadNab().find((file) => file.name === name)!;
  return Array.from(values, (value, i) => ({ key: name, timeMs: times[i]!, values: [value, value / 3] }));
}
