import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import avsc from 'avsc';
import { startBroker } from '../../src/broker/broker.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { main } from '../../src/cli.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import type { SchemaRegistry } from '../../src/clients/registry.ts';
import { readSchemaId } from '../../src/clients/wireFormat.ts';
import { partitionForKey } from '../../src/wire/murmur2.ts';
import { folderOf } from '../inputs/helpers.ts';

const NAB = fileURLToPath(new URL('../../fixtures/nab', import.meta.url));
const HOUR = Array.from({ length: 12 }, (_, i) => `2014-04-01 00:${String(i * 5).padStart(2, '0')}:00`);

interface Sent {
  readonly partition: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: Buffer;
}

interface Outcome {
  readonly code: number;
  readonly json: Record<string, unknown>;
  readonly stdout: string;
  readonly stderr: string;
}

/** A broker and a registry, and `anomaly produce` against them in this process. */
async function startWorld(t: TestContext, files: Readonly<Record<string, string | Uint8Array>> = {}) {
  const cwd = await folderOf(t, files);
  const broker = await startBroker({ autoCreate: false });
  const server = await startRegistry({ port: 0 });
  const client = await connect({ brokers: [broker.address] });
  t.after(async () => {
    await client.close();
    await broker.close();
    await server.close();
  });
  const url = `http://127.0.0.1:${server.port}`;
  const registry = createRegistry({ urls: [url] });
  const signals = new EventEmitter();
  const run = async (
    args: readonly string[],
    { stdin = '', onWrite = () => {} }: RunOptions = {},
  ): Promise<Outcome> => {
    const stdout = new TextSink(onWrite);
    const stderr = new TextSink(onWrite);
    const io = { stdin: Readable.from([stdin]), stdout, stderr, env: { HOME: cwd }, cwd, now: Date.now, signals };
    const code = await main(['produce', ...args, '--brokers', broker.address, '--registry', url, '-o', 'json'], io);
    const json = stdout.text.startsWith('{') ? (JSON.parse(stdout.text) as Record<string, unknown>) : {};
    return { code, json, stdout: stdout.text, stderr: stderr.text };
  };
  return { cwd, client, registry, signals, run, broker };
}

interface RunOptions {
  readonly stdin?: string;
  readonly onWrite?: (text: string) => void;
}

class TextSink extends Writable {
  text = '';
  readonly #onWrite: (text: string) => void;

  constructor(onWrite: (text: string) => void) {
    super();
    this.#onWrite = onWrite;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    this.#onWrite(this.text);
    done();
  }
}

async function readTopic(client: KafkaClient, topic: string): Promise<Sent[]> {
  const [info] = await client.admin.topics([topic]);
  const partitions = info!.partitions.map(({ partition }) => ({ topic, partition }));
  const ends = await client.admin.listOffsets(partitions, 'latest');
  let left = ends.reduce((sum, each) => sum + each.offset, 0);
  const consumer = await client.createConsumer();
  await consumer.assign(partitions.map((each) => ({ ...each, offset: 0 })));
  const sent: Sent[] = [];
  while (left > 0) {
    const batch = await consumer.poll(2000);
    assert.ok(batch !== null, `${left} records of ${topic} do not come`);
    left -= batch.count;
    for (let i = 0; i < batch.count; i++) {
      const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
      const keyStart = batch.keyStart[i]!;
      sent.push({
        partition: batch.partition,
        timestampMs: batch.recordTimes[i]!,
        key: keyStart < 0 ? null : bytes.toString('utf8', keyStart, batch.keyEnd[i]!),
        value: Buffer.from(bytes.subarray(batch.valueStart[i]!, batch.valueEnd[i]!)),
      });
    }
  }
  await consumer.close();
  return sent;
}

/** Avro values as plain objects, by the schema that each names. */
async function decode(registry: SchemaRegistry, sent: readonly Sent[]): Promise<Record<string, unknown>[]> {
  const types = new Map<number, avsc.Type>();
  const values = [];
  for (const { value } of sent) {
    const id = readSchemaId(value, 0, value.length);
    if (!types.has(id)) types.set(id, avsc.Type.forSchema(JSON.parse((await registry.schemaById(id)).schema)));
    values.push({ ...(types.get(id)!.fromBuffer(value.subarray(5)) as object) } as Record<string, unknown>);
  }
  return values;
}

