import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import avro from 'avsc';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { loadBinding } from '../../src/clients/librdkafka/binding.ts';
import type { RecordHeader } from '../../src/clients/producer.ts';
import { readTopic, send, startWorld, type World } from '../helpers/world.ts';

const START = Date.UTC(2026, 0, 1);
const NOW = () => START + 3_600_000;
const native = await loadBinding().then(
  () => true,
  () => false,
);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

type Row = Record<string, unknown>;

async function dlq(argv: readonly string[], options: { code?: number; stdin?: string; terminal?: boolean } = {}) {
  const { code = 0, ...more } = options;
  const run = await world.run(['dlq', ...argv], { now: NOW, ...more });
  assert.equal(run.code, code, `${argv.join(' ')}: ${run.stderr}`);
  return run;
}
const json = async (...argv: string[]) => JSON.parse((await dlq([...argv, '-o', 'json'])).stdout) as Row;
const list = async (...argv: string[]) => (await json('ls', ...argv))['dead_letters'] as Row[];
const show = async (...argv: string[]) =>
  (await dlq(['show', ...argv, '-o', 'ndjson'])).stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);
const headersOf = (record: Row | undefined) => (record?.['headers'] ?? {}) as Record<string, string>;

/** Two partitions of ten readings; the records 3 and 7 of each are no JSON objects, and 5 has no event time. */
async function failing(topic: string): Promise<void> {
  const values = (partition: number) => (i: number) =>
    i === 3 || i === 7 ? `broken ${i}` : i === 5 ? { value: i } : { ts: START + i * 60_000, value: i + partition };
  const records = [0, 1].flatMap((partition) =>
    Array.from({ length: 10 }, (_, i) => {
      return { partition, key: `pump-${partition}`, value: values(partition)(i), timestamp: START + i * 60_000 };
    }),
  );
  await send(world.client, topic, 2, records);
  await runOver(topic);
}

async function runOver(topic: string): Promise<void> {
  const flags = ['--topic', topic, '--time', 'ts', '--window', '5m', '--max-bad-rate', '1', '--until', 'end'];
  const { code, stderr } = await world.run(['run', ...flags]);
  assert.equal(code, 0, stderr);
}

/** Records with headers of their own in a dead-letter topic, as other programs write them. */
async function letter(
  topic: string,
  headers: Readonly<Record<string, string>>,
  value: Uint8Array | null,
  { key = 'k' as string | null, timestamp = START } = {},
): Promise<void> {
  await world.client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const producer = await world.client.createProducer();
  const list: RecordHeader[] = Object.entries(headers).map(([name, text]) => ({ key: name, value: Buffer.from(text) }));
  const bytes = key === null ? null : Buffer.from(key);
  producer.append(
    topic,
    0,
    timestamp,
    bytes,
    0,
    bytes?.length ?? -1,
    value,
    value === null ? -1 : 0,
    value?.length ?? -1,
    list,
  );
  await producer.close();
}

const failed = (topic: string, partition: number, offset: number, more: Record<string, string> = {}) => ({
  '__streams.errors.exception': 'org.apache.kafka.common.errors.SerializationException',
  '__streams.errors.message': 'Unknown magic byte!',
  '__streams.errors.topic': topic,
  '__streams.errors.partition': String(partition),
  '__streams.errors.offset': String(offset),
  ...more,
});

