import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SchemaRegistry } from '../../src/clients/registry.ts';
import { ValueReader } from '../../src/commands/valueReader.ts';
import { startWorld, type World } from '../helpers/world.ts';

const FOREIGN = fileURLToPath(new URL('../inputs/foreign', import.meta.url));
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** A registry that knows these schemas and nothing else, and counts what it is asked. */
function registryOf(schemas: Readonly<Record<number, { type: string; schema: string }>>) {
  let asked = 0;
  const schemaById = async (id: number) => {
    asked++;
    const found = schemas[id];
    if (found === undefined) throw new Error(`schema ${id} is not there`);
    return found;
  };
  return { registry: { schemaById } as unknown as SchemaRegistry, asked: () => asked };
}

const framed = (id: number, payload: readonly number[] | string) =>
  Buffer.concat([Buffer.from([0, 0, 0, 0, id]), Buffer.from(payload as string)]);

test('other schema types are named, never shown as something that they are not', async () => {
  const { registry, asked } = registryOf({
    1: { type: 'PROTOBUF', schema: 'syntax = "proto3"; message M { string a = 1; }' },
    2: { type: 'JSON', schema: '{"type":"object"}' },
    3: { type: 'AVRO', schema: '"string"' },
    4: { type: 'AVRO', schema: '{"type":"record"}' },
  });
  const reader = new ValueReader(registry);
  const read = (bytes: Buffer) => reader.read(bytes, 0, bytes.length);
  const protobuf = framed(1, [0, 10, 1, 97]);
  assert.deepEqual(await read(protobuf), {
    ...{ schemaId: 1, encoding: 'base64', value: protobuf.toString('base64') },
    problem: 'schema 1 is PROTOBUF, which is not decoded: the value is the whole record',
  });
  assert.deepEqual(await read(framed(2, '{"n":9007199254740993}')), {
    ...{ schemaId: 2, encoding: 'json', value: { n: '9007199254740993' } },
  });
  assert.match((await read(framed(2, 'no JSON'))).problem!, /does not fit schema 2/);
  assert.deepEqual(await read(framed(3, [2, 97])), { schemaId: 3, encoding: 'avro', value: 'a' });
  assert.match((await read(framed(3, [2, 97, 0]))).problem!, /1 bytes are left over/);
  assert.match((await read(framed(3, [8, 97]))).problem!, /a length of 4 bytes at byte 5, where 1 are left/);
  assert.match((await read(framed(4, [0]))).problem!, /invalid Avro schema/);
  assert.match((await read(framed(9, [0]))).problem!, /schema 9 is not there/);
  await read(framed(9, [0]));
  assert.equal(asked(), 5, 'a schema is asked for once, there or not');
});

test('headers are text, null, base64 or a list; keys say how they are encoded', async () => {
  await world.client.admin.createTopics([{ name: 'headers', partitions: 1 }]);
  const producer = await world.client.createProducer();
  const key = Buffer.from([0xff, 0x00]);
  const headers = [
    { key: 'text', value: Buffer.from('é') },
    { key: 'raw', value: Buffer.from([0xff]) },
    { key: 'none', value: null },
    { key: 'twice', value: Buffer.from('a') },
    { key: 'twice', value: Buffer.from('b') },
  ];
  producer.append('headers', 0, 0, key, 0, key.length, null, -1, -1, headers);
  await producer.flush();
  await producer.close();
  const { stdout } = await world.run(['tail', 'headers', '--offset', 'start', '-o', 'json']);
  const row = JSON.parse(stdout);
  assert.deepEqual(row.headers, { text: 'é', raw: { base64: '/w==' }, none: null, twice: ['a', 'b'] });
  assert.deepEqual([row.key, row.key_encoding, row.value, row.encoding], ['/wA=', 'base64', null, 'null']);
});

test('replay reads Parquet and Avro files as well', async () => {
  const lines = async (file: string) => {
    const { code, stdout, stderr } = await world.run(['replay', `${FOREIGN}/${file}`, '--time', 'ts']);
    assert.equal(code, 0, stderr);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter((line) => line.type === 'record')
      .map(({ record_time, value, value_text }) => ({ record_time, value: value ?? JSON.parse(value_text) }));
  };
  const parquet = await lines('types.zstd.parquet');
  assert.deepEqual(
    parquet.map((line) => line.value.dec9),
    ['1.05', '-0.01', null, '9999999.99', '0.00'],
  );
  assert.equal(parquet[0]!.record_time, 1767225600000);
  const avro = await lines('readings.snappy.avro');
  assert.deepEqual(
    avro.map((line) => line.record_time),
    Array.from({ length: 40 }, (_, i) => 1767225600000 + i),
  );
  assert.equal(avro[0]!.value.cost, '-0.05');
});
