import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import avro from 'avsc';
import fc from 'fast-check';
import { ColumnBatch } from '../../src/engine/batch.ts';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { PartitionPipeline } from '../../src/engine/pipeline.ts';
import { definePipeline } from '../../src/runtime/definition/definition.ts';
import { WindowWatch } from '../../src/runtime/definition/windowWatch.ts';
import { anomalyObject, windowObject, windowShown } from '../../src/runtime/output/rowObjects.ts';
import { WindowRowTask } from '../../src/runtime/windowRowTask.ts';
import { findIncompatibilities } from '../../src/schemas/avroCompatibility.ts';
import { parseAvroSchema } from '../../src/schemas/avroSchema.ts';
import { configOf, LogLines } from './helpers/config.ts';

const PLACE = { topic: 't', partition: 0 };

function yaml(window: string, on: string): string {
  return (
    'source: {topics: [t], fields: {a: a, b: b}}\n' +
    'time: {out_of_orderness: 1s, allowed_lateness: 5s}\n' +
    `windows: [{name: w, aggregates: [p90, slope, sum, mean], ${window}}]\n` +
    'features: [{name: mean_3, rolling: 3, of: w.sum}]\n' +
    `score: {on: ${on}, detector: rolling-z, threshold: 1, min_count: 2}\n`
  );
}

const stream = fc.array(
  fc.record({
    series: fc.constantFrom('pump', 'fan'),
    step: fc.integer({ min: -6000, max: 8000 }),
    values: fc.tuple(fc.integer({ min: -50, max: 50 }), fc.double({ noNaN: true, min: -1e6, max: 1e6 })),
  }),
  { maxLength: 80, size: 'max' },
);

for (const [window, on] of [
  ['size: 10s, emit_every: 3s', 'w.p90'],
  ['size: 10s', 'mean_3'],
  ['size: 10s, advance: 5s', 'w.slope'],
  ['type: count, size: 3', 'w.sum'],
] as const) {
  test(`a later stage alerts as run does: {${window}}, ${on}`, async () => {
    const config = await configOf(yaml(window, on));
    const definition = definePipeline(config);
    let alerts = 0;
    fc.assert(
      fc.property(stream, (readings) => {
        const pipeline = new PartitionPipeline(definition, new KeyDictionary());
        const batch = batchOf(readings, pipeline.keys);
        pipeline.process(batch, 0, batch.count);
        pipeline.close();
        const { windowRows, alertRows } = pipeline;
        const rows = Array.from({ length: windowRows.count }, (_, i) =>
          windowObject(pipeline, i, PLACE, windowShown(config)),
        );
        const task = new WindowRowTask('t', 0, definition, undefined, new WindowWatch(new LogLines()));
        const later: unknown[] = [];
        for (const row of rows) {
          task.add(JSON.parse(JSON.stringify(row)), undefined);
          const { pipeline: stage } = task;
          for (let i = 0; i < stage.alertRows.count; i++) later.push(anomalyObject(stage, i, task.placeOf(i)));
          stage.clearOutput();
        }
        const fused = Array.from({ length: alertRows.count }, (_, i) => anomalyObject(pipeline, i, PLACE));
        assert.deepEqual(later, fused);
        alerts += fused.length;
      }),
      { numRuns: 60 },
    );
    assert.ok(alerts > 0);
  });
}

test('rows of the former schema can be read, and readers of it can read the rows of now', async () => {
  const text = await readFile(new URL('../../schemas/window.avsc', import.meta.url), 'utf8');
  const schema = JSON.parse(text) as { fields: { name: string }[] };
  const last = schema.fields.findIndex(({ name }) => name === 'record_time');
  const former = { ...schema, fields: schema.fields.slice(0, last + 1) };
  const [now, before] = [parseAvroSchema(text), parseAvroSchema(JSON.stringify(former))];
  assert.deepEqual(findIncompatibilities(now, before), []);
  assert.deepEqual(findIncompatibilities(before, now), []);
  const [reader, writer] = [avro.Type.forSchema(schema as never), avro.Type.forSchema(former as never)];
  const row = {
    ...{ series: 's', window: 'w5m', field: 'a', start: 0, end: 1, count: 1, mean: 2, min: 2, max: 2, stddev: 0 },
    ...{ features: [], topic: 't', partition: 0, offset: 7, record_time: 9 },
  };
  const read = reader.fromBuffer(writer.toBuffer(row), reader.createResolver(writer)) as Record<string, unknown>;
  assert.deepEqual(
    [read['on_time'], read['is_final'], read['pane'], read['sum'], read['quantiles']],
    [true, true, 0, null, {}],
  );
});

function batchOf(
  readings: readonly { series: string; step: number; values: readonly [number, number] }[],
  keys: KeyDictionary,
): ColumnBatch {
  const batch = new ColumnBatch(2, Math.max(1, readings.length));
  batch.count = readings.length;
  let time = 1_700_000_000_000;
  readings.forEach(({ series, step, values }, i) => {
    const key = new TextEncoder().encode(series);
    time += step;
    batch.offsets[i] = i;
    batch.recordTimes[i] = time;
    batch.series[i] = keys.intern(key, 0, key.length);
    batch.eventTimes[i] = time;
    [batch.fields[0]![i], batch.fields[1]![i]] = values;
  });
  return batch;
}
