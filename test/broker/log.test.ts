import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/broker/clock.ts';
import { PartitionLog } from '../../src/broker/log/partitionLog.ts';
import { BatchHeader, hasValidCrc, patchCrc, readBatchHeader } from '../../src/wire/batchHeader.ts';
import { prepareCodecs } from '../../src/wire/compression.ts';
import { batchOf, RawClient } from './helpers/rawClient.ts';

const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const clock = new ManualClock(NOW_MS);
let broker: Broker;
let client: RawClient;
let topics = 0;

before(async () => {
  await prepareCodecs();
  broker = await startBroker({ clock });
  client = await RawClient.to(broker);
});
after(async () => {
  client.close();
  await broker.close();
});

async function newTopic(configs: Record<string, string> = {}): Promise<string> {
  const name = `log-${topics++}`;
  await client.createTopic(name, 1, configs);
  return name;
}

function headersOf(records: Buffer): BatchHeader[] {
  const headers: BatchHeader[] = [];
  for (let pos = 0; pos < records.length; ) {
    const header = new BatchHeader();
    assert.ok(readBatchHeader(records, pos, header), 'only whole batches are sent');
    assert.ok(hasValidCrc(records, header));
    headers.push(header);
    pos = header.end;
  }
  return headers;
}

test('batches get the next offsets, keep their bytes, and come back whole from the one that holds the offset', async () => {
  const topic = await newTopic();
  const sent = [batchOf(['a', 'b', 'c'], NOW_MS), batchOf(['d'], NOW_MS), batchOf(['e', 'f'], NOW_MS)];
  const baseOffsets: number[] = [];
  for (const batch of sent) baseOffsets.push((await client.produce(topic, 0, batch)).baseOffset);
  assert.deepEqual(baseOffsets, [0, 3, 4]);
  const { records, highWatermark, lastStableOffset, logStartOffset } = await client.fetch(topic, 0, 2);
  assert.deepEqual([highWatermark, lastStableOffset, logStartOffset], [6, 6, 0]);
  assert.deepEqual(
    headersOf(records!).map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset]),
    [
      [0, 3],
      [3, 4],
      [4, 6],
    ],
  );
  // All but offset and leader epoch is as the producer sent it.
  assert.deepEqual(records!.subarray(16, sent[0]!.length), sent[0]!.subarray(16));
});

test('a fetch keeps to its limits in whole batches, but always sends the first', async () => {
  const topic = await newTopic();
  const batch = batchOf(['x'.repeat(1000)], NOW_MS);
  for (let i = 0; i < 5; i++) await client.produce(topic, 0, batch);
  const count = async (options: object) => headersOf((await client.fetch(topic, 0, 1, options)).records!).length;
  assert.equal(await count({ partitionMaxBytes: 1 }), 1);
  assert.equal(await count({ maxBytes: 0 }), 1);
  assert.equal(await count({ partitionMaxBytes: batch.length * 2 }), 2);
  assert.equal(await count({ maxBytes: batch.length * 3 + 1 }), 3);
  assert.equal(await count({}), 4);
  assert.equal((await client.fetch(topic, 0, 5)).records!.length, 0);
});

test('the log finds every offset, whatever the sizes of its batches', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 30_000 })), {
        minLength: 1,
        maxLength: 40,
      }),
      fc.nat(),
      fc.integer({ min: 1, max: 100_000 }),
      (shapes, at, maxBytes) => {
        const log = new PartitionLog('t', 0);
        const header = new BatchHeader();
        const ends: number[] = [];
        for (const [count, size] of shapes) {
          const batch = batchOf(
            Array.from({ length: count }, () => 'v'.repeat(size)),
            NOW_MS,
          );
          readBatchHeader(batch, 0, header);
          log.append(batch, header, -1);
          ends.push(log.highWatermark);
        }
        const offset = at % log.highWatermark;
        const { chunks, bytes } = log.read(offset, maxBytes, true);
        const found = headersOf(Buffer.concat(chunks));
        assert.ok(found[0]!.baseOffset <= offset && found[0]!.nextOffset > offset);
        found.forEach((batch, i) => {
          if (i > 0) assert.equal(batch.baseOffset, found[i - 1]!.nextOffset);
        });
        assert.ok(bytes <= maxBytes || found.length === 1);
        const next = ends.indexOf(found[found.length - 1]!.nextOffset) + 1;
        assert.ok(next > 0);
      },
    ),
    { numRuns: 60 },
  );
});

