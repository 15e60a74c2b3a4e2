import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import avro from 'avsc';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { BatchHeader, readBatchHeader } from '../../src/wire/batchHeader.ts';
import { FETCH_KEY, FetchedPartition, readFetchResponse } from '../../src/wire/fetch.ts';
import { ManglingProxy } from '../clients/helpers/mangler.ts';
import { append, readTopic, startWorld, type World } from '../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 1);
const METADATA_KEY = 3;
/** The readings bear old times, and a slow machine comes to the retention checks. */
const FOREVER = { 'retention.ms': '-1' };
let world: World;
let proxy: ManglingProxy;
before(async () => {
  world = await startWorld();
  proxy = await ManglingProxy.start(world.broker.port);
});
beforeEach(() => {
  proxy.mangle = rerouted;
});
after(async () => {
  await proxy.close();
  await world.close();
});

/** Metadata names the proxy in place of the broker, so that fetches go through it too. */
function rerouted(apiKey: number, response: Buffer): Buffer {
  if (apiKey !== METADATA_KEY) return response;
  const port = Buffer.alloc(4);
  port.writeInt32BE(world.broker.port);
  const at = response.indexOf(port);
  if (at >= 0) response.writeInt32BE(proxy.port, at);
  return response;
}

/** Changes the last byte but one of the batch at `baseOffset`, in the first `times` answers that hold it. */
function spoil(baseOffset: number, times: number): { count: number } {
  const spoiled = { count: 0 };
  proxy.mangle = (apiKey, response) => {
    if (apiKey !== FETCH_KEY) return rerouted(apiKey, response);
    readFetchResponse(response, new FetchedPartition(), ({ recordsStart, recordsEnd }) => {
      const header = new BatchHeader();
      for (let at = recordsStart; readBatchHeader(response, at, header, recordsEnd); at = header.end) {
        if (header.baseOffset !== baseOffset || header.recordCount !== 10 || spoiled.count >= times) continue;
        spoiled.count++;
        response[header.end - 2]! ^= 0xff;
      }
    });
    return response;
  };
  return spoiled;
}

/** Five batches of ten readings, ten seconds apart. */
async function fill(topic: string): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 1, configs: FOREVER }]);
  const producer = await world.client.createProducer();
  for (let i = 0; i < 50; i++) {
    append(producer, topic, { partition: 0, key: 'a', value: { ts: START_MS + i * 10_000, value: i } });
    if (i % 10 === 9) await producer.flush();
  }
  await producer.close();
}

async function run(topic: string, ...more: string[]) {
  const flags = ['--topic', topic, '--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--until', 'end'];
  const env = { ANOMALY_BROKERS: `127.0.0.1:${proxy.port}` };
  const { code, stdout, stderr } = await world.run(['run', ...flags, '-o', 'json', ...more], { env });
  assert.equal(code, 0, stderr);
  return { summary: JSON.parse(stdout), stderr };
}

const headersOf = (record: Record<string, unknown>) => record['headers'] as Record<string, string>;

test('a batch with a wrong CRC becomes one dead letter of its raw bytes; all others are processed', async () => {
  await fill('spoiled');
  const spoiled = spoil(20, Number.POSITIVE_INFINITY);
  // Ten of fifty are more than what a run puts up with by default.
  const { summary } = await run('spoiled', '--max-bad-rate', '0.5');
  assert.equal(spoiled.count, 2, 'fetched again once');
  assert.deepEqual([summary.records, summary.dead_letters], [40, 10]);
  const letters = (await readTopic(world, 'spoiled.dlq'))[0]!;
  assert.equal(letters.length, 1);
  const headers = headersOf(letters[0]!);
  const { next_offset: next, record_count: count } = headers;
  assert.deepEqual([headers['__streams.errors.offset'], next, count], ['20', '30', '10']);
  assert.deepEqual(
    [headers['__streams.errors.exception'], headers['__streams.errors.topic'], headers['__streams.errors.partition']],
    ['ANM_CORRUPT_BATCH', 'spoiled', '0'],
  );
  const raw = await rawValue('spoiled.dlq');
  const header = new BatchHeader();
  assert.ok(readBatchHeader(raw, 0, header));
  assert.deepEqual([header.baseOffset, header.recordCount, header.end], [20, 10, raw.length]);
  const [offset] = await world.client.admin.groupOffsets('spoiled');
  assert.equal(offset!.offset, 50);
  const rows = (await readTopic(world, 'spoiled.windows'))[0]!.map((row) => row['value'] as { count: number });
  assert.equal(
    rows.reduce((sum, row) => sum + row.count, 0),
    40,
  );
});

test('a CRC that is wrong once is fetched again, and nothing is lost', async () => {
  await fill('blinked');
  const spoiled = spoil(20, 1);
  const { summary } = await run('blinked');
  assert.equal(spoiled.count, 1);
  assert.deepEqual([summary.records, summary.dead_letters], [50, 0]);
});