test('ls groups by exception, message and source partition; filters take parts of it', async () => {
  await failing('pumps');
  const rows = await list('pumps.dlq');
  assert.deepEqual(
    rows.map((row) => [row['topic'], row['partition'], row['records'], row['first_offset'], row['last_offset']]),
    [
      ['pumps', 0, 2, 3, 7],
      ['pumps', 1, 2, 3, 7],
      ['pumps', 0, 1, 5, 5],
      ['pumps', 1, 1, 5, 5],
    ],
  );
  assert.deepEqual(
    [rows[0]!['exception'], rows[0]!['first_time'], rows[0]!['last_time']],
    ['ANM_BAD_DATA', '2026-01-01T00:03:00.000Z', '2026-01-01T00:07:00.000Z'],
  );
  const count = async (...argv: string[]) =>
    (await list('pumps.dlq', ...argv)).reduce((sum, row) => sum + (row['records'] as number), 0);
  assert.equal(await count('--partition', '1'), 3);
  assert.equal(await count('--message', 'NO EVENT time'), 2);
  assert.equal(await count('--message', 'no event time*'), 2);
  assert.equal(await count('--message', 'event time*'), 0);
  assert.equal(await count('--exception', 'ANM_CORRUPT*'), 0);
  assert.equal(await count('--offset', '3'), 2);
  assert.equal(await count('--offset', '3:6'), 4);
  assert.equal(await count('--offset', '5:'), 4);
  assert.equal(await count('--topic', 'other'), 0);
  assert.equal(await count('--entry', '0/0', '--entry', '1/2'), 2);
  // The times of the records, by absolute and relative bounds: now is an hour after the start.
  assert.equal(await count('--since', '@2026-01-01T00:05:00Z'), 4);
  assert.equal(await count('--since', '-1h', '--until', '@-55m'), 2);
  const text = (await dlq(['ls', 'pumps.dlq'])).stdout;
  assert.match(text, /EXCEPTION +MESSAGE +SOURCE +RECORDS +REDRIVEN +FIRST +LAST +OFFSETS/);
  assert.match(text, /ANM_BAD_DATA .* pumps\/0 +2 +0 .* 3\.\.7/);
});

test('the topic comes from the pipeline in anomaly.yaml; what is wrong is said by name', async () => {
  await failing('named');
  writeFileSync(join(world.dir, 'named.yaml'), 'version: 1\nsource: {topics: [named], time: ts}\n');
  assert.equal((await list('-f', 'named.yaml')).length, 4);
  const refused: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['ls'], 2, /no dead-letter topic is named/],
    [['ls', 'nowhere.dlq'], 2, /there is no topic nowhere\.dlq/],
    [['ls', 'named.dlq', '--since', 'bogus'], 2, /--since cannot be "bogus"/],
    [['ls', 'named.dlq', '--offset', '-3'], 2, /--offset cannot be "-3"/],
    [['show', 'named.dlq', '--entry', '17'], 2, /--entry wants PARTITION\/OFFSET/],
    [['show', 'named.dlq', '-n', '0'], 2, /--num wants/],
    [['redrive', 'named.dlq', '--to', 'nowhere', '--yes'], 2, /--to cannot be nowhere/],
    [['redrive', 'named.dlq', '--max-redrives', '0'], 2, /--max-redrives wants/],
    [['redrive', 'named.dlq', '--fix-schema', 'nothing-value', '--yes'], 5, /no subject 'nothing-value'/],
    [['redrive', 'named.dlq'], 2, /nobody can be asked here[\s\S]*--dry-run/],
  ];
  for (const [argv, code, message] of refused) assert.match((await dlq(argv, { code })).stderr, message);
});

test('show prints a letter in full: headers, key, decoded value or hex dump, stack', async () => {
  await failing('shown');
  const [first] = await show('shown.dlq', '--partition', '1', '--offset', '3');
  assert.deepEqual(
    [first!['key'], first!['value'], first!['source'], first!['timestamp']],
    ['pump-1', 'broken 3', { topic: 'shown', partition: 1, offset: 3 }, '2026-01-01T00:03:00.000Z'],
  );
  const stack = 'SerializationException: Unknown magic byte!\n\tat Deserializer.java:12';
  const more = { '__streams.errors.stacktrace': stack, origin: 'plc-7' };
  await letter('foreign.dlq', failed('shown', 0, 9, more), Buffer.from([1, 2, 0xff]));
  const text = (await dlq(['show', 'foreign.dlq'])).stdout;
  assert.match(text, /^foreign\.dlq\/0@0 {2}2026-01-01T00:00:00\.000Z\n {2}source {5}shown\/0@9\n/);
  assert.match(
    text,
    / {2}headers {4}\{"origin":"plc-7"\}\n {2}key {8}k\n {2}value {6}3 bytes\n {4}00000000 {2}01 02 ff .*\|\.\.\.\|/,
  );
  assert.match(text, /stack\n {4}SerializationException: Unknown magic byte!\n {4}\tat Deserializer\.java:12/);
  const schema = { type: 'record', name: 'R', fields: [{ name: 'value', type: 'double' }] };
  const { id } = await createRegistry({ urls: [world.registryUrl] }).register('shown-value', JSON.stringify(schema));
  await letter(
    'foreign.dlq',
    failed('shown', 0, 10),
    framed(id, avro.Type.forSchema(schema as never).toBuffer({ value: 2.5 })),
  );
  const [, decoded] = await show('foreign.dlq');
  assert.deepEqual([decoded!['encoding'], decoded!['schema_id'], decoded!['value']], ['avro', id, { value: 2.5 }]);
  assert.match((await dlq(['show', 'foreign.dlq', '-n', '1'])).stderr, /there are more/);
});

