import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type TestContext, test } from 'node:test';
import avsc from 'avsc';
import { startBroker } from '../../src/broker/broker.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { connect } from '../../src/clients/connect.ts';
import { createRegistry, WIRE_HEADER_BYTES, writeWireHeader } from '../../src/clients/registry.ts';
import { type CliOptions, runCli } from '../helpers/cli.ts';
import { temporaryFiles } from '../helpers/files.ts';

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
 * partition 0, nothing in partition 1. Group `pumps` has committed offset 4 of partition 0.
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
  const consumer = await client.createConsumer({ groupId: 'pumps' });
  await consumer.assign([{ topic: 'readings', partition: 0, offset: 0 }]);
  await consumer.commit([{ topic: 'readings', partition: 0, offset: 4 }]);
  await consumer.close();
  const run = (argv: readonly string[], options?: CliOptions) =>
    runCli([...argv, '--brokers', broker.address, '--registry', server.url], options);
  return { run, client, broker };
}

test('lag: numbers where they are known, reasons where they are not, totals, and the check', async (t) => {
  const { run } = await startWorld(t);
  const { code, stdout } = await run(['lag', 'pumps', '-o', 'json']);
  assert.equal(code, 0);
  const { groups, partitions } = JSON.parse(stdout);
  assert.deepEqual(partitions, [
    { group: 'pumps', topic: 'readings', partition: 0, committed: 4, end: 15, lag: 11, reason: null },
    {
      group: 'pumps',
      topic: 'readings',
      partition: 1,
      committed: null,
      end: 0,
      lag: null,
      reason: 'nothing committed',
    },
  ]);
  assert.equal(groups[0].lag, 11);
  assert.equal(groups[0].unknown, 1);
  const text = (await run(['lag'])).stdout;
  assert.match(text, /^pumps {2}readings {10}0 {10}4 {3}15 {3}11 {2}-$/m);
  assert.match(text, /^pumps {2}readings {10}1 {10}- {4}0 {4}- {2}nothing committed$/m);
  const above = await run(['lag', 'pumps', '--max-lag', '10']);
  assert.equal(above.code, 6);
  assert.match(above.stderr, /pumps is 11 behind/);
  const unknown = await run(['lag', 'pumps', '--max-lag', '11', '-o', 'json']);
  assert.equal(unknown.code, 6);
  assert.equal(JSON.parse(unknown.stderr).error.code, 'ANM_CHECK_FAILED');
  assert.equal(JSON.parse(unknown.stdout).groups.length, 1);
});

test('lag: within the limit, of one topic, of a group that is not there', async (t) => {
  const { run, client } = await startWorld(t);
  const consumer = await client.createConsumer({ groupId: 'pumps' });
  await consumer.assign([{ topic: 'readings', partition: 1, offset: 0 }]);
  await consumer.commit([{ topic: 'readings', partition: 1, offset: 0 }]);
  await consumer.close();
  assert.equal((await run(['lag', '--max-lag', '11'])).code, 0);
  assert.equal(
    (await run(['lag', '--topic', 'other', '--summary', '-o', 'ndjson'])).stdout.includes('"partitions":0'),
    true,
  );
  const missing = await run(['lag', 'pmups']);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /no such group[\s\S]*it has pumps/);
});

test('lag --watch reads again until the signal, one reading after the other', async (t) => {
  const { run } = await startWorld(t);
  const signals = new EventEmitter();
  const { code, stdout } = await run(['lag', 'pumps', '--watch', '1ms', '-o', 'json'], {
    signals,
    onOutput: (text) => {
      if (text.split('\n').length === 4) signals.emit('SIGINT');
    },
  });
  assert.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok(lines.length >= 3);
  for (const line of lines) assert.equal(line.groups[0].lag, 11);
});

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

test('doctor: all is well, a sink with too few partitions, a missing source, a broken file', async (t) => {
  const { run, client } = await startWorld(t);
  const files = temporaryFiles({ 'anomaly.yaml': 'source: {topics: [readings]}\nwindows: [{size: 5m}]\n' });
  t.after(files.remove);
  const env = { XDG_STATE_HOME: files.path };
  const options = { cwd: files.path, env };
  const well = await run(['doctor', '-o', 'json'], options);
  assert.equal(well.code, 0, well.stdout + well.stderr);
  const checks = JSON.parse(well.stdout).checks as {
    check: string;
    status: string;
    detail: string;
    fix: string | null;
  }[];
  const detail = (name: string) =>
    checks
      .filter((row) => row.check === name)
      .map((row) => row.detail)
      .join('\n');
  assert.match(detail('runtime'), /anomaly \d.* on \w+ \d/);
  assert.match(detail('client'), /^platformatic: /);
  assert.match(detail('topics'), /source topic readings has 2 partitions/);
  assert.match(detail('topics'), /sink readings\.windows will be created with 2 partitions/);
  assert.match(detail('group'), /group readings has no members/);
  assert.match(detail('registry'), /is ready/);
  await client.admin.createTopics([{ name: 'readings.late', partitions: 1 }]);
  const few = await run(['doctor'], options);
  assert.equal(few.code, 6);
  assert.match(
    few.stdout,
    /^fail {4}topics .*sink readings\.late has 1 partitions, the source 2 .*add-partitions readings\.late -n 1$/m,
  );
  const missing = await run(['doctor', '-X', 'source.topics=gone'], options);
  assert.match(missing.stdout, /^fail {4}topics .*source topic gone does not exist/m);
  const broken = await run(['doctor', '-X', 'source.tpics=gone'], options);
  assert.equal(broken.code, 6);
  assert.match(broken.stdout, /^fail {4}configuration .*source\.tpics is no key; did you mean source\.topics\?/m);
  assert.match(broken.stdout, /^ok {6}registry/m);
});

test('doctor tells a refused port from a name that cannot be looked up', async () => {
  const { code, stdout } = await runCli([
    'doctor',
    '--brokers',
    '127.0.0.1:1,no-such-host.invalid:9092',
    '--registry',
    '127.0.0.1:1',
  ]);
  assert.equal(code, 6);
  assert.match(stdout, /^fail .*127\.0\.0\.1:1 refuses connections/m);
  assert.match(stdout, /^fail .*no-such-host\.invalid cannot be looked up/m);
  assert.match(stdout, /^fail .*registry/m);
});
