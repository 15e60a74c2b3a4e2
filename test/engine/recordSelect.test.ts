import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BatchDecoder, SchemaReaders } from '../../src/engine/decode/decoder.ts';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { PartitionPipeline } from '../../src/engine/pipeline.ts';
import { RecordSelect, type SelectDefinition } from '../../src/engine/recordSelect.ts';
import { batchOf, type TestRecord } from './decode/batches.ts';

const DEFINITION: SelectDefinition = {
  fields: ['volts', 'amperes'],
  derived: [
    { name: 'power', expression: 'volts * amperes' },
    { name: 'high', expression: 'power > 100' },
  ],
  where: "amperes != null and (series ~ 'pump-*' or high == 1)",
};

function decoderOf(definition: SelectDefinition, key?: string) {
  const keys = new KeyDictionary();
  const needs = { fields: definition.fields, time: 'ts', ...(key !== undefined && { key }) };
  const select = new RecordSelect(definition);
  const schemas = new SchemaReaders(needs);
  return { keys, select, decoder: new BatchDecoder({ keys, schemas, format: 'json', maxAheadMs: Infinity, select }) };
}

const record = (key: TestRecord['key'], volts: number | null, amperes: number | null): TestRecord => ({
  key: key!,
  value: JSON.stringify({ ts: 1000, volts, amperes }),
});

test('derived fields are filled, and what the condition does not hold for has no series and no key', () => {
  const { keys, select, decoder } = decoderOf(DEFINITION);
  const batch = batchOf(
    [
      record('pump-1', 2, 3),
      record('fan', 2, 3),
      record('fan', 20, 30),
      record('pump-2', 2, null),
      record('pump-1', null, 4),
      { key: 'pump-1', value: null },
      { key: 'pump-1', value: 'no JSON' },
      record(null, 2, 3),
    ],
    4,
  );
  assert.equal(decoder.decode(batch), 8);
  assert.deepEqual([...batch.series.subarray(0, 8)], [0, -1, 1, -1, 0, -1, -1, -1]);
  assert.deepEqual([...batch.fields[2]!.subarray(0, 5)], [6, 6, 600, NaN, NaN]);
  assert.deepEqual([...batch.fields[3]!.subarray(0, 5)], [0, 0, 1, NaN, NaN]);
  assert.deepEqual([keys.size, keys.text(0), keys.text(1)], [2, 'pump-1', 'fan']);
  assert.equal(select.filteredCount, 2);
  // Rejects and tombstones are no filtered records.
  assert.deepEqual([...decoder.rejectIndexes.subarray(0, decoder.rejectCount)], [6, 7]);
});

test('what a derived field comes to that is not finite is null, and its window keeps mean and deviation', () => {
  const { keys, decoder } = decoderOf({
    fields: ['volts', 'amperes'],
    derived: [
      { name: 'ohms', expression: 'volts / amperes' },
      { name: 'siemens', expression: '1 / ohms' },
      { name: 'inverse', expression: '1 / (volts / amperes)' },
    ],
  });
  const pairs = [
    [6, 3],
    [6, 0],
    [-6, 0],
    [0, 0],
    [8, 2],
  ] as const;
  const batch = batchOf(
    pairs.map(([volts, amperes]) => record('pump-1', volts, amperes)),
    5,
  );
  assert.equal(decoder.decode(batch), 5);
  assert.deepEqual([...batch.fields[2]!.subarray(0, 5)], [2, NaN, NaN, NaN, 4]);
  assert.deepEqual([...batch.fields[3]!.subarray(0, 5)], [0.5, NaN, NaN, NaN, 0.25]);
  assert.deepEqual([...batch.fields[4]!.subarray(0, 5)], [0.5, 0, -0, NaN, 0.25]);
  const fields = ['volts', 'amperes', 'ohms', 'siemens', 'inverse'];
  const windows = [{ name: 'w1m', sizeMs: 60_000 }];
  const pipeline = new PartitionPipeline({ fields, outOfOrdernessMs: 0, windows, features: [] }, keys);
  pipeline.process(batch, 0, 5);
  pipeline.close();
  const rows = pipeline.windowRows;
  assert.deepEqual([rows.count, rows.field[2]], [5, 2]);
  assert.deepEqual(
    (['count', 'mean', 'stddev', 'min', 'max'] as const).map((name) => rows.aggregate(name)[2]),
    [2, 3, 1, 2, 4],
  );
});

test('a key that is a field, a number, or bytes is matched by the name that outputs show', () => {
  const where = (condition: string, key?: string) =>
    decoderOf({ fields: ['volts'], derived: [], where: condition }, key);
  const numbers = where("series in ('17', '19')", 'id');
  const byField = batchOf(
    [17, 18, 19].map((id) => ({ value: `{"ts": 1, "id": ${id}, "volts": 1}` })),
    1,
  );
  numbers.decoder.decode(byField);
  assert.deepEqual([...byField.series.subarray(0, 3)], [0, -1, 1]);
  const bytes = where("series == '0x00c8'");
  const byKey = batchOf([{ key: Uint8Array.of(0, 0xc8), value: '{"ts": 1, "volts": 1}' }, record('fan', 1, 1)], 1);
  bytes.decoder.decode(byKey);
  assert.deepEqual([...byKey.series.subarray(0, 2)], [0, -1]);
});

test('what is left out does not fill the memory: names are forgotten, verdicts stay right', () => {
  const { keys, select, decoder } = decoderOf({ fields: ['volts'], derived: [], where: "series ~ '*7'" });
  let sevens = 0;
  for (let from = 0; from < 200_000; from += 2000) {
    const batch = batchOf(
      Array.from({ length: 2000 }, (_, i) => record(`s${from + i}`, 1, 1)),
      1,
    );
    decoder.decode(batch);
    for (let i = 0; i < 2000; i++) {
      const isSeven = (from + i) % 10 === 7;
      assert.equal(batch.series[i]! >= 0, isSeven);
      if (isSeven) sevens++;
    }
  }
  assert.equal(keys.size, sevens);
  assert.equal(select.filteredCount, 200_000 - sevens);
});

test('results do not depend on where batches end', () => {
  const readings = fc.array(
    fc.tuple(
      fc.constantFrom('pump-1', 'fan', null),
      fc.option(fc.integer({ min: -5, max: 30 })),
      fc.option(fc.integer({ min: -5, max: 30 })),
    ),
    { maxLength: 40 },
  );
  const run = (
    list: readonly (readonly [string | null, number | null, number | null])[],
    cuts: ReadonlySet<number>,
  ) => {
    const { keys, select, decoder } = decoderOf(DEFINITION);
    const seen: unknown[] = [];
    for (let from = 0, to = 1; to <= list.length; to++) {
      if (to < list.length && !cuts.has(to)) continue;
      const batch = batchOf(
        list.slice(from, to).map((each) => record(...each)),
        4,
      );
      decoder.decode(batch);
      for (let i = 0; i < batch.count; i++) {
        const id = batch.series[i]!;
        seen.push(id < 0 ? null : [keys.text(id), ...batch.fields.map((field) => field[i])]);
      }
      from = to;
    }
    return [seen, select.filteredCount];
  };
  fc.assert(
    fc.property(readings, fc.array(fc.nat(40)), (list, cuts) => {
      assert.deepEqual(run(list, new Set(cuts)), run(list, new Set()));
    }),
  );
});
