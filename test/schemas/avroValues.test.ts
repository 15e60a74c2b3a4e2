import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { avroPlain } from '../../src/schemas/avroPlain.ts';
import { AvroDataError, readAvro, skipAvro } from '../../src/schemas/avroReader.ts';
import { parseAvroSchema } from '../../src/schemas/avroSchema.ts';
import { AvroMisfit, AvroOutput, avroWriter } from '../../src/schemas/avroWriter.ts';
import { avscType, drawValue, recordSchemas } from '../engine/decode/schemas.ts';
import { seeded } from '../invariants/helpers/readings.ts';

const node = (schema: unknown) => parseAvroSchema(JSON.stringify(schema));

function encode(schema: unknown, value: unknown): Buffer {
  const out = new AvroOutput();
  avroWriter(node(schema))(out, value);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

const decode = (schema: unknown, bytes: Uint8Array) => readAvro(node(schema), { bytes, pos: 0, end: bytes.length });
const plain = (schema: unknown, bytes: Uint8Array) => avroPlain(node(schema), decode(schema, bytes));

test('what avsc writes is read whole, skipped to its end, and written back to the same bytes', () => {
  fc.assert(
    fc.property(recordSchemas(), fc.integer({ min: 1, max: 1e9 }), (schema, seed) => {
      const random = seeded(seed);
      const value = drawValue(schema, (below) => Math.floor(random() * below));
      const bytes = avscType(schema).toBuffer(value);
      const parsed = parseAvroSchema(JSON.stringify(schema));
      const cursor = { bytes, pos: 0, end: bytes.length };
      const read = readAvro(parsed, cursor);
      assert.equal(cursor.pos, bytes.length);
      cursor.pos = 0;
      skipAvro(parsed, cursor);
      assert.equal(cursor.pos, bytes.length);
      const out = new AvroOutput();
      avroWriter(parsed)(out, read);
      assert.deepEqual(Buffer.from(out.bytes.subarray(0, out.length)), bytes);
    }),
    { numRuns: 500 },
  );
});

test('an array of nulls may have more items than bytes', () => {
  const schema = { type: 'array', items: 'null' };
  const value = new Array(1000).fill(null);
  assert.deepEqual(decode(schema, encode(schema, value)), value);
});

test('cut or random bytes end in an AvroDataError or in a value, and never run on', () => {
  fc.assert(
    fc.property(recordSchemas(), fc.uint8Array({ maxLength: 60 }), (schema, bytes) => {
      const parsed = parseAvroSchema(JSON.stringify(schema));
      for (const read of [readAvro, skipAvro]) {
        const cursor = { bytes, pos: 0, end: bytes.length };
        try {
          read(parsed, cursor);
          assert.ok(cursor.pos <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof AvroDataError, String(error));
        }
      }
    }),
    { numRuns: 1000 },
  );
  const linked = { type: 'record', name: 'L', fields: [{ name: 'next', type: 'L' }] };
  assert.throws(() => decode(linked, new Uint8Array(0)), /nested more than 500 deep/);
  assert.throws(
    () => decode({ type: 'array', items: 'null' }, Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f, 0])),
    /items without bytes/,
  );
});

test('every long comes back exactly', () => {
  const longs = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger().map(BigInt));
  fc.assert(
    fc.property(longs, (value) => {
      const read = decode('long', encode('long', value)) as number | bigint;
      assert.equal(BigInt(read), value);
      assert.equal(typeof read === 'number', Number.isSafeInteger(Number(value)));
    }),
    { numRuns: 2000 },
  );
  assert.throws(() => encode('long', 2n ** 63n), AvroMisfit);
  assert.throws(() => encode('long', 1.5), AvroMisfit);
  assert.throws(() => encode('int', 2 ** 31), AvroMisfit);
  assert.throws(() => encode('double', 2n ** 53n + 1n), AvroMisfit);
});

test('the plain form of each type follows the rules that avroPlain states', () => {
  const cases: [unknown, unknown, unknown][] = [
    ['null', null, null],
    ['boolean', true, true],
    ['int', -7, -7],
    ['long', 2n ** 53n + 1n, 9007199254740993n],
    ['double', Number.NaN, 'NaN'],
    ['double', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['float', 0.5, 0.5],
    ['string', '\ufeffé "\n\u0000', '\ufeffé "\n\u0000'],
    ['bytes', Uint8Array.of(255, 0), '/wA='],
    [{ type: 'fixed', name: 'F', size: 2 }, Uint8Array.of(1, 2), 'AQI='],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'B', 'B'],
    [{ type: 'array', items: 'long' }, [1, 2n ** 60n], [1, 2n ** 60n]],
    [{ type: 'map', values: 'int' }, new Map([['__proto__', 1]]), new Map([['__proto__', 1]])],
    [['null', 'double'], 1.5, 1.5],
    [['null', 'double'], null, null],
    [{ type: 'int', logicalType: 'date' }, -1, '1969-12-31'],
    [{ type: 'int', logicalType: 'time-millis' }, 86_399_999, '23:59:59.999'],
    [{ type: 'long', logicalType: 'time-micros' }, 1, '00:00:00.000001'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, -1, '1969-12-31T23:59:59.999Z'],
    [{ type: 'long', logicalType: 'timestamp-micros' }, 1_767_225_600_000_001, '2026-01-01T00:00:00.000001Z'],
    [{ type: 'long', logicalType: 'timestamp-nanos' }, 1767225600000000001n, '2026-01-01T00:00:00.000000001Z'],
    [{ type: 'long', logicalType: 'local-timestamp-millis' }, 0, '1970-01-01T00:00:00.000'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, 2n ** 62n, 2n ** 62n],
    [{ type: 'bytes', logicalType: 'decimal', precision: 20, scale: 2 }, -12345n, '-123.45'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 20, scale: 2 }, 5, '0.05'],
    [
      { type: 'fixed', name: 'D', size: 16, logicalType: 'decimal', precision: 38, scale: 0 },
      -(10n ** 37n),
      `-1${'0'.repeat(37)}`,
    ],
    [{ type: 'string', logicalType: 'uuid' }, 'x', 'x'],
    [
      { type: 'fixed', name: 'P', size: 12, logicalType: 'duration' },
      Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0),
      { months: 1, days: 2, milliseconds: 3 },
    ],
  ];
  for (const [schema, value, want] of cases)
    assert.deepEqual(plain(schema, encode(schema, value)), want, JSON.stringify(schema));
});

test('a value of a union is named by its branch where JSON would not tell it', () => {
  const schema = [
    'null',
    'string',
    'long',
    { type: 'array', items: 'int' },
    { type: 'record', name: 'a.R', fields: [] },
  ];
  const of = (branch: number, bytes: number[]) => JSON.stringify(plain(schema, Uint8Array.of(branch * 2, ...bytes)));
  assert.equal(of(0, []), 'null');
  assert.equal(of(1, [2, 53]), '{"string":"5"}');
  assert.equal(of(2, [10]), '{"long":5}');
  assert.equal(of(3, [2, 10, 0]), '[5]');
  assert.equal(of(4, []), '{}');
});
