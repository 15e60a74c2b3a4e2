import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import avro, { type Type } from 'avsc';
import fc from 'fast-check';
import type { PipelineDefinition } from '../../../src/engine/definition.ts';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { PartitionPipeline } from '../../../src/engine/pipeline.ts';
import { PAST_WIDTH } from '../../../src/engine/rows.ts';
import { EXTRA_AGGREGATES } from '../../../src/engine/windows/aggregates.ts';
import { AvroBytes } from '../../../src/runtime/output/avroBytes.ts';
import { RowEncoder } from '../../../src/runtime/output/rowEncoder.ts';
import { anomalyObject, windowObject } from '../../../src/runtime/output/rowObjects.ts';
import { findIncompatibilities } from '../../../src/schemas/avroCompatibility.ts';
import { parseAvroSchema } from '../../../src/schemas/avroSchema.ts';

const [WINDOW_ID, ANOMALY_ID] = [7, 0x01_02_03_04];
let types: { window: Type; anomaly: Type };
before(async () => {
  const read = async (name: string) =>
    avro.Type.forSchema(JSON.parse(await readFile(new URL(`../../../schemas/${name}.avsc`, import.meta.url), 'utf8')));
  types = { window: await read('window'), anomaly: await read('anomaly') };
});

// avsc refuses the largest integer that a double holds exactly.
const natural = fc.integer({ min: 0, max: 2 ** 53 - 2 });
const name = fc.string({ unit: 'grapheme', maxLength: 40 });
const time = fc.integer({ min: -8.64e15, max: 8.64e15 }).map((ms) => Math.max(-(2 ** 52), ms));
const double = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity, -0));
const place = fc.record({ topic: name, partition: fc.nat(10_000) });

interface Row {
  readonly series: number;
  readonly window: number;
  readonly field: number;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly doubles: readonly number[];
  readonly offset: number;
  readonly recordTime: number;
}

const EXTRAS = [...EXTRA_AGGREGATES, 'p50', 'p99.9'];

// Few distinct values, so that neighbours share what the encoder keeps from row to row.
const few = <T>(values: fc.Arbitrary<T>) => fc.array(values, { minLength: 1, maxLength: 2 });
const rowsOf = (times: fc.Arbitrary<number>) =>
  fc
    .record({ starts: few(times), ends: few(times), offsets: few(natural), recordTimes: few(times) })
    .chain(({ starts, ends, offsets, recordTimes }) =>
      fc.array(
        fc.record<Row>({
          series: fc.nat(2),
          window: fc.nat(1),
          field: fc.nat(1),
          start: fc.constantFrom(...starts),
          end: fc.constantFrom(...ends),
          count: natural,
          doubles: fc.array(double, { minLength: 8, maxLength: 8 }),
          offset: fc.constantFrom(...offsets),
          recordTime: fc.constantFrom(...recordTimes),
        }),
        { minLength: 1, maxLength: 6 },
      ),
    );

const names = fc.record({
  series: fc.uniqueArray(name, { minLength: 3, maxLength: 3 }),
  windows: fc.tuple(name, name),
  fields: fc.tuple(name, name),
  features: fc.array(name, { maxLength: 3 }),
  rules: fc.tuple(name, name),
});

function pipelineOf(given: {
  series: string[];
  windows: [string, string];
  fields: [string, string];
  features: string[];
  rules: [string, string];
}): PartitionPipeline {
  const definition: PipelineDefinition = {
    fields: given.fields,
    outOfOrdernessMs: 0,
    windows: given.windows.map((window, w) => ({ name: window, sizeMs: 1000, ...(w === 0 && { aggregates: EXTRAS }) })),
    features: given.features.map((feature) => ({
      name: feature,
      rolling: 2,
      statistic: 'mean' as const,
      of: { kind: 'aggregate' as const, window: 0, aggregate: 'mean' },
    })),
    score: {
      on: null,
      detector: { detector: 'kpi', sensitivity: 'medium', threshold: 2, window: 8, minCount: 2, stepMs: 900_000 },
      rules: given.rules,
      model: { length: 1, channels: [0], scaling: 'none', stepMs: 900_000 },
      shaping: { refractoryMs: 0 },
      origins: ['sensitivity medium', 'override ä*: sensitivity low'],
      limits: () => ({ min: -Infinity, max: Infinity }),
    },
  };
  const keys = new KeyDictionary();
  for (const series of given.series) {
    const bytes = new TextEncoder().encode(series);
    keys.intern(bytes, 0, bytes.length);
  }
  return new PartitionPipeline(definition, keys);
}

/** Value after the five bytes of the wire format. */
function bodyOf(encoder: RowEncoder, schemaId: number): Buffer {
  const bytes = Buffer.from(encoder.bytes.slice(0, encoder.length));
  assert.deepEqual([bytes[0], bytes.readInt32BE(1)], [0, schemaId]);
  return bytes.subarray(5);
}

