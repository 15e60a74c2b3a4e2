import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type avsc from 'avsc';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { WIRE_HEADER_BYTES, writeWireHeader } from '../../src/clients/registry.ts';
import { startWorld, type World } from '../helpers/world.ts';

/**
 * The contract of pipes: whatever the shape of keys and values, `replay | window | score` writes the records that `run`
 * writes, byte by byte and partition by partition.
 */
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

type Reading = { readonly i: number; readonly series: number; readonly timeMs: number; readonly value: number };

interface Shape {
  readonly name: string;
  /** Avro type of each field of the value; the values that are no Avro are made by `bytes`. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly of?: (reading: Reading) => Record<string, unknown>;
  readonly bytes?: (reading: Reading) => Buffer | null;
  readonly key?: (reading: Reading) => Buffer | null;
  readonly flags?: readonly string[];
  /** Some of the readings are dead letters. */
  readonly bad?: boolean;
  readonly byRecordTime?: boolean;
}

const START = Date.UTC(2026, 0, 1);
const RECORDS = 240;
const millis = { type: 'long', logicalType: 'timestamp-millis' };
const micros = { type: 'long', logicalType: 'timestamp-micros' };
const textKey = ({ series }: Reading) => Buffer.from(`s${series}`);
const javaLong = (value: number | bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
};
const decimal = (value: number, size: number) => {
  const bytes = Buffer.alloc(size);
  bytes.writeIntBE(Math.round(value * 100), 0, size);
  return bytes;
};
const valued = (type: unknown, of: (value: number) => unknown, name: string): Shape => ({
  name,
  fields: { ts: millis, value: type },
  of: ({ timeMs, value }) => ({ ts: timeMs, value: of(value) }),
});
const timed = (type: unknown, of: (timeMs: number) => unknown, name: string): Shape => ({
  name,
  fields: { ts: type, value: 'double' },
  of: ({ timeMs, value }) => ({ ts: of(timeMs), value }),
});
const keyed = (type: unknown, of: (series: number) => unknown, name: string): Shape => ({
  name,
  fields: { ts: millis, value: 'double', id: type },
  of: ({ timeMs, value, series }) => ({ ts: timeMs, value, id: of(series) }),
  flags: ['--key', 'id'],
});
const recordKeyed = (key: (reading: Reading) => Buffer | null, name: string, bad = false): Shape => ({
  ...valued('double', (value) => value, name),
  key,
  bad,
});
const enumOf = (name: string) => ({ type: 'enum', name, symbols: ['S0', 'S1', 'S2', 'S3'] });