test('a fetch outside the log says so, with the log start; an unknown partition or topic id too', async () => {
  const topic = await newTopic();
  await client.produce(topic, 0, batchOf(['a'], NOW_MS));
  for (const offset of [-1, 2]) {
    const answer = await client.fetch(topic, 0, offset);
    assert.deepEqual([answer.errorCode, answer.logStartOffset, answer.highWatermark], [1, 0, 1]);
  }
  assert.equal((await client.fetch(topic, 1, 0)).errorCode, 3);
  assert.equal((await client.fetch('absent', 0, 0, { version: 4 })).errorCode, 3);
  assert.equal((await client.fetch(topic, 0, 0, { version: 13 })).errorCode, 100);
});

test('an empty fetch waits for records, or until its time is over', async () => {
  const topic = await newTopic();
  const waiting = await RawClient.to(broker);
  const answer = waiting.fetch(topic, 0, 0, { maxWaitMs: 500 });
  await client.produce(topic, 0, batchOf(['late'], NOW_MS));
  assert.equal(headersOf((await answer).records!).length, 1);

  const log = broker.context.topics.partition(topic, 0)!;
  const large = waiting.fetch(topic, 0, 0, { maxWaitMs: 500, minBytes: 1 << 19 });
  while (log.listeners.size === 0) await client.send('ApiVersions', 0, {});
  await client.produce(topic, 0, batchOf(['small'], NOW_MS));
  assert.equal(log.listeners.size, 1, 'it waits on below min_bytes');
  clock.advance(500);
  assert.equal(headersOf((await large).records!).length, 2);
  assert.equal(log.listeners.size, 0);
  waiting.close();
});

test('a fetch that waits ends with its connection, and with its topic', async () => {
  const topic = await newTopic();
  const log = broker.context.topics.partition(topic, 0)!;
  const gone = await RawClient.to(broker);
  gone.post('Fetch', 12, {
    maxWaitMs: 60_000,
    minBytes: 1,
    topics: [{ topic, partitions: [{ partition: 0, partitionMaxBytes: 100 }] }],
  });
  while (log.listeners.size === 0) await client.send('ApiVersions', 0, {});
  gone.close();
  while (log.listeners.size > 0) await client.send('ApiVersions', 0, {});

  const waiting = await RawClient.to(broker);
  const answer = waiting.fetch(topic, 0, 0, { maxWaitMs: 60_000 });
  while (log.listeners.size === 0) await client.send('ApiVersions', 0, {});
  await client.send('DeleteTopics', 5, { topicNames: [topic] });
  assert.equal((await answer).errorCode, 3);
  waiting.close();
});

test('a fetch session is declined', async () => {
  const topic = await newTopic();
  const wanted = { topics: [{ topic, partitions: [{ partition: 0, partitionMaxBytes: 1 }] }] };
  const first = await client.send('Fetch', 12, { ...wanted, sessionEpoch: 0 });
  assert.deepEqual([first.errorCode, first.sessionId], [0, 0]);
  assert.equal((await client.send('Fetch', 12, { ...wanted, sessionId: 5, sessionEpoch: 1 })).errorCode, 70);
});

test('an old or future leader epoch is refused', async () => {
  const topic = await newTopic();
  const errorOf = async (currentLeaderEpoch: number) => {
    const partitions = [{ partition: 0, partitionMaxBytes: 1, currentLeaderEpoch }];
    return (await client.send('Fetch', 12, { topics: [{ topic, partitions }] })).responses[0]!.partitions[0]!.errorCode;
  };
  assert.deepEqual([await errorOf(0), await errorOf(1), await errorOf(2), await errorOf(-1)], [74, 0, 75, 0]);
});