test('a redrive sends key, value, headers and time back to the source partition, once', async () => {
  await failing('back');
  const plan = await json('redrive', 'back.dlq', '--partition', '1', '--dry-run');
  assert.deepEqual([plan['dry_run'], plan['redriven'], plan['targets']], [true, 3, [{ topic: 'back', records: 3 }]]);
  assert.equal((await readTopic(world, 'back'))[1]!.length, 10, 'a dry run sends nothing');
  const done = await json('redrive', 'back.dlq', '--partition', '1', '--yes');
  assert.deepEqual([done['redriven'], done['already'], done['refused']], [3, 0, 0]);
  const [first, second] = await readTopic(world, 'back');
  assert.equal(first!.length, 10);
  const sent = second!.slice(10);
  assert.deepEqual(
    sent.map(({ key, value, timestamp }) => [key, value, timestamp]),
    [3, 5, 7].map((i) => [second![i]!['key'], second![i]!['value'], second![i]!['timestamp']]),
  );
  assert.deepEqual(
    sent.map((record) => headersOf(record)),
    [0, 1, 2].map((offset) => ({ 'anomaly.redrive.from': `back.dlq/1@${offset}`, 'anomaly.redrive.count': '1' })),
  );
  // Another selection finds only what is left, whatever was selected before.
  const rest = await json('redrive', 'back.dlq', '--yes');
  assert.deepEqual([rest['redriven'], rest['already']], [3, 3]);
  const none = await json('redrive', 'back.dlq', '--yes');
  assert.deepEqual([none['redriven'], none['already']], [0, 6]);
  assert.deepEqual(
    (await list('back.dlq')).map((row) => row['redriven']),
    [2, 2, 1, 1],
  );
  assert.deepEqual(await list('back.dlq', '--open'), []);
  const again = await json('redrive', 'back.dlq', '--entry', '0/0', '--again', '--yes');
  assert.deepEqual([again['redriven'], (await readTopic(world, 'back'))[0]!.length], [1, 14]);
});

test('what fails again counts its redrives, and stays after so many', async () => {
  await failing('loop');
  for (let round = 1; round <= 3; round++) {
    const { redriven } = await json('redrive', 'loop.dlq', '--offset', '3:', '--max-redrives', '3', '--yes');
    assert.equal(redriven, 6, `round ${round}`);
    await runOver('loop');
  }
  const flags = ['--partition', '0', '--max-redrives', '3', '--yes'];
  const { stderr } = await dlq(['redrive', 'loop.dlq', ...flags], { code: 5 });
  assert.match(stderr, /ANM_REDRIVE.*loop\.dlq\/0@9: it was sent back 3 times already \(--max-redrives 3\)/);
  const letters = await show('loop.dlq', '-n', '100', '--partition', '0');
  assert.deepEqual(
    letters.map((row) => row['redrives']),
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3],
  );
  // Only the last time's headers, not one of each time.
  assert.deepEqual(headersOf(letters.at(-1)), { 'anomaly.redrive.from': 'loop.dlq/0@8', 'anomaly.redrive.count': '3' });
});