const SHAPES: readonly Shape[] = [
  valued('int', Math.round, 'int'),
  valued('long', Math.round, 'long'),
  valued('long', (value) => 2 ** 53 - 2 + Math.round(value), 'long beyond a double'),
  valued('float', (value) => value, 'float'),
  valued('double', (value) => (value === 0 ? -0 : value), 'double'),
  valued('boolean', (value) => value > 50, 'boolean'),
  valued('string', (value) => value.toFixed(2), 'number in a string'),
  valued({ type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }, (value) => decimal(value, 4), 'decimal'),
  valued(
    { type: 'fixed', name: 'D', size: 4, logicalType: 'decimal', precision: 9, scale: 2 },
    (value) => decimal(value, 4),
    'fixed decimal',
  ),
  valued(enumOf('E'), (value) => `S${Math.abs(Math.round(value)) % 4}`, 'enum'),
  valued(['null', 'double'], (value) => (value < 1 ? null : value), 'nullable'),
  valued(['int', 'double'], (value) => ({ double: value }), 'union of numbers'),
  valued(['null', 'long', 'string'], (value) => (value > 50 ? value.toFixed(1) : 7), 'wide union'),
  valued({ type: 'long', logicalType: 'timestamp-millis' }, (value) => Math.round(value), 'time as a number'),
  valued('double', (value) => (value < 1 ? Number.NaN : value), 'NaN'),
  valued('bytes', () => Buffer.from([200, 201]), 'bytes, which are no number'),
  timed(millis, (timeMs) => timeMs - START, 'millis below 1e11'),
  timed(micros, (timeMs) => timeMs * 1000 + 7, 'micros'),
  timed({ type: 'long', logicalType: 'timestamp-nanos' }, (timeMs) => timeMs * 1e6, 'nanos'),
  timed('double', (timeMs) => timeMs / 1000, 'seconds in a double'),
  timed('string', (timeMs) => new Date(timeMs).toISOString(), 'ISO time'),
  timed({ type: 'int', logicalType: 'date' }, (timeMs) => Math.floor(timeMs / 86_400_000), 'date'),
  timed(['null', millis], (timeMs) => timeMs, 'nullable time'),
  keyed('string', (series) => `s${series}`, 'string key'),
  keyed(['null', 'string'], (series) => `s${series}`, 'nullable key'),
  keyed('long', (series) => 2n ** 60n + BigInt(series), 'long key beyond 2^53'),
  keyed('int', (series) => series, 'int key'),
  keyed('bytes', (series) => Buffer.from([200 + series, 0]), 'bytes key'),
  keyed({ type: 'fixed', name: 'Id', size: 3 }, (series) => Buffer.from([255, 254, series]), 'fixed key'),
  keyed(enumOf('K'), (series) => `S${series}`, 'enum key'),
  recordKeyed(({ series }) => javaLong(199 + series), 'Java long as record key'),
  recordKeyed(({ series }) => Buffer.from([0xc3, series]), 'wrong UTF-8 as record key'),
  recordKeyed((reading) => (reading.i % 20 === 0 ? null : textKey(reading)), 'null record keys', true),
  {
    name: 'nested path, and all that is skipped',
    fields: {
      tags: { type: 'map', values: 'string' },
      pump: {
        type: 'record',
        name: 'Pump',
        fields: [
          { name: 'list', type: { type: 'array', items: ['null', 'bytes'] } },
          {
            name: 'flow',
            type: ['null', { type: 'record', name: 'Flow', fields: [{ name: 'rate', type: 'double' }] }],
          },
        ],
      },
      ts: millis,
    },
    of: ({ timeMs, value }) => ({
      tags: { b: 'x', a: 'y', 7: 'z' },
      pump: { list: [Buffer.from([255]), null], flow: value < 1 ? null : { rate: value } },
      ts: timeMs,
    }),
    flags: ['--field', 'rate=pump.flow.rate'],
  },
  {
    name: 'in an array, by avsc',
    fields: { ts: millis, values: { type: 'array', items: 'double' } },
    of: ({ timeMs, value }) => ({ ts: timeMs, values: [0, value] }),
    flags: ['--field', 'v=values.1'],
  },
  {
    name: 'two fields and the record time',
    fields: { a: 'double', b: ['null', 'long'] },
    of: ({ value, i }) => ({ a: value, b: i % 3 === 0 ? null : i }),
    flags: ['--field', 'a', '--field', 'b'],
    byRecordTime: true,
  },
  { name: 'JSON', bytes: ({ timeMs, value }) => Buffer.from(`{ "ts": ${timeMs}, "value": ${value} }`) },
  {
    name: 'JSON with paths, texts and names',
    bytes: ({ timeMs, value, series }) =>
      Buffer.from(JSON.stringify({ ts: new Date(timeMs), pump: { id: series, value: String(value) }, 'a.b': 1 })),
    flags: ['--key', 'pump.id', '--field', 'value=pump.value', '--field', 'ab=a.b'],
  },
  {
    name: 'JSON with rubbish between',
    bytes: ({ timeMs, value, i }) =>
      i % 24 === 5
        ? [Buffer.from('no json'), Buffer.from([255, 254]), Buffer.from('[1]'), null][(i / 24) & 3]!
        : Buffer.from(JSON.stringify({ ts: timeMs, value })),
    bad: true,
  },
  {
    name: 'CSV',
    bytes: ({ timeMs, value, series }) => Buffer.from(`"s,${series}",${value.toFixed(3)},${timeMs}\r\n`),
    flags: ['--format', 'csv', '--columns', 'id,value,ts', '--key', 'id'],
  },
  timed(millis, (timeMs) => timeMs - (timeMs % 170_000 === 0 ? 400_000 : 0), 'late records'),
];

/** Four series in two partitions, ten seconds apart, with a few spikes. */
function readings(partition: number): Reading[] {
  return Array.from({ length: RECORDS }, (_, i) => ({
    i,
    series: partition * 2 + (i % 2),
    timeMs: START + i * 10_000,
    value: (i * 7) % 5 === 0 ? 0 : 10 + ((i * 13) % 7) + (i === 100 || i === 171 ? 90 : 0),
  }));
}

async function sendShape(topic: string, shape: Shape): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 2 }]);
  let encode = shape.bytes;
  if (encode === undefined) {
    const fields = Object.entries(shape.fields!).map(([name, type]) => ({ name, type }));
    const schema = JSON.stringify({ type: 'record', name: 'R', fields });
    const { id } = await createRegistry({ urls: [world.registryUrl] }).register(`${topic}-value`, schema);
    const { avscType } = await import('../../src/schemas/avscType.ts');
    const type: avsc.Type = await avscType(schema, 'exact');
    encode = (reading) => {
      const body = type.toBuffer(shape.of!(reading));
      const bytes = Buffer.alloc(WIRE_HEADER_BYTES + body.length);
      writeWireHeader(bytes, 0, id);
      body.copy(bytes, WIRE_HEADER_BYTES);
      return bytes;
    };
  }
  const producer = await world.client.createProducer();
  for (const partition of [0, 1]) {
    for (const reading of readings(partition)) {
      const key = (shape.key ?? textKey)(reading);
      const value = encode(reading);
      const at = START + reading.i * 10_000;
      producer.append(topic, partition, at, key, 0, key?.length ?? -1, value, 0, value?.length ?? -1);
    }
  }
  await producer.flush();
  await producer.close();
}