describe('row encoder', () => {
  test('windows: each byte as avsc writes it', () => {
    fc.assert(
      fc.property(
        names,
        rowsOf(time),
        place,
        fc.subarray(['mean', 'min', 'max', 'stddev', ...EXTRAS]),
        (given, rows, at, shows) => {
          const pipeline = pipelineOf(given);
          const all = given.features.map((_, f) => f);
          const shown = { aggregates: [new Set(shows), new Set(['mean'])], features: [all, []] };
          const encoder = new RowEncoder(shown, WINDOW_ID, ANOMALY_ID);
          const out = pipeline.windowRows;
          out.reserve(rows.length);
          out.count = rows.length;
          rows.forEach((row, i) => {
            [out.series[i], out.window[i], out.field[i]] = [row.series, row.window, row.field];
            [out.start[i], out.end[i], out.values[i]] = [row.start, row.end, row.count];
            [out.mean[i], out.min[i], out.max[i], out.stddev[i]] = row.doubles as [number, number, number, number];
            out.features.forEach((column, f) => {
              column[i] = row.doubles[4 + f]!;
            });
            [out.offset[i], out.recordTime[i]] = [row.offset, row.recordTime];
            out.extras.forEach((column, e) => {
              const isCount = ['distinct', 'anomalies'].includes(out.extraNames[e]!);
              column[i] = isCount && !Number.isNaN(row.doubles[e % 8]!) ? row.count % 1e6 : row.doubles[e % 8]!;
            });
            [out.pane[i], out.final[i], out.onTime[i]] = [row.series * 1000, row.field, row.window];
          });
          for (let i = 0; i < rows.length; i++) {
            encoder.window(pipeline, i, at);
            const object = windowObject(pipeline, i, at, shown);
            assert.deepEqual(bodyOf(encoder, WINDOW_ID), types.window.toBuffer(nanAsNull(object)));
          }
        },
      ),
    );
  });

  test('alerts: each byte as avsc writes it, whole milliseconds where times have fractions', () => {
    const fractional = fc.tuple(time, fc.constantFrom(0, 0.25, 0.5, 0.999)).map(([ms, more]) => ms + more);
    fc.assert(
      fc.property(names, rowsOf(fractional), place, (given, rows, at) => {
        const pipeline = pipelineOf(given);
        const encoder = new RowEncoder({ aggregates: [], features: [] }, WINDOW_ID, ANOMALY_ID);
        for (const [m, label] of given.rules.entries()) {
          pipeline.model!.indexOf(m === 0 ? { name: label } : { name: label, version: label, sha256: `sha ${label}` });
        }
        const out = pipeline.alertRows;
        out.reserve(rows.length);
        out.count = rows.length;
        rows.forEach((row, i) => {
          [out.series[i], out.field[i], out.start[i], out.end[i]] = [row.series, row.field, row.start, row.end];
          [out.value[i], out.score[i], out.threshold[i]] = row.doubles as [number, number, number];
          [out.expected[i], out.lower[i], out.upper[i]] = row.doubles.slice(3) as [number, number, number];
          for (let part = 0; part < out.partCount; part++) out.parts[i * out.partCount + part] = row.doubles[part]!;
          [out.offset[i], out.recordTime[i]] = [row.offset, Math.floor(row.recordTime)];
          out.model[i] = row.window + row.field - 1;
          out.phase[i] = row.count % 3;
          [out.origin[i], out.configured[i]] = [row.series - 1, row.doubles[row.window * 2]!];
          out.season[i] = row.window === 0 ? NaN : row.count % 604_800_000;
          out.pastCount[i] = row.count % 4;
          for (let k = 0; k < PAST_WIDTH; k++) {
            const kind = [row.start, row.doubles[0]!, row.doubles[1]!, (k % 3) - 1];
            out.past[i * PAST_WIDTH + k] = kind[k % 4]!;
          }
        });
        for (let i = 0; i < rows.length; i++) {
          encoder.anomaly(pipeline, i, at);
          const object = anomalyObject(pipeline, i, at);
          assert.deepEqual(bodyOf(encoder, ANOMALY_ID), types.anomaly.toBuffer(object));
          // A window is known by its start; a record, whose start is its end, by its time and offset.
          const record = rows[i]!.start === rows[i]!.end ? `/${object.offset}` : '';
          assert.equal(object.id, `${object.rule}/${object.series}/${object.start}${record}`);
          assert.ok(Number.isInteger(object.start) && object.start <= rows[i]!.start);
        }
      }),
    );
  });

  test('alerts of before and their readers fit the schema with what an explanation needs', async () => {
    const text = await readFile(new URL('../../../schemas/anomaly.avsc', import.meta.url), 'utf8');
    const now = JSON.parse(text) as { fields: { name: string }[] };
    const end = now.fields.findIndex(({ name: field }) => field === 'record_time') + 1;
    assert.ok(now.fields.length > end);
    const before = JSON.stringify({ ...now, fields: now.fields.slice(0, end) });
    const [old, own] = [parseAvroSchema(before), parseAvroSchema(text)];
    assert.deepEqual([findIncompatibilities(own, old), findIncompatibilities(old, own)], [[], []]);
  });

  test('longs: each byte as avsc writes it, up to 2^53 - 2 and down to -2^52', () => {
    const long = avro.Type.forSchema('long');
    const bytes = new AvroBytes();
    fc.assert(
      fc.property(fc.oneof(natural, fc.integer(), fc.integer({ min: -(2 ** 52), max: 0 })), (value) => {
        bytes.length = 0;
        bytes.long(value);
        assert.deepEqual(Buffer.from(bytes.bytes.slice(0, bytes.length)), long.toBuffer(value));
      }),
    );
  });
});

/** NaN is null where the schema allows it. */
function nanAsNull(object: object): unknown {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, Number.isNaN(value) ? null : value]));
}
