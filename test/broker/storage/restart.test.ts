import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Broker, startBroker } from '../../../src/broker/broker.ts';
import type { BrokerOptions } from '../../../src/broker/brokerOptions.ts';
import { ManualClock } from '../../../src/broker/clock.ts';
import { isPassword } from '../../../src/broker/security/scram.ts';
import { isAnomalyError } from '../../../src/errors.ts';
import { keyedBatch, recordsOf, scratch } from '../helpers/diskLog.ts';
import { batchOf, RawClient } from '../helpers/rawClient.ts';
import { RawProducer } from '../helpers/rawProducer.ts';
import { refuseDisk } from '../helpers/refusingDisk.ts';

const dir = scratch();
let homes = 0;
after(() => dir.remove());

/** A broker that is stopped and started on one directory. */
class Home {
  readonly clock = new ManualClock();
  readonly path = join(dir.path, `home-${homes++}`);
  broker!: Broker;
  client!: RawClient;

  static async open(options: BrokerOptions = {}): Promise<Home> {
    const home = new Home();
    await home.start(options);
    return home;
  }

  async start(options: BrokerOptions = {}): Promise<void> {
    this.broker = await startBroker({ clock: this.clock, data: this.path, ...options });
    this.client = await RawClient.to(this.broker);
  }

  /** Orderly, or as a kill leaves the files: nothing is written at the end. */
  async restart(isOrderly: boolean, options: BrokerOptions = {}): Promise<void> {
    this.client.close();
    const { context } = this.broker;
    if (!isOrderly) {
      context.data!.abandon();
      context.topics.close = () => {};
      context.data!.close = () => {};
    }
    await this.broker.close();
    await this.start(options);
  }

  /** By PLAIN. */
  async login(user: string, password: string): Promise<void> {
    await this.client.send('SaslHandshake', 1, { mechanism: 'PLAIN' });
    await this.client.send('SaslAuthenticate', 2, { authBytes: Buffer.from(`\0${user}\0${password}`) });
  }

  async close(): Promise<void> {
    this.client.close();
    await this.broker.close();
  }

  log(topic: string, partition = 0) {
    return this.broker.context.topics.partition(topic, partition)!;
  }

  async committed(groupId: string, topic: string): Promise<number> {
    const topics = [{ name: topic, partitionIndexes: [0] }];
    const answer = await this.client.send('OffsetFetch', 7, { groupId, topics, requireStable: true });
    const { committedOffset, errorCode } = answer.topics[0]!.partitions[0]!;
    return errorCode === 0 ? committedOffset : -errorCode;
  }

  async commit(groupId: string, topic: string, committedOffset: number): Promise<void> {
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: 'm' }];
    const answer = await this.client.send('OffsetCommit', 7, {
      groupId,
      generationId: -1,
      topics: [{ name: topic, partitions }],
    });
    assert.equal(answer.topics[0]!.partitions[0]!.errorCode, 0);
  }
}