test('what a producer sends is checked', async () => {
  const topic = await newTopic({ 'max.message.bytes': '5000' });
  const good = batchOf(['a', 'b'], NOW_MS);
  const changed = (change: (batch: Buffer) => void, fixCrc = true) => {
    const batch = Buffer.from(good);
    change(batch);
    if (fixCrc) patchCrc(batch, 0);
    return batch;
  };
  const errorOf = async (batch: Buffer, version = 7) => (await client.produce(topic, 0, batch, -1, version)).errorCode;
  assert.equal(await errorOf(changed((batch) => batch.writeUInt8(batch[70]! ^ 1, 70), false)), 2, 'CRC');
  assert.equal(await errorOf(changed((batch) => batch.writeInt8(1, 16))), 43, 'message format 1');
  assert.equal(await errorOf(changed((batch) => batch.writeInt32BE(1, 57))), 87, 'record count');
  assert.equal(await errorOf(changed((batch) => batch.writeInt32BE(-1, 23))), 87, 'last offset delta');
  assert.equal(await errorOf(changed((batch) => batch.writeInt16BE(0x20, 21))), 87, 'a control batch');
  assert.equal(await errorOf(changed((batch) => batch.writeInt16BE(0x10, 21))), 53, 'a transaction');
  assert.equal(await errorOf(changed((batch) => batch.writeInt16BE(5, 21))), 76, 'an unknown codec');
  assert.equal(
    await errorOf(
      changed((batch) => batch.writeInt16BE(4, 21)),
      6,
    ),
    76,
    'zstd before version 7',
  );
  assert.equal(await errorOf(Buffer.concat([good, good])), 87, 'two batches');
  assert.equal(await errorOf(good.subarray(0, -1)), 87, 'a cut batch');
  assert.equal(await errorOf(Buffer.alloc(10)), 87, 'no batch');
  assert.equal(await errorOf(batchOf(['x'.repeat(6000)], NOW_MS)), 10, 'too large');
  assert.equal(await errorOf(batchOf(['a'], clock.now() + HOUR_MS + 1)), 32, 'from the future');
  assert.equal(await errorOf(batchOf(['a'], 0)), 0, 'the past is no problem');
  assert.equal((await client.produce('absent', 0, good)).errorCode, 3);
  assert.equal((await client.produce(topic, 3, good)).errorCode, 3);
  assert.equal((await client.produce(topic, 0, good, 2)).errorCode, 21);
  assert.equal((await client.produce(topic, 0, good)).baseOffset, 1, 'nothing refused was appended');
});

test('acks 0 has no answer, and a failure closes the connection', async () => {
  const topic = await newTopic();
  const raw = await RawClient.to(broker);
  const post = (name: string) =>
    raw.post('Produce', 7, {
      acks: 0,
      topicData: [{ name, partitionData: [{ index: 0, records: batchOf(['a'], NOW_MS) }] }],
    });
  post(topic);
  assert.equal((await raw.fetch(topic, 0, 0)).highWatermark, 1);
  post('absent');
  await assert.rejects(raw.send('ApiVersions', 0, {}), /closed the connection/);
});

test('LogAppendTime stamps the batch with the time of the broker, and its CRC still holds', async () => {
  const topic = await newTopic({ 'message.timestamp.type': 'LogAppendTime' });
  const answer = await client.produce(topic, 0, batchOf(['a', 'b'], 5));
  assert.equal(answer.logAppendTimeMs, clock.now());
  const [header] = headersOf((await client.fetch(topic, 0, 0)).records!);
  assert.ok(header!.isLogAppendTime);
  assert.equal(header!.maxTimestamp, clock.now());
});

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`offsets are found by time within a batch, ${compression}`, async () => {
    const topic = await newTopic();
    await client.produce(topic, 0, batchOf(['a', 'b', 'c'], 1000, { compression }));
    await client.produce(topic, 0, batchOf(['d', 'e'], 2000, { compression }));
    const at = async (timestamp: number, version = 6) => {
      const partitions = [{ partitionIndex: 0, timestamp }];
      const { topics } = await client.send('ListOffsets', version, { topics: [{ name: topic, partitions }] });
      const { offset, timestamp: found, errorCode } = topics[0]!.partitions[0]!;
      assert.equal(errorCode, 0);
      return [offset, found];
    };
    assert.deepEqual(await at(-2), [0, -1]);
    assert.deepEqual(await at(-1), [5, -1]);
    assert.deepEqual(await at(-3), [4, 2001]);
    assert.deepEqual(await at(0), [0, 1000]);
    assert.deepEqual(await at(1001), [1, 1001]);
    assert.deepEqual(await at(1500), [3, 2000]);
    assert.deepEqual(await at(2002), [-1, -1]);
    const partitions = [{ partitionIndex: 0, timestamp: 1002 }];
    const old = await client.send('ListOffsets', 0, { topics: [{ name: topic, partitions }] });
    assert.deepEqual(old.topics[0]!.partitions[0]!.oldStyleOffsets, [2]);
  });
}

test('DeleteRecords moves the log start, and what lies before it is out of range', async () => {
  const topic = await newTopic();
  for (const value of ['a', 'b', 'c']) await client.produce(topic, 0, batchOf([value, value], 1000));
  const deleteTo = async (offset: number) => {
    const { topics } = await client.send('DeleteRecords', 2, {
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }],
    });
    const { errorCode, lowWatermark } = topics[0]!.partitions[0]!;
    return [errorCode, lowWatermark];
  };
  assert.deepEqual(await deleteTo(3), [0, 3]);
  assert.deepEqual(await deleteTo(7), [1, -1]);
  assert.equal((await client.fetch(topic, 0, 2)).errorCode, 1);
  assert.equal((await client.fetch(topic, 0, 3)).logStartOffset, 3);
  const partitions = [{ partitionIndex: 0, timestamp: 0 }];
  const found = await client.send('ListOffsets', 6, { topics: [{ name: topic, partitions }] });
  assert.equal(found.topics[0]!.partitions[0]!.offset, 3);
  assert.deepEqual(await deleteTo(-1), [0, 6]);
  assert.equal((await client.produce(topic, 0, batchOf(['d'], 1000))).baseOffset, 6);
});

