import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { AvroEncoder } from '../../../src/inputs/encode/avroEncoder.ts';
import { fitsSchema, inferSchema, planAvro } from '../../../src/inputs/encode/avroPlan.ts';
import { AvscEncoder } from '../../../src/inputs/encode/avscEncoder.ts';
import { JsonEncoder } from '../../../src/inputs/encode/jsonEncoder.ts';
import type { RowEncoder } from '../../../src/inputs/encode/rowEncoder.ts';
import { openRows, type RowInput } from '../../../src/inputs/rowInput.ts';

const HEADER = Uint8Array.of(0, 0, 0, 1, 2);
/** Longs as BigInt, since int64 is more than a double holds. */
const bigLong = avsc.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});
const typeOf = (schema: string) => avsc.Type.forSchema(JSON.parse(schema), { registry: { long: bigLong } });

const open = (text: string) => openRows(['-'], { stdin: Readable.from([text]) });

/** Each row's value, or the encoder's fault. */
async function encodeAll(input: RowInput, encoder: RowEncoder, shiftMs = 0): Promise<(Buffer | string)[]> {
  const out: (Buffer | string)[] = [];
  for await (const merged of input.rows()) {
    for (let i = 0; i < merged.count; i++) {
      const file = merged.files[i]!;
      const length = encoder.encode(merged.readers[file]!.chunk, merged.rows[i]!, input.files[file]!, shiftMs);
      out.push(length < 0 ? encoder.fault : Buffer.from(encoder.bytes.slice(0, length)));
    }
  }
  return out;
}

