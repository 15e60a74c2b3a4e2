import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Consumer, ConsumerOptions } from '../../src/clients/client.ts';
import type { ClientName } from '../../src/clients/connect.ts';
import { batchOf, RawClient } from '../broker/helpers/rawClient.ts';
import { RawProducer } from '../broker/helpers/rawProducer.ts';
import { type FaultContext, withClient } from './helpers/context.ts';
import { plainRecords } from './helpers/records.ts';

const NOW_MS = 1_700_000_000_000;

/** What both clients make of a log with transactions, as Redpanda writes it: markers, aborted ranges, fence holes. */
export function runTransactionContract(name: ClientName): void {
  describe(`transactions, read by the client ${name}`, { timeout: 600_000 }, () => {
    withClient(name, (context) => {
      readTests(name, context);
      positionTests(context);
    });
  });
}

interface Writer {
  readonly raw: RawClient;
  readonly producers: readonly RawProducer[];
  readonly plain: (...values: string[]) => Promise<void>;
}

async function writerOf({ broker }: FaultContext, topic: string): Promise<Writer> {
  const raw = await RawClient.to(broker());
  const producers = await Promise.all(
    ['a', 'b', 'c'].map((who) => new RawProducer(raw, `${topic}-${who}`, { timestampMs: NOW_MS }).ready()),
  );
  return {
    raw,
    producers,
    plain: async (...values) => {
      assert.equal((await raw.produce(topic, 0, batchOf(values, NOW_MS))).errorCode, 0);
    },
  };
}

/** Polls until nothing comes for a while. */
async function drain(consumer: Consumer): Promise<string[]> {
  const values: string[] = [];
  for (let silent = 0; silent < 3; ) {
    const batch = await consumer.poll(200);
    if (batch === null) silent++;
    else values.push(...plainRecords(batch).map(({ value }) => value!));
  }
  return values;
}

async function readerAt({ open }: FaultContext, topic: string, options: ConsumerOptions, offset = 0) {
  const complaints: string[] = [];
  const client = await open({
    logger: (level, message) => {
      if (level === 'warn' || level === 'error') complaints.push(message);
    },
  });
  const consumer = await client.createConsumer({ maxWaitMs: 50, ...options });
  await consumer.assign([{ topic, partition: 0, offset }]);
  return { consumer, complaints };
}

function readTests(name: ClientName, context: FaultContext): void {
  test('fences, one and several in a row, before plain and transactional records, are stepped over in silence', async () => {
    const topic = await context.topic();
    const { raw, producers, plain } = await writerOf(context, topic);
    const [a, b, c] = producers as [RawProducer, RawProducer, RawProducer];
    await plain('plain 1');
    await a.add(topic);
    await plain('plain 2'); // a fence alone before a batch that is in no transaction
    await b.add(topic);
    await c.add(topic); // two fences in a row
    await a.send(topic, ['a 1', 'a 2']);
    await c.send(topic, ['c 1']);
    await a.end(true);
    await b.end(false); // a marker of a transaction without records
    await c.end(false);
    for (const producer of producers) await producer.add(topic); // three in a row
    await plain('plain 3');
    for (const producer of producers) await producer.send(topic, [`${producer.transactionalId.at(-1)} 3`]);
    await c.end(true);
    await a.end(false);
    await b.end(true);
    await plain('plain 4');
    await a.add(topic); // a fence is the newest entry
    const all = ['plain 1', 'plain 2', 'a 1', 'a 2', 'c 1', 'plain 3', 'a 3', 'b 3', 'c 3', 'plain 4'];
    const hasAborted = (value: string) => value === 'c 1' || value === 'a 3';
    const end = context.broker().context.topics.partition(topic, 0)!;
    for (const isolation of ['read_committed', 'read_uncommitted'] as const) {
      const { consumer, complaints } = await readerAt(context, topic, { isolation });
      const expected = isolation === 'read_committed' ? all.filter((value) => !hasAborted(value)) : all;
      assert.deepEqual(await drain(consumer), expected);
      assert.deepEqual(complaints, []);
      // librdkafka tells the high watermark under either isolation.
      const tellsStable = isolation === 'read_committed' && name === 'platformatic';
      const endOffset = tellsStable ? end.lastStableOffset : end.highWatermark;
      assert.equal(consumer.endOffset(topic, 0), endOffset);
      await consumer.close();
    }
    raw.close();
  });

  test('many small transactions, half of them aborted, in fetches of any size', async () => {
    const topic = await context.topic();
    const { raw, producers } = await writerOf(context, topic);
    const expected: string[] = [];
    for (let i = 0; i < 120; i++) {
      const producer = producers[i % 3]!;
      await producer.add(topic);
      await producer.send(topic, [`${i} first`, `${i} second`]);
      const isCommit = i % 2 === 0;
      await producer.end(isCommit);
      if (isCommit) expected.push(`${i} first`, `${i} second`);
    }
    for (const maxPartitionBytes of [1, 300, 1 << 20]) {
      const { consumer, complaints } = await readerAt(context, topic, {
        isolation: 'read_committed',
        maxPartitionBytes,
      });
      assert.deepEqual(await drain(consumer), expected);
      assert.deepEqual(complaints, []);
      await consumer.close();
    }
    raw.close();
  });
}

function positionTests(context: FaultContext): void {
  test('read_committed waits at an open transaction and goes on with its end', async () => {
    const topic = await context.topic();
    const { raw, producers, plain } = await writerOf(context, topic);
    const [a, b] = producers as [RawProducer, RawProducer];
    await a.add(topic);
    await a.send(topic, ['late']);
    await plain('behind it');
    const { consumer, complaints } = await readerAt(context, topic, { isolation: 'read_committed' });
    assert.deepEqual(await drain(consumer), []);
    await a.end(true);
    assert.deepEqual(await drain(consumer), ['late', 'behind it']);
    await b.add(topic);
    await b.send(topic, ['lost']);
    await b.end(false);
    await plain('after');
    assert.deepEqual(await drain(consumer), ['after']);
    assert.deepEqual(complaints, []);
    await consumer.close();
    raw.close();
  });

  test('the position to commit lies behind the marker, and reading goes on from any offset in the log', async () => {
    const topic = await context.topic();
    const { raw, producers } = await writerOf(context, topic);
    const [a] = producers as [RawProducer];
    for (const value of ['x', 'y', 'z']) {
      await a.add(topic);
      await a.send(topic, [value]);
      await a.end(value !== 'y');
    }
    const { highWatermark } = context.broker().context.topics.partition(topic, 0)!;
    for (let offset = 0; offset <= highWatermark; offset++) {
      const { consumer, complaints } = await readerAt(context, topic, { isolation: 'read_committed' }, offset);
      const expected = [
        [1, 'x'],
        [7, 'z'],
      ].filter(([at]) => (at as number) >= offset);
      assert.deepEqual(
        await drain(consumer),
        expected.map(([, value]) => value),
      );
      assert.equal(consumer.position(topic, 0), highWatermark, `from ${offset}`);
      assert.deepEqual(complaints, []);
      await consumer.close();
    }
    raw.close();
  });
}
