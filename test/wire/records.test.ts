import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BATCH_HEADER_BYTES, BatchHeader, patchCrc, readBatchHeader } from '../../src/wire/batchHeader.ts';
import { BatchWriter } from '../../src/wire/batchWriter.ts';
import { anyRecords, batchOf, expected, isCorrupt, readBatch, recordsOf } from './helpers.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

test('records come back as they were written', () => {
  fc.assert(
    fc.property(anyRecords, fc.nat(2 ** 40), (records, baseOffset) => {
      const batch = readBatch(batchOf(records, { baseOffset }));
      assert.deepEqual(recordsOf(batch), expected(records, baseOffset));
      assert.equal(batch.firstOffset, baseOffset);
      assert.equal(batch.nextOffset, baseOffset + records.length);
    }),
  );
});

test('many records, with deltas of one to four bytes', () => {
  const records = Array.from({ length: 50_000 }, (_, i) => ({
    timestampMs: 1.7e12 + ((i * 7919) % 100_000) * 1000,
    key: bytesOf(`sensor-${i % 1000}`),
    value: new Uint8Array(i % 300),
  }));
  const batch = readBatch(batchOf(records));
  const back = recordsOf(batch);
  assert.equal(back.length, records.length);
  for (const i of [0, 63, 64, 8191, 8192, 49_999]) {
    assert.equal(batch.recordTimes[i], records[i]!.timestampMs);
    assert.equal(batch.valueEnd[i]! - batch.valueStart[i]!, i % 300);
    assert.deepEqual(back[i]!.key, records[i]!.key);
  }
});

test('records before the start offset are left out, and the batch covers what is left', () => {
  fc.assert(
    fc.property(anyRecords, fc.nat(45), (records, skip) => {
      const batch = readBatch(batchOf(records, { baseOffset: 100 }), 0, { startOffset: 100 + skip });
      assert.deepEqual(recordsOf(batch), expected(records, 100).slice(skip));
      assert.equal(batch.firstOffset, 100 + skip);
      assert.equal(batch.nextOffset, 100 + records.length);
    }),
  );
});

test('offsets that compaction removed stay covered by the batch', () => {
  const writer = new BatchWriter();
  const one = new Uint8Array([1]);
  writer.skipOffsets(2);
  writer.append(1000, null, 0, 0, one, 0, 1);
  writer.skipOffsets(3);
  writer.append(1000, null, 0, 0, one, 0, 1);
  writer.skipOffsets(4);
  const batch = readBatch(writer.finish({ baseOffset: 50 }));
  assert.deepEqual([...batch.offsets.subarray(0, batch.count)], [52, 56]);
  assert.equal(batch.firstOffset, 50);
  assert.equal(batch.nextOffset, 61);
});

test('an empty batch, all of whose records were compacted away, is read', () => {
  const writer = new BatchWriter();
  writer.skipOffsets(5);
  const batch = readBatch(writer.finish({ baseOffset: 7 }));
  assert.equal(batch.count, 0);
  assert.equal(batch.nextOffset, 12);
});

test('any changed byte behind the epoch is caught by the CRC or the header', () => {
  fc.assert(
    fc.property(anyRecords, fc.nat(), fc.integer({ min: 1, max: 255 }), (records, place, flip) => {
      const bytes = batchOf(records);
      const at = 16 + (place % (bytes.length - 16));
      bytes[at] = bytes[at]! ^ flip;
      // Magic 0 and 1 are refused as old formats.
      if (at === 16) assert.throws(() => readBatch(bytes));
      else assert.throws(() => readBatch(bytes), isCorrupt);
    }),
  );
});

test('with the CRC made right again, malformed records are an error or stay within their bytes', () => {
  fc.assert(
    fc.property(
      anyRecords,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      (records, edits) => {
        const bytes = batchOf(records);
        for (const [place, value] of edits) {
          bytes[BATCH_HEADER_BYTES + (place % (bytes.length - BATCH_HEADER_BYTES))] = value;
        }
        patchCrc(bytes, 0);
        let batch: ReturnType<typeof readBatch>;
        try {
          batch = readBatch(bytes);
        } catch (error) {
          assert.ok(isCorrupt(error), String(error));
          return;
        }
        for (let i = 0; i < batch.count; i++) {
          const end = i + 1 < batch.count ? batch.headerEnd[i + 1]! : bytes.length;
          assert.ok(batch.keyEnd[i]! >= batch.keyStart[i]! && batch.keyEnd[i]! <= end);
          assert.ok(batch.valueEnd[i]! >= batch.valueStart[i]! && batch.valueEnd[i]! <= end);
          assert.ok(batch.headerStart[i]! >= BATCH_HEADER_BYTES && batch.headerStart[i]! < batch.headerEnd[i]!);
          assert.ok(Number.isFinite(batch.recordTimes[i]!));
        }
        recordsOf(batch);
      },
    ),
    { numRuns: 1000 },
  );
});

test('impossible counts and deltas in the header are refused', () => {
  const edit = (at: number, value: number) => {
    const bytes = batchOf([{ timestampMs: 1, key: null, value: bytesOf('x') }]);
    new DataView(bytes.buffer).setInt32(at, value);
    patchCrc(bytes, 0);
    assert.throws(() => readBatch(bytes), isCorrupt);
  };
  edit(57, -1);
  edit(57, 2);
  edit(57, 0);
  edit(57, 0x7fffffff);
  edit(23, -1);
});

test('the error names the offsets and the place', () => {
  const bytes = batchOf([{ timestampMs: 1, key: null, value: bytesOf('x') }], { baseOffset: 40 });
  bytes[bytes.length - 1] = 9;
  const header = new BatchHeader();
  readBatchHeader(bytes, 0, header);
  assert.throws(
    () => readBatch(bytes),
    (error: Error & { details: Record<string, unknown> }) => {
      assert.match(error.message, /offsets 40 to 40 .* CRC-32C/);
      assert.equal(error.details['firstOffset'], 40);
      assert.equal(error.details['nextOffset'], 41);
      assert.equal(error.details['recordCount'], 1);
      return true;
    },
  );
});
