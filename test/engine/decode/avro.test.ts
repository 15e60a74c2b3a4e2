import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AvroReader, compileAvro } from '../../../src/engine/decode/avro.ts';
import { DecodedColumns, type SourceNeeds } from '../../../src/engine/decode/reader.ts';
import { REASON } from '../../../src/engine/decode/reasons.ts';
import { batchOf } from './batches.ts';
import { avscType, drawValue, pathsOf, recordSchemas } from './schemas.ts';

function compiled(schema: unknown, needs: SourceNeeds): AvroReader {
  const reader = compileAvro(schema, needs);
  assert.ok(reader instanceof AvroReader, JSON.stringify(reader));
  return reader;
}

/** Reads values with a schema; columns as arrays, keys as texts. */
function read(schema: unknown, needs: SourceNeeds, values: readonly Uint8Array[]) {
  const batch = batchOf(
    values.map((value) => ({ value })),
    needs.fields.length,
  );
  const out = new DecodedColumns();
  out.reserve(values.length);
  const reader = compiled(schema, needs);
  reader.read(batch, 0, batch.count, 0, out);
  const rows = values.map((_, i) => i);
  return {
    reasons: rows.map((i) => out.reasons[i]!),
    fields: batch.fields.map((column) => rows.map((i) => column[i]!)),
    times: rows.map((i) => batch.eventTimes[i]!),
    keys: rows.map((i) =>
      out.keyStart[i]! < 0 ? null : Buffer.from(out.keyBytes.subarray(out.keyStart[i]!, out.keyEnd[i]!)).toString(),
    ),
    missing: reader.missing,
  };
}

function encodeLong(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value >= 0n ? value << 1n : (-value << 1n) - 1n);
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

/** What the columns should hold, from avsc's decoded value: a number, NaN, or undefined for a rejected record. */
function expectedNumber(
  schema: unknown,
  value: unknown,
  path: readonly string[],
  names: Map<string, unknown>,
): unknown {
  if (typeof schema === 'string' && names.has(schema)) return expectedNumber(names.get(schema), value, path, names);
  const attributes = schema as Record<string, unknown>;
  if (typeof schema === 'object' && 'name' in attributes) names.set(attributes['name'] as string, schema);
  if (Array.isArray(schema)) {
    if (value === null) return Number.NaN;
    const [name, inner] = Object.entries(value as object)[0]!;
    const branch = schema.find((each) => each === name || each.name === name || (each.type === name && !each.name));
    return expectedNumber(branch, inner, path, names);
  }
  const type = typeof schema === 'string' ? schema : (attributes['type'] as string);
  if (type === 'null') return Number.NaN;
  if (type === 'record') {
    if (path.length === 0) return undefined;
    const field = (attributes['fields'] as { name: string; type: unknown }[]).find(({ name }) => name === path[0]);
    if (field === undefined) return Number.NaN;
    return expectedNumber(field.type, (value as Record<string, unknown>)[field.name], path.slice(1), names);
  }
  if (path.length > 0) return Number.NaN;
  if (type === 'enum') return (attributes['symbols'] as string[]).indexOf(value as string);
  if (type === 'string') return value === '' ? Number.NaN : value === '12.5' ? 12.5 : undefined;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : Number.NaN;
  return undefined;
}

function collectNames(schema: unknown, names = new Map<string, unknown>()): Map<string, unknown> {
  if (Array.isArray(schema)) for (const branch of schema) collectNames(branch, names);
  else if (typeof schema === 'object' && schema !== null) {
    const { name, fields, items, values } = schema as Record<string, unknown>;
    if (typeof name === 'string') names.set(name, schema);
    for (const field of (fields ?? []) as { type: unknown }[]) collectNames(field.type, names);
    for (const inner of [items, values]) if (inner !== undefined) collectNames(inner, names);
  }
  return names;
}

/** Random schema, random needed paths (up to three, possibly equal), random values. */
const cases = fc.record({
  schema: recordSchemas(),
  picks: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
  seed: fc.nat(),
});

function draw(schema: Record<string, unknown>, picks: readonly number[], seed: number) {
  let state = seed | 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
  const paths = pathsOf(schema);
  const needs: SourceNeeds = { fields: picks.map((pick) => paths[pick % paths.length]!) };
  const values = Array.from({ length: 5 }, () => drawValue(schema, random, collectNames(schema)));
  return { needs, values, random };
}