for (const isOrderly of [true, false]) {
  const how = isOrderly ? 'an orderly end' : 'a kill';

  test(`after ${how} topics, configurations, records, offsets, ids and the cluster are the same`, async () => {
    const home = await Home.open();
    await home.client.createTopic('kept', 2, { 'segment.bytes': '300', 'retention.ms': '-1' });
    await home.client.createTopic('gone');
    for (let i = 0; i < 10; i++)
      await home.client.produce('kept', i % 2, batchOf([`a${i}`, `b${i}`], home.clock.now()));
    await home.client.produce('gone', 0, batchOf(['x'], home.clock.now()));
    await home.commit('readers', 'kept', 3);
    await home.commit('readers', 'kept', 4);
    await home.commit('others', 'gone', 1);
    await home.client.send('DeleteTopics', 5, { topicNames: ['gone'] });
    await home.client.send('CreatePartitions', 2, { topics: [{ name: 'kept', count: 3, assignments: null }] });
    await home.client.send('DeleteRecords', 2, {
      topics: [{ name: 'kept', partitions: [{ partitionIndex: 0, offset: 5 }] }],
    });
    const { producerId } = await home.client.send('InitProducerId', 3, { transactionalId: null });
    const told = () => ({
      cluster: home.broker.clusterId,
      topics: [...home.broker.context.topics.all()].map(({ name, id, configs, partitions }) => ({
        name,
        id,
        configs: [...configs.set],
        logs: partitions.map((log) => ({ records: recordsOf(log), start: log.logStartOffset, end: log.highWatermark })),
      })),
    });
    const before = told();
    await home.restart(isOrderly);
    assert.deepEqual(told(), before);
    assert.equal(before.topics[0]!.logs.length, 3);
    assert.equal(before.topics[0]!.logs[0]!.start, 5);
    assert.equal(await home.committed('readers', 'kept'), 4);
    assert.equal(await home.committed('others', 'gone'), -1);
    const next = await home.client.send('InitProducerId', 3, { transactionalId: null });
    assert.ok(next.producerId > producerId, 'no producer id is given twice');
    assert.equal((await home.client.produce('kept', 0, batchOf(['more'], home.clock.now()))).baseOffset, 10);
    await home.close();
  });

  test(`after ${how} an idempotent producer goes on: its repeats are known, its gaps refused`, async () => {
    const home = await Home.open();
    await home.client.createTopic('t');
    const { producerId } = await home.client.send('InitProducerId', 3, { transactionalId: null });
    const send = async (baseSequence: number) => {
      const batch = batchOf(['v'], home.clock.now(), { producerId, producerEpoch: 0, baseSequence });
      const { errorCode, baseOffset } = await home.client.produce('t', 0, batch);
      return [errorCode, baseOffset];
    };
    for (let i = 0; i < 3; i++) assert.deepEqual(await send(i), [0, i]);
    await home.restart(isOrderly);
    assert.deepEqual(await send(2), [0, 2], 'a repeat');
    assert.deepEqual(await send(4), [45, -1], 'a gap');
    assert.deepEqual(await send(3), [0, 3]);
    await home.close();
  });

  test(`after ${how} producers are as old as their last write, and their records may be`, async () => {
    const home = await Home.open();
    await home.client.createTopic('t', 1, { 'retention.ms': '-1' });
    const newSend = async () => {
      const { producerId } = await home.client.send('InitProducerId', 3, { transactionalId: null });
      return async (baseSequence: number) => {
        const batch = batchOf(['old'], 1000, { producerId, producerEpoch: 0, baseSequence });
        const { errorCode, baseOffset } = await home.client.produce('t', 0, batch);
        return [errorCode, baseOffset];
      };
    };
    const [send, idle] = [await newSend(), await newSend()];
    assert.deepEqual(await send(0), [0, 0]);
    await home.restart(isOrderly);
    home.broker.housekeeper.retain();
    assert.deepEqual(await send(0), [0, 0], 'a repeat');
    await home.client.send('DeleteRecords', 2, {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: -1 }] }],
    });
    await home.restart(isOrderly);
    assert.deepEqual(await send(1), [0, 1]);
    home.clock.advance(604_800_001);
    home.broker.housekeeper.retain();
    await home.restart(isOrderly);
    if (isOrderly) assert.deepEqual([...home.log('t').producers.all()], []);
    assert.deepEqual(await send(2), [0, 2]);
    assert.deepEqual(await idle(7), [0, 3], 'of an earlier life, so it may have been forgotten');
    const young = await newSend();
    assert.deepEqual(
      [await young(1), await young(0)],
      [
        [45, -1],
        [0, 4],
      ],
    );
    await home.close();
  });

  test(`after ${how} users are as clients left them, not as the command line has them`, async () => {
    const sasl = { users: { admin: 'a', 'x/y': 'old', gone: 'g' } };
    const home = await Home.open({ sasl: { ...sasl, mechanisms: ['PLAIN'] } });
    const credentials = () => home.broker.context.credentials;
    const salt = Buffer.from('salt');
    const saltedPassword = pbkdf2Sync('new', salt, 4096, 32, 'sha256');
    const upsertion = { mechanism: 1, iterations: 4096, salt, saltedPassword };
    await home.login('admin', 'a');
    const { results } = await home.client.send('AlterUserScramCredentials', 0, {
      deletions: [{ name: 'gone', mechanism: 1 }],
      upsertions: [
        { name: 'x/y', ...upsertion },
        { name: 'made', ...upsertion },
      ],
    });
    assert.deepEqual(
      results.map(({ errorCode }) => errorCode),
      [0, 0, 0],
    );
    const told = () => [...credentials().all()].map(([user, kinds]) => [user, [...kinds.keys()].sort()]).sort();
    const before = told();
    await home.restart(isOrderly, { sasl });
    assert.deepEqual(told(), before);
    assert.ok(isPassword('SCRAM-SHA-256', credentials().get('x/y', 'SCRAM-SHA-256')!, 'new'));
    assert.ok(credentials().isPassword('made', 'new'));
    assert.equal(credentials().get('gone', 'SCRAM-SHA-256'), undefined);
    await home.close();
  });

  test(`after ${how} open transactions go on, ended ones are as they were, and pending offsets wait`, async () => {
    const home = await Home.open();
    for (const name of ['t', 'u']) await home.client.createTopic(name, 1, { 'segment.bytes': '250' });
    const [aborted, committed, open] = await Promise.all(
      ['aborted', 'committed', 'open'].map((id) => new RawProducer(home.client, id).ready()),
    );
    for (const producer of [aborted!, committed!, open!]) {
      assert.equal(await producer.add('t'), 0);
      assert.equal((await producer.send('t', [producer.transactionalId, '2'])).errorCode, 0);
    }
    assert.equal(await open!.add('u'), 0);
    assert.equal(await aborted!.end(false), 0);
    assert.equal(await committed!.end(true), 0);
    assert.equal(await open!.addOffsets('g'), 0);
    assert.equal(await open!.commitOffset('g', 't', 7), 0);
    const told = () => ({
      transactions: ['t', 'u'].map((topic) => home.log(topic).transactions.toState()),
      stable: ['t', 'u'].map((topic) => home.log(topic).lastStableOffset),
      ends: ['t', 'u'].map((topic) => home.log(topic).highWatermark),
      coordinator: home.broker.context.transactions.toState(),
    });
    const before = told();
    assert.deepEqual(before.transactions[0]!.aborted.length, 1);
    await home.restart(isOrderly);
    assert.deepEqual(told(), before);
    assert.equal(await home.committed('g', 't'), -88, 'UNSTABLE_OFFSET_COMMIT');
    const again = new RawProducer(home.client, 'open');
    again.producerId = open!.producerId;
    again.producerEpoch = open!.producerEpoch;
    assert.equal(await again.end(true), 0);
    assert.equal(await home.committed('g', 't'), 7);
    assert.equal(home.log('t').lastStableOffset, home.log('t').highWatermark);
    const after = told();
    await home.restart(isOrderly);
    assert.deepEqual(told(), after);
    await home.close();
  });

  test(`after ${how} a transaction that nobody ends is aborted by its timeout`, async () => {
    const home = await Home.open();
    await home.client.createTopic('t');
    const producer = await new RawProducer(home.client, 'late', { timeoutMs: 5000 }).ready();
    await producer.add('t');
    await producer.send('t', ['a']);
    home.clock.advance(3000);
    await home.restart(isOrderly);
    assert.ok(home.log('t').lastStableOffset < home.log('t').highWatermark);
    home.clock.advance(2000);
    assert.equal(home.log('t').lastStableOffset, home.log('t').highWatermark);
    assert.equal(home.log('t').transactions.toState().aborted.length, 1);
    await home.close();
  });
}