/** Keys, values and timestamps as they are, by partition. */
async function rawTopic(topic: string): Promise<string[][]> {
  const partitions = [0, 1].map((partition) => ({ topic, partition }));
  const ends = await world.client.admin.listOffsets(partitions, 'latest');
  const consumer = await world.client.createConsumer();
  const records: string[][] = [[], []];
  try {
    await consumer.assign(partitions.map((each) => ({ ...each, offset: 0 })));
    while (ends.some(({ partition, offset }) => consumer.position(topic, partition) < offset)) {
      const batch = await consumer.poll(1000);
      for (let i = 0; batch !== null && i < batch.count; i++) {
        const bytes = Buffer.from(batch.bytes);
        const hex = (start: number, end: number) => (start < 0 ? 'null' : bytes.toString('hex', start, end));
        const [key, value] = [hex(batch.keyStart[i]!, batch.keyEnd[i]!), hex(batch.valueStart[i]!, batch.valueEnd[i]!)];
        records[batch.partition]!.push(`${batch.recordTimes[i]} ${key} ${value}`);
      }
    }
  } finally {
    await consumer.close();
  }
  return records;
}

async function must(argv: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await world.run(argv, stdin === undefined ? {} : { stdin });
  assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
  return stdout;
}

const SCORE = ['--detector', 'rolling-z', '--threshold', '2'];

let alertCount = 0;

for (const [index, shape] of SHAPES.entries()) {
  test(`pipes give what run gives: ${shape.name}`, async () => {
    const topic = `shape-${index}`;
    await sendShape(topic, shape);
    const time = shape.byRecordTime ? [] : ['--time', 'ts'];
    const flags = [
      ...(shape.flags ?? []),
      ...time,
      '--max-ahead',
      'off',
      '--out-of-orderness',
      '30s',
      '--max-bad-rate',
      '1',
    ];
    const on = 'w1m.mean';
    await must(['run', '--topic', topic, ...flags, '--window', '1m', ...SCORE, '--on', on, '--until', 'end']);

    const records = await must(['replay', topic]);
    const sinks = ['-X', `sinks.dead_letters=${topic}.piped-dlq`, '-X', `sinks.late=${topic}.piped-late`];
    const windowing = [...flags, '--size', '1m'];
    const pipedAll = shape.name === 'bytes, which are no number';
    const piped = await world.run(['window', '-', ...windowing, '--to', `${topic}.piped`, ...sinks], {
      stdin: records,
    });
    assert.equal(piped.code, pipedAll ? 5 : 0, piped.stderr);
    const lines = (await world.run(['window', '-', ...windowing, '--to', '-'], { stdin: records })).stdout;

    const windows = await rawTopic(`${topic}.windows`);
    assert.deepEqual(await rawTopic(`${topic}.piped`), windows);
    assert.ok(pipedAll || windows.flat().length > 0);
    const letters = await rawTopic(`${topic}.dlq`);
    assert.equal(letters.flat().length > 0, shape.bad === true || pipedAll);
    assert.deepEqual(
      (await rawTopic(`${topic}.piped-dlq`)).map((each) => each.length),
      letters.map((each) => each.length),
    );
    assert.deepEqual(
      (await rawTopic(`${topic}.piped-late`)).map((each) => each.length),
      (await rawTopic(`${topic}.late`)).map((each) => each.length),
    );
    if (pipedAll) return;
    await must(['score', '-', ...SCORE, '--on', on, '--to', `${topic}.piped-alerts`, ...sinks], lines);
    const alerts = await rawTopic(`${topic}.anomalies`);
    alertCount += alerts.flat().length;
    assert.deepEqual(await rawTopic(`${topic}.piped-alerts`), alerts);
    const scored = ['--to', `${topic}.scored`, ...sinks, '--until', 'end', ...SCORE, '--on', on];
    await must(['score', `${topic}.windows`, ...scored]);
    assert.deepEqual(await rawTopic(`${topic}.scored`), alerts);
    // Records scored one by one, without a stage between.
    const each = [...flags, ...SCORE, '--on', 'record'];
    await must([
      'run',
      '--topic',
      topic,
      ...each,
      '-X',
      `sinks.anomalies=${topic}.each`,
      '--group',
      `${topic}-each`,
      '--until',
      'end',
    ]);
    await must(['score', '-', ...each, '--to', `${topic}.piped-each`, ...sinks], records);
    assert.deepEqual(await rawTopic(`${topic}.piped-each`), await rawTopic(`${topic}.each`));
  });
}

test('the shapes had alerts to compare', () => assert.ok(alertCount > SHAPES.length, `${alertCount} alerts`));