test('a batch that could not be read, a cut value and a letter without source are refused by name', async () => {
  await send(world.client, 'src', 1, []);
  const corrupt = failed('src', 0, 20, { '__streams.errors.exception': 'ANM_CORRUPT_BATCH' });
  await letter('odd.dlq', { ...corrupt, next_offset: '30', record_count: '10', batch_bytes: '3' }, Buffer.from('abc'), {
    key: null,
  });
  await letter('odd.dlq', failed('src', 0, 31, { value_bytes: '1048400' }), Buffer.from('cut'));
  await letter('odd.dlq', { other: 'header' }, Buffer.from('x'));
  await letter('odd.dlq', failed('gone', 0, 1), Buffer.from('y'));
  // A header of that name that tells the truth is the record's own.
  await letter('odd.dlq', failed('src', 0, 32, { value_bytes: '5' }), Buffer.from('whole'));
  const [batch] = await list('odd.dlq', '--offset', '25');
  assert.deepEqual(
    [batch!['records'], batch!['entries'], batch!['first_offset'], batch!['last_offset']],
    [10, 1, 20, 29],
  );
  const { stdout, stderr } = await dlq(['redrive', 'odd.dlq', '--yes', '-o', 'json']);
  const { redriven, refused } = JSON.parse(stdout) as Row;
  assert.deepEqual([redriven, refused], [1, 4]);
  assert.match(stderr, /odd\.dlq\/0@0 stays: it holds the raw bytes of a batch/);
  assert.match(stderr, /odd\.dlq\/0@1 stays: its value was cut to fit: it had 1048400 bytes/);
  assert.match(stderr, /odd\.dlq\/0@2 stays: its headers do not name the topic/);
  assert.match(stderr, /odd\.dlq\/0@3 stays: there is no topic gone/);
  const [sent] = (await readTopic(world, 'src'))[0]!;
  assert.deepEqual([sent!['value'], headersOf(sent)['value_bytes']], ['whole', '5']);
});

test('--to another topic: the same partition where it has one, else by key', async () => {
  await failing('wide');
  await send(world.client, 'narrow', 1, []);
  const { redriven } = await json('redrive', 'wide.dlq', '--to', 'narrow', '--yes');
  assert.equal(redriven, 6);
  const [records] = await readTopic(world, 'narrow');
  assert.deepEqual(records!.map(({ key }) => key).sort(), [...Array(3).fill('pump-0'), ...Array(3).fill('pump-1')]);
});

test('--fix-schema gives values the right header, and only to values that fit', async () => {
  const registry = createRegistry({ urls: [world.registryUrl] });
  const schema = {
    type: 'record',
    name: 'Fix',
    fields: [
      { name: 'ts', type: 'long' },
      { name: 'name', type: 'string' },
    ],
  };
  const type = avro.Type.forSchema(schema as never);
  const { id } = await registry.register('fix-value', JSON.stringify(schema));
  const body = type.toBuffer({ ts: 5, name: 'pump' });
  await send(world.client, 'fix', 1, []);
  const values = [body, framed(99_999, body), framed(id, body), framed(id, body.subarray(0, 3)), Buffer.from('{}')];
  for (const [i, value] of values.entries()) await letter('fix.dlq', failed('fix', 0, i), value);
  await letter('fix.dlq', failed('fix', 0, 9), null);
  const { stdout, stderr } = await dlq(['redrive', 'fix.dlq', '--fix-schema', 'fix-value:1', '--yes', '-o', 'json']);
  const { redriven, refused, fixed } = JSON.parse(stdout) as Row;
  assert.deepEqual([redriven, refused, fixed], [3, 3, { kept: 1, replaced: 1, wrapped: 1 }]);
  assert.match(
    stderr,
    new RegExp(`fix\\.dlq/0@3 stays: the value does not fit schema ${id} \\(fix-value version 1\\)`),
  );
  assert.match(stderr, /fix\.dlq\/0@5 stays: the value is null/);
  const records = (await readTopic(world, 'fix'))[0]!;
  for (const record of records) {
    assert.deepEqual([record['schema_id'], record['value']], [id, { ts: 5, name: 'pump' }]);
  }
  // JSON Schema: bare JSON is wrapped after it was checked.
  const shape = { type: 'object', required: ['value'], properties: { value: { type: 'number' } } };
  const { id: jsonId } = await registry.register('fixjson-value', JSON.stringify(shape), { type: 'JSON' });
  await send(world.client, 'fixjson', 1, []);
  for (const [i, text] of ['{"value":1}', '{"value":"x"}', 'no'].entries()) {
    await letter('fixjson.dlq', failed('fixjson', 0, i), Buffer.from(text));
  }
  const run = await dlq(['redrive', 'fixjson.dlq', '--fix-schema', String(jsonId), '--yes']);
  assert.match(run.stderr, /fixjson\.dlq\/0@1 stays: .*\/value must be number/);
  assert.match(run.stderr, /fixjson\.dlq\/0@2 stays: .*it is no JSON/);
  const [wrapped] = (await readTopic(world, 'fixjson'))[0]!;
  assert.deepEqual([wrapped!['schema_id'], wrapped!['value']], [jsonId, { value: 1 }]);
});

