import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { DEFAULT_PROFILE, PROFILES } from '../../src/broker/profiles.ts';

// Goal: clients that know nothing of our tables list, produce, consume in groups and administer. They are what shows
// that the tables are Kafka's.

const hasKcat = spawnSync('kcat', ['-V']).status === 0;
const run = promisify(execFile);
let broker: Broker;

before(async () => {
  broker = await startBroker({ defaultPartitions: 2 });
});
after(() => broker.close());

const base = () => ({ clientId: 'test', bootstrapBrokers: [broker.address], strict: true });

test('platformatic: create, produce (idempotent), consume in a group, commit, lag, describe, delete', async () => {
  const admin = new Admin(base());
  const [created] = await admin.createTopics({ topics: ['orders'], partitions: 3, replicas: 1 });
  assert.deepEqual([created!.name, created!.partitions], ['orders', 3]);
  const producer = new Producer({ ...base(), serializers: stringSerializers, idempotent: true });
  const sent = Array.from({ length: 300 }, (_, i) => ({ topic: 'orders', key: `k${i % 7}`, value: `v${i}` }));
  for (let i = 0; i < sent.length; i += 50) {
    await producer.send({ messages: sent.slice(i, i + 50), acks: -1 });
  }
  await producer.close();

  const consumer = new Consumer({ ...base(), groupId: 'readers', deserializers: stringDeserializers });
  const stream = await consumer.consume({ topics: ['orders'], mode: MessagesStreamModes.EARLIEST, autocommit: false });
  const values: string[] = [];
  for await (const message of stream) {
    values.push(message.value!);
    if (values.length === sent.length) break;
  }
  assert.deepEqual([...values].sort(), sent.map(({ value }) => value).sort());
  const ends = broker.topics().find(({ name }) => name === 'orders')!.partitions;
  await consumer.commit({
    offsets: ends.map(({ partition, highWatermark }) => ({
      topic: 'orders',
      partition,
      offset: BigInt(highWatermark),
      leaderEpoch: 1,
    })),
  });
  const described = await admin.describeGroups({ groups: ['readers'] });
  assert.equal(described.get('readers')!.state, 'STABLE');
  await stream.close();
  await consumer.close(true);
  const lag = broker.groups().find(({ groupId }) => groupId === 'readers')!;
  assert.deepEqual(
    lag.offsets.map(({ offset }) => offset).sort(),
    ends.map(({ highWatermark }) => highWatermark).sort(),
  );
  await admin.deleteGroups({ groups: ['readers'] });
  await admin.deleteTopics({ topics: ['orders'] });
  assert.deepEqual(await admin.listTopics(), []);
  await admin.close();
});

for (const { name } of PROFILES) {
  test(`kcat against --like ${name}: list, produce, consume, consume in a group`, { skip: !hasKcat }, async () => {
    const like = await startBroker({ profile: name });
    const kcat = async (...args: string[]) =>
      (await run('kcat', ['-b', like.address, ...args], { maxBuffer: 1 << 24 })).stdout;
    const lines = Array.from({ length: 1000 }, (_, i) => `k${i % 5}:value ${i}`);
    // Codecs do not depend on the release.
    const codecs = name === DEFAULT_PROFILE ? ['none', 'gzip', 'snappy', 'lz4', 'zstd'] : ['none'];
    for (const codec of codecs) {
      const topic = `t-${codec}`;
      await produce(like, topic, codec, lines);
      assert.equal(
        await kcat('-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%k:%s\n'),
        `${lines.join('\n')}\n`,
      );
    }
    assert.match(await kcat('-L'), /topic "t-none" with 1 partitions/);
    assert.match(await kcat('-Q', '-t', 't-none:0:0'), /offset 0/);
    const grouped = await kcat('-X', 'auto.offset.reset=earliest', '-c', '1000', '-q', '-G', 'kcats', 't-none');
    assert.equal(grouped.trim().split('\n').length, 1000);
    await like.close();
  });
}

function produce(broker: Broker, topic: string, codec: string, lines: readonly string[]): Promise<void> {
  const args = ['-b', broker.address, '-P', '-t', topic, '-K:', '-z', codec, '-X', 'enable.idempotence=true'];
  const child = spawn('kcat', args, { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(`${lines.join('\n')}\n`);
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`kcat ended with ${code}`))));
  });
}