test('columns equal what avsc decodes, for any schema and any fields', () => {
  let supported = 0;
  fc.assert(
    fc.property(cases, ({ schema, picks, seed }) => {
      const { needs, values } = draw(schema, picks, seed);
      if (!(compileAvro(schema, needs) instanceof AvroReader)) return;
      supported++;
      const type = avscType(schema);
      const encoded = values.map((value) => type.toBuffer(value));
      const got = read(schema, needs, encoded);
      encoded.forEach((bytes, i) => {
        const names = collectNames(schema);
        const expected = needs.fields.map((path) =>
          expectedNumber(schema, type.fromBuffer(bytes), path.split('.'), names),
        );
        if (expected.includes(undefined)) assert.equal(got.reasons[i], REASON.noNumber);
        else {
          assert.equal(got.reasons[i], REASON.none);
          assert.deepEqual(
            got.fields.map((column) => column[i]),
            expected,
          );
        }
      });
    }),
    { numRuns: 600 },
  );
  assert.ok(supported > 200, `only ${supported} of the drawn cases were readable`);
});

test('no corrupt value makes it throw, or read outside of its range', () => {
  fc.assert(
    fc.property(cases, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(), (drawn, edits, cut) => {
      const { needs, values } = draw(drawn.schema, drawn.picks, drawn.seed);
      if (!(compileAvro(drawn.schema, needs) instanceof AvroReader)) return;
      const type = avscType(drawn.schema);
      const encoded = values.map((value) => {
        const bytes = Uint8Array.from(type.toBuffer(value));
        for (const [at, byte] of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return cut % 3 === 0 ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes;
      });
      const inside = read(drawn.schema, needs, encoded);
      // The same values alone, each in a buffer of just its size: nothing outside can have been read.
      encoded.forEach((bytes, i) => {
        const alone = read(drawn.schema, needs, [bytes]);
        assert.equal(alone.reasons[0], inside.reasons[i]);
        if (alone.reasons[0] === REASON.none) {
          assert.deepEqual(
            alone.fields.map((column) => column[0]),
            inside.fields.map((column) => column[i]),
          );
        }
      });
    }),
    { numRuns: 600 },
  );
});

const READING = {
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'sensor_id', type: 'string' },
    { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'value', type: ['null', 'double'] },
  ],
};
const READING_NEEDS = { key: 'sensor_id', time: 'ts', fields: ['value'] };

function reading(sensor: string, ts: number, value: number | null): Buffer {
  return avscType(READING).toBuffer({ sensor_id: sensor, ts, value: value === null ? null : { double: value } });
}

test('a reading: key, time and nullable value', () => {
  const got = read(READING, READING_NEEDS, [reading('a', 1_735_689_600_123, 1.5), reading('é', -5, null)]);
  assert.deepEqual(got.reasons, [0, 0]);
  assert.deepEqual(got.keys, ['a', 'é']);
  assert.deepEqual(got.times, [1_735_689_600_123, -5]);
  assert.deepEqual(got.fields, [[1.5, Number.NaN]]);
});

test('every cut of a value is rejected, and so are bytes after it', () => {
  const whole = reading('sensor-00001', 1_735_689_600_123, 20.25);
  const cuts = Array.from({ length: whole.length }, (_, n) => whole.subarray(0, n));
  const got = read(READING, READING_NEEDS, [...cuts, Buffer.concat([whole, Buffer.of(0)])]);
  for (const reason of got.reasons.slice(0, -1)) assert.ok([REASON.cutShort, REASON.badLength].includes(reason as 4));
  assert.equal(got.reasons.at(-1), REASON.trailingBytes);
});

test('malformed values are rejected by name', () => {
  const field = (type: unknown) => ({ type: 'record', name: 'R', fields: [{ name: 'v', type }] });
  const reason = (type: unknown, ...bytes: number[]) =>
    read(field(type), { fields: ['v'] }, [Uint8Array.from(bytes)]).reasons[0];
  assert.equal(reason(['null', 'double'], 4), REASON.badUnion);
  assert.equal(reason(['null', 'double'], 1), REASON.badUnion);
  assert.equal(reason(['null', 'double'], 0), REASON.none);
  assert.equal(reason('boolean', 2), REASON.badBoolean);
  assert.equal(reason({ type: 'enum', name: 'E', symbols: ['A'] }, 2), REASON.badEnum);
  assert.equal(reason({ type: 'enum', name: 'E', symbols: ['A'] }, 1), REASON.badEnum);
  assert.equal(reason('int', 0xff, 0xff, 0xff, 0xff, 0x0f), REASON.none);
  assert.equal(reason('int', 0xff, 0xff, 0xff, 0xff, 0x1f), REASON.badVarint);
  assert.equal(reason('int', 0x80, 0x80, 0x80, 0x80, 0x80, 0), REASON.badVarint);
  assert.equal(reason('long', ...Array<number>(9).fill(0xff), 1), REASON.none);
  assert.equal(reason('long', ...Array<number>(9).fill(0xff), 2), REASON.badVarint);
  assert.equal(reason('string', 1), REASON.badLength);
  assert.equal(reason('string', 2, 120), REASON.noNumber);
  assert.equal(reason('string', 4, 49), REASON.badLength);
  assert.equal(reason(['string', 'bytes'], 2, 0), REASON.noNumber);
});

