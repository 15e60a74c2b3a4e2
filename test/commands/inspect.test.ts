import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type TestContext, test } from 'node:test';
import avsc from 'avsc';
import { startBroker } from '../../src/broker/broker.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { connect } from '../../src/clients/connect.ts';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { WIRE_HEADER_BYTES, writeWireHeader } from '../../src/clients/registry.ts';
import { type CliOptions, runCli } from '../helpers/cli.ts';

const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Reading',
  fields: [
    { name: 'sensorId', type: 'string' },
    { name: 'big', type: 'long' },
    { name: 'value', type: ['null', 'double'] },
  ],
});
const TIME = Date.parse('2026-01-02T03:04:05Z');

/**
 * A broker with topic `readings` of two partitions: ten JSON values, an Avro one, text, bytes and a tombstone in
 * partition 0, nothing in partition 1.
 */
async function startWorld(t: TestContext) {
  const broker = await startBroker({ autoCreate: false });
  const server = await startRegistry({ port: 0 });
  const client = await connect({ brokers: [broker.address] });
  t.after(async () => {
    await client.close();
    await broker.close();
    await server.close();
  });
  await client.admin.createTopics([{ name: 'readings', partitions: 2 }]);
  const registry = createRegistry({ urls: [server.url] });
  const { id } = await registry.register('readings-value', SCHEMA);
  const producer = await client.createProducer();
  const send = (value: Uint8Array | null, key = 'k'): void => {
    const keyBytes = Buffer.from(key);
    producer.append('readings', 0, TIME, keyBytes, 0, keyBytes.length, value, 0, value?.length ?? 0);
  };
  for (let i = 0; i < 10; i++) send(Buffer.from(JSON.stringify({ camelCase: i })));
  const body = avsc.Type.forSchema(JSON.parse(SCHEMA)).toBuffer({ sensorId: 'a', big: 5, value: 1.5 });
  const avro = Buffer.alloc(WIRE_HEADER_BYTES + body.length);
  writeWireHeader(avro, 0, id);
  body.copy(avro, WIRE_HEADER_BYTES);
  send(avro);
  send(Buffer.from('plain text'));
  send(Buffer.from([0xff, 0xfe]));
  send(null);
  // Names a schema that nobody registered.
  const unknown = Buffer.alloc(WIRE_HEADER_BYTES + 1);
  writeWireHeader(unknown, 0, 999);
  send(unknown);
  await producer.flush();
  const run = (argv: readonly string[], options?: CliOptions) =>
    runCli([...argv, '--brokers', broker.address, '--registry', server.url], options);
  return { run, client, broker };
}

test('tail decodes Avro, JSON, text, bytes and tombstones, and says what it cannot', async (t) => {
  const { run } = await startWorld(t);
  const { code, stdout } = await run(['tail', 'readings', '--offset', '9', '-o', 'json']);
  assert.equal(code, 0);
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(rows[0], {
    topic: 'readings',
    partition: 0,
    offset: 9,
    timestamp: '2026-01-02T03:04:05.000Z',
    key: 'k',
    value: { camelCase: 9 },
    encoding: 'json',
  });
  assert.deepEqual(
    rows.slice(1).map((row) => [row.offset, row.encoding, row.value]),
    [
      [10, 'avro', { sensorId: 'a', big: 5, value: 1.5 }],
      [11, 'text', 'plain text'],
      [12, 'base64', '//4='],
      [13, 'null', null],
      [14, 'base64', 'AAAAA+cA'],
    ],
  );
  assert.match(rows[5].problem, /999/);
  const text = (await run(['tail', 'readings', '--offset', '10:12'])).stdout;
  assert.equal(
    text,
    '0/10 2026-01-02T03:04:05.000Z  k  {"sensorId":"a","big":5,"value":1.5}\n' +
      '0/11 2026-01-02T03:04:05.000Z  k  plain text\n',
  );
});

test('tail: the last ten by default, --num, --partition, and what is not there', async (t) => {
  const { run } = await startWorld(t);
  assert.equal((await run(['tail', 'readings'])).stdout.split('\n').length - 1, 10);
  assert.equal((await run(['tail', 'readings', '--offset', 'start', '-n', '3'])).stdout.split('\n').length - 1, 3);
  assert.equal((await run(['tail', 'readings', '-p', '1', '--offset', 'start'])).stdout, '');
  assert.equal((await run(['tail', 'missing'])).code, 2);
  assert.match((await run(['tail', 'missing'])).stderr, /ANM_TOPIC_MISSING.*missing/);
  assert.match((await run(['tail', 'readings', '-p', '7'])).stderr, /no partition 7/);
  assert.match((await run(['tail', 'readings', '--offset', 'never'])).stderr, /--offset cannot be "never"/);
});

test('tail --follow prints what comes in, until the signal', async (t) => {
  const { run, client } = await startWorld(t);
  const signals = new EventEmitter();
  const value = Buffer.from('"later"');
  const producer = await client.createProducer();
  const { code, stdout } = await run(['tail', 'readings', '-f', '--offset', '14', '-o', 'json'], {
    signals,
    onOutput: (text) => {
      if (text.includes('later')) signals.emit('SIGTERM');
      else if (text.includes('"offset":14')) {
        producer.append('readings', 1, TIME, null, 0, 0, value, 0, value.length);
        void producer.flush();
      }
    },
  });
  assert.equal(code, 0);
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).partition),
    [0, 1],
  );
});