test('a folder goes into a topic in the order of time, keyed and placed by file, with an Avro schema', async (t) => {
  const { run, client, registry } = await startWorld(t, {
    'data/a/x.csv': `timestamp,value\n${HOUR.map((time, i) => `${time},${i}.5`).join('\n')}\n`,
    'data/b/y.csv': `timestamp,value\n${HOUR.map((time, i) => `${time.replace(':00:', ':02:').replace(/:(\d\d)$/, ':30')},${i}`).join('\n')}\n`,
  });
  const before = Date.now();
  const { code, json, stderr } = await run(['data', '--topic', 'raw-sensors', '--partitions', '3']);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /made topic raw-sensors with 3 partitions/);
  const sent = await readTopic(client, 'raw-sensors');
  assert.equal(json['rows'], 24);
  assert.equal(json['rejected'], 0);
  assert.equal(json['late'], 0);
  assert.deepEqual(
    json['partitions'],
    [0, 1, 2].map((partition) => ({ partition, rows: sent.filter((each) => each.partition === partition).length })),
  );
  for (const { key, partition, timestampMs } of sent) {
    assert.equal(partition, partitionForKey(Buffer.from(key!), 0, Buffer.byteLength(key!), 3));
    assert.ok(timestampMs >= before && timestampMs <= Date.now());
  }
  const values = await decode(registry, sent);
  for (const series of ['a/x', 'b/y']) {
    const own = values.filter((value) => value['series'] === series);
    assert.equal(own.length, 12);
    assert.ok(
      own.every((value, i) => i === 0 || (value['timestamp'] as number) > (own[i - 1]!['timestamp'] as number)),
    );
  }
  assert.equal(values.find((value) => value['series'] === 'a/x')!['timestamp'], Date.parse('2014-04-01T00:00:00Z'));
  assert.equal((await registry.latest('raw-sensors-value'))!.id, json['schema_id']);
});