test('rows encoded from bytes decode by avsc to the values of the file', async () => {
  const row = fc.record({
    ts: fc.date({ min: new Date('1950-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }),
    count: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
    ok: fc.boolean(),
    text: fc.string({ unit: 'grapheme', maxLength: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), async (rows) => {
      const text = rows
        .map(
          (each) =>
            `${each.ts.toISOString()},${each.count},${each.value ?? ''},${each.ok},"${each.text.replaceAll('"', '""')}"\n`,
        )
        .join('');
      const input = await open(`ts,count,value,ok,text\n${text}`);
      const schema = JSON.stringify({
        type: 'record',
        name: 'r',
        fields: [
          { name: 'text', type: ['string', 'null'] },
          { name: 'ts', type: { type: 'long', logicalType: 'timestamp-micros' } },
          { name: 'count', type: 'long' },
          { name: 'value', type: ['null', 'double'] },
          { name: 'ok', type: 'boolean' },
          { name: 'missing', type: ['null', 'int'], default: null },
          { name: 'series', type: 'string' },
        ],
      });
      const type = typeOf(schema);
      const encoded = await encodeAll(
        input,
        new AvroEncoder(planAvro(schema, input.columns, true).fields!, HEADER),
        1000,
      );
      encoded.forEach((bytes, i) => {
        assert.ok(typeof bytes !== 'string', String(bytes));
        assert.deepEqual(bytes.subarray(0, 5), Buffer.from(HEADER));
        const want = rows[i]!;
        // JavaScript writes -0 as 0.
        const got = type.fromBuffer(bytes.subarray(5)) as Record<string, unknown>;
        assert.deepEqual(
          { ...got, value: got['value'] === null ? null : Number(got['value']) + 0 },
          {
            text: want.text,
            ts: (want.ts.getTime() + 1000) * 1000,
            count: want.count,
            value: want.value === null ? null : want.value + 0,
            ok: want.ok,
            missing: null,
            series: 'stdin',
          },
        );
      });
    }),
    { numRuns: 300 },
  );
});

test('the inferred schema names the record after the topic and keeps odd column names as doc', async () => {
  const input = await open('timestamp,Temp (C),2nd,note\n2014-04-01 00:00:00,1.5,3,\n');
  assert.deepEqual(JSON.parse(inferSchema(input.columns, 'raw-sensors.v1', true)), {
    type: 'record',
    name: 'raw_sensors_v1',
    fields: [
      { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'Temp__C_', type: 'double', doc: 'Temp (C)' },
      { name: '_2nd', type: 'long', doc: '2nd' },
      { name: 'note', type: ['null', 'string'], default: null },
      { name: 'series', type: 'string' },
    ],
  });
});

test('a value of another type is refused with its column and what it is', async () => {
  const input = await open(
    `ts,n,v\n${'2014-04-01 00:00:00,1,1.5\n'.repeat(9)}2014-04-01 00:00:00,x,1\n2014-04-01 00:00:00,1.5,1\n2014-04-01 00:00:00,2.0,nan\n`,
  );
  const schema = JSON.stringify({
    type: 'record',
    name: 'r',
    fields: [
      { name: 'n', type: 'int' },
      { name: 'v', type: 'double' },
    ],
  });
  const encoded = await encodeAll(input, new AvroEncoder(planAvro(schema, input.columns, false).fields!, HEADER));
  assert.deepEqual(encoded.slice(9), [
    "n is 'x', which is no whole number of 32 bits",
    "n is '1.5', which is no whole number of 32 bits",
    'v is empty, and the schema does not allow null there',
  ]);
});

test('an existing schema is used where the columns fit it, and only there', async () => {
  const { columns } = await open('ts,n,v\n2014-04-01 00:00:00,1,1.5\n');
  const schema = (...fields: [string, unknown][]) =>
    JSON.stringify({ type: 'record', name: 'r', fields: fields.map(([name, type]) => ({ name, type })) });
  const time = { type: 'long', logicalType: 'timestamp-millis' };
  assert.ok(
    fitsSchema(
      schema(['ts', time], ['n', 'double'], ['v', ['null', 'double']], ['more', ['null', 'string']]),
      columns,
      false,
    ),
  );
  assert.ok(!fitsSchema(schema(['ts', time], ['n', 'long'], ['v', 'long']), columns, false), 'a double is no long');
  assert.ok(!fitsSchema(schema(['ts', time], ['n', 'long']), columns, false), 'a column would be lost');
  assert.ok(
    !fitsSchema(schema(['ts', time], ['n', 'long'], ['v', 'double'], ['more', 'string']), columns, false),
    'a field could not be filled',
  );
  assert.ok(
    !fitsSchema(schema(['ts', 'long'], ['n', 'long'], ['v', 'double']), columns, false),
    'a time is no plain long',
  );
  assert.ok(
    !fitsSchema(schema(['ts', time], ['n', 'long'], ['v', 'double']), columns, true),
    'the series has no field',
  );
  assert.ok(!fitsSchema('{"type":"enum","name":"e","symbols":["A"]}', columns, false));
});

test('shapes beyond columns go through avsc, times given as text included', async () => {
  const schema = JSON.stringify({
    type: 'record',
    name: 'r',
    fields: [
      { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'tags', type: { type: 'array', items: 'string' } },
      { name: 'pump', type: { type: 'record', name: 'p', fields: [{ name: 'bar', type: 'double' }] } },
      { name: 'series', type: 'string' },
    ],
  });
  const input = await open(
    '{"ts":"2014-04-01T00:00:00Z","tags":["a","b"],"pump":{"bar":1.5}}\n{"ts":"2014-04-01T00:00:01Z","tags":7,"pump":{"bar":2}}\n',
  );
  assert.equal(planAvro(schema, input.columns, true).fields, null);
  const encoder = await AvscEncoder.create(schema, HEADER, 'series', () => ['ts']);
  const [first, second] = await encodeAll(input, encoder, 60_000);
  assert.deepEqual(
    JSON.parse(JSON.stringify(avsc.Type.forSchema(JSON.parse(schema)).fromBuffer((first as Buffer).subarray(5)))),
    {
      ts: 1396310460000,
      tags: ['a', 'b'],
      pump: { bar: 1.5 },
      series: 'stdin',
    },
  );
  assert.match(String(second), /invalid.*7/);
});

test('JSON of a CSV row parses to its values; JSON that came in goes on as it is', async () => {
  const cell = fc.string({
    unit: fc.constantFrom('a', 'é', '"', '\\', '\n', '\u0001', ',', ' ', '🙂'),
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, fc.double({ noNaN: true, noDefaultInfinity: true })), { minLength: 1, maxLength: 5 }),
      async (rows) => {
        const input = await open(
          `ts,text,value\n${rows.map(([text, value]) => `2014-04-01 00:00:00.5,"x${text.replaceAll('"', '""')}",${value}\n`).join('')}`,
        );
        const encoded = await encodeAll(input, new JsonEncoder(input.columns, 'series'), 86_400_000);
        assert.deepEqual(
          encoded.map((bytes) => JSON.parse(bytes.toString()) as unknown),
          rows.map(([text, value]) => ({
            ts: '2014-04-02T00:00:00.500Z',
            text: `x${text}`,
            value: JSON.parse(String(value)) as number,
            series: 'stdin',
          })),
        );
      },
    ),
    { numRuns: 200 },
  );
  const lines = ['{ "ts": "2014-04-01T00:00:00Z", "a": {"b": [1, 2]} }', '{"ts":"2014-04-01T00:00:01Z","a":{}}'];
  const plain = await encodeAll(await open(lines.join('\n')), new JsonEncoder([], null));
  assert.deepEqual(plain.map(String), lines);
  const moved = await encodeAll(await open(lines.join('\n')), new JsonEncoder([], 'series'), 1000);
  assert.equal(String(moved[0]), '{ "ts": "2014-04-01T00:00:01.000Z", "a": {"b": [1, 2]},"series":"stdin"}');
  const empty = await encodeAll(await open('{}\n'), new JsonEncoder([], 'series'));
  assert.equal(String(empty[0]), '{"series":"stdin"}');
});

test('numbers that only CSV knows become JSON numbers', async () => {
  const input = await open(
    'ts,v\n2014-04-01 00:00:00,.5\n2014-04-01 00:00:00,+5\n2014-04-01 00:00:00,5.\n2014-04-01 00:00:00,123456789.12345678901\n',
  );
  const encoded = await encodeAll(input, new JsonEncoder(input.columns, null));
  assert.deepEqual(
    encoded.map((bytes) => /"v":(.*)}/.exec(String(bytes))![1]),
    ['0.5', '5', '5', '123456789.12345678901'],
  );
});
