import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { WIRE_HEADER_BYTES, writeWireHeader } from '../../../src/clients/registry.ts';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import { AnomalyError } from '../../../src/errors.ts';
import { LineBatch } from '../../../src/runtime/input/lineBatch.ts';
import { LineSchemas } from '../../../src/runtime/input/lineSchemas.ts';
import type { Line, RecordLine } from '../../../src/runtime/input/lines.ts';
import { LineWriter } from '../../../src/runtime/output/lineWriter.ts';

interface Raw {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

function batchOf(records: readonly Raw[]): ColumnBatch {
  const batch = new ColumnBatch(0, Math.max(1, records.length));
  const parts: Buffer[] = [];
  let at = 0;
  const put = (bytes: Buffer | null, starts: Int32Array, ends: Int32Array, i: number) => {
    starts[i] = bytes === null ? -1 : at;
    at += bytes?.length ?? 0;
    ends[i] = bytes === null ? -1 : at;
    if (bytes !== null) parts.push(bytes);
  };
  records.forEach(({ key, value }, i) => {
    put(key, batch.keyStart, batch.keyEnd, i);
    put(value, batch.valueStart, batch.valueEnd, i);
    batch.offsets[i] = i;
    batch.recordTimes[i] = 1_700_000_000_000 + i;
  });
  batch.topic = 't';
  batch.count = records.length;
  batch.bytes = Buffer.concat(parts);
  return batch;
}

function rawOf(batch: ColumnBatch): Raw[] {
  const bytes = Buffer.from(batch.bytes);
  const part = (start: number, end: number) => (start < 0 ? null : bytes.subarray(start, end));
  return Array.from({ length: batch.count }, (_, i) => ({
    key: part(batch.keyStart[i]!, batch.keyEnd[i]!),
    value: part(batch.valueStart[i]!, batch.valueEnd[i]!),
  }));
}

/** Through lines, as text, and back. */
async function throughLines(records: readonly Raw[], schemas: ReadonlyMap<number, string>) {
  const writer = new LineWriter({
    schemaById: async (id) => {
      const schema = schemas.get(id);
      if (schema === undefined) throw new AnomalyError('ANM_SCHEMA_UNKNOWN', `no schema ${id}`);
      return { id, schema, type: 'AVRO', references: [] };
    },
  });
  const text = (await writer.lines(batchOf(records))).map((line) => JSON.stringify(line));
  const lines = text.map((each) => JSON.parse(each) as Line);
  const known = new LineSchemas(undefined);
  const back = new LineBatch(known, 0);
  for (const line of lines) {
    if (line['type'] === 'schema') known.add(line['id'] as number, line['schema'] as string | null);
    else assert.equal(await back.add(line as unknown as RecordLine), null);
  }
  return { lines: lines.filter((line) => line['type'] === 'record'), back: back.take() };
}

function wire(id: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(WIRE_HEADER_BYTES + body.length);
  writeWireHeader(bytes, 0, id);
  body.copy(bytes, WIRE_HEADER_BYTES);
  return bytes;
}

/** Schemas of any shape, with a value in the memory form of avsc. */
const scalar = fc.constantFrom(
  ...['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'],
  { type: 'long', logicalType: 'timestamp-micros' },
  { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 },
);
let names = 0;
const shape: fc.Memo<unknown> = fc.memo((depth) => {
  if (depth <= 1) return scalar;
  const inner = () => shape(depth - 1);
  return fc.oneof(
    scalar,
    fc.integer({ min: 0, max: 9 }).map((size) => ({ type: 'fixed', name: `F${names++}`, size })),
    fc.constant(0).map(() => ({ type: 'enum', name: `E${names++}`, symbols: ['A', 'B', 'C'] })),
    inner().map((items) => ({ type: 'array', items })),
    inner().map((values) => ({ type: 'map', values })),
    fc.array(inner(), { maxLength: 4 }).map((types) => recordOf(types)),
    fc
      .uniqueArray(inner(), { minLength: 1, maxLength: 4, selector: branchKind })
      .filter((branches) => branches.every((each) => !Array.isArray(each))),
  );
});
const recordOf = (types: readonly unknown[]) => ({
  type: 'record',
  name: `R${names++}`,
  fields: types.map((type, i) => ({ name: `f${i}`, type })),
});
/** A union may not have two branches of a kind, named ones apart. */
function branchKind(schema: unknown): unknown {
  const kind =
    typeof schema === 'object' ? ((schema as { name?: string }).name ?? (schema as { type: string }).type) : schema;
  return kind;
}

test('any Avro value comes through lines byte by byte', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(shape(3), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer(), { minLength: 1, maxLength: 5 }),
      async (types, picks) => {
        const schema = JSON.stringify(recordOf(types));
        const type = avsc.Type.forSchema(JSON.parse(schema));
        const records = picks.map((_, i) => ({ key: Buffer.from([i]), value: wire(7, type.toBuffer(type.random())) }));
        const { back } = await throughLines(records, new Map([[7, schema]]));
        assert.deepEqual(rawOf(back!), records);
      },
    ),
    { numRuns: 200 },
  );
});

