import assert from 'node:assert/strict';
import { connect as connectSocket } from 'node:net';
import { describe, test } from 'node:test';
import { startBroker } from '../../src/broker/broker.ts';
import { parseAddress } from '../../src/clients/address.ts';
import { connect, whichClient } from '../../src/clients/connect.ts';
import { loadBinding } from '../../src/clients/librdkafka/binding.ts';
import { FrameBuffer } from '../../src/clients/platformatic/frameBuffer.ts';
import { OutgoingBatch, PartitionQueue } from '../../src/clients/platformatic/partitionQueue.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { defineFastContract } from './fastContract.ts';
import { codeIs, withClient } from './helpers/context.ts';
import { appendText, readRecords } from './helpers/records.ts';

const hasNative = await loadBinding().then(
  () => true,
  () => false,
);

describe('the fast client alone', { timeout: 600_000 }, () => {
  withClient('platformatic', (context) => {
    const { broker, client, topic, open } = context;
    defineFastContract(context);

    test('the API versions of the broker are told by name', async () => {
      const { apis, clusterId } = await client().admin.cluster();
      assert.ok(apis.get('Fetch')![1] >= 11);
      assert.equal(clusterId, broker().clusterId);
    });

    test('a broker that takes a request and does not answer is told before the request times out', async () => {
      const name = await topic();
      let tell: (problem: string) => void = () => {};
      const told = new Promise<string>((resolve) => {
        tell = resolve;
      });
      const patient = await open({ contact: { answered: () => {}, failed: tell }, requestTimeoutMs: 600_000 });
      broker().faults.inject({ api: 'Fetch', delayMs: 10_000, count: 1 });
      const consumer = await patient.createConsumer();
      await consumer.assign([{ topic: name, partition: 0, offset: 0 }]);
      const polled = consumer.poll(5000);
      assert.equal(await told, `${broker().address}: no answer`);
      broker().faults.clear();
      assert.equal(await polled, null);
      await consumer.close();
    });

    test('an end is as old as the last fetch that was answered without an error', async () => {
      const name = await topic();
      const consumer = await client().createConsumer({ maxWaitMs: 10 });
      await consumer.assign([{ topic: name, partition: 0, offset: 0 }]);
      assert.equal(consumer.endAgeMs(name, 0), Infinity);
      const askedMs = () => performance.now() - consumer.endAgeMs(name, 0);
      const untilAskedAfter = async (timeMs: number) => {
        while (askedMs() <= timeMs) await consumer.poll(5);
      };
      await untilAskedAfter(0);
      const NOT_LEADER = 6;
      broker().faults.inject({ api: 'Fetch', errorCode: NOT_LEADER, count: 1_000_000 });
      const refusedMs = performance.now();
      await consumer.poll(200);
      assert.ok(askedMs() <= refusedMs, `${askedMs()} ${refusedMs}`);
      assert.equal(consumer.endOffset(name, 0), 0);
      broker().faults.clear();
      await untilAskedAfter(refusedMs);
      await consumer.close();
    });

    test('records that fit one by one are not packed into a batch that does not', async () => {
      const name = await topic();
      const producer = await client().createProducer();
      for (let i = 0; i < 30; i++) appendText(producer, name, 0, 'small'.repeat(100));
      appendText(producer, name, 0, 'x'.repeat(1_048_400));
      appendText(producer, name, 0, 'last');
      await producer.close();
      const consumer = await client().createConsumer();
      await consumer.assign([{ topic: name, partition: 0, offset: 0 }]);
      const read = (await readRecords(consumer, 32)).get(0)!;
      assert.deepEqual([read[30]!.value?.length, read[31]!.value?.toString()], [1_048_400, 'last']);
      await consumer.close();
    });

    test('a first batch that must be sent again is not overtaken by a second', async () => {
      const name = await topic();
      const producer = await client().createProducer({ batchBytes: 500 });
      // A broker takes any first sequence of a producer that it does not know.
      broker().faults.inject({ api: 'Produce', errorCode: 19, count: 1 });
      for (let i = 0; i < 500; i++) appendText(producer, name, 0, String(i));
      await producer.close();
      const consumer = await client().createConsumer();
      await consumer.assign([{ topic: name, partition: 0, offset: 0 }]);
      const read = (await readRecords(consumer, 500)).get(0)!;
      assert.deepEqual(
        read.map((record) => Number(record.value)),
        [...Array(500).keys()],
      );
      await consumer.close();
    });

    test('a group of another protocol is refused by name', async () => {
      const name = await topic();
      const consumer = await client().createConsumer({ groupId: 'mixed' });
      broker().faults.inject({ api: 'JoinGroup', errorCode: 23 });
      await consumer.subscribe([name], 'earliest', { onRevoked: async () => {}, onAssigned: async () => undefined });
      await assert.rejects(async () => {
        for (;;) await consumer.poll(100);
      }, codeIs('ANM_GROUP_PROTOCOL'));
      await consumer.close();
    });

    for (const api of ['JoinGroup', 'SyncGroup', 'Heartbeat', 'FindCoordinator', 'OffsetFetch'] as const) {
      test(`a member survives a lost ${api}, and a coordinator on the move`, async () => {
        const name = await topic();
        const producer = await client().createProducer();
        appendText(producer, name, 0, 'x');
        await producer.close();
        const fresh = await open();
        broker().faults.inject({ api, drop: 'before' });
        broker().faults.inject({ api, errorCode: api === 'OffsetFetch' ? 14 : 15 });
        const consumer = await fresh.createConsumer({ groupId: `survives-${api}`, heartbeatIntervalMs: 20 });
        await consumer.subscribe([name], 'earliest', { onRevoked: async () => {}, onAssigned: async () => undefined });
        await readRecords(consumer, 1);
        while (broker().faults.armedCount > 0) await consumer.poll(10);
        await consumer.commit([{ topic: name, partition: 0, offset: 1 }]);
        await fresh.close();
      });
    }

    test('a member that the group has given up learns that its partitions are lost, and joins again', async () => {
      const name = await topic();
      const producer = await client().createProducer();
      const consumer = await client().createConsumer({ groupId: 'lost', heartbeatIntervalMs: 20 });
      const events: string[] = [];
      await consumer.subscribe([name], 'earliest', {
        onAssigned: async () => {
          events.push('assigned');
          return undefined;
        },
        onRevoked: async () => {
          events.push('revoked');
        },
        onLost: async (partitions) => {
          events.push('lost');
          const offsets = partitions.map((each) => ({ ...each, offset: 0 }));
          await assert.rejects(consumer.commit(offsets), codeIs('ANM_GROUP_REBALANCED'));
        },
      });
      while (events.length < 1) await consumer.poll(10);
      broker().faults.inject({ api: 'Heartbeat', errorCode: 25 });
      while (events.length < 3) await consumer.poll(10);
      assert.deepEqual(events, ['assigned', 'lost', 'assigned']);
      appendText(producer, name, 0, 'after');
      await producer.close();
      assert.equal((await readRecords(consumer, 1)).get(0)![0]!.value, 'after');
      await consumer.close();
    });
  });
});

