import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newTopic, TOPIC_TABLE, type TopicKind } from '../../../src/runtime/topics/topicTable.ts';
import { sourceFiles } from '../../helpers/sources.ts';
import { send, startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
  await world.client.admin.createTopics([{ name: 'raw', partitions: 2, configs: { 'retention.ms': '5000000000' } }]);
});
after(() => world.close());

const PIPELINE = [
  ...['--topic', 'raw', '--key', 'sensor', '--time', 'ts', '--window', '5m', '--detector', 'kpi'],
  ...['-X', 'pipeline=pump'],
];

async function topicNames(): Promise<string[]> {
  const all = await world.client.admin.topics();
  return all.filter(({ internal }) => !internal).map(({ name }) => name);
}

test('every topic of src is made from the table', () => {
  const elsewhere = sourceFiles('src')
    .filter(({ path }) => !/^src\/(broker|clients)\//.test(path) && path !== 'src/runtime/topics/topicTable.ts')
    .filter(({ text }) => /\.createTopics\(/.test(text) && !/newTopic\(/.test(text))
    .map(({ path }) => path);
  // The demo's topics are those of its own broker.
  assert.deepEqual(elsewhere, ['src/commands/demo/run.ts']);
});

test('--create-topics-only makes what the table says, and a run that finds them makes none', async () => {
  const argv = ['run', ...PIPELINE, '--repartition'];
  const made = await world.run([...argv, '--create-topics-only', '-o', 'json']);
  assert.equal(made.code, 0, made.stderr);
  const { topics } = JSON.parse(made.stdout) as { topics: { topic: string; kind: TopicKind; made: boolean }[] };
  assert.deepEqual(
    topics.map(({ topic, made }) => [topic, made]),
    [
      ['pump.dlq', true],
      ['pump.windows', true],
      ['pump.late', true],
      ['pump.anomalies', true],
      ['pump.journal', true],
      ['pump.status', true],
      ['pump.control', true],
      ['pump.by-key', true],
      ['pump.feedback', true],
      ['pump.dlq.redriven', true],
    ],
  );
  for (const { topic, kind } of topics) {
    const wanted = newTopic({ kind, name: topic }, { partitions: 2, retentionMs: '5000000000' });
    const [info] = await world.client.admin.topics([topic]);
    assert.equal(info!.partitions.length, wanted.partitions, topic);
    const configs = await world.client.admin.topicConfigs(topic);
    for (const [key, value] of Object.entries(wanted.configs!))
      assert.equal(configs.get(key), value, `${topic} ${key}`);
  }
  const before = (await topicNames()).sort();
  assert.deepEqual(before, ['raw', ...topics.map(({ topic }) => topic)].sort());
  const again = await world.run([...argv, '--create-topics-only', '-o', 'json']);
  const rows = (JSON.parse(again.stdout) as typeof made & { topics: { made: boolean }[] }).topics;
  assert.ok(
    rows.every(({ made }) => !made),
    again.stdout,
  );

  await send(world.client, 'raw', 2, [
    { partition: 0, key: null, value: { sensor: 'a', ts: 1_700_000_000_000, value: 1 } },
    { partition: 1, key: null, value: { sensor: 'b', ts: 1_700_000_400_000, value: 2 } },
  ]);
  const run = await world.run([...argv, '--until', 'end', '-o', 'json']);
  assert.equal(run.code, 0, run.stderr);
  assert.doesNotMatch(run.stderr, /created/);
  assert.deepEqual((await topicNames()).sort(), before);
});

test('a run by itself makes no topic that --create-topics-only does not', async () => {
  await send(world.client, 'alone', 1, [
    { partition: 0, key: null, value: { sensor: 'a', ts: 1_700_000_000_000, value: 1 } },
  ]);
  const before = new Set(await topicNames());
  const argv = ['run', '--topic', 'alone', '--key', 'sensor', '--time', 'ts', '--window', '5m', '--detector', 'kpi'];
  const run = await world.run([...argv, '--until', 'end']);
  assert.equal(run.code, 0, run.stderr);
  const own = (await topicNames()).filter((name) => !before.has(name));
  const only = await world.run([...argv, '--create-topics-only', '-o', 'json']);
  const rows = (JSON.parse(only.stdout) as { topics: { topic: string; made: boolean; kind: TopicKind }[] }).topics;
  assert.deepEqual(
    own.sort(),
    rows
      .filter(({ made }) => !made)
      .map(({ topic }) => topic)
      .sort(),
  );
  // What it left to make is made by other commands.
  assert.deepEqual(
    rows.filter(({ made }) => made).map(({ kind }) => kind),
    ['feedback', 'redriven'],
  );
});

test('what would refuse a run refuses --create-topics-only before it makes a topic', async () => {
  await world.client.admin.createTopics([
    { name: 'wide', partitions: 3 },
    { name: 'wide.windows', partitions: 1 },
  ]);
  const argv = ['run', '--topic', 'wide', '--window', '5m', '--create-topics-only'];
  const refused = await world.run(argv);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /wide\.windows as it has 1 partitions and the source has 3/);
  assert.deepEqual(await world.client.admin.topics(['wide.dlq', 'wide.journal']), []);
  const missing = await world.run(['run', '--topic', 'nowhere', '--window', '5m', '--create-topics-only']);
  assert.match(missing.stderr, /ANM_TOPIC_MISSING/);
});

test('no two rows have one name', () => {
  const names = Object.values(TOPIC_TABLE).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
