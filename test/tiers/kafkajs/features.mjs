// What kafkajs does with a broker, feature by feature: one JSON line each.
// usage: node features.mjs BROKERS PREFIX    (where its packages can be found, see package.json)
import * as zstd from '@bokuweb/zstd-wasm';
import * as lz4 from '@platformatic/wasm-utils';
import kafkajs from 'kafkajs';
import SnappyCodec from 'kafkajs-snappy';

const { AssignerProtocol, CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs;
const [brokers, prefix] = process.argv.slice(2);
const START_MS = 1_700_000_000_000;
const kafka = new Kafka({ clientId: 'who', brokers: [brokers], logLevel: logLevel.NOTHING, retry: { retries: 8 } });
const admin = kafka.admin();

// kafkajs has gzip; for the others it takes codecs as plug-ins.
await zstd.init();
CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => Buffer.from(lz4.lz4Compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(lz4.lz4Decompress(buffer)),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(zstd.decompress(buffer)),
});

async function say(feature, run) {
  let row;
  try {
    row = { feature, outcome: 'ok', detail: await run() };
  } catch (error) {
    row = { feature, outcome: 'failed', detail: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(row));
}

function absent(feature, detail) {
  console.log(JSON.stringify({ feature, outcome: 'absent', detail }));
}

function check(isTrue, what) {
  if (!isTrue) throw new Error(what);
}

async function until(what, isTrue, seconds = 30) {
  const end = performance.now() + seconds * 1000;
  while (!(await isTrue())) {
    check(performance.now() < end, `still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function errorOf(call) {
  try {
    await call();
    return 'nothing';
  } catch (error) {
    return error.type ?? error.groups?.[0]?.error?.type ?? error.errors?.[0]?.type ?? error.cause?.type ?? error.name;
  }
}

async function topic(name, numPartitions) {
  const full = `${prefix}-${name}`;
  await admin.createTopics({ topics: [{ topic: full, numPartitions, replicationFactor: 1 }] });
  await ready(full, numPartitions);
  return full;
}

/** The controller answers before its broker has heard of it; and kafkajs sends all of a request again if a part fails. */
function ready(topic, partitions) {
  return until('made', async () => (await admin.fetchTopicOffsets(topic).catch(() => [])).length === partitions);
}

async function send(topic, messages, { compression, ...options } = {}) {
  const producer = kafka.producer({
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition,
    ...options,
  });
  await producer.connect();
  await producer.send({ topic, messages, compression });
  await producer.disconnect();
}

function fill(topic, partitions, from, to) {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return send(
    topic,
    numbers.map((i) => ({ partition: i % partitions, key: `k${i % 7}`, value: `v${i}`, timestamp: `${START_MS + i}` })),
  );
}

let readers = 0;
async function read(topic, count, options = {}) {
  const consumer = kafka.consumer({ groupId: `${prefix}-reader-${readers++}`, maxWaitTimeInMs: 200, ...options });
  const found = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ partition, message }) => void found.push({ partition, ...message }) });
  await until(`${count} records, now ${found.length}`, () => found.length >= count, 15);
  await new Promise((resolve) => setTimeout(resolve, 400));
  await consumer.disconnect();
  check(found.length === count, `${found.length} records, not ${count}`);
  return found;
}

async function createTopic() {
  const name = `${prefix}-made`;
  const configEntries = [{ name: 'retention.ms', value: '86400000' }];
  const make = () =>
    admin.createTopics({ topics: [{ topic: name, numPartitions: 4, replicationFactor: 1, configEntries }] });
  await make();
  const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
  return `${topics[0].partitions.length} partitions, the second time ${await make()}`;
}

async function codec(name) {
  const full = await topic(`codec-${name}`, 2);
  const messages = Array.from({ length: 2000 }, (_, i) => ({
    partition: i % 2,
    key: i % 5 === 0 ? null : `key-${i}`,
    value: i % 11 === 0 ? null : `value-${'x'.repeat(i % 50)}${i}`,
    timestamp: `${START_MS + i}`,
    headers: i % 3 === 0 ? { h: `${i}` } : {},
  }));
  const types = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' };
  await send(full, messages, CompressionTypes[types[name]]);
  for (const { partition, offset, key, value, timestamp, headers } of await read(full, 2000)) {
    const i = Number(offset) * 2 + partition;
    check((key?.toString() ?? null) === messages[i].key, `key of ${i}`);
    check((value?.toString() ?? null) === messages[i].value, `value of ${i}`);
    check(timestamp === messages[i].timestamp, `time of ${i}`);
    check(headers.h?.toString() === messages[i].headers.h, `headers of ${i}`);
  }
  return '2000 records, nulls and headers included';
}

async function member(topic, groupId) {
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 100, maxWaitTimeInMs: 200, sessionTimeout: 10000 });
  const self = { held: 0, values: [], revoked: [], protocol: '' };
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    if (self.held > 0) self.revoked.push(self.held);
    self.held = payload.memberAssignment[topic]?.length ?? 0;
    self.protocol = payload.groupProtocol;
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const eachMessage = async ({ message }) => void self.values.push(message.value.toString());
  await consumer.run({ eachMessage, autoCommitThreshold: 1 });
  return Object.assign(self, {
    end: async () => {
      await consumer.stop();
      await consumer.disconnect();
    },
  });
}

async function committed(groupId) {
  const topics = await admin.fetchOffsets({ groupId });
  return topics.flatMap(({ partitions }) => partitions.map(({ offset }) => Number(offset))).sort((a, b) => a - b);
}

async function group() {
  const [full, id] = [await topic('eager', 4), `${prefix}-eager`];
  await fill(full, 4, 0, 100);
  const first = await member(full, id);
  await until('all with the first', () => first.held === 4 && first.values.length === 100);
  const second = await member(full, id);
  await until('two each', () => first.held === 2 && second.held === 2);
  await fill(full, 4, 100, 200);
  const different = () => new Set([...first.values, ...second.values]).size;
  await until('both read on', () => different() === 200);
  await second.end();
  await until('all with the first again', () => first.held === 4);
  await fill(full, 4, 200, 300);
  await until('it reads on', () => different() === 300);
  await until('all is committed', async () => (await committed(id)).join() === '75,75,75,75');
  await first.end();
  // It has no hook before a revoke, so what was not yet committed may come twice.
  return `4, then 2 and 2, then 4 partitions; 300 records at least once; the first gave up ${first.revoked[0]}`;
}

async function offsetsByTime() {
  const full = await topic('times', 1);
  await send(
    full,
    ['1000', '2000', '3000'].map((timestamp) => ({ partition: 0, key: 'k', value: 'v', timestamp })),
  );
  const [{ low, high }] = await admin.fetchTopicOffsets(full);
  const at = async (time) => (await admin.fetchTopicOffsetsByTimestamp(full, time))[0].offset;
  // It gives the end where no record is as young.
  return `[${[low, high, await at(1500), await at(3001)].join(', ')}]`;
}

async function transactional(name) {
  const producer = kafka.producer({
    transactionalId: `${prefix}-${name}`,
    maxInFlightRequests: 1,
    idempotent: true,
    transactionTimeout: 30000,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition,
    retry: { retries: 3 },
  });
  await producer.connect();
  return producer;
}

async function transactions() {
  const full = await topic('txn', 2);
  const producer = await transactional('txn');
  for (const kind of ['committed', 'aborted', 'committed']) {
    const transaction = await producer.transaction();
    const messages = Array.from({ length: 10 }, (_, i) => ({ partition: i % 2, key: 'k', value: `${kind}${i}` }));
    await transaction.send({ topic: full, messages });
    await (kind === 'aborted' ? transaction.abort() : transaction.commit());
  }
  await producer.disconnect();
  const found = await read(full, 20);
  check(
    found.every(({ value }) => value.toString().startsWith('committed')),
    'aborted ones are read',
  );
  await read(full, 30, { readUncommitted: true });
  return 'read_committed 20, read_uncommitted 30 records';
}

async function transactionWithOffsets() {
  const [source, target] = [await topic('txn-source', 1), await topic('txn-target', 1)];
  const consumerGroupId = `${prefix}-txn-group`;
  const producer = await transactional('txn-offsets');
  for (const offset of ['4', '10']) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: target, messages: [{ partition: 0, key: 'k', value: `to ${offset}` }] });
    const topics = [{ topic: source, partitions: [{ partition: 0, offset }] }];
    await transaction.sendOffsets({ consumerGroupId, topics });
    await (offset === '4' ? transaction.commit() : transaction.abort());
    await until('the offset of the commit', async () => (await committed(consumerGroupId)).join() === '4');
  }
  await producer.disconnect();
  await read(target, 1);
  return 'offset 4 committed, 10 aborted';
}

async function fenced() {
  const full = await topic('fenced', 1);
  const one = (value) => ({ topic: full, messages: [{ partition: 0, key: 'k', value }] });
  const old = await transactional('fenced');
  const stale = await old.transaction();
  await stale.send(one('old'));
  const young = await transactional('fenced');
  const fresh = await young.transaction();
  await fresh.send(one('young'));
  await fresh.commit();
  const met = await errorOf(async () => {
    await stale.send(one('older'));
    await stale.commit();
  });
  check(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'].includes(met), `the old one met ${met}`);
  await Promise.all([old.disconnect(), young.disconnect()]);
  check((await read(full, 1))[0].value.toString() === 'young', "not the young one's record");
  return 'the old producer is fenced, its record aborted';
}

async function describeGroup() {
  const [full, id] = [await topic('described', 3), `${prefix}-described`];
  const one = await member(full, id);
  await until('assigned', () => one.held === 3);
  const describe = async () => (await admin.describeGroups([id])).groups[0];
  const { state, protocol, members } = await describe();
  const { groups } = await admin.listGroups();
  check(
    groups.some(({ groupId }) => groupId === id),
    'not listed',
  );
  const { assignment } = AssignerProtocol.MemberAssignment.decode(members[0].memberAssignment);
  const text = `${state}, ${protocol}, ${members[0].clientId} with ${assignment[full].length}`;
  await one.end();
  return `${text}; then ${(await describe()).state}`;
}

async function alterGroupOffsets() {
  const [full, groupId] = [await topic('altered', 2), `${prefix}-altered`];
  const partitions = [
    { partition: 0, offset: '3' },
    { partition: 1, offset: '5' },
  ];
  await admin.setOffsets({ groupId, topic: full, partitions });
  return (await committed(groupId)).join(' and ');
}

async function alterConfigs() {
  const resource = { type: ConfigResourceTypes.TOPIC, name: `${prefix}-made` };
  const now = async (name) => {
    const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false });
    return resources[0].configEntries.find((entry) => entry.configName === name).configValue;
  };
  const alter = (configs) => {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    return admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
  };
  let text = await now('retention.ms');
  await alter({ 'retention.ms': '3600000', 'cleanup.policy': 'compact' });
  // A broker learns of it from the controller, soon.
  await until('altered', async () => (await now('retention.ms')) === '3600000');
  text += `, ${await now('retention.ms')} ${await now('cleanup.policy')}`;
  const refused = await errorOf(() => alter({ 'retention.ms': 'soon' }));
  check(['INVALID_CONFIG', 'INVALID_REQUEST'].includes(refused), `nonsense met ${refused}`);
  return `${text}, nonsense is refused`;
}

async function createPartitions() {
  const full = await topic('grown', 1);
  const grow = (count) => admin.createPartitions({ topicPartitions: [{ topic: full, count }] });
  await grow(3);
  await ready(full, 3);
  await fill(full, 3, 0, 9);
  await read(full, 9);
  return `1, then 3; to 2 ${await errorOf(() => grow(2))}`;
}

async function deleteRecords() {
  const full = await topic('trimmed', 1);
  await fill(full, 1, 0, 100);
  // It deletes only where it has met the topic before.
  await admin.fetchTopicOffsets(full);
  await admin.deleteTopicRecords({ topic: full, partitions: [{ partition: 0, offset: '40' }] });
  const [{ low }] = await admin.fetchTopicOffsets(full);
  return `low watermark ${low}, first read ${(await read(full, 60))[0].offset}`;
}

async function deleteGroup() {
  const remove = () => admin.deleteGroups([`${prefix}-altered`]);
  await remove();
  return `gone, then ${await errorOf(remove)}`;
}

async function deleteTopic() {
  const name = `${prefix}-made`;
  await admin.deleteTopics({ topics: [name] });
  await until('gone', async () => !(await admin.listTopics()).includes(name));
  // By itself it asks for most of a minute whether the topic has come back.
  const hasty = kafka.admin({ retry: { retries: 0 } });
  await hasty.connect();
  const met = await errorOf(() => hasty.deleteTopics({ topics: [name] }));
  await hasty.disconnect();
  return `gone, then ${met}`;
}

await admin.connect();
await say('create topic', createTopic);
for (const name of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) await say(`codec ${name}`, () => codec(name));
await say('group eager', group);
absent('group cooperative', 'its assignors are eager');
absent('static member', 'it has no group.instance.id');
await say('offsets by time', offsetsByTime);
await say('transaction commit and abort', transactions);
await say('transaction with offsets', transactionWithOffsets);
await say('transaction fenced', fenced);
await say('describe group', describeGroup);
await say('alter group offsets', alterGroupOffsets);
await say('alter configs', alterConfigs);
await say('create partitions', createPartitions);
await say('delete records', deleteRecords);
await say('delete group', deleteGroup);
await say('delete topic', deleteTopic);
await admin.disconnect();
