import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ClientName, connect } from '../../src/clients/connect.ts';
import type { Compression } from '../../src/clients/producer.ts';
import { defineFaultContract } from './faultContract.ts';
import { type ContractContext, codeIs, withClient } from './helpers/context.ts';
import { appendText, readRecords } from './helpers/records.ts';

/** What both clients do, each against the same broker. */
export function runContract(name: ClientName): void {
  describe(`contract of the client ${name}`, { timeout: 600_000 }, () => {
    withClient(name, (context) => {
      defineContract(name, context);
      defineFaultContract(context);
    });
  });
}

/** The tests that hold on any broker. */
export function defineContract(name: ClientName, context: ContractContext): void {
  recordTests(context);
  offsetTests(context);
  adminTests(context);
  failureTests(name, context);
}

function recordTests({ client, topic }: ContractContext): void {
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as Compression[]) {
    test(`records written with ${compression} are read back bit by bit`, async () => {
      const name = await topic(2);
      const producer = await client().createProducer({ compression });
      const every = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
      const written = [
        { key: 'k', value: 'v', headers: [] },
        { key: null, value: every, headers: [] },
        { key: every, value: null, headers: [] },
        { key: '', value: '', headers: [] },
        {
          key: null,
          value: null,
          headers: [
            { key: 'a', value: Buffer.from('1') },
            { key: 'a', value: Buffer.from('2') },
          ],
        },
        { key: 'long', value: 'x'.repeat(70_000), headers: [{ key: 'empty', value: Buffer.alloc(0) }] },
      ];
      written.forEach(({ key, value, headers }, i) => {
        appendText(producer, name, i % 2, value, { key, headers, timestampMs: 1_700_000_000_000 + i });
      });
      await producer.flush();
      assert.equal(producer.stats.recordsAcknowledged, written.length);
      const consumer = await client().createConsumer();
      await consumer.assign([0, 1].map((partition) => ({ topic: name, partition, offset: 0 })));
      const read = await readRecords(consumer, written.length);
      for (const partition of [0, 1]) {
        const expected = written
          .map((record, i) => ({ ...record, i }))
          .filter(({ i }) => i % 2 === partition)
          .map(({ key, value, headers, i }, offset) => ({
            offset,
            timestampMs: 1_700_000_000_000 + i,
            key,
            value,
            headers: headers.map((header) => [header.key, header.value.toString('latin1')]),
          }));
        assert.deepEqual(read.get(partition), expected);
      }
      await consumer.close();
      await producer.close();
    });
  }

  test('flush waits for what was appended before it, and close for the rest', async () => {
    const name = await topic();
    const producer = await client().createProducer({ lingerMs: 5000, batchBytes: 2000 });
    for (let i = 0; i < 100; i++) appendText(producer, name, 0, `value-${i}`);
    await producer.flush();
    assert.equal(producer.stats.recordsAcknowledged, 100);
    appendText(producer, name, 0, 'last');
    await producer.close();
    const [end] = await client().admin.listOffsets([{ topic: name, partition: 0 }], 'latest');
    assert.equal(end!.offset, 101);
  });

  test('delivered waits for what was appended before it, and sends nothing earlier', async () => {
    const name = await topic();
    const producer = await client().createProducer({ lingerMs: 5 });
    await producer.delivered!();
    for (let i = 0; i < 20; i++) appendText(producer, name, 0, `v${i}`);
    await producer.delivered!();
    const { recordsAppended, recordsAcknowledged } = producer.stats;
    assert.deepEqual([recordsAppended, recordsAcknowledged], [20, 20]);
    await producer.close();
  });

  test('ready holds the caller back while the buffer is full, and lets go', async () => {
    const name = await topic();
    const producer = await client().createProducer({ bufferBytes: 50_000 });
    let waits = 0;
    for (let i = 0; i < 2000; i++) {
      appendText(producer, name, 0, 'x'.repeat(100));
      const room = producer.ready();
      if (room === null) continue;
      waits += 1;
      await room;
    }
    await producer.flush();
    assert.ok(waits > 0);
    assert.equal(producer.ready(), null);
    assert.equal(producer.stats.recordsAcknowledged, 2000);
    await producer.close();
  });
}

/** A topic whose partitions hold `partition:number`, in batches of ten, so that reads may begin within and between. */
export async function filledTopic(
  { client, topic }: ContractContext,
  partitions: number,
  perPartition: number,
): Promise<string> {
  const name = await topic(partitions);
  const producer = await client().createProducer();
  for (let i = 0; i < perPartition; i++) {
    for (let p = 0; p < partitions; p++) appendText(producer, name, p, `${p}:${i}`, { timestampMs: 1000 + i });
    if (i % 10 === 9) await producer.flush();
  }
  await producer.close();
  return name;
}

