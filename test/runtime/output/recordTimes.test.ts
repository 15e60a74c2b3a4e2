// Times of records that a broker takes on one topic and refuses on another.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { send, startWorld, type World } from '../../helpers/world.ts';

const AFTER = 'message.timestamp.after.max.ms';
const BEFORE = 'message.timestamp.before.max.ms';
const NO_LIMIT = '9223372036854775807';
/** A producer that gives nanoseconds for milliseconds. */
const NANOSECONDS = 1_795_694_400_000_000_000;

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const run = (topic: string, ...more: string[]) =>
  world.run(['run', '--topic', topic, '--window', '1m', '--detector', 'kpi', '--until', 'end', ...more]);

test('a record whose time no sink takes is a dead letter with the time of now, and tells its own', async () => {
  const { client } = world;
  const values = [1, 2, 3].map((value, i) => ({
    ...{ partition: 0, key: 'k', value: { value } },
    timestamp: i === 1 ? NANOSECONDS : 1_700_000_000_000 + 60_000 * i,
  }));
  await client.admin.createTopics([{ name: 'odd', partitions: 1, configs: { [AFTER]: NO_LIMIT } }]);
  // They were there before, with the broker's limits.
  await client.admin.createTopics(['odd.dlq', 'odd.late', 'odd.windows'].map((name) => ({ name, partitions: 1 })));
  await send(client, 'odd', 1, values);
  const config = join(world.dir, 'odd.yaml');
  const windows = 'windows: [{name: 1m, size: 1m}]';
  writeFileSync(config, `version: 1\npipeline: odd\nsource: {topics: [odd]}\n${windows}\nscore: {detector: kpi}\n`);
  const ended = await world.run(['run', '--config', config, '--until', 'end']);
  assert.equal(ended.code, 0, ended.stderr);
  const { code, stdout, stderr } = await world.run(['dlq', 'show', 'odd.dlq', '-o', 'ndjson']);
  assert.equal(code, 0, stderr);
  const letters = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { timestamp: string });
  assert.deepEqual(
    letters.map(({ timestamp }) => timestamp),
    [String(NANOSECONDS)],
  );
  // What runs again has the record's own time.
  const verified = await world.run(['replay', 'odd', '--verify', '--config', config]);
  assert.equal(verified.code, 0, verified.stderr);
  const listed = await world.run(['dlq', 'ls', 'odd.dlq']);
  assert.equal(listed.code, 0, listed.stderr);
  const read = await world.run(['tail', 'odd', '--offset', 'start']);
  assert.equal(read.code, 0, read.stderr);
  assert.ok(read.stdout.includes(`0/1 ${NANOSECONDS}`), read.stdout);
});

test('sinks of a source that limits times otherwise than brokers do take any time, as evidence grows old', async () => {
  const { admin } = world.client;
  await admin.createTopics([
    { name: 'limited', partitions: 1, configs: { [AFTER]: '60000', [BEFORE]: '1000000000000' } },
  ]);
  await send(world.client, 'limited', 1, [{ partition: 0, key: 'k', value: { value: 1 } }]);
  const ended = await run('limited');
  assert.equal(ended.code, 0, ended.stderr);
  for (const name of ['limited.dlq', 'limited.late', 'limited.windows', 'limited.anomalies']) {
    const configs = await admin.topicConfigs(name);
    assert.deepEqual([configs.get(AFTER), configs.get(BEFORE)], [NO_LIMIT, NO_LIMIT], name);
  }
});

test('a sink that refuses a time is an error with the limit to raise', async () => {
  const { admin } = world.client;
  const times = { [AFTER]: NO_LIMIT };
  await admin.createTopics([{ name: 'ahead', partitions: 1, configs: times }]);
  await admin.createTopics(['ahead.windows', 'ahead.anomalies'].map((name) => ({ name, partitions: 1 })));
  const twoHours = Date.now() + 7_200_000;
  await send(world.client, 'ahead', 1, [
    { partition: 0, key: 'k', value: { value: 1 }, timestamp: twoHours },
    { partition: 0, key: 'k', value: { value: 2 }, timestamp: twoHours + 120_000 },
  ]);
  const ended = await run('ahead', '-X', 'time.max_ahead=off');
  assert.equal(ended.code, 1, ended.stderr);
  assert.match(ended.stderr, /INVALID_TIMESTAMP/);
  assert.match(ended.stderr, /message\.timestamp\.after\.max\.ms or before\.max\.ms of topic ahead\.windows/);
});
