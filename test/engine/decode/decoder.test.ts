import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ColumnBatch } from '../../../src/engine/batch.ts';
import { BatchDecoder, SchemaReaders, type ValueFormat } from '../../../src/engine/decode/decoder.ts';
import type { SourceNeeds } from '../../../src/engine/decode/reader.ts';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { batchOf, framed } from './batches.ts';
import { avscType } from './schemas.ts';

const NEEDS: SourceNeeds = { key: 'sensor_id', time: 'ts', fields: ['value'] };
const READING = {
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'sensor_id', type: ['null', 'string'] },
    { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'value', type: ['double', 'null'] },
  ],
};
const TIME = 1_700_000_000_000;

function decoderOf(needs: SourceNeeds, format: ValueFormat = 'auto', more: object = {}) {
  const keys = new KeyDictionary();
  const schemas = new SchemaReaders(needs);
  const decoder = new BatchDecoder({ keys, schemas, format, maxAheadMs: 600_000, ...more });
  return { keys, schemas, decoder };
}

function reading(sensor: string | null, ts: number, value: number | null): Uint8Array {
  const payload = avscType(READING).toBuffer({
    sensor_id: sensor === null ? null : { string: sensor },
    ts,
    value: value === null ? null : { double: value },
  });
  return framed(7, payload);
}

function rejectsOf(decoder: BatchDecoder): [number, string][] {
  return Array.from({ length: decoder.rejectCount }, (_, row) => [
    decoder.rejectIndexes[row]!,
    decoder.rejectText(row).split(':')[0]!,
  ]);
}

const columnsOf = (batch: ColumnBatch) => ({
  series: [...batch.series.subarray(0, batch.count)],
  times: [...batch.eventTimes.subarray(0, batch.count)],
  values: [...batch.fields[0]!.subarray(0, batch.count)],
});

test('readings, tombstones and every kind of reject in one batch', () => {
  const { keys, schemas, decoder } = decoderOf(NEEDS);
  schemas.add(7, READING);
  const batch = batchOf(
    [
      { value: reading('b', TIME, 1) },
      { value: null },
      { value: reading(null, TIME, 2) },
      { value: reading('late', TIME + 600_001, 3) },
      { value: reading('a', TIME + 600_000, null) },
      { value: framed(7, Uint8Array.of(2, 2)) },
      { value: 'plain text' },
      { value: '' },
      { value: Uint8Array.of(0, 0, 0) },
      { value: '{"sensor_id":"b","ts":"2023-11-14T22:13:20Z","value":"4.5"}' },
      { value: reading('b', TIME, 5) },
    ],
    1,
  );
  assert.equal(decoder.decode(batch), batch.count);
  const none = Number.NaN;
  assert.deepEqual(columnsOf(batch), {
    series: [0, -1, -1, -1, 1, -1, -1, -1, -1, 0, 0],
    times: [TIME, none, none, none, TIME + 600_000, none, none, none, none, TIME, TIME],
    values: [1, none, none, none, none, none, none, none, none, 4.5, 5],
  });
  const noHeader = 'the value does not begin with a schema header, and is no JSON object';
  assert.deepEqual(rejectsOf(decoder), [
    [2, 'no key'],
    [3, 'ahead'],
    [5, 'a length is negative or reaches beyond the value'],
    [6, noHeader],
    [7, noHeader],
    [8, noHeader],
  ]);
  assert.equal(decoder.tombstoneCount, 1);
  assert.deepEqual(
    [keys.text(0), keys.text(1), keys.size],
    ['b', 'a', 2],
    'keys of rejected records must not be interned',
  );
  assert.equal(decoder.decode(batchOf([{ value: reading('a', TIME, 1) }], 1)), 1);
  assert.equal(decoder.rejectCount, 0);
});