test('malformed Avro and unknown schema ids become dead letters one by one, with their headers; one question a schema', async () => {
  const schema = {
    type: 'record',
    name: 'Reading',
    fields: [
      { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'value', type: 'double' },
      { name: 'note', type: 'string' },
    ],
  } as const;
  const registry = createRegistry({ urls: [world.registryUrl] });
  const { id } = await registry.register('avro-value', JSON.stringify(schema));
  const type = avro.Type.forSchema(schema as never);
  const good = (i: number) => wire(id, type.toBuffer({ ts: START_MS + i * 10_000, value: i, note: 'n'.repeat(20) }));
  const values = Array.from({ length: 60 }, (_, i) => good(i));
  values[7] = values[7]!.subarray(0, 12);
  values[23] = wire(id, Buffer.of());
  // A string that says it is longer than the value.
  values[24] = Buffer.concat([good(24).subarray(0, -21), Buffer.of(0xfe, 0x7f)]);
  for (const i of [40, 41, 45]) values[i] = wire(99_999, good(i).subarray(5));
  await world.client.admin.createTopics([{ name: 'avro', partitions: 1, configs: FOREVER }]);
  const producer = await world.client.createProducer();
  const key = Buffer.from('a');
  const origin = [{ key: 'origin', value: Buffer.from('plc-7') }];
  values.forEach((value, i) => {
    const headers = i === 7 ? origin : [];
    producer.append('avro', 0, START_MS + i * 10_000, key, 0, 1, value, 0, value.length, headers);
  });
  await producer.close();

  const counting = await CountingProxy.start(world.registryUrl);
  const { summary, stderr } = await run('avro', '-X', `registry.urls=${counting.url}`);
  await counting.close();
  assert.deepEqual([summary.records, summary.dead_letters], [60, 6]);
  assert.match(stderr, /the registry has no Avro schema 99999/);
  assert.deepEqual(
    counting.paths.filter((path) => path.startsWith('/schemas/ids/')).map((path) => path.split('?')[0]),
    [`/schemas/ids/${id}`, '/schemas/ids/99999'],
  );
  const letters = (await readTopic(world, 'avro.dlq'))[0]!;
  assert.deepEqual(
    letters.map((letter) => Number(headersOf(letter)['__streams.errors.offset'])),
    [7, 23, 24, 40, 41, 45],
  );
  assert.equal(headersOf(letters[0]!)['origin'], 'plc-7');
  const rows = (await readTopic(world, 'avro.windows'))[0]!.map((row) => row['value'] as { count: number });
  assert.equal(
    rows.reduce((sum, row) => sum + row.count, 0),
    54,
  );
});

test('rows of a window topic that are no windows, or of an unknown schema, become dead letters of score', async () => {
  await fill('scored');
  await run('scored');
  const producer = await world.client.createProducer();
  const put = (value: Buffer) => producer.append('scored.windows', 0, START_MS, null, -1, -1, value, 0, value.length);
  put(Buffer.from('{"series":"a"}'));
  put(Buffer.from('[1,2]'));
  put(wire(88_888, Buffer.from('xxxx')));
  put(wire(88_888, Buffer.from('yyyy')));
  await producer.close();
  const score = ['score', 'scored.windows', '--detector', 'range', '--max', '30', '--on', 'w1m.mean'];
  const { code, stdout, stderr } = await world.run([...score, '--max-bad-rate', '0.9', '--until', 'end', '-o', 'json']);
  assert.equal(code, 0, stderr);
  assert.deepEqual([JSON.parse(stdout).alerts, JSON.parse(stdout).dead_letters], [4, 4]);
});

function wire(schemaId: number, value: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(schemaId, 1);
  return Buffer.concat([head, value]);
}

async function rawValue(topic: string): Promise<Uint8Array> {
  const consumer = await world.client.createConsumer();
  await consumer.assign([{ topic, partition: 0, offset: 0 }]);
  let batch = await consumer.poll(1000);
  while (batch === null) batch = await consumer.poll(1000);
  const value = batch.bytes.slice(batch.valueStart[0]!, batch.valueEnd[0]!);
  await consumer.close();
  return value;
}

/** Passes requests on to a registry, and notes their paths. */
class CountingProxy {
  readonly paths: string[] = [];
  readonly #server: Server;

  private constructor(target: string) {
    this.#server = createServer((request, response) => {
      this.paths.push(request.url!);
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', async () => {
        const body = chunks.length > 0 ? Buffer.concat(chunks) : null;
        const headers = { 'content-type': request.headers['content-type'] ?? 'application/json' };
        const answer = await fetch(new URL(request.url!, target), { method: request.method!, headers, body });
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
        response.end(Buffer.from(await answer.arrayBuffer()));
      });
    });
  }

  static async start(target: string): Promise<CountingProxy> {
    const proxyOf = new CountingProxy(target);
    await new Promise<void>((resolve) => proxyOf.#server.listen(0, '127.0.0.1', resolve));
    return proxyOf;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