describe('choice of the client', () => {
  test('auto takes the fast one where the broker has its versions', async () => {
    const broker = await startBroker({ port: 0 });
    const choice = await whichClient({ brokers: [broker.address] });
    assert.equal(choice.client, 'platformatic');
    assert.deepEqual(choice.missing, []);
    await broker.close();
  });

  test('auto falls back to librdkafka for an older broker, or says what is missing', async () => {
    const broker = await startBroker({ port: 0, profile: 'v25.2' });
    const options = { brokers: [broker.address] };
    if (hasNative) {
      const choice = await whichClient(options);
      assert.equal(choice.client, 'librdkafka');
      assert.match(choice.reason, /FindCoordinator v4/);
    } else {
      await assert.rejects(connect(options), (error) => {
        assert.ok(isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED');
        assert.match(error.message, /FindCoordinator v4.*librdkafka, which speaks older versions, does not load/);
        return true;
      });
    }
    const fast = await connect({ ...options, client: 'platformatic' });
    await assert.rejects(fast.admin.describeGroup('g'), codeIs('ANM_UNSUPPORTED'));
    await fast.close();
    await broker.close();
  });

  test('addresses are host:port, with IPv6 in brackets', () => {
    assert.deepEqual(parseAddress('a:1'), { host: 'a', port: 1 });
    assert.deepEqual(parseAddress('a'), { host: 'a', port: 9092 });
    assert.deepEqual(parseAddress('[::1]:19092'), { host: '::1', port: 19092 });
    for (const wrong of ['', 'a:b', 'a:0', 'a:70000', '::1']) {
      assert.throws(() => parseAddress(wrong), codeIs('ANM_CONFIG'));
    }
  });
});

describe('a broker that restarts', { timeout: 600_000 }, () => {
  test('commits, reads of offsets and metadata outlast it', async () => {
    const broker = await startBroker({ port: 0 });
    const { port } = broker;
    const client = await connect({ brokers: [broker.address], client: 'platformatic' });
    await client.admin.createTopics([{ name: 'kept', partitions: 1 }]);
    const consumer = await client.createConsumer({ groupId: 'restarted' });
    const place = { topic: 'kept', partition: 0 };
    await consumer.commit([{ ...place, offset: 1 }]);
    const calls: (() => Promise<unknown>)[] = [
      () => consumer.commit([{ ...place, offset: 2 }]),
      () => consumer.committed([place]),
      () => client.admin.listOffsets([place], 'latest'),
      () => client.admin.topics(['kept']),
      () => client.admin.groupOffsets('restarted'),
    ];
    await broker.close();
    const running = Promise.allSettled(calls.map((call) => call()));
    // The port refuses for as long as it takes to be refused twice, so that the calls meet it.
    for (let refusals = 0; refusals < 2; refusals++) await refused(port);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await broker.listen(port);
    for (const result of await running) assert.equal(result.status, 'fulfilled', String(reasonOf(result)));
    assert.equal((await consumer.committed([place]))[0]!.offset, 2);
    await client.close();
    await broker.close();
  });

  test('one that stays away is reported at the retry timeout, and closing does not wait for it', async () => {
    const broker = await startBroker({ port: 0 });
    const options = { brokers: [broker.address], client: 'platformatic', retryTimeoutMs: 300 } as const;
    const client = await connect(options);
    const consumer = await client.createConsumer({ groupId: 'away' });
    await broker.close();
    const begunMs = performance.now();
    await assert.rejects(
      consumer.commit([{ topic: 'kept', partition: 0, offset: 1 }]),
      codeIs('ANM_BROKER_UNREACHABLE'),
    );
    assert.ok(performance.now() - begunMs >= 200);
    await client.close();
  });
});

/** Resolves once a connection to the port was refused. */
async function refused(port: number): Promise<void> {
  const socket = connectSocket(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    socket.on('error', () => resolve());
    socket.on('connect', () => reject(new Error(`port ${port} takes connections`)));
  });
}