test('stops at an unknown schema, goes on once it is added, and rejects a refused one', () => {
  const { schemas, decoder } = decoderOf(NEEDS);
  const other = { ...READING, fields: [...READING.fields].reverse() };
  const reversed = avscType(other).toBuffer({ sensor_id: { string: 'x' }, ts: TIME, value: { double: 2 } });
  const big = 0xfffffffe;
  const batch = batchOf(
    [
      { value: null },
      { value: reading('x', TIME, 1) },
      { value: framed(8, reversed) },
      { value: framed(big | 0, reversed) },
      { value: reading('x', TIME, 3) },
    ],
    1,
  );
  const stops: [number, number][] = [];
  const answers = new Map<number, unknown>([
    [7, READING],
    [8, other],
  ]);
  for (let done = decoder.decode(batch); done < batch.count; done = decoder.decode(batch, done)) {
    stops.push([done, decoder.missingSchema]);
    const schema = answers.get(decoder.missingSchema);
    if (schema === undefined) schemas.refuse(decoder.missingSchema);
    else schemas.add(decoder.missingSchema, schema);
  }
  assert.deepEqual(stops, [
    [1, 7],
    [2, 8],
    [3, big],
  ]);
  assert.deepEqual(columnsOf(batch).series, [-1, 0, 0, -1, 0]);
  assert.deepEqual(columnsOf(batch).values.slice(1, 3), [1, 2]);
  assert.deepEqual(rejectsOf(decoder), [[3, 'the registry does not know the schema of the value']]);
  assert.equal(decoder.tombstoneCount, 1, 'counted once, however often decode was called');
  assert.equal(decoder.missingSchema, -1);
});

test('the record key and the record time where no field is named', () => {
  const { keys, schemas, decoder } = decoderOf({ fields: ['value'] });
  schemas.add(7, READING);
  const batch = batchOf(
    [
      { key: 'k1', value: reading(null, 1, 1), time: 5 },
      { key: null, value: reading('x', 1, 2), time: 6 },
      { key: 'k1', value: reading('x', 1, 3), time: -1 },
    ],
    1,
  );
  decoder.decode(batch);
  assert.deepEqual(columnsOf(batch), {
    series: [0, -1, -1],
    times: [5, Number.NaN, Number.NaN],
    values: [1, Number.NaN, Number.NaN],
  });
  assert.equal(keys.text(0), 'k1');
  // A record timestamp of -1 is Kafka's word for none.
  assert.deepEqual(rejectsOf(decoder), [
    [1, 'no key'],
    [2, 'no event time'],
  ]);
});

test('a shape that the compiled reader lacks goes to the fallback, and its errors reject', () => {
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'tags', type: { type: 'map', values: 'string' } },
      { name: 'list', type: { type: 'array', items: 'double' } },
    ],
  };
  const { keys, schemas, decoder } = decoderOf({ key: 'tags.id', fields: ['list.1'] });
  assert.throws(() => schemas.add(9, schema), { code: 'ANM_SCHEMA_UNSUPPORTED' });
  const type = avscType(schema);
  const { unsupported } = schemas.add(
    9,
    schema,
    () => (bytes, start, end) => type.fromBuffer(Buffer.from(bytes.subarray(start, end))),
  );
  assert.match(unsupported!, / in (a map|an array)/);
  const value = type.toBuffer({ tags: { id: 'é' }, list: [1, 2.5] });
  const batch = batchOf([{ value: framed(9, value) }, { value: framed(9, value.subarray(0, 4)) }], 1);
  decoder.decode(batch);
  assert.deepEqual(columnsOf(batch).series, [0, -1]);
  assert.equal(batch.fields[0]![0], 2.5);
  assert.equal(keys.text(0), 'é');
  assert.deepEqual(rejectsOf(decoder), [[1, 'the value does not fit its schema']]);
});