test('an outcome that was decided before a kill is written out after it', async () => {
  const home = await Home.open({ markerDelayMs: 60_000 });
  await home.client.createTopic('t');
  const producer = await new RawProducer(home.client, 'decided').ready();
  await producer.add('t');
  await producer.send('t', ['a']);
  assert.equal(await producer.end(true), 0);
  assert.equal(home.log('t').transactions.openCount, 1);
  await home.restart(false);
  assert.deepEqual(home.log('t').transactions.toState(), { open: [], aborted: [] });
  assert.equal(home.log('t').lastStableOffset, home.log('t').highWatermark);
  assert.equal(home.broker.context.transactions.get('decided')!.status, 'CompleteCommit');
  await home.close();
});

test('a second broker on the directory is refused; a port that is taken leaves it free', async () => {
  const home = await Home.open();
  await assert.rejects(
    startBroker({ data: home.path }),
    (error) => isAnomalyError(error) && error.code === 'ANM_DATA_LOCKED',
  );
  const other = join(dir.path, 'other');
  await assert.rejects(startBroker({ data: other, port: home.broker.port }));
  await (await startBroker({ data: other })).close();
  await home.close();
});

test('retention and compaction run by the clock of the broker, and their results last', async () => {
  const home = await Home.open();
  await home.client.createTopic('short', 1, { 'retention.ms': '60000', 'segment.bytes': '200' });
  for (let i = 0; i < 10; i++) await home.client.produce('short', 0, batchOf([`v${i}`], home.clock.now()));
  home.clock.advance(300_000);
  assert.equal(home.log('short').logStartOffset, 10);
  assert.equal((await home.client.fetch('short', 0, 3)).errorCode, 1);
  const listed = await home.client.send('ListOffsets', 6, {
    topics: [{ name: 'short', partitions: [{ partitionIndex: 0, timestamp: -2 }] }],
  });
  assert.equal(listed.topics[0]!.partitions[0]!.offset, 10);
  await home.restart(false);
  assert.deepEqual([home.log('short').logStartOffset, home.log('short').highWatermark], [10, 10]);
  await home.close();
});

