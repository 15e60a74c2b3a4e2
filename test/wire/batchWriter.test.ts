import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecordsBatch, Reader, readRecordsBatch } from '@platformatic/kafka';
import fc from 'fast-check';
import { BatchHeader, hasValidCrc, readBatchHeader } from '../../src/wire/batchHeader.ts';
import { BatchWriter } from '../../src/wire/batchWriter.ts';
import { CODEC_NAMES, prepareCodecs } from '../../src/wire/compression.ts';
import { COMMIT_MARKER, markerBatch, markerType } from '../../src/wire/controlBatch.ts';
import { anyRecords, batchOf, expected, readBatch, recordsOf, type TestRecord } from './helpers.ts';

await prepareCodecs();

/** The library has no zstd on Node 20. */
const shared = ['none', 'gzip', 'snappy', 'lz4'] as const;
const codec = fc.constantFrom(...CODEC_NAMES);

test('every codec: what is written is read back', () => {
  fc.assert(
    fc.property(anyRecords, codec, fc.nat(2 ** 40), (records, compression, baseOffset) => {
      const batch = readBatch(batchOf(records, { compression, baseOffset }));
      assert.deepEqual(recordsOf(batch), expected(records, baseOffset));
    }),
  );
});

test('@platformatic/kafka reads what is written here', () => {
  fc.assert(
    fc.property(anyRecords, fc.constantFrom(...shared), (records, compression) => {
      const bytes = batchOf(records, {
        compression,
        producerId: 12,
        producerEpoch: 3,
        baseSequence: 40,
        baseOffset: 9,
      });
      const batch = readRecordsBatch(Reader.from(Buffer.from(bytes)));
      assert.equal(batch.firstOffset, 9n);
      assert.equal(batch.lastOffsetDelta, records.length - 1);
      assert.deepEqual([batch.producerId, batch.producerEpoch, batch.firstSequence], [12n, 3, 40]);
      const back = batch.records.map(
        (record): TestRecord => ({
          offset: 9 + record.offsetDelta,
          timestampMs: Number(batch.firstTimestamp + record.timestampDelta),
          key: plain(record.key),
          value: plain(record.value),
          headers: record.headers.map(([key, value]) => ({ key: String(key), value: plain(value) })),
        }),
      );
      assert.deepEqual(back, expected(records, 9));
    }),
  );
});

test('what @platformatic/kafka writes is read here', () => {
  fc.assert(
    fc.property(anyRecords, fc.constantFrom(...shared), (any, compression) => {
      // Its writer (dynamic-buffer 0.3) encodes timestamp deltas of 2^31 ms and more wrongly.
      const records = any.map((record) => ({ ...record, timestampMs: record.timestampMs % 2 ** 31 }));
      const messages = records.map((record) => ({
        topic: 'readings',
        timestamp: BigInt(record.timestampMs),
        key: record.key === null ? undefined : Buffer.from(record.key),
        value: record.value === null ? undefined : Buffer.from(record.value),
        headers: new Map((record.headers ?? []).map(({ key, value }) => [Buffer.from(key), Buffer.from(value ?? [])])),
      }));
      const bytes = createRecordsBatch(messages as never, { compression }).buffer;
      const there = expected(records).map((record) => ({
        ...record,
        headers: record.headers.map(({ key, value }) => ({ key, value: value ?? new Uint8Array(0) })),
      }));
      assert.deepEqual(recordsOf(readBatch(bytes)), there);
    }),
  );
});

test('the header says what was asked for', () => {
  const record = { timestampMs: 5000, key: null, value: new Uint8Array(3) };
  const bytes = batchOf([record, { ...record, timestampMs: 4000 }, { ...record, timestampMs: 9000 }], {
    compression: 'lz4',
    producerId: 2 ** 40,
    producerEpoch: 7,
    baseSequence: 11,
    transactional: true,
    baseOffset: 100,
    partitionLeaderEpoch: 4,
  });
  const header = new BatchHeader();
  assert.ok(readBatchHeader(bytes, 0, header));
  assert.ok(hasValidCrc(bytes, header));
  assert.deepEqual(
    { ...header },
    {
      baseOffset: 100,
      batchLength: bytes.length - 12,
      partitionLeaderEpoch: 4,
      magic: 2,
      crc: header.crc,
      attributes: 3 | 0x10,
      lastOffsetDelta: 2,
      baseTimestamp: 5000,
      maxTimestamp: 9000,
      producerId: 2 ** 40,
      producerEpoch: 7,
      baseSequence: 11,
      recordCount: 3,
      position: 0,
      end: bytes.length,
    },
  );
  assert.ok(header.isTransactional && !header.isControl && !header.isLogAppendTime);
});

test('a writer is used again after a reset, and sizes are those of the bytes', () => {
  const writer = new BatchWriter(10);
  const value = new Uint8Array(1000).fill(7);
  for (const count of [3, 1, 500]) {
    assert.equal(writer.count, 0);
    for (let i = 0; i < count; i++) writer.append(1000 + i, value, 0, 4, value, 0, i % 1000);
    assert.equal(writer.count, count);
    assert.equal(writer.maxTimestampMs, 1000 + count - 1);
    const bytes = writer.finish();
    assert.equal(bytes.length, writer.sizeBytes);
    assert.equal(readBatch(bytes).count, count);
    writer.reset();
  }
});

test('ranges of a buffer are appended, and a batch can be finished twice', () => {
  const writer = new BatchWriter();
  const text = new TextEncoder().encode('--key==value--');
  writer.append(1, text, 2, 5, text, 7, 12);
  const first = writer.finish({ baseSequence: 1 }).slice();
  const again = writer.finish({ baseSequence: 2 });
  for (const bytes of [first, again]) {
    const [record] = recordsOf(readBatch(bytes));
    assert.equal(new TextDecoder().decode(record!.key!), 'key');
    assert.equal(new TextDecoder().decode(record!.value!), 'value');
  }
});

test('transaction markers', () => {
  const bytes = markerBatch({ isCommit: true, producerId: 5, producerEpoch: 1, timestampMs: 10, baseOffset: 8 });
  const header = new BatchHeader();
  assert.ok(readBatchHeader(bytes, 0, header));
  assert.ok(header.isControl && header.isTransactional && hasValidCrc(bytes, header));
  assert.equal(markerType(bytes, header), COMMIT_MARKER);
  const [record] = recordsOf(readBatch(bytes));
  assert.deepEqual([...record!.key!], [0, 0, 0, 1]);
  assert.deepEqual([...record!.value!], [0, 0, 0, 0, 0, 0]);
});

function plain(bytes: Uint8Array | null | undefined): Uint8Array | null {
  return bytes === null || bytes === undefined ? null : Uint8Array.from(bytes);
}