test('arrays and maps are stepped over, blocks with a size included; none makes it loop', () => {
  const schema = (type: unknown) => ({
    type: 'record',
    name: 'R',
    fields: [
      { name: 'skipped', type },
      { name: 'v', type: 'int' },
    ],
  });
  const one = (type: unknown, ...bytes: number[]) => {
    const { reasons, fields } = read(schema(type), { fields: ['v'] }, [Uint8Array.from(bytes)]);
    return reasons[0] === 0 ? fields[0]![0] : -reasons[0]!;
  };
  const longs = { type: 'array', items: 'long' };
  assert.equal(one(longs, 4, 2, 4, 2, 6, 0, 14), 7);
  assert.equal(one(longs, 3, 4, 2, 4, 2, 6, 0, 14), 7);
  assert.equal(one(longs, 3, 10, 2, 4, 0, 14), -REASON.badLength);
  assert.equal(one(longs, 3, 3, 2, 4, 0, 14), -REASON.badLength);
  assert.equal(one({ type: 'map', values: 'double' }, 2, 2, 107, 0, 0, 0, 0, 0, 0, 0, 0, 0, 14), 7);
  const nulls = { type: 'array', items: 'null' };
  const huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
  assert.equal(one(nulls, ...huge, 0, 14), 7);
  assert.equal(one(longs, ...huge, 0, 14), -REASON.cutShort);
  assert.equal(one({ type: 'array', items: 'double' }, ...huge, 0, 14), -REASON.badLength);
});

test('a recursive value is stepped over, and rejected when it is nested too deep', () => {
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      {
        name: 'list',
        type: { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] },
      },
      { name: 'v', type: 'int' },
    ],
  };
  const value = (depth: number) => Uint8Array.from([...Array<number>(depth).fill(2), 0, 14]);
  const got = read(schema, { fields: ['v'] }, [value(50), value(100_000)]);
  assert.deepEqual(got.reasons, [REASON.none, REASON.tooDeep]);
  assert.equal(got.fields[0]![0], 7);
  assert.deepEqual(read(schema, { fields: ['list.next.next.v', 'v'] }, [value(3)]).missing, ['list.next.next.v']);
});

test('times of every type, as epoch milliseconds', () => {
  const time = (type: unknown, value: unknown, timeUnit?: 's' | 'ms' | 'us') => {
    const schema = { type: 'record', name: 'R', fields: [{ name: 't', type }] };
    const encoded = avscType(schema).toBuffer({ t: value });
    return read(schema, { time: 't', fields: [], ...(timeUnit && { timeUnit }) }, [encoded]).times[0];
  };
  const ms = 1_735_689_600_123;
  assert.equal(time({ type: 'long', logicalType: 'timestamp-millis' }, ms), ms);
  assert.equal(time({ type: 'long', logicalType: 'local-timestamp-millis' }, -1), -1);
  assert.equal(time({ type: 'long', logicalType: 'timestamp-micros' }, ms * 1000 + 250), ms + 0.25);
  assert.equal(time({ type: 'int', logicalType: 'date' }, 20_089), 20_089 * 86_400_000);
  assert.equal(time('long', 1_735_689_600), 1_735_689_600_000);
  assert.equal(time('long', ms), ms);
  assert.equal(time('long', ms * 1000), ms);
  assert.equal(time('long', 1000, 'ms'), 1000);
  assert.equal(time('double', 1_735_689_600.25), 1_735_689_600_250);
  assert.equal(time('string', '2025-01-01T00:00:00.123Z'), ms);
  assert.equal(time('string', '1735689600'), 1_735_689_600_000);
  assert.ok(Number.isNaN(time('string', 'yesterday')));
});

test('a long of any length is the nearest double', () => {
  const schema = { type: 'record', name: 'R', fields: [{ name: 'v', type: 'long' }] };
  const near = fc.tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -3, max: 3 }), fc.boolean());
  const longs = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    // Around the values where the encoding takes another byte, or a double loses its last digit.
    near.map(([bits, more, negative]) =>
      BigInt.asIntN(64, (negative ? -1n : 1n) * (2n ** BigInt(bits) + BigInt(more))),
    ),
  );
  fc.assert(
    fc.property(fc.array(longs, { minLength: 1, maxLength: 20 }), (values) => {
      const got = read(schema, { fields: ['v'] }, values.map(encodeLong));
      assert.deepEqual(got.fields[0], values.map(Number));
    }),
    { numRuns: 300 },
  );
});