function reasonOf(result: PromiseSettledResult<unknown>): unknown {
  return result.status === 'rejected' ? result.reason : '';
}

describe('parts of the fast client', () => {
  test('frames are cut out of any chunks, in buffers that are used again', () => {
    const bodies = [Buffer.from('abcd'), Buffer.from('x'.repeat(100_000)), Buffer.from('12345')];
    const stream = Buffer.concat(
      bodies.map((body) => {
        const size = Buffer.alloc(4);
        size.writeInt32BE(body.length);
        return Buffer.concat([size, body]);
      }),
    );
    for (const chunkBytes of [1, 3, 7, 65_536, stream.length]) {
      const seen: Buffer[] = [];
      const frames = new FrameBuffer((frame) => seen.push(Buffer.from(frame)));
      for (let at = 0; at < stream.length; at += chunkBytes) frames.push(stream.subarray(at, at + chunkBytes));
      assert.deepEqual(seen, bodies);
    }
    const frames = new FrameBuffer(() => {});
    assert.throws(() => frames.push(Buffer.from('HTTP/1.1 400 Bad Request')), codeIs('ANM_PROTOCOL'));
  });

  test('batches put back keep the order of their sequences, over the wrap too', () => {
    const queue = new PartitionQueue('t', 0);
    queue.isKnown = true;
    queue.nextSequence = 0x7ffffffe;
    const batches = [1, 2, 3, 4].map((count) => {
      const batch = new OutgoingBatch();
      batch.count = count;
      queue.waiting.push(batch);
      return batch;
    });
    const sent = [queue.take(), queue.take(), queue.take()];
    assert.deepEqual(
      sent.map((batch) => batch.baseSequence),
      [0x7ffffffe, 0x7fffffff, 1],
    );
    assert.equal(queue.isHead(sent[0]!), true);
    assert.equal(queue.isHead(sent[1]!), false);
    for (const batch of [sent[2]!, sent[0]!, sent[1]!]) {
      assert.equal(queue.waiting.includes(batch), false);
      queue.putBack(batch, 0);
    }
    assert.deepEqual(queue.waiting, batches);
    assert.equal(queue.canSend(1), true);
    assert.deepEqual(
      [queue.take(), queue.take(), queue.take(), queue.take()].map((batch) => batch.attempts),
      [2, 2, 2, 1],
    );
  });

  test('nothing is sent while batches in flight are still to come back', () => {
    const queue = new PartitionQueue('t', 0);
    queue.isKnown = true;
    for (let i = 0; i < 3; i++) {
      const batch = new OutgoingBatch();
      batch.count = 1;
      queue.waiting.push(batch);
    }
    const [first, second] = [queue.take(), queue.take()];
    queue.putBack(first, 5);
    assert.equal(queue.canSend(10), false);
    queue.acknowledge(second);
    assert.equal(queue.canSend(4), false, 'the pause before a repetition');
    assert.equal(queue.canSend(5), true);
    assert.equal(queue.take(), first);
  });
});