function offsetTests(context: ContractContext): void {
  const { client, topic, named } = context;

  test('poll answers null after its time when there is nothing', async () => {
    const name = await topic();
    const consumer = await client().createConsumer();
    await consumer.assign([{ topic: name, partition: 0, offset: 0 }]);
    assert.equal(await consumer.poll(20), null);
    assert.equal(await consumer.poll(0), null);
    await consumer.close();
  });

  test('reading begins at any offset; seek goes back and forth; position and end are told', async () => {
    const name = await filledTopic(context, 1, 30);
    const consumer = await client().createConsumer();
    await consumer.assign([{ topic: name, partition: 0, offset: 17 }]);
    assert.equal(consumer.position(name, 0), 17);
    const offsets = async (count: number) =>
      (await readRecords(consumer, count)).get(0)!.map((record) => record.offset);
    assert.deepEqual(await offsets(13), [17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    assert.equal(consumer.position(name, 0), 30);
    assert.equal(consumer.endOffset(name, 0), 30);
    consumer.seek({ topic: name, partition: 0, offset: 5 });
    assert.equal(consumer.position(name, 0), 5);
    assert.deepEqual((await offsets(25)).slice(0, 3), [5, 6, 7]);
    consumer.seek({ topic: name, partition: 0, offset: 28 });
    assert.deepEqual(await offsets(2), [28, 29]);
    await consumer.close();
  });

  test('a paused partition gives nothing, and after resume everything from where it stood', async () => {
    const name = await filledTopic(context, 2, 50);
    const consumer = await client().createConsumer();
    await consumer.assign([0, 1].map((partition) => ({ topic: name, partition, offset: 0 })));
    const first = await consumer.poll(2000);
    assert.ok(first !== null);
    const { partition, nextOffset } = first;
    const other = 1 - partition;
    consumer.pause([{ topic: name, partition }]);
    const meanwhile = await readRecords(consumer, 50);
    assert.deepEqual([...meanwhile.keys()], [other]);
    assert.equal(await consumer.poll(50), null);
    assert.equal(consumer.position(name, partition), nextOffset);
    consumer.resume([{ topic: name, partition }]);
    const rest = (await readRecords(consumer, 50 - nextOffset)).get(partition) ?? [];
    assert.deepEqual(
      rest.map((record) => record.offset),
      Array.from({ length: 50 - nextOffset }, (_, i) => nextOffset + i),
    );
    await consumer.close();
  });

  test('offsets are committed without membership, and read back', async () => {
    const name = await filledTopic(context, 2, 10);
    const consumer = await client().createConsumer({ groupId: named('manual') });
    const both = [0, 1].map((partition) => ({ topic: name, partition }));
    assert.deepEqual(
      await consumer.committed(both),
      both.map((each) => ({ ...each, offset: -1 })),
    );
    await consumer.commit([{ topic: name, partition: 1, offset: 7 }]);
    assert.deepEqual(await consumer.committed(both), [
      { topic: name, partition: 0, offset: -1 },
      { topic: name, partition: 1, offset: 7 },
    ]);
    await consumer.close();
  });

  test('a position outside the log is an error by name, and a seek heals it', async () => {
    const name = await filledTopic(context, 1, 10);
    const consumer = await client().createConsumer();
    await consumer.assign([{ topic: name, partition: 0, offset: 1000 }]);
    await assert.rejects(readRecords(consumer, 1), codeIs('ANM_OFFSET_OUT_OF_RANGE'));
    consumer.seek({ topic: name, partition: 0, offset: 8 });
    const read = await readRecords(consumer, 2);
    assert.deepEqual(
      read.get(0)!.map((record) => record.value),
      ['0:8', '0:9'],
    );
    await consumer.close();
  });
}

function adminTests({ client, topic, address, named }: ContractContext): void {
  test('topics are created once, listed and deleted', async () => {
    const { admin } = client();
    const made = named('made');
    const first = await admin.createTopics([{ name: made, partitions: 3, configs: { 'retention.ms': '-1' } }]);
    assert.deepEqual([...first], [[made, true]]);
    const again = await admin.createTopics([{ name: made, partitions: 5 }]);
    assert.deepEqual([...again], [[made, false]]);
    const [found] = await admin.topics([made, named('never-made')]);
    assert.equal(found!.name, made);
    assert.deepEqual(
      found!.partitions.map((partition) => partition.partition),
      [0, 1, 2],
    );
    assert.ok((await admin.topics()).some((each) => each.name === made));
    await admin.deleteTopics([made]);
    // A real cluster takes a moment to tell all its brokers.
    while ((await admin.topics([made])).length > 0);
    await assert.rejects(admin.deleteTopics([made]), codeIs('ANM_TOPIC_MISSING', /made-/));
  });

  test('records are deleted below an offset, and what is gone already is no error', async () => {
    const { admin } = client();
    const name = await topic(1);
    const place = { topic: name, partition: 0 };
    const producer = await client().createProducer();
    for (let i = 0; i < 10; i++) producer.append(name, 0, 1, null, -1, -1, new Uint8Array(1), 0, 1);
    await producer.close();
    const start = async () => (await admin.listOffsets([place], 'earliest'))[0]!.offset;
    await admin.deleteRecords([{ ...place, offset: 6 }]);
    assert.equal(await start(), 6);
    await admin.deleteRecords([{ ...place, offset: 2 }]);
    assert.equal(await start(), 6);
    await admin.deleteRecords([]);
    await assert.rejects(
      admin.deleteRecords([{ topic: named('never-made'), partition: 0, offset: 1 }]),
      codeIs('ANM_TOPIC_MISSING', /never-made/),
    );
  });

  test('offsets are found at both ends and by time', async () => {
    const name = await topic(2);
    const producer = await client().createProducer();
    for (const timestampMs of [1000, 2000, 3000]) {
      appendText(producer, name, 1, 'x', { timestampMs });
      await producer.flush();
    }
    await producer.close();
    const both = [0, 1].map((partition) => ({ topic: name, partition }));
    const at = async (where: 'earliest' | 'latest' | number) =>
      (await client().admin.listOffsets(both, where)).map((each) => each.offset);
    assert.deepEqual(await at('earliest'), [0, 0]);
    assert.deepEqual(await at('latest'), [0, 3]);
    assert.deepEqual(await at(1500), [-1, 1]);
    assert.deepEqual(await at(3001), [-1, -1]);
  });

  test('the cluster and its groups are described', async () => {
    const { admin } = client();
    const [name, groupId] = [await topic(2), named('described')];
    const cluster = await admin.cluster();
    assert.equal(cluster.brokers[0]!.port, Number(address().split(':')[1]));
    const consumer = await client().createConsumer({ groupId, sessionTimeoutMs: 6000 });
    await consumer.subscribe([name], 'earliest', { onRevoked: async () => {}, onAssigned: async () => undefined });
    for (let tries = 0; tries < 100; tries++) {
      await consumer.poll(50);
      if ((await admin.describeGroup(groupId)).state === 'Stable') break;
    }
    const group = await admin.describeGroup(groupId);
    assert.equal(group.state, 'Stable');
    assert.equal(group.members.length, 1);
    assert.deepEqual(
      group.members[0]!.partitions,
      [0, 1].map((partition) => ({ topic: name, partition })),
    );
    await consumer.commit([{ topic: name, partition: 1, offset: 0 }]);
    assert.deepEqual(await admin.groupOffsets(groupId), [{ topic: name, partition: 1, offset: 0 }]);
    assert.ok((await admin.groups()).some((each) => each.groupId === groupId && each.state === 'Stable'));
    await consumer.close();
    assert.equal((await admin.describeGroup(groupId)).members.length, 0);
    assert.equal((await admin.describeGroup(named('never-made'))).state, 'Dead');
  });
}

function failureTests(name: ClientName, { client, named }: ContractContext): void {
  test('a missing topic is named, and the broker is never made to create it', async () => {
    const { admin } = client();
    const absent = named('absent');
    const consumer = await client().createConsumer({ groupId: named('missing') });
    const listener = { onRevoked: async () => {}, onAssigned: async () => undefined };
    await assert.rejects(
      consumer.assign([{ topic: absent, partition: 0, offset: 0 }]),
      codeIs('ANM_TOPIC_MISSING', /absent/),
    );
    await assert.rejects(consumer.subscribe([absent], 'earliest', listener), codeIs('ANM_TOPIC_MISSING', /absent/));
    await assert.rejects(
      admin.listOffsets([{ topic: absent, partition: 0 }], 'latest'),
      codeIs('ANM_TOPIC_MISSING', /absent/),
    );
    const producer = await client().createProducer();
    appendText(producer, absent, 0, 'x');
    await assert.rejects(producer.flush(), codeIs('ANM_TOPIC_MISSING', /absent/));
    await producer.close();
    await consumer.close();
    assert.ok(!(await admin.topics()).some((each) => each.name === absent));
  });

  test('a broker that is down is reported within the dial timeout, with addresses and what to do', async () => {
    const begun = performance.now();
    const brokers = ['127.0.0.1:1', '127.0.0.1:2'];
    await assert.rejects(connect({ brokers, client: name, dialTimeoutMs: 1000 }), (error: unknown) => {
      codeIs('ANM_BROKER_UNREACHABLE', /127\.0\.0\.1:1, 127\.0\.0\.1:2.*1000 ms.*dial_timeout.*refused/i)(error);
      assert.match((error as { hint: string }).hint, /--brokers.*doctor/);
      return true;
    });
    assert.ok(performance.now() - begun < 30_000, 'no other timeout is that of the dial');
  });
}