test('a schema without any of the fields is an error, without some of them they are null', () => {
  const { schemas } = decoderOf({ key: 'sensor_id', fields: ['value', 'other'] });
  assert.deepEqual(schemas.add(7, READING), { missing: ['other'] });
  const none = decoderOf({ key: 'sensor_id', fields: ['other'] });
  assert.throws(() => none.schemas.add(7, READING), /schema 7 as it has no field other/);
});

test('JSON: paths, numbers, times and keys of every kind; what is no object is rejected', () => {
  const { keys, decoder } = decoderOf({ key: 'id', time: 't', fields: ['a.b'] }, 'json');
  const values = [
    '{"id":1,"t":1700000000,"a":{"b":1.5}}',
    '{"id":"é","t":1700000000123,"a.b":2}',
    '{"id":true,"t":"2023-11-14T22:13:20.5+00:00","a":{"b":"3e2"}}',
    '{"id":"x","t":1700000000,"a":null}',
    '{"id":"x","t":1700000000,"a":{"b":[]}}',
    '{"id":"x","t":"soon","a":{"b":1}}',
    '{"id":{},"t":1700000000,"a":{"b":1}}',
    '{"id":"x","t":170',
    '[1]',
    'null',
    Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d),
    '{"t":1700000000,"__proto__":{"id":"p"},"a":{"b":1}}',
  ];
  const batch = batchOf(
    values.map((value) => ({ value })),
    1,
  );
  decoder.decode(batch);
  assert.deepEqual(columnsOf(batch).series.slice(0, 4), [0, 1, 2, 3]);
  assert.deepEqual(columnsOf(batch).times.slice(0, 4), [TIME, TIME + 123, TIME + 500, TIME]);
  assert.deepEqual(columnsOf(batch).values.slice(0, 4), [1.5, 2, 300, Number.NaN]);
  assert.deepEqual(
    [0, 1, 2, 3].map((id) => keys.text(id)),
    ['1', 'é', 'true', 'x'],
  );
  assert.deepEqual(rejectsOf(decoder), [
    [4, 'a field is not a number'],
    [5, 'no event time'],
    [6, 'no key'],
    [7, 'the value is no JSON object'],
    [8, 'the value is no JSON object'],
    [9, 'the value is no JSON object'],
    [10, 'the value is no JSON object'],
    [11, 'no key'],
  ]);
});

test('CSV: quotes, empty cells and line ends; another number of cells is rejected', () => {
  const { keys, decoder } = decoderOf({ key: 'id', time: 't', fields: ['v'] }, 'csv', { csvColumns: ['t', 'id', 'v'] });
  const values = [
    '1700000000,a,1.5\r\n',
    '"2023-11-14 22:13:20","b,""x""",\n',
    '1700000000,a,1.5,',
    '1700000000,a',
    '1700000000,"a,1.5',
    '1700000000,"a"b,1.5',
    '1700000000,,1.5',
    '1700000000,a,high',
    ',a,1',
    '',
  ];
  const batch = batchOf(
    values.map((value) => ({ value })),
    1,
  );
  decoder.decode(batch);
  assert.deepEqual(columnsOf(batch).series.slice(0, 2), [0, 1]);
  assert.deepEqual(columnsOf(batch).times.slice(0, 2), [TIME, TIME]);
  assert.deepEqual(columnsOf(batch).values.slice(0, 2), [1.5, Number.NaN]);
  assert.deepEqual([keys.text(0), keys.text(1)], ['a', 'b,"x"']);
  const cells = 'the number of CSV columns differs from the given list, or a quote is open';
  assert.deepEqual(rejectsOf(decoder), [
    [2, cells],
    [3, cells],
    [4, cells],
    [5, cells],
    [6, 'no key'],
    [7, 'a field is not a number'],
    [8, 'no event time'],
    [9, cells],
  ]);
  assert.throws(() => decoderOf(NEEDS, 'csv', { csvColumns: ['a'] }), { code: 'ANM_CONFIG' });
  assert.throws(() => decoderOf(NEEDS, 'csv'), { code: 'ANM_CONFIG' });
});
