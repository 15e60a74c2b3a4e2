// What `produce` puts into a topic, `tail` gives back: values of every type, drawn at random.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import avsc from 'avsc';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { compressZstd, prepareZstd } from '../../src/wire/zstd.ts';
import { avscType, drawValue, recordSchemas } from '../engine/decode/schemas.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { seeded } from '../invariants/helpers/readings.ts';

let world: World;
let topics = 0;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function roundTrip(file: string, content: string | Uint8Array, ...args: string[]): Promise<unknown[]> {
  const topic = `round-${++topics}`;
  writeFileSync(join(world.dir, file), content);
  const base = ['produce', file, '--topic', topic, '--order', 'file', '--keyless', '--max-errors', '0'];
  const produced = await world.run([...base, ...args, '-o', 'json']);
  assert.equal(produced.code, 0, produced.stderr);
  return await tail(topic);
}

async function tail(topic: string): Promise<unknown[]> {
  const { stdout } = await world.run(['tail', topic, '--offset', 'start', '-o', 'json']);
  const rows = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  for (const row of rows) assert.equal(row.problem, undefined);
  return rows.map((row) => row.value);
}

/** A container file of one block, values as avsc writes them. */
function containerOf(schema: unknown, values: readonly unknown[], codec: 'null' | 'deflate'): Buffer {
  const type = avscType(schema);
  const long = avsc.Type.forSchema('long');
  const meta = { 'avro.schema': Buffer.from(JSON.stringify(schema)), 'avro.codec': Buffer.from(codec) };
  const sync = Buffer.alloc(16, 7);
  const body = Buffer.concat(values.map((value) => type.toBuffer(value)));
  const packed = codec === 'null' ? body : deflateRawSync(body);
  return Buffer.concat([
    ...[Buffer.from('Obj\u0001'), avsc.Type.forSchema({ type: 'map', values: 'bytes' }).toBuffer(meta), sync],
    ...[long.toBuffer(values.length), long.toBuffer(packed.length), packed, sync],
  ]);
}

const SCALARS = new Set(['int', 'long', 'float', 'double', 'bytes', 'string', 'fixed', 'enum']);

/** What `tail` has to print of a value in avsc's wrapped form: the rules of docs, put another way. */
function shown(schema: unknown, value: unknown, names: Map<string, unknown>): unknown {
  if (typeof schema === 'string' && names.has(schema)) return shown(names.get(schema), value, names);
  const attributes = schema as Record<string, unknown>;
  const type = typeof schema === 'string' ? schema : Array.isArray(schema) ? 'union' : (attributes['type'] as string);
  if (typeof attributes['name'] === 'string') names.set(attributes['name'], schema);
  switch (type) {
    case 'long':
      return Number.isSafeInteger(value) ? value : String(BigInt(value as number));
    case 'float':
    case 'double':
      return Number.isFinite(value) ? value : String(value);
    case 'bytes':
    case 'fixed':
      return (value as Buffer).toString('base64');
    case 'array':
      return (value as unknown[]).map((item) => shown(attributes['items'], item, names));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as object).map(([key, item]) => [key, shown(attributes['values'], item, names)]),
      );
    case 'union': {
      for (const branch of schema as unknown[])
        if (typeof branch === 'object') names.set((branch as { name: string }).name, branch);
      if (value === null) return null;
      const [[name, inner]] = Object.entries(value as object) as [[string, unknown]];
      const branches = (schema as unknown[]).filter((branch) => branch !== 'null');
      const chosen = branches.find((branch) => nameOf(branch) === name)!;
      const plain = shown(chosen, inner, names);
      const alike = branches.filter((branch) => sortOf(branch, names) === sortOf(chosen, names));
      return alike.length > 1 ? { [name]: plain } : plain;
    }
    case 'record': {
      const fields = attributes['fields'] as { name: string; type: unknown }[];
      return Object.fromEntries(
        fields.map(({ name, type: inner }) => [name, shown(inner, (value as Record<string, unknown>)[name], names)]),
      );
    }
    default:
      return value;
  }
}

function nameOf(branch: unknown): unknown {
  if (typeof branch === 'string') return branch;
  const { name, type } = branch as { name?: unknown; type: unknown };
  return name ?? type;
}