test('with librdkafka it is at least once, and says so', {
  skip: native ? false : 'the addon does not load',
}, async () => {
  await failing('native');
  const env = { ANOMALY_CLIENT: 'librdkafka' };
  const sent = await world.run(['dlq', 'redrive', 'native.dlq', '--yes', '-o', 'json'], { env });
  assert.equal(sent.code, 0, sent.stderr);
  assert.match(sent.stderr, /with the librdkafka client a kill may double what was just being sent/);
  assert.equal(JSON.parse(sent.stdout).redriven, 6);
  const again = await world.run(['dlq', 'redrive', 'native.dlq', '--yes', '-o', 'json'], { env });
  assert.deepEqual([JSON.parse(again.stdout).redriven, JSON.parse(again.stdout).already], [0, 6]);
});

test('it asks before it sends, and takes no for an answer', async () => {
  await failing('asked');
  const no = await dlq(['redrive', 'asked.dlq'], { stdin: 'n\n', terminal: true });
  assert.match(no.stderr, /send 6 records to asked from asked\.dlq\? \[y\/N\]/);
  assert.match(no.stderr, /nothing was sent/);
  assert.equal((await readTopic(world, 'asked')).flat().length, 20);
  const yes = await dlq(['redrive', 'asked.dlq'], { stdin: 'y\n', terminal: true });
  assert.match(yes.stdout, /asked\.dlq: sent 6 records to asked/);
  assert.equal((await readTopic(world, 'asked')).flat().length, 26);
});

test('a ledger of an earlier topic of the same name is not believed', async () => {
  await send(world.client, 'anew', 1, []);
  await letter('anew.dlq', failed('anew', 0, 1), Buffer.from('x'));
  await dlq(['redrive', 'anew.dlq', '--yes']);
  await world.client.admin.deleteTopics(['anew.dlq']);
  await letter('anew.dlq', failed('anew', 0, 2), Buffer.from('y'));
  const { stderr } = await dlq(['redrive', 'anew.dlq', '--yes'], { code: 5 });
  assert.match(stderr, /anew\.dlq\.redriven is of an earlier topic anew\.dlq[\s\S]*delete anew\.dlq\.redriven/);
});

test('records that the target would soon delete for their age are warned of', async () => {
  await world.client.admin.createTopics([{ name: 'short', partitions: 1, configs: { 'retention.ms': '60000' } }]);
  await letter('short.dlq', failed('short', 0, 1), Buffer.from('x'), { timestamp: START });
  const { stderr } = await dlq(['redrive', 'short.dlq', '--dry-run']);
  assert.match(stderr, /from 2026-01-01T00:00:00\.000Z on, and short keeps them for 1m00s only/);
});

function framed(id: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  return Buffer.concat([head, body]);
}