test('any bytes come through lines as they are: keys, values that are malformed, cut or of no schema', async () => {
  const schema = JSON.stringify({
    type: 'record',
    name: 'R',
    fields: [{ name: 'v', type: ['null', 'string', 'double'] }],
  });
  const type = avsc.Type.forSchema(JSON.parse(schema));
  const bytes = fc.uint8Array({ maxLength: 20 }).map((each) => Buffer.from(each));
  const value = fc.oneof(
    fc.constant(null),
    bytes,
    bytes.map((body) => wire(7, body)),
    bytes.map((body) => wire(8, body)),
    fc.string().map((text) => wire(7, Buffer.concat([type.toBuffer({ v: text }), Buffer.from('x')]))),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.string().map((text) => Buffer.from(`${text},1.50,"a,b"`)),
  );
  const records = fc.array(fc.record({ key: fc.option(bytes), value }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(records, async (raw) => {
      const { back } = await throughLines(raw, new Map([[7, schema]]));
      for (const [i, { key, value }] of rawOf(back!).entries()) {
        assert.deepEqual(key, raw[i]!.key);
        // Of a JSON object the spaces and the spelling of numbers may change, and nothing else.
        if (value !== null && !value.equals(raw[i]!.value!)) {
          assert.deepEqual(JSON.parse(String(value)), JSON.parse(String(raw[i]!.value)));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('lines can be read: text keys and values are there as such, the rest is base64', async () => {
  const schema = JSON.stringify({
    type: 'record',
    name: 'R',
    fields: [
      { name: 'v', type: ['null', 'double'] },
      { name: 'id', type: 'long' },
      { name: 'raw', type: 'bytes' },
    ],
  });
  const type = (await import('../../../src/schemas/avscType.ts')).avscType;
  const avro = (await type(schema, 'exact')).toBuffer({ v: Number.NaN, id: 2n ** 60n, raw: Buffer.from([255, 65]) });
  const long = Buffer.from([0, 0, 0, 0, 0, 0, 0, 200]);
  const { lines } = await throughLines(
    [
      { key: Buffer.from('pompe-é'), value: wire(7, avro) },
      { key: long, value: Buffer.from('{"a": 1.0}') },
      { key: null, value: Buffer.from('1,2') },
      { key: null, value: Buffer.from([255]) },
      { key: null, value: Buffer.from('{"a":-0}') },
      { key: null, value: Buffer.from('{"a":9007199254740993}') },
      { key: null, value: Buffer.from('{"a":1,"a":2}') },
      { key: null, value: Buffer.from('{"a" : [1e400, 1.50]}') },
      { key: null, value: Buffer.from('{"\\u00e9" :\n [1.50, 2E3, 0.0]}') },
      { key: null, value: null },
    ],
    new Map([[7, schema]]),
  );
  const part = lines.map(({ type: _, topic: __, partition: ___, offset: ____, record_time: _____, ...rest }) => rest);
  assert.deepEqual(part, [
    { key: 'pompe-é', schema: 7, value: { v: 'NaN', id: '1152921504606846976', raw: 'ÿA' } },
    { key_base64: long.toString('base64'), value: { a: 1 } },
    { key: null, value_text: '1,2' },
    { key: null, value_base64: '/w==' },
    { key: null, value_text: '{"a":-0}' },
    { key: null, value_text: '{"a":9007199254740993}' },
    { key: null, value_text: '{"a":1,"a":2}' },
    { key: null, value_text: '{"a" : [1e400, 1.50]}' },
    { key: null, value: { é: [1.5, 2000, 0] } },
    { key: null, value: null },
  ]);
});

test('a value that was edited until it no longer fits its schema is refused, and the next one is taken', async () => {
  const schemas = new LineSchemas(undefined);
  schemas.add(7, JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'v', type: 'double' }] }));
  const batch = new LineBatch(schemas, 0);
  const line = { type: 'record', topic: 't', partition: 0, offset: 0, record_time: 0, key: 'a', schema: 7 } as const;
  assert.match((await batch.add({ ...line, value: { v: 'high' } }))!, /the value does not fit schema 7/);
  assert.equal(await batch.add({ ...line, value: { v: 2 } }), null);
  assert.equal(batch.take()!.count, 1);
  await assert.rejects(batch.add({ ...line, schema: 8, value: {} }), { code: 'ANM_SCHEMA_UNKNOWN' });
  assert.throws(() => schemas.add(7, 'another'), { code: 'ANM_BAD_DATA' });
});
