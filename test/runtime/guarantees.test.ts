import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KafkaError } from '../../src/broker/protocol/errorCodes.ts';
import { append, readTopic, startWorld, type World } from '../helpers/world.ts';

const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

/** Readings of one series ten seconds apart, level with a ripple and a spike now and then. */
async function fill(topic: string, from: number, to: number, partitions = 1): Promise<void> {
  const configs = { 'retention.ms': '-1' };
  await world.client.admin.createTopics([{ name: topic, partitions, configs }]);
  const producer = await world.client.createProducer();
  for (let i = from; i < to; i++) {
    const value = (i % 7) / 10 + (i % 100 === 50 ? 40 : 0);
    append(producer, topic, { partition: i % partitions, key: 'a', value: { ts: START_MS + i * 10_000, value } });
  }
  await producer.close();
}

const SHAPE = ['--time', 'ts', '--window', '1m', '--max-ahead', 'off', '--detector', 'rolling-z'];

async function run(command: string, topic: string, ...more: string[]): Promise<Record<string, number>> {
  const at = command === 'run' ? ['--topic', topic] : [topic];
  const { code, stdout, stderr } = await world.run([command, ...at, ...more, '--until', 'end', '-o', 'json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, number>;
}

const values = async (topic: string) => (await readTopic(world, topic)).flat().map(({ value }) => value);

test('stages and repartition give under transactions what they give without', async () => {
  await fill('stages', 0, 400);
  await fill('split', 0, 400, 2);
  const outputs: unknown[][] = [];
  for (const guarantee of ['at-least-once', 'exactly-once']) {
    const tag = `by-${guarantee}`;
    const own = ['--guarantee', guarantee, '--pipeline'];
    const windows = `${tag}.windows`;
    await run(
      'window',
      'stages',
      '--time',
      'ts',
      '--size',
      '1m',
      '--max-ahead',
      'off',
      '--to',
      windows,
      ...own,
      `${tag}-w`,
    );
    const score = ['--on', 'w1m.mean', '--detector', 'rolling-z', '--window', '1m', '--to', `${tag}.anomalies`];
    await run('score', windows, ...score, ...own, `${tag}-s`);
    const sinks = ['--sink-windows', `${tag}-r.windows`, '--sink-anomalies', `${tag}-r.anomalies`];
    await run('run', 'split', ...SHAPE, '--repartition', ...sinks, ...own, `${tag}-r`);
    const topics = [windows, `${tag}.anomalies`, `${tag}-r.windows`, `${tag}-r.anomalies`];
    const rows = await Promise.all(topics.map(values));
    for (const [i, list] of rows.entries()) assert.ok(list.length > 0, topics[i]);
    // A transaction takes an offset of its own in the topics between stages.
    const withoutOffset = (key: string, value: unknown) =>
      key === 'offset' ? undefined : key === 'id' ? String(value).replace(/\/\d+$/, '') : value;
    outputs.push(JSON.parse(JSON.stringify(rows, withoutOffset).replaceAll(`"${tag}`, '"')));
  }
  assert.deepEqual(outputs[1], outputs[0]);
});

test('outputs are read when their transaction is committed, and not before', async () => {
  await fill('hidden', 0, 300);
  await world.client.admin.createTopics([{ name: 'hidden.windows', partitions: 1 }]);
  world.broker.faults.inject({ api: 'EndTxn', delayMs: 1500, count: 3 });
  const running = run('run', 'hidden', ...SHAPE, '--guarantee', 'exactly-once');
  const place = { topic: 'hidden.windows', partition: 0 };
  while ((await world.client.admin.listOffsets([place], 'latest'))[0]!.offset < 40);
  const consumer = await world.client.createConsumer({ maxWaitMs: 10 });
  await consumer.assign([{ ...place, offset: 0 }]);
  for (let polls = 0; polls < 5; polls++) assert.equal(await consumer.poll(20), null);
  await consumer.close();
  await running;
  assert.equal((await values('hidden.windows')).length, 50);
});

test('what silence has closed stays closed: a restart applies it where it was, and puts nothing out again', async () => {
  await fill('silent', 0, 100);
  const shape = SHAPE.map((each) => (each === '1m' ? '500ms' : each));
  const argv = ['run', '--topic', 'silent', ...shape, '--guarantee', 'exactly-once', '--commit-every', '50ms'];
  const idle = [...argv, '--idle-after', '100ms', '--out-of-orderness', '0s', '--transaction-timeout', '1s'];
  // Ends once the journal has it, by what lets no final checkpoint be made.
  const first = world.run(idle);
  const journaled = async () => {
    const found = await world.client.admin.topics(['silent.journal']);
    const records = found.length === 0 ? [] : ((await values('silent.journal')) as { type: string }[]);
    return records.filter(({ type }) => type === 'idle').length;
  };
  // The window of the last record closes half a second of event time later, and so of silence.
  while ((await journaled()) === 0) await new Promise((resolve) => setImmediate(resolve));
  world.broker.faults.inject({
    api: 'AddPartitionsToTxn',
    errorCode: KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    count: 99,
  });
  const producer = await world.client.createProducer();
  append(producer, 'silent', { partition: 0, key: 'a', value: 'no JSON' });
  await producer.close();
  assert.equal((await first).code, 4);
  world.broker.faults.clear();
  const closed = (await values('silent.windows')) as { end: number }[];
  await fill('silent', 99, 100);
  const again = await run('run', 'silent', ...shape, '--guarantee', 'exactly-once', '--leave-open');
  assert.ok(again['restored']! >= 100, `${again['restored']}`);
  assert.deepEqual([again['windows'], again['late']], [0, 1]);
  assert.deepEqual(await values('silent.windows'), closed);
});

test('records that retention took before they were read: refused by number and time, gone over when accepted', async () => {
  await fill('gone', 0, 100);
  await run('run', 'gone', ...SHAPE, '--leave-open');
  await fill('gone', 100, 200);
  await world.client.admin.deleteRecords([{ topic: 'gone', partition: 0, offset: 150 }]);
  const refused = await world.run(['run', '--topic', 'gone', ...SHAPE, '--until', 'end']);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /ANM_SOURCE_GAP.*50 records of gone\/0 .*\(offsets 100 to 149, from about .*--accept-gap/s,
  );
  const { records } = await run('run', 'gone', ...SHAPE, '--accept-gap', '--leave-open');
  assert.equal(records, 50);
  assert.equal((await run('run', 'gone', ...SHAPE))['records'], 0);
});

test('exactly once from a pipe or a file is refused by name', async () => {
  const { code, stderr } = await world.run(
    ['window', '-', '--size', '1m', '--to', 'piped', '--guarantee', 'exactly-once'],
    {
      stdin: '',
    },
  );
  assert.equal(code, 2);
  assert.match(stderr, /ANM_UNSUPPORTED.*topic piped exactly once from a pipe or a file/);
});