function sortOf(branch: unknown, names: Map<string, unknown>): string {
  const known = typeof branch === 'string' && names.has(branch) ? names.get(branch) : branch;
  const type = typeof known === 'string' ? known : (known as { type: string }).type;
  if (SCALARS.has(type)) return 'scalar';
  return type === 'map' || type === 'record' ? 'object' : type;
}

test('Avro container files of any schema', async () => {
  const drawn = fc.tuple(recordSchemas(), fc.integer({ min: 1, max: 1e9 }), fc.constantFrom('null', 'deflate'));
  await fc.assert(
    fc.asyncProperty(drawn, async ([{ fields, ...record }, seed, codec]) => {
      // An event time of its own: those that are drawn may be beyond any calendar.
      const schema = { ...record, fields: [{ name: 'ts', type: 'long' }, ...(fields as object[])] };
      const random = seeded(seed);
      const draw = () => drawValue(schema, (below) => Math.floor(random() * below)) as object;
      const values = Array.from({ length: 5 }, (_, i) => ({ ...draw(), ts: 1_767_225_600_000 + i }));
      assert.deepEqual(
        await roundTrip('any.avro', containerOf(schema, values, codec), '--time', 'ts'),
        values.map((value) => JSON.parse(JSON.stringify(shown(schema, value, new Map())))),
      );
    }),
    { numRuns: 60 },
  );
});

const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\r', ',', '\u0000', ' ', 'é', '🙂', '\ufeff'), maxLength: 6 }),
);
const rows = fc.array(
  fc.record({
    ts: fc.date({ min: new Date('1950-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }),
    long: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    double: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0.5 - 0.5 || 0.5)),
    flag: fc.option(fc.boolean()),
    text: fc.option(texts),
  }),
  { minLength: 1, maxLength: 6 },
);
const SCHEMA = {
  type: 'record',
  name: 'R',
  fields: [
    { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'long', type: ['null', 'long'] },
    { name: 'double', type: ['null', 'double'] },
    { name: 'flag', type: ['null', 'boolean'] },
    { name: 'text', type: ['null', 'string'] },
  ],
};
const big = (value: bigint | null) =>
  value === null || Number.isSafeInteger(Number(value)) ? (value === null ? null : Number(value)) : String(value);

test('CSV, by a schema', async () => {
  writeFileSync(join(world.dir, 'r.avsc'), JSON.stringify(SCHEMA));
  await fc.assert(
    fc.asyncProperty(rows, async (drawn) => {
      const quoted = (text: string | null) => (text === null ? '' : `"${text.replaceAll('"', '""')}"`);
      const lines = drawn.map(
        ({ ts, long, double, flag, text }) =>
          `${ts.toISOString()},${long ?? ''},${double ?? ''},${flag ?? ''},${quoted(text)}\r\n`,
      );
      assert.deepEqual(
        await roundTrip('r.csv', `ts,long,double,flag,text\r\n${lines.join('')}`, '--schema', 'r.avsc', '--time', 'ts'),
        drawn.map(({ ts, long, ...rest }) => ({ ts: ts.getTime(), long: big(long), ...rest })),
      );
    }),
    { numRuns: 60 },
  );
});

/** JSON does not tell a double from a long: a whole number beyond 2^53 is a string either way. */
function asJson(row: object): unknown {
  return JSON.parse(JSON.stringify(row), (_, value) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(String(value)) ? String(value) : value,
  );
}

test('JSON Lines, by a schema and as it is', async () => {
  await fc.assert(
    fc.asyncProperty(rows, async (drawn) => {
      const lines = drawn.map(
        ({ ts, long, ...rest }) => `{"ts":"${ts.toISOString()}","long":${long},${JSON.stringify(rest).slice(1)}\n`,
      );
      const want = drawn.map(({ ts, long, ...rest }) => ({ ts: ts.getTime(), long: big(long), ...rest }));
      assert.deepEqual(await roundTrip('r.jsonl', lines.join(''), '--schema', 'r.avsc', '--time', 'ts'), want);
      assert.deepEqual(
        await roundTrip('r.jsonl', lines.join(''), '--format', 'json', '--time', 'ts'),
        want.map((row) => asJson({ ...row, ts: new Date(row.ts).toISOString() })),
      );
    }),
    { numRuns: 40 },
  );
});

test('Parquet, by its own types', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.constantFrom('UNCOMPRESSED', 'SNAPPY'),
      fc.integer({ min: 1, max: 4 }),
      async (drawn, codec, rowGroupSize) => {
        const buffer = parquetWriteBuffer({
          columnData: [
            { name: 'ts', data: drawn.map(({ ts }) => ts), type: 'TIMESTAMP', nullable: false },
            { name: 'long', data: drawn.map(({ long }) => long), type: 'INT64' },
            { name: 'double', data: drawn.map(({ double }) => double), type: 'DOUBLE' },
            { name: 'flag', data: drawn.map(({ flag }) => flag), type: 'BOOLEAN' },
            { name: 'text', data: drawn.map(({ text }) => text), type: 'STRING' },
          ],
          codec,
          rowGroupSize,
        });
        const got = await roundTrip('r.parquet', new Uint8Array(buffer));
        assert.deepEqual(
          got,
          drawn.map(({ ts, long, ...rest }) => ({ ts: ts.getTime(), long: big(long), ...rest })),
        );
      },
    ),
    { numRuns: 40 },
  );
});

