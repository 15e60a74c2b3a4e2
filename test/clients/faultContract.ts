import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filledTopic } from './contract.ts';
import { codeIs, type FaultContext } from './helpers/context.ts';
import { appendText, readRecords } from './helpers/records.ts';

/** What both clients do when a broker fails in ways that only the embedded one can be told to. */
export function defineFaultContract(context: FaultContext): void {
  const { client, topic, open, broker } = context;

  test('retriable errors and lost connections lose nothing, double nothing and keep the order', async () => {
    const name = await topic(3);
    const producer = await client().createProducer({ batchBytes: 2000 });
    const { faults } = broker();
    for (const partition of [0, 1, 2]) appendText(producer, name, partition, 'first');
    await producer.flush();
    faults.inject({ api: 'Produce', errorCode: 19, skip: 1, count: 1 });
    faults.inject({ api: 'Produce', drop: 'after', skip: 2, count: 1 });
    faults.inject({ api: 'Produce', errorCode: 6, skip: 1, count: 2 });
    faults.inject({ api: 'Produce', drop: 'before', skip: 2, count: 1 });
    faults.inject({ api: 'Produce', drop: 'after', skip: 2, count: 1 });
    const count = 3000;
    for (let i = 0; i < count; i++) {
      appendText(producer, name, i % 3, String(i));
      // Turns of the loop cut the records into many requests.
      if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (i % 300 === 0) await producer.flush();
    }
    await producer.flush();
    assert.equal(faults.armedCount, 0, 'every fault has struck');
    const consumer = await client().createConsumer();
    await consumer.assign([0, 1, 2].map((partition) => ({ topic: name, partition, offset: 0 })));
    const read = await readRecords(consumer, count + 3);
    for (const partition of [0, 1, 2]) {
      const expected = ['first', ...Array.from({ length: count / 3 }, (_, i) => String(3 * i + partition))];
      assert.deepEqual(
        read.get(partition)!.map((record) => record.value),
        expected,
      );
    }
    assert.equal(await consumer.poll(50), null, 'nothing beyond');
    await consumer.close();
    await producer.close();
  });

  test('lost connections and moving leaders cost a consumer time, not records', async () => {
    const name = await filledTopic(context, 2, 100);
    const { faults } = broker();
    faults.inject({ api: 'Fetch', drop: 'before', count: 1 });
    faults.inject({ api: 'Fetch', drop: 'after', skip: 1, count: 1 });
    const consumer = await client().createConsumer({ maxPartitionBytes: 300 });
    await consumer.assign([0, 1].map((partition) => ({ topic: name, partition, offset: 0 })));
    const read = await readRecords(consumer, 200);
    faults.clear();
    for (const partition of [0, 1]) {
      assert.deepEqual(
        read.get(partition)!.map((record) => record.offset),
        Array.from({ length: 100 }, (_, i) => i),
      );
    }
    await consumer.close();
  });

  test('what the broker refuses for good fails the next flush by name', async () => {
    const target = await topic();
    const producer = await client().createProducer();
    broker().faults.inject({ api: 'Produce', errorCode: 10 });
    appendText(producer, target, 0, 'x');
    await assert.rejects(producer.flush(), codeIs('ANM_PRODUCE', new RegExp(`${target}.*MESSAGE_TOO_LARGE`)));
    await assert.rejects(producer.flush(), codeIs('ANM_PRODUCE'));
    await producer.close();
  });

  test('repeating ends at the retry timeout, which is named', async () => {
    const target = await topic();
    const hasty = await open({ retryTimeoutMs: 400, requestTimeoutMs: 200 });
    const producer = await hasty.createProducer();
    broker().faults.inject({ api: 'Produce', errorCode: 19, count: 1000 });
    appendText(producer, target, 0, 'x');
    await assert.rejects(producer.flush(), codeIs('ANM_TIMEOUT', /retry_timeout/));
    broker().faults.clear();
    await producer.close();
  });
}
