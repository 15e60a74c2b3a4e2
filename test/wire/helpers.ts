import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ColumnBatch } from '../../src/engine/batch.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { BatchHeader, readBatchHeader } from '../../src/wire/batchHeader.ts';
import { BatchWriter, type FinishOptions, type WriterHeader } from '../../src/wire/batchWriter.ts';
import { DecompressedBytes } from '../../src/wire/compression.ts';
import { type ReadRecordsOptions, readRecords } from '../../src/wire/records.ts';
import { readVarint } from '../../src/wire/varint.ts';

/** A record as an object: for tests only. */
export interface TestRecord {
  readonly offset?: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly WriterHeader[];
}

export function batchOf(records: readonly TestRecord[], options: FinishOptions = {}): Uint8Array {
  const writer = new BatchWriter(16);
  for (const { timestampMs, key, value, headers } of records) {
    writer.append(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers);
  }
  return writer.finish(options).slice();
}

/** Reads the batch at `pos` into a ColumnBatch. */
export function readBatch(bytes: Uint8Array, pos = 0, options: ReadRecordsOptions = {}): ColumnBatch {
  const header = new BatchHeader();
  assert.ok(readBatchHeader(bytes, pos, header), 'the batch is complete');
  const out = new ColumnBatch(0, 1);
  readRecords(bytes, header, out, new DecompressedBytes(), options);
  return out;
}

/** Columns back to objects. */
export function recordsOf(batch: ColumnBatch): Required<TestRecord>[] {
  return Array.from({ length: batch.count }, (_, i) => ({
    offset: batch.offsets[i]!,
    timestampMs: batch.recordTimes[i]!,
    key: range(batch.bytes, batch.keyStart[i]!, batch.keyEnd[i]!),
    value: range(batch.bytes, batch.valueStart[i]!, batch.valueEnd[i]!),
    headers: headersOf(batch.bytes, batch.headerStart[i]!, batch.headerEnd[i]!),
  }));
}

function range(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : Uint8Array.from(bytes.subarray(start, end));
}

function headersOf(bytes: Uint8Array, start: number, end: number): WriterHeader[] {
  const cursor = { bytes, pos: start, end };
  const take = () => {
    const length = readVarint(cursor);
    if (length < 0) return null;
    cursor.pos += length;
    return Uint8Array.from(bytes.subarray(cursor.pos - length, cursor.pos));
  };
  const headers: WriterHeader[] = [];
  for (let count = readVarint(cursor); count > 0; count--) {
    headers.push({ key: new TextDecoder().decode(take()!), value: take() });
  }
  assert.equal(cursor.pos, end);
  return headers;
}

/** What `batchOf(records)` must read back as. */
export function expected(records: readonly TestRecord[], baseOffset = 0): Required<TestRecord>[] {
  return records.map((record, i) => ({
    offset: baseOffset + i,
    timestampMs: record.timestampMs,
    key: record.key,
    value: record.value,
    headers: [...(record.headers ?? [])],
  }));
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Uint8Array.from(array));
const plain = { noNullPrototype: true };
const nullable = (maxLength: number) => fc.option(bytes(maxLength), { nil: null });

export const anyRecord: fc.Arbitrary<TestRecord> = fc.record(
  {
    timestampMs: fc.oneof(fc.integer({ min: 0, max: 2 ** 44 }), fc.integer({ min: 1.7e12, max: 1.7e12 + 100_000 })),
    key: nullable(200),
    value: nullable(600),
    headers: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(fc.record({ key: fc.string(), value: nullable(70) }, plain), { maxLength: 4 }) },
    ),
  },
  plain,
);

export const anyRecords = fc.array(anyRecord, { minLength: 1, maxLength: 40 });

export function isCorrupt(error: unknown): boolean {
  return isAnomalyError(error) && error.code === 'ANM_CORRUPT_BATCH';
}
