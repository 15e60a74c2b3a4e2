import assert from 'node:assert/strict';
import { test } from 'node:test';
import { produceV7, Reader, Writer } from '@platformatic/kafka';
import { isAnomalyError } from '../../src/errors.ts';
import { patchBatchOffset } from '../../src/wire/batchHeader.ts';
import { encodeProduceRequest, ProducedPartition, readProduceResponse } from '../../src/wire/produce.ts';
import { batchOf } from './helpers.ts';

const value = new TextEncoder().encode('21.5');
const HEADER_BYTES = 4 + 2 + 2 + 4 + 2 + 'anomaly'.length;

test("a request has the bytes of the library's own, header apart", () => {
  const batch = (timestampMs: number) => {
    const bytes = batchOf([{ timestampMs, key: null, value }], { producerId: -1, producerEpoch: 0, baseSequence: 0 });
    patchBatchOffset(bytes, 0, 0, 0);
    return bytes;
  };
  const chunks = encodeProduceRequest(5, 'anomaly', { acks: -1, timeoutMs: 1500 }, [
    { topic: 'readings', partitions: [0, 3], batches: [batch(1000), batch(2000)] },
    { topic: 'other', partitions: [1], batches: [batch(3000)] },
  ]);
  const request = Buffer.concat(chunks);
  assert.equal(request.readInt32BE(0), request.length - 4);
  assert.deepEqual([request.readInt16BE(4), request.readInt16BE(6), request.readInt32BE(8)], [0, 7, 5]);
  const message = (topic: string, partition: number, timestamp: bigint) => ({
    topic,
    partition,
    timestamp,
    value: Buffer.from(value),
  });
  const theirs = produceV7.createRequest(
    -1,
    1500,
    [message('readings', 0, 1000n), message('readings', 3, 2000n), message('other', 1, 3000n)],
    {},
  );
  assert.deepEqual(request.subarray(HEADER_BYTES), theirs.buffer);
});

test('a transactional id stands first', () => {
  const limits = { acks: -1, timeoutMs: 1, transactionalId: 'pump-room-0' } as const;
  const reader = Reader.from(Buffer.concat(encodeProduceRequest(5, 'anomaly', limits, [])).subarray(HEADER_BYTES));
  assert.equal(reader.readString(false), 'pump-room-0');
  assert.deepEqual([reader.readInt16(), reader.readInt32(), reader.readInt32(), reader.remaining], [-1, 1, 0, 0]);
});

test('the batches are the very bytes given, not copies', () => {
  const batch = batchOf([{ timestampMs: 1000, key: null, value }]);
  const topics = [{ topic: 'readings', partitions: [0], batches: [batch] }];
  assert.ok(encodeProduceRequest(5, 'anomaly', { acks: 1, timeoutMs: 1 }, topics).includes(batch));
});

/** A response by the library's writer. */
function response(topics: [string, [number, number, bigint][]][]): Buffer {
  return Writer.create()
    .appendInt32(5)
    .appendArray(
      topics,
      (w, [name, partitions]) => {
        w.appendString(name, false).appendArray(
          partitions,
          (p, [index, errorCode, baseOffset]) => {
            p.appendInt32(index).appendInt16(errorCode).appendInt64(baseOffset).appendInt64(-1n).appendInt64(2n);
          },
          false,
          false,
        );
      },
      false,
      false,
    )
    .appendInt32(0).buffer;
}

test('a response is read as the library reads it', () => {
  const frame = response([
    [
      'readings',
      [
        [0, 0, 2n ** 40n],
        [3, 0, 8n],
      ],
    ],
    ['other', [[1, 0, 0n]]],
  ]);
  const seen: ProducedPartition[] = [];
  readProduceResponse(frame, new ProducedPartition(), (produced) => seen.push({ ...produced }));
  const theirs = produceV7.parseResponse(5, 0, 7, Reader.from(frame.subarray(4)));
  assert.deepEqual(
    seen.map((p) => [p.topic, p.partition, p.errorCode, BigInt(p.baseOffset), BigInt(p.logAppendTimeMs)]),
    theirs.responses.flatMap(({ name, partitionResponses }) =>
      partitionResponses.map((p) => [name, p.index, p.errorCode, p.baseOffset, p.logAppendTimeMs]),
    ),
  );
  assert.equal(seen[0]!.logStartOffset, 2);
});

test('an error code is handed over; a cut response is a protocol error', () => {
  const frame = response([['readings', [[0, 45, -1n]]]]);
  const into = new ProducedPartition();
  readProduceResponse(frame, into, () => {});
  assert.deepEqual([into.errorCode, into.baseOffset], [45, -1]);
  for (let end = 0; end < frame.length - 4; end++) {
    assert.throws(
      () => readProduceResponse(frame.subarray(0, end), new ProducedPartition(), () => {}),
      (error) => isAnomalyError(error) && error.code === 'ANM_PROTOCOL',
    );
  }
});