test('files of all formats beside each other give one schema, in the order of their times', async () => {
  const schema = {
    type: 'record',
    name: 'A',
    fields: [
      { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'v', type: 'double' },
      { name: 'only', type: { type: 'array', items: 'int' } },
    ],
  };
  const at = (i: number) => Date.UTC(2026, 0, 1, 0, 0, i);
  const folder = join(world.dir, 'mixed');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'a.avro'),
    containerOf(
      schema,
      [0, 4].map((i) => ({ ts: at(i), v: i, only: [i] })),
      'null',
    ),
  );
  writeFileSync(
    join(folder, 'b.csv.gz'),
    gzipSync(`ts,v\n${new Date(at(1)).toISOString()},1\n${new Date(at(5)).toISOString()},5\n`),
  );
  writeFileSync(join(folder, 'c.jsonl'), [2, 6].map((i) => `{"ts":${at(i)},"v":${i}}\n`).join(''));
  writeFileSync(
    join(folder, 'd.parquet'),
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'ts', data: [3, 7].map((i) => new Date(at(i))), type: 'TIMESTAMP' },
          { name: 'v', data: [3, 7], type: 'DOUBLE' },
        ],
      }),
    ),
  );
  const topic = 'mixed';
  const produced = await world.run(['produce', 'mixed', '--topic', topic, '-o', 'json']);
  assert.equal(produced.code, 0, produced.stderr);
  const { stdout } = await world.run(['tail', topic, '--offset', 'start', '-o', 'json']);
  const values = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).value);
  assert.deepEqual(
    values.map(({ v }) => v),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  assert.deepEqual(
    values.map(({ series }) => series),
    ['a', 'b', 'c', 'd', 'a', 'b', 'c', 'd'],
  );
  assert.deepEqual(
    values.map(({ only }) => only),
    ['[0]', null, null, null, '[4]', null, null, null],
  );
  assert.deepEqual(
    values.map(({ ts }) => ts),
    [0, 1, 2, 3, 4, 5, 6, 7].map(at),
  );
});

test('standard input may be compressed, and may be an Avro file', async () => {
  const piped = async (topic: string, stdin: Uint8Array, ...args: string[]) => {
    const argv = ['produce', '-', '--topic', topic, '--keyless', ...args, '-o', 'json'];
    const run = await world.run(argv, { stdin });
    assert.equal(run.code, 0, run.stderr);
    return await tail(topic);
  };
  const csv = Buffer.from('ts,v\n2026-01-01T00:00:00.000Z,1\n');
  const want = [{ ts: 1767225600000, v: 1 }];
  assert.deepEqual(await piped('stdin-gz', gzipSync(csv)), want);
  await prepareZstd();
  assert.deepEqual(await piped('stdin-zst', Buffer.from(compressZstd(csv, 0, csv.length))), want);
  const line = Buffer.from('2026-01-01T00:00:00.000Z;1\n');
  assert.deepEqual(await piped('stdin-bare', line, '--input-format', 'csv', '--columns', 'ts,v'), want);
  const fields = [
    { name: 'ts', type: 'long' },
    { name: 'v', type: 'string' },
  ];
  const file = containerOf({ type: 'record', name: 'A', fields }, [{ ts: 1767225600000, v: 'é' }], 'deflate');
  assert.deepEqual(await piped('stdin-avro', file), [{ ts: 1767225600000, v: 'é' }]);
  assert.deepEqual(await piped('stdin-avro-gz', gzipSync(file)), [{ ts: 1767225600000, v: 'é' }]);
});