test('an idempotent producer: repeats are answered as before, gaps and old epochs refused', async () => {
  const topic = await newTopic();
  const { producerId } = await client.send('InitProducerId', 3, { transactionalId: null });
  const { producerId: other } = await client.send('InitProducerId', 0, { transactionalId: null });
  assert.notEqual(producerId, other);
  const send = async (baseSequence: number, count: number, producerEpoch = 0) => {
    const values = Array.from({ length: count }, () => 'v');
    const batch = batchOf(values, NOW_MS, { producerId, producerEpoch, baseSequence });
    const { errorCode, baseOffset } = await client.produce(topic, 0, batch);
    return [errorCode, baseOffset];
  };
  assert.deepEqual(await send(0, 2), [0, 0]);
  assert.deepEqual(await send(2, 3), [0, 2]);
  assert.deepEqual(await send(0, 2), [0, 0], 'repeated');
  assert.deepEqual(await send(2, 3), [0, 2], 'repeated');
  assert.deepEqual(await send(6, 1), [45, -1], 'a gap');
  assert.deepEqual(await send(5, 1), [0, 5]);
  for (let sequence = 6; sequence < 11; sequence++) await send(sequence, 1);
  assert.deepEqual(await send(0, 2), [45, -1], 'older than five batches');
  assert.deepEqual(await send(1, 1, 1), [45, -1], 'a new epoch begins at 0');
  assert.deepEqual(await send(0, 1, 1), [0, 11]);
  assert.deepEqual(await send(11, 1, 0), [47, -1], 'an old epoch');
  assert.equal((await client.fetch(topic, 0, 0)).highWatermark, 12);

  const { topics: described } = await client.send('DescribeProducers', 0, {
    topics: [{ name: topic, partitionIndexes: [0] }],
  });
  const [active] = described[0]!.partitions[0]!.activeProducers;
  assert.deepEqual([active!.producerId, active!.producerEpoch, active!.lastSequence], [producerId, 1, 0]);
});

test('sequences wrap from 2^31 - 1 to 0', async () => {
  const topic = await newTopic();
  const send = async (baseSequence: number) => {
    const batch = batchOf(['a', 'b', 'c'], NOW_MS, { producerId: 999, producerEpoch: 0, baseSequence });
    return (await client.produce(topic, 0, batch)).errorCode;
  };
  assert.equal(await send(2 ** 31 - 2), 0);
  assert.equal(await send(1), 0);
  assert.equal(await send(2 ** 31 - 2), 0, 'a repeat over the wrap');
});

test('OffsetForLeaderEpoch: the only epoch ends at the end of the log', async () => {
  const topic = await newTopic();
  await client.produce(topic, 0, batchOf(['a', 'b'], NOW_MS));
  const { topics: answers } = await client.send('OffsetForLeaderEpoch', 4, {
    topics: [{ topic, partitions: [0, 1, 2].map((leaderEpoch) => ({ partition: 0, leaderEpoch })) }],
  });
  assert.deepEqual(
    answers[0]!.partitions.map(({ leaderEpoch, endOffset }) => [leaderEpoch, endOffset]),
    [
      [0, 0],
      [1, 2],
      [-1, -1],
    ],
  );
});

test('a client that does not read its answers does not fill the memory of the broker', async () => {
  const topic = await newTopic();
  const batch = batchOf(['x'.repeat(900_000)], NOW_MS);
  await client.produce(topic, 0, batch);
  const slow = await RawClient.to(broker);
  slow.socket.pause();
  const requests = 100;
  for (let i = 0; i < requests; i++) {
    slow.post('Fetch', 12, { topics: [{ topic, partitions: [{ partition: 0, partitionMaxBytes: 1 << 20 }] }] });
  }
  const { connections } = broker as unknown as { connections: Set<{ socket: Socket }> };
  const unsent = () => Math.max(...[...connections].map(({ socket }) => socket.writableLength));
  while (unsent() === 0) await client.send('ApiVersions', 0, {});
  for (let i = 0; i < 20; i++) await client.send('ApiVersions', 0, {});
  assert.ok(unsent() < 2 * batch.length, `${unsent()} bytes wait for a client that does not read`);
  // Once it reads, every answer comes.
  let bytes = 0;
  slow.socket.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  slow.socket.resume();
  while (bytes < requests * batch.length) await client.send('ApiVersions', 0, {});
  slow.close();
});