test('keys of every type; a long beyond 2^53 keeps its last digit', () => {
  const keysOf = (type: unknown, ...encoded: Uint8Array[]) =>
    read({ type: 'record', name: 'R', fields: [{ name: 'k', type }] }, { key: 'k', fields: [] }, encoded).keys;
  const values = [0n, 7n, -10n, 99n, 100n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n - 1n];
  assert.deepEqual(
    keysOf('long', ...values.map(encodeLong)),
    values.map((value) => value.toString()),
  );
  assert.deepEqual(keysOf({ type: 'fixed', name: 'F', size: 2 }, Buffer.from('ab')), ['ab']);
  assert.deepEqual(keysOf({ type: 'enum', name: 'E', symbols: ['LEFT', 'RIGHT'] }, Uint8Array.of(2)), ['RIGHT']);
  assert.deepEqual(keysOf(['null', 'string', 'int'], Uint8Array.of(0), Uint8Array.of(2, 2, 97), Uint8Array.of(4, 8)), [
    null,
    'a',
    '4',
  ]);
});

test('decimals of bytes and fixed', () => {
  const decimal = (type: unknown, ...bytes: number[]) =>
    read({ type: 'record', name: 'R', fields: [{ name: 'v', type }] }, { fields: ['v'] }, [Uint8Array.from(bytes)])
      .fields[0]![0];
  const bytes = { type: 'bytes', logicalType: 'decimal', precision: 8, scale: 2 };
  assert.equal(decimal(bytes, 4, 0x04, 0xd2), 12.34);
  assert.equal(decimal(bytes, 4, 0xfb, 0x2e), -12.34);
  assert.equal(decimal(bytes, 0), 0);
  // Beyond all doubles: no measurement, of either sign.
  for (const first of [0x7f, 0x80]) {
    assert.deepEqual(decimal({ ...bytes, type: 'fixed', name: 'D', size: 200 }, first, ...Array(199).fill(0)), NaN);
  }
  assert.equal(decimal({ ...bytes, type: 'fixed', name: 'D', size: 3 }, 0xff, 0xff, 0xff), -0.01);
});

test('one field may serve as key, time and several columns', () => {
  const schema = { type: 'record', name: 'R', fields: [{ name: 'n', type: ['null', 'long'] }] };
  const value = avscType(schema).toBuffer({ n: { long: 1_735_689_600 } });
  const got = read(schema, { key: 'n', time: 'n', fields: ['n', 'n'] }, [value]);
  assert.deepEqual(got.keys, ['1735689600']);
  assert.deepEqual(got.times, [1_735_689_600_000]);
  assert.deepEqual(got.fields, [[1_735_689_600], [1_735_689_600]]);
});

test('shapes beyond are unsupported by reason, missing fields are named, and no schema is an error', () => {
  const record = (type: unknown) => ({ type: 'record', name: 'R', fields: [{ name: 'a', type }] });
  const reason = (type: unknown, needs: SourceNeeds) => {
    const result = compileAvro(record(type), needs);
    return 'unsupported' in result ? result.unsupported : result.missing.join();
  };
  assert.equal(reason({ type: 'array', items: 'int' }, { fields: ['a.0'] }), 'a.0 is in an array');
  assert.equal(reason({ type: 'map', values: 'int' }, { fields: ['a.x'] }), 'a.x is in a map');
  assert.equal(reason(['null', { type: 'map', values: 'int' }], { fields: ['a.x'] }), 'a.x is in a map');
  assert.equal(reason('bytes', { fields: ['a'] }), 'a is of type bytes');
  assert.equal(reason('int', { fields: ['a.b'] }), 'a.b is below a field of type int');
  assert.equal(reason('int', { key: 'id', fields: ['a'] }), 'the schema has no field id');
  assert.equal(
    reason({ type: 'long', logicalType: 'time-micros' }, { time: 'a', fields: [] }),
    'a is of type long (time-micros)',
  );
  assert.equal(reason('int', { fields: ['b', 'a'] }), 'b');
  assert.throws(() => compileAvro(record('Nope'), { fields: ['a'] }), { code: 'ANM_SCHEMA_INVALID' });
  assert.throws(() => compileAvro(7, { fields: ['a'] }), { code: 'ANM_SCHEMA_INVALID' });
});