test('folders that the journal does not know are moved away, however it came to that, and never deleted', async () => {
  const home = await Home.open();
  await home.client.createTopic('precious');
  await home.client.produce('precious', 0, batchOf(['x'], home.clock.now()));
  await home.close();
  rmSync(join(home.path, 'meta.journal'));
  for (const _ of [1, 2, 3]) {
    await home.start();
    await home.close();
  }
  assert.deepEqual(readdirSync(join(home.path, 'topics')), []);
  const [kept, ...more] = readdirSync(join(home.path, 'unknown'));
  assert.equal(more.length, 0);
  assert.match(kept!, /^precious-[0-9a-f]+-1$/);
  assert.notEqual(statSync(join(home.path, 'unknown', kept!, '0', `${'0'.repeat(20)}.log`)).size, 0);
});

test('a deletion that a crash interrupts is finished by the next start', async () => {
  const home = await Home.open();
  await home.client.createTopic('gone');
  await home.client.produce('gone', 0, batchOf(['x'], home.clock.now()));
  const { data } = home.broker.context;
  data!.removeTopic = () => {};
  home.log('gone').remove = () => {};
  await home.client.send('DeleteTopics', 5, { topicNames: ['gone'] });
  assert.equal(readdirSync(join(home.path, 'topics')).length, 1);
  await home.restart(false);
  assert.deepEqual(readdirSync(join(home.path, 'topics')), []);
  assert.deepEqual([...home.broker.context.data!.journal.under('deleted/')], []);
  assert.deepEqual(home.broker.cuts, []);
  await home.close();
});

test('starts of logs and fences go with their topic, and the journal is not searched for each partition', async () => {
  const home = await Home.open({ fsync: 'never' });
  await home.client.createTopic('t', 3);
  await home.client.produce('t', 1, batchOf(['a', 'b'], home.clock.now()));
  await home.client.send('DeleteRecords', 2, {
    topics: [{ name: 't', partitions: [{ partitionIndex: 1, offset: 1 }] }],
  });
  home.log('t', 2).beginTransaction(5, 0, true);
  const { journal } = home.broker.context.data!;
  const rest = () => [...journal.under('start/'), ...journal.under('fence/')].length;
  assert.equal(rest(), 2);
  let searches = 0;
  const { under } = journal;
  journal.under = function* (prefix) {
    searches++;
    yield* under.call(journal, prefix);
  };
  await home.client.createTopic('wide', 50);
  await home.client.send('DeleteTopics', 5, { topicNames: ['t', 'wide'] });
  assert.equal(searches, 0);
  assert.equal(rest(), 0);
  await home.close();
});

test('closing waits for the compaction under way, and nothing is written after it', async () => {
  const home = await Home.open();
  await home.client.createTopic('t', 8, { 'cleanup.policy': 'compact' });
  for (let p = 0; p < 8; p++) {
    for (let i = 0; i < 3; i++) {
      const batch = keyedBatch([{ key: 'k', value: `v${i}`, timestampMs: home.clock.now() }]);
      await home.client.produce('t', p, batch);
    }
    home.log('t', p).roll();
  }
  let isOver = false;
  const pass = home.broker.housekeeper.compact().then(() => {
    isOver = true;
  });
  const sizes = () => [0, 1, 2, 3, 4, 5, 6, 7].map((p) => home.log('t', p).sizeBytes);
  await home.close();
  assert.equal(isOver, true, 'the pass is over');
  const before = sizes();
  await Promise.all([pass, home.broker.housekeeper.compact()]);
  assert.deepEqual(sizes(), before);
  await home.start();
  for (let p = 0; p < 8; p++) assert.equal(recordsOf(home.log('t', p)).at(-1)!.value, 'v2');
  await home.close();
});

test('with --fsync always a cluster property is on the disk before its change is answered', async () => {
  const home = await Home.open({ fsync: 'always' });
  let synced = 0;
  const restore = refuseDisk(['fdatasyncSync'], 'EIO', () => {
    synced++;
    return false;
  });
  assert.equal(home.broker.changeConfig({ default_topic_partitions: 3 }, []), null);
  restore();
  assert.equal(synced, 1);
  await home.close();
});
