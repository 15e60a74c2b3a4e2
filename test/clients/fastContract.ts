import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopicPartition } from '../../src/clients/topicPartition.ts';
import { type ContractContext, codeIs } from './helpers/context.ts';
import { appendText, plainRecords, readRecords } from './helpers/records.ts';

/** Of a fetch that is to end earlier: longer than a machine holds a process up. */
const WAIT_MS = 20_000;

/** What the fast client does beyond the contract of both, on any broker. */
export function defineFastContract({ client, topic, open, named }: ContractContext): void {
  test('headers may have null values', async () => {
    const name = await topic();
    const producer = await client().createProducer();
    appendText(producer, name, 0, 'v', { headers: [{ key: 'h', value: null }] });
    await producer.close();
    const consumer = await client().createConsumer();
    await consumer.assign([{ topic: name, partition: 0, offset: 0 }]);
    const read = await readRecords(consumer, 1);
    assert.deepEqual(read.get(0)![0]!.headers, [['h', null]]);
    await consumer.close();
  });

  test('a backlog that is read without a pause leaves the event loop its turns', async () => {
    const name = await topic();
    const producer = await client().createProducer({ batchBytes: 1000, lingerMs: 1000 });
    for (let i = 0; i < 2000; i++) appendText(producer, name, 0, String(i));
    await producer.close();
    const consumer = await client().createConsumer();
    await consumer.assign([{ topic: name, partition: 0, offset: 0 }]);
    let turns = 0;
    let polls = 0;
    let counter = setImmediate(function again() {
      turns++;
      counter = setImmediate(again);
    });
    while (consumer.position(name, 0) < 2000) {
      const had = turns;
      const batch = await consumer.poll(1000);
      if (polls > 0) assert.ok(turns > had, `no turn after batch ${polls}`);
      if (batch === null) continue;
      polls++;
      // Its work: longer than the loop may be held.
      for (const began = performance.now(); performance.now() - began < 30; );
    }
    clearImmediate(counter);
    assert.ok(polls > 5, `${polls} polls`);
    await consumer.close();
  });

  test('the configuration of a topic is read', async () => {
    const { admin } = client();
    const configured = named('configured');
    await admin.createTopics([{ name: configured, partitions: 1, configs: { 'cleanup.policy': 'compact' } }]);
    assert.equal((await admin.topicConfigs(configured)).get('cleanup.policy'), 'compact');
    await assert.rejects(admin.topicConfigs(named('never-made')), codeIs('ANM_TOPIC_MISSING'));
  });

  test('a batch says whose its time stamps are, and the producer when the broker appended', async () => {
    const name = named('append-time');
    const configs = { 'message.timestamp.type': 'LogAppendTime' };
    await client().admin.createTopics([{ name, partitions: 1, configs }]);
    const plain = await topic();
    const producer = await client().createProducer();
    appendText(producer, plain, 0, 'v', { timestampMs: 1000 });
    await producer.flush();
    assert.equal(producer.stats.lastAppend, undefined);
    appendText(producer, name, 0, 'v', { timestampMs: 1000 });
    await producer.flush();
    const { sentMs, theirsMs, answeredMs } = producer.stats.lastAppend!;
    assert.ok(sentMs <= answeredMs && theirsMs > 1000, `${sentMs} ${theirsMs} ${answeredMs}`);
    await producer.close();
    for (const [read, isAppendTime] of [
      [plain, false],
      [name, true],
    ] as const) {
      const openedMs = performance.now();
      const consumer = await client().createConsumer();
      await consumer.assign([{ topic: read, partition: 0, offset: 0 }]);
      let batch = await consumer.poll(1000);
      while (batch === null) batch = await consumer.poll(1000);
      assert.deepEqual([batch.isAppendTime, batch.recordTimes[0]], [isAppendTime, isAppendTime ? theirsMs : 1000]);
      const passedMs = performance.now() - openedMs;
      assert.ok(batch.waitedMs >= 0 && batch.waitedMs <= passedMs, `waited ${batch.waitedMs} of ${passedMs} ms`);
      await consumer.close();
    }
  });

  test('a transaction is listed while it is open, with its partitions, and not before or after', async () => {
    const name = await topic(2);
    const id = named('listed');
    const own = async () => (await client().admin.openTransactions()).filter((each) => each.transactionalId === id);
    const producer = await client().createTransactionalProducer({ transactionalId: id, transactionTimeoutMs: 30_000 });
    assert.deepEqual(await own(), []);
    const begunMs = Date.now();
    appendText(producer, name, 1, 'v');
    await producer.flush();
    const [open] = await own();
    assert.ok(open !== undefined, 'it is listed');
    assert.match(open.state, /^ongoing$/i);
    assert.deepEqual(open.partitions, [{ topic: name, partition: 1 }]);
    assert.equal(open.timeoutMs, 30_000);
    const seenMs = Date.now();
    assert.ok(open.startedMs >= begunMs && open.startedMs <= seenMs, `${begunMs} ${open.startedMs} ${seenMs}`);
    await producer.discard();
    assert.deepEqual(await own(), []);
    await producer.close();
  });

  test('many partitions share a request, and their records come back to the right ones', async () => {
    const name = await topic(50);
    const producer = await client().createProducer();
    for (let i = 0; i < 1000; i++) appendText(producer, name, i % 50, `${i % 50}`);
    await producer.close();
    const consumer = await client().createConsumer();
    await consumer.assign([...Array(50).keys()].map((partition) => ({ topic: name, partition, offset: 0 })));
    const read = await readRecords(consumer, 1000);
    for (const [partition, records] of read) {
      assert.equal(records.length, 20);
      assert.ok(records.every((record) => record.value === String(partition)));
    }
    await consumer.close();
  });

  test('a static member that closes and comes back causes no rebalance', async () => {
    const [name, groupId] = [await topic(2), named('static')];
    const times = { groupId, sessionTimeoutMs: 60_000, heartbeatIntervalMs: 20 };
    const generations: string[] = [];
    for (let round = 0; round < 2; round++) {
      const fresh = await open();
      const consumer = await fresh.createConsumer({ ...times, instanceId: 'one' });
      // The group is stable before the member is back, since it never left.
      let isBack = false;
      const onAssigned = async () => {
        isBack = true;
        return undefined;
      };
      await consumer.subscribe([name], 'earliest', { onRevoked: async () => {}, onAssigned });
      do await consumer.poll(10);
      while (!isBack || (await client().admin.describeGroup(groupId)).state !== 'Stable');
      await consumer.commit([{ topic: name, partition: 0, offset: round }]);
      await fresh.close();
      const group = await client().admin.describeGroup(groupId);
      generations.push(group.state);
      assert.equal(group.members.length, 1, 'it keeps its place until the session ends');
    }
    assert.deepEqual(generations, ['Stable', 'Stable']);
  });

  test('a static member that comes back to other topics is given those, and nothing of the ones before', async () => {
    const [before, both, groupId] = [await topic(1), await topic(1), named('other-topics')];
    const options = { groupId, sessionTimeoutMs: 60_000, heartbeatIntervalMs: 20, instanceId: 'one' };
    const topicsGiven = async (topics: string[], isEnough: (given: ReadonlySet<string>) => boolean) => {
      const fresh = await open();
      const consumer = await fresh.createConsumer({ ...options, rebalance: 'cooperative' });
      const given = new Set<string>();
      const onAssigned = async (partitions: readonly TopicPartition[]) => {
        for (const each of partitions) given.add(each.topic);
        return undefined;
      };
      await consumer.subscribe(topics, 'earliest', { onRevoked: async () => {}, onAssigned });
      do await consumer.poll(10);
      while (!isEnough(given));
      await fresh.close();
      return [...given];
    };
    const hasBoth = (given: ReadonlySet<string>) => given.has(both);
    assert.deepEqual(await topicsGiven([before], (given) => given.has(before)), [before]);
    assert.deepEqual(await topicsGiven([before, both], hasBoth), [before, both]);
    assert.deepEqual(await topicsGiven([both], hasBoth), [both]);
  });

  test('a record that arrives ends the wait of a poll', async () => {
    const name = await topic();
    const producer = await client().createProducer();
    const consumer = await client().createConsumer({ maxWaitMs: WAIT_MS });
    await consumer.assign([{ topic: name, partition: 0, offset: 0 }]);
    assert.equal(await consumer.poll(50), null);
    const begun = performance.now();
    const polled = consumer.poll(WAIT_MS);
    appendText(producer, name, 0, 'now');
    const batch = await polled;
    assert.deepEqual(
      plainRecords(batch!).map((record) => record.value),
      ['now'],
    );
    assert.ok(performance.now() - begun < WAIT_MS / 2, 'long before the fetch would have ended by itself');
    await producer.close();
    await consumer.close();
  });
}
