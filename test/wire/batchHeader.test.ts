import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAnomalyError } from '../../src/errors.ts';
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  batchSizeBytes,
  hasValidCrc,
  patchBatchOffset,
  patchLogAppendTime,
  readBatchHeader,
  readInt64,
  writeBatchHeader,
  writeInt64,
} from '../../src/wire/batchHeader.ts';
import { batchOf, isCorrupt, readBatch } from './helpers.ts';

const record = { timestampMs: 1000, key: null, value: new Uint8Array(3) };

test('every field of a header comes back as written', () => {
  const int32 = fc.integer();
  const int16 = fc.integer({ min: -32768, max: 32767 });
  const fields = fc.record({
    baseOffset: fc.maxSafeInteger(),
    partitionLeaderEpoch: int32,
    crc: fc.nat(0xffffffff),
    attributes: int16,
    lastOffsetDelta: int32,
    baseTimestamp: fc.maxSafeInteger(),
    maxTimestamp: fc.maxSafeInteger(),
    producerId: fc.maxSafeInteger(),
    producerEpoch: int16,
    baseSequence: int32,
    recordCount: int32,
  });
  fc.assert(
    fc.property(fields, fc.nat(5), (values, at) => {
      const header = Object.assign(new BatchHeader(), values, { batchLength: BATCH_HEADER_BYTES - 12 });
      const bytes = new Uint8Array(at + BATCH_HEADER_BYTES);
      writeBatchHeader(bytes, at, header);
      const back = new BatchHeader();
      assert.ok(readBatchHeader(bytes, at, back));
      assert.deepEqual(back, Object.assign(header, { position: at, end: bytes.length }));
    }),
  );
});

test('a cut header or batch is reported as incomplete, at every length', () => {
  const bytes = batchOf([record]);
  for (let end = 0; end < bytes.length; end++) {
    assert.equal(readBatchHeader(bytes, 0, new BatchHeader(), end), false);
    assert.equal(batchSizeBytes(bytes, 0, end), end <= 16 ? 0 : bytes.length);
  }
  assert.equal(readBatchHeader(bytes, 0, new BatchHeader()), true);
});

test('old message formats are refused by name, an impossible magic or length as corrupt', () => {
  for (const magic of [0, 1]) {
    const bytes = batchOf([record]);
    bytes[16] = magic;
    assert.throws(
      () => batchSizeBytes(bytes, 0),
      (error) => isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED' && error.message.includes(`format ${magic}`),
    );
  }
  const strange = batchOf([record]);
  strange[16] = 3;
  assert.throws(() => batchSizeBytes(strange, 0), isCorrupt);
  const short = batchOf([record]);
  short[11] = 48;
  assert.throws(() => batchSizeBytes(short, 0), isCorrupt);
});

test('a broker sets offset and epoch outside the CRC', () => {
  const bytes = batchOf([record, record]);
  patchBatchOffset(bytes, 0, 2 ** 40 + 7, 5);
  const header = new BatchHeader();
  readBatchHeader(bytes, 0, header);
  assert.ok(hasValidCrc(bytes, header));
  assert.equal(header.partitionLeaderEpoch, 5);
  assert.deepEqual([...readBatch(bytes).offsets.subarray(0, 2)], [2 ** 40 + 7, 2 ** 40 + 8]);
});

test('log append time stands for each record, and the CRC is renewed', () => {
  const bytes = batchOf([record, { ...record, timestampMs: 5000 }]);
  patchLogAppendTime(bytes, 0, 77_000);
  const header = new BatchHeader();
  readBatchHeader(bytes, 0, header);
  assert.ok(header.isLogAppendTime);
  assert.ok(hasValidCrc(bytes, header));
  assert.deepEqual([...readBatch(bytes).recordTimes.subarray(0, 2)], [77_000, 77_000]);
});

test('int64 is exact for every safe integer', () => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      writeInt64(bytes, 0, value);
      assert.equal(view.getBigInt64(0), BigInt(value));
      assert.equal(readInt64(bytes, 0), value);
    }),
  );
});