test('the whole NAB corpus arrives', async (t) => {
  const { run, client } = await startWorld(t);
  const { code, json, stderr } = await run([
    join(NAB, 'data'),
    '--topic',
    'nab',
    '--partitions',
    '4',
    '--compression',
    'lz4',
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(json['rows'], 365_558);
  const ends = await client.admin.listOffsets(
    [0, 1, 2, 3].map((partition) => ({ topic: 'nab', partition })),
    'latest',
  );
  assert.equal(
    ends.reduce((sum, each) => sum + each.offset, 0),
    365_558,
  );
  assert.equal(json['first_event_time'], '2011-07-01T00:00:01.000Z');
});

test('--order file warns with the share of late rows, in a dry run too, which connects to nothing', async (t) => {
  const { run, client } = await startWorld(t);
  const sent = await run([
    join(NAB, 'data'),
    '--topic',
    'nab',
    '--order',
    'file',
    '--format',
    'json',
    '-X',
    'time.out_of_orderness=5s',
  ]);
  assert.equal(sent.code, 0);
  assert.match(sent.stderr, /warning: 90\.9 % of the rows are late/);
  assert.equal(sent.json['schema_id'], null);
  const plan = await run([join(NAB, 'data'), '--topic', 'other', '--order', 'file', '--dry-run']);
  assert.equal(plan.code, 0);
  assert.equal((plan.json['late_share'] as number).toFixed(3), '0.909');
  assert.equal(plan.json['rows'], 365_558);
  assert.deepEqual(
    (await client.admin.topics()).map((topic) => topic.name),
    ['nab'],
  );
});

test('a dry run shows files, schema, key and first records', async (t) => {
  const { run, cwd } = await startWorld(t, {
    'in.csv': 'ts_ms,sensor_id,value\n1396310400000,p1,1\nbad,p2,2\n1396310400001,p3,\n',
  });
  const { code, json } = await run(['in.csv', '--topic', 'plan', '--dry-run', '--max-errors', '0']);
  assert.equal(code, 0);
  assert.equal(json['key'], 'sensor_id');
  assert.deepEqual(json['first_records'], [
    { key: 'p1', value: { ts_ms: '2014-04-01T00:00:00.000Z', sensor_id: 'p1', value: 1 } },
    { key: 'p3', value: { ts_ms: '2014-04-01T00:00:00.001Z', sensor_id: 'p3', value: null } },
  ]);
  const [file] = json['files'] as Record<string, unknown>[];
  assert.deepEqual([file!['time_column'], file!['time_format']], ['ts_ms', 'epoch ms']);
  assert.ok(!existsSync(join(cwd, 'plan.rejects.ndjson')));
});

test('bad rows go to the rejects file with line and reason, good ones around them are sent', async (t) => {
  const rows = HOUR.map((time, i) => `${time},p${i % 2},${i}`);
  rows[3] = 'no time,p1,3';
  rows[5] = `${HOUR[5]},p1`;
  rows[7] = `${HOUR[7]},p1,warm`;
  const { run, client, cwd } = await startWorld(t, { 'in.csv': `ts,sensor_id,value\n${rows.join('\n')}\n` });
  const { code, json, stderr } = await run(['in.csv', '--topic', 'pumps']);
  assert.equal(code, 0, stderr);
  assert.deepEqual([json['rows'], json['rejected']], [9, 3]);
  assert.match(stderr, /3 bad rows were left out/);
  const rejects = readFileSync(join(cwd, 'pumps.rejects.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  rejects.sort((a, b) => Number(a['line']) - Number(b['line']));
  assert.deepEqual(rejects, [
    { file: 'in.csv', line: 5, reason: "'no time' is no time as YYYY-MM-DD HH:MM:SS", raw: rows[3] },
    { file: 'in.csv', line: 7, reason: '2 fields where the header has 3', raw: rows[5] },
    { file: 'in.csv', line: 9, reason: "value is 'warm', which is no whole number of 64 bits", raw: rows[7] },
  ]);
  assert.deepEqual(
    (await readTopic(client, 'pumps')).map((each) => each.key),
    ['p0', 'p1', 'p0', 'p0', 'p0', 'p0', 'p1', 'p0', 'p1'],
  );

  const strict = await run(['in.csv', '--topic', 'strict', '--max-errors', '2', '--rejects', 'other.ndjson']);
  assert.equal(strict.code, 5);
  assert.match(strict.stderr, /ANM_BAD_DATA/);
  assert.ok(existsSync(join(cwd, 'other.ndjson')));
  assert.ok((await readTopic(client, 'strict')).length > 0, 'good rows before it are kept');
});

test('a second load uses the schema that is there; one that cannot replace it is refused with field and rule', async (t) => {
  const { run, registry, client } = await startWorld(t, {
    'first.csv': 'ts,id,v\n2014-04-01 00:00:00,a,1.5\n2014-04-01 00:00:01,a,\n',
    'second.csv': 'ts,id,v\n2014-04-02 00:00:00,b,7\n',
    'third.csv': 'ts,id,v\n2014-04-02 00:00:00,b,open\n',
  });
  const first = await run(['first.csv', '--topic', 'x']);
  const second = await run(['second.csv', '--topic', 'x']);
  assert.deepEqual([first.code, second.code], [0, 0]);
  assert.equal(second.json['schema_id'], first.json['schema_id']);
  const third = await run(['third.csv', '--topic', 'x']);
  assert.equal(third.code, 5);
  assert.match(third.stderr, /ANM_SCHEMA_INCOMPATIBLE/);
  assert.match(third.stderr, /\bv\b/);
  const values = await decode(registry, await readTopic(client, 'x'));
  assert.deepEqual(
    values.map((value) => value['v']),
    [1.5, null, 7],
  );
});

test('--schema gives the types and the fields', async (t) => {
  const schema = {
    type: 'record',
    name: 'Reading',
    fields: [
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
      { name: 'v', type: 'float' },
      { name: 'unit', type: ['null', { type: 'enum', name: 'U', symbols: ['C', 'F'] }], default: null },
    ],
  };
  const { run, registry, client } = await startWorld(t, {
    'in.csv': 'at,v,unit,more\n1396310400,1.5,C,x\n1396310401,2,,x\n1396310402,2,K,x\n',
    'r.avsc': JSON.stringify(schema),
  });
  const { code, json, stderr } = await run([
    'in.csv',
    '--topic',
    'r',
    '--schema',
    'r.avsc',
    '--time',
    'at',
    '--keyless',
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /no field for the columns more/);
  assert.equal(json['rejected'], 1);
  const sent = await readTopic(client, 'r');
  assert.deepEqual(await decode(registry, sent), [
    { at: 1396310400e6, v: 1.5, unit: 'C' },
    { at: 1396310401e6, v: 2, unit: null },
  ]);
  assert.deepEqual(
    sent.map((each) => each.key),
    [null, null],
  );
});

test('stdin as JSON Lines without a registry; --loop moves event time on, --limit ends it', async (t) => {
  const { run, client } = await startWorld(t, {
    'in.jsonl': HOUR.slice(0, 3)
      .map((ts, i) => JSON.stringify({ ts, id: 'a', v: i }))
      .join('\n'),
  });
  const piped = await run(['-', '--topic', 'piped', '--format', 'json', '--key', 'id'], {
    stdin: '{"ts":1396310400,"id":"a","v":1}\n{"ts":1396310460,"id":"b"}',
  });
  assert.equal(piped.code, 0, piped.stderr);
  const sent = await readTopic(client, 'piped');
  assert.deepEqual(
    sent.map((each) => [each.key, each.value.toString()]),
    [
      ['a', '{"ts":1396310400,"id":"a","v":1}'],
      ['b', '{"ts":1396310460,"id":"b"}'],
    ],
  );
  const looped = await run([
    'in.jsonl',
    '--topic',
    'looped',
    '--format',
    'json',
    '--loop',
    '--limit',
    '7',
    '--record-time',
    'event',
  ]);
  assert.equal(looped.code, 0, looped.stderr);
  const rounds = await readTopic(client, 'looped');
  const start = Date.parse('2014-04-01T00:00:00Z');
  assert.deepEqual(
    rounds.map((each) => each.timestampMs),
    [0, 1, 2, 3, 4, 5, 6].map((i) => start + i * 300_000),
  );
  assert.equal((JSON.parse(rounds[6]!.value.toString()) as { ts: string }).ts, '2014-04-01T00:30:00.000Z');
  assert.match(
    looped.stderr,
    /warning: looped keeps records .* days \(retention\.ms=\d+\) and the oldest event is of 2014-04-01T00:00:00\.000Z/,
  );
});

test('an existing topic is used as it is, a new one gets its configuration', async (t) => {
  const { run, client } = await startWorld(t, { 'in.csv': 'ts,v\n2014-04-01 00:00:00,1\n' });
  const made = await run([
    'in.csv',
    '--topic',
    'kept',
    '--partitions',
    '2',
    '--topic-config',
    'retention.ms=-1',
    '--record-time',
    'event',
  ]);
  assert.equal(made.code, 0, made.stderr);
  assert.doesNotMatch(made.stderr, /keeps records/);
  assert.equal((await client.admin.topicConfigs('kept')).get('retention.ms'), '-1');
  const again = await run(['in.csv', '--topic', 'kept', '--partitions', '5']);
  assert.equal(again.code, 0);
  assert.match(again.stderr, /topic kept exists with 2 partitions, not 5/);
});

test('a signal sends what was read, says how far it came, and ends with 130', async (t) => {
  const { run, client, signals } = await startWorld(t, {
    'in.csv': `ts,v\n${HOUR.map((time, i) => `${time},${i}`).join('\n')}\n`,
  });
  const sentRows = async () => (await client.admin.listOffsets([{ topic: 'slow', partition: 0 }], 'latest'))[0]!.offset;
  // At this pace the second row is due in five minutes: the signal ends the wait after the first.
  let watching = false;
  const interrupt = async () => {
    while ((await sentRows()) < 1);
    signals.emit('SIGINT');
  };
  const { code, json, stderr } = await run(['in.csv', '--topic', 'slow', '--speed', '1x'], {
    onWrite: (text) => {
      if (watching || !text.includes('made topic')) return;
      watching = true;
      void interrupt();
    },
  });
  assert.equal(code, 130);
  assert.deepEqual([json['stopped'], json['rows']], ['SIGINT', 1], stderr);
  assert.equal(await sentRows(), 1);
});

test('what cannot be done is refused before anything is sent', async (t) => {
  const { run, client } = await startWorld(t, {
    'in.csv': 'ts,v\n2014-04-01 00:00:00,1\n',
    'plain.csv': 'a\n1\n',
    'empty.csv': '',
  });
  const fails = async (args: string[], code: number, pattern: RegExp) => {
    const outcome = await run(args);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, pattern);
  };
  await fails(['in.csv'], 2, /without a topic/);
  await fails(['in.csv', '--topic', 'x', '--key', 'nope'], 2, /--key cannot be nope.*one of: ts, v/s);
  await fails(['in.csv', '--topic', 'x', '--key', 'v', '--keyless'], 2, /give one of/);
  await fails(['in.csv', '--topic', 'x', '--speed', 'fast'], 2, /--speed cannot be fast/);
  await fails(['-', '--topic', 'x', '--loop'], 2, /--loop cannot read stdin/);
  await fails(['plain.csv', '--topic', 'x', '--record-time', 'event'], 2, /no column of times/);
  await fails(['empty.csv', '--topic', 'x'], 5, /holds no rows/);
  await fails(['gone.csv', '--topic', 'x'], 5, /does not exist/);
  assert.deepEqual(await client.admin.topics(), []);
});
