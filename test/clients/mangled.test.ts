import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import type { Consumer, KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { BatchHeader, readBatchHeader } from '../../src/wire/batchHeader.ts';
import { FETCH_KEY, FetchedPartition, readFetchResponse } from '../../src/wire/fetch.ts';
import { ManglingProxy } from './helpers/mangler.ts';
import { appendText, readRecords } from './helpers/records.ts';

/** The record batches of a fetch response of one partition, by place. */
function batchesOf(response: Buffer): { start: number; end: number; baseOffset: number; sizeAt: number }[] {
  const found: { start: number; end: number; baseOffset: number; sizeAt: number }[] = [];
  readFetchResponse(response, new FetchedPartition(), ({ recordsStart, recordsEnd }) => {
    const header = new BatchHeader();
    let at = recordsStart;
    while (readBatchHeader(response, at, header, recordsEnd)) {
      found.push({ start: at, end: header.end, baseOffset: header.baseOffset, sizeAt: recordsStart - 4 });
      at = header.end;
    }
  });
  return found;
}

/** The response without one of its batches, as a client with a bug would see it. */
function without(response: Buffer, batch: { start: number; end: number; sizeAt: number }): Buffer {
  const result = Buffer.concat([response.subarray(0, batch.start), response.subarray(batch.end)]);
  result.writeInt32BE(result.readInt32BE(batch.sizeAt) - (batch.end - batch.start), batch.sizeAt);
  return result;
}

describe('what the wire spoils', { timeout: 600_000 }, () => {
  let broker: Broker;
  let proxy: ManglingProxy;
  let direct: KafkaClient;
  let client: KafkaClient;
  let topics = 0;

  before(async () => {
    // The broker names the proxy's port, so that all of the client's traffic goes through it.
    broker = await startBroker({ port: 0 });
    proxy = await ManglingProxy.start(broker.port);
    direct = await connect({ brokers: [broker.address], client: 'platformatic' });
    client = await connect({ brokers: [`127.0.0.1:${proxy.port}`], client: 'platformatic' });
  });
  after(async () => {
    await client.close();
    await direct.close();
    await proxy.close();
    await broker.close();
  });
  beforeEach(() => {
    proxy.mangle = rerouted;
  });

  /** Metadata names the proxy in place of the broker, so that fetches go through it too. */
  const METADATA_KEY = 3;
  const rerouted = (apiKey: number, response: Buffer) => {
    if (apiKey !== METADATA_KEY) return response;
    const port = Buffer.alloc(4);
    port.writeInt32BE(broker.port);
    const at = response.indexOf(port);
    if (at >= 0) response.writeInt32BE(proxy.port, at);
    return response;
  };

  /** Three batches of ten records. */
  async function filled(reader = client): Promise<{ topic: string; consumer: Consumer }> {
    topics += 1;
    const topic = `mangled-${topics}`;
    await direct.admin.createTopics([{ name: topic, partitions: 1 }]);
    const producer = await direct.createProducer();
    for (let i = 0; i < 30; i++) {
      appendText(producer, topic, 0, String(i));
      if (i % 10 === 9) await producer.flush();
    }
    await producer.close();
    const consumer = await reader.createConsumer();
    await consumer.assign([{ topic, partition: 0, offset: 0 }]);
    return { topic, consumer };
  }

  function onFetch(change: (response: Buffer) => Buffer | null): void {
    proxy.mangle = (apiKey, response) => (apiKey === FETCH_KEY ? change(response) : rerouted(apiKey, response));
  }

  test('a batch that vanishes on the way is a gap, not a silent loss', async () => {
    let isDone = false;
    onFetch((response) => {
      const middle = batchesOf(response).find((batch) => batch.baseOffset === 10);
      if (isDone || middle === undefined) return response;
      isDone = true;
      return without(response, middle);
    });
    const { consumer, topic } = await filled();
    const first = await consumer.poll(2000);
    assert.equal(first!.count, 10);
    await assert.rejects(
      async () => {
        for (;;) await consumer.poll(500);
      },
      (error) => {
        assert.ok(isAnomalyError(error));
        assert.equal(error.code, 'ANM_OFFSET_GAP');
        assert.match(error.message, new RegExp(`${topic} partition 0.*10 to 19`));
        return true;
      },
    );
    assert.equal(consumer.position(topic, 0), 10, 'the position stays before the gap');
    await consumer.close();
  });

  test('a hole that stays empty when it is fetched again is stepped over', async () => {
    onFetch((response) => {
      const middle = batchesOf(response).find((batch) => batch.baseOffset === 10);
      return middle === undefined ? response : without(response, middle);
    });
    const { consumer } = await filled();
    const read = (await readRecords(consumer, 20)).get(0)!;
    assert.deepEqual(
      read.map((record) => Number(record.value)),
      [...Array(10).keys(), ...Array(10).keys()].map((value, i) => (i < 10 ? value : value + 20)),
    );
    await consumer.close();
  });

  test('a wrong CRC is fetched again once, and the second answer is read', async () => {
    let spoiled = 0;
    onFetch((response) => {
      const middle = batchesOf(response).find((batch) => batch.baseOffset === 10);
      if (spoiled > 0 || middle === undefined) return response;
      spoiled += 1;
      response[middle.end - 2]! ^= 0xff;
      return response;
    });
    const { consumer } = await filled();
    const read = (await readRecords(consumer, 30)).get(0)!;
    assert.equal(spoiled, 1);
    assert.deepEqual(
      read.map((record) => Number(record.value)),
      [...Array(30).keys()],
    );
    assert.deepEqual(consumer.takeCorrupt(), []);
    await consumer.close();
  });

  test('a CRC that is wrong twice hands the batch out for the dead letters, and reading goes on', async () => {
    onFetch((response) => {
      const middle = batchesOf(response).find((batch) => batch.baseOffset === 10);
      if (middle !== undefined) response[middle.end - 2]! ^= 0xff;
      return response;
    });
    const { consumer, topic } = await filled();
    const read = (await readRecords(consumer, 20)).get(0)!;
    assert.deepEqual(
      read.map((record) => record.offset),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    );
    const [corrupt, ...more] = consumer.takeCorrupt();
    assert.deepEqual(more, []);
    assert.equal(corrupt!.topic, topic);
    assert.equal(corrupt!.firstOffset, 10);
    assert.equal(corrupt!.nextOffset, 20);
    assert.equal(corrupt!.recordCount, 10);
    assert.match(corrupt!.reason, /CRC/);
    const header = new BatchHeader();
    assert.ok(readBatchHeader(corrupt!.bytes, 0, header));
    assert.equal(header.baseOffset, 10);
    assert.deepEqual(consumer.takeCorrupt(), []);
    await consumer.close();
  });

  test('a response cut anywhere is fetched again from where it was whole', async () => {
    let cuts = 0;
    onFetch((response) => {
      const batches = batchesOf(response);
      const last = batches.at(-1);
      if (cuts > 3 || last === undefined || batches.length < 2) return response;
      cuts += 1;
      const cutBytes = Math.min(20 * cuts, last.end - last.start - 1);
      const result = Buffer.from(response.subarray(0, response.length - cutBytes));
      result.writeInt32BE(result.readInt32BE(last.sizeAt) - cutBytes, last.sizeAt);
      return result;
    });
    const { consumer } = await filled();
    const read = (await readRecords(consumer, 30)).get(0)!;
    assert.ok(cuts > 0);
    assert.deepEqual(
      read.map((record) => Number(record.value)),
      [...Array(30).keys()],
    );
    await consumer.close();
  });

  test('answers that cannot be read are asked for again, and end at the retry timeout by name', async () => {
    let damaged = 0;
    onFetch((response) => {
      damaged += 1;
      return response.subarray(0, 24);
    });
    const hasty = await connect({ brokers: [`127.0.0.1:${proxy.port}`], client: 'platformatic', retryTimeoutMs: 300 });
    try {
      const { consumer, topic } = await filled(hasty);
      await assert.rejects(readRecords(consumer, 30, 5000), (error) => {
        assert.ok(isAnomalyError(error), String(error));
        assert.equal(error.code, 'ANM_TIMEOUT');
        assert.match(
          error.message,
          new RegExp(`${topic} partition 0 \\(the answer of .* cannot be read.*retry_timeout`),
        );
        return true;
      });
      assert.ok(damaged > 1);
      await consumer.close();
    } finally {
      await hasty.close();
    }
  });

  test('an answer that can be read again ends the trouble', async () => {
    let damaged = 0;
    onFetch((response) => {
      damaged += 1;
      return damaged <= 2 ? response.subarray(0, 24) : response;
    });
    const { consumer } = await filled();
    assert.equal((await readRecords(consumer, 30)).get(0)!.length, 30);
    await consumer.close();
  });

  test('a hole is looked into again when the second look comes back damaged', async () => {
    let answers = 0;
    onFetch((response) => {
      const batches = batchesOf(response);
      if (batches.length === 0) return response;
      answers += 1;
      if (answers === 1) return without(response, batches.find((batch) => batch.baseOffset === 10)!);
      const magicAt = batches[0]!.start + 16;
      if (answers === 2) response[magicAt] = 9;
      return response;
    });
    const { consumer } = await filled();
    await assert.rejects(
      readRecords(consumer, 30, 5000),
      (error) => isAnomalyError(error) && error.code === 'ANM_OFFSET_GAP',
    );
    assert.ok(answers >= 3);
    await consumer.close();
  });

  test('an answer to a request that was never sent is an error by name', async () => {
    onFetch((response) => {
      response.writeInt32BE(0x7ffffff0, 0);
      return response;
    });
    const { consumer } = await filled();
    await assert.rejects(readRecords(consumer, 30), (error) => isAnomalyError(error) && error.code === 'ANM_PROTOCOL');
    await consumer.close();
  });
});
