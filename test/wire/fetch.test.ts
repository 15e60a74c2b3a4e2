import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, Writer } from '@platformatic/kafka';
import { ColumnBatch } from '../../src/engine/batch.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { encodeFetchRequest, FetchedPartition, readFetchResponse } from '../../src/wire/fetch.ts';
import { PartitionReader } from '../../src/wire/partitionReader.ts';
import { batchOf, recordsOf } from './helpers.ts';

const record = { timestampMs: 1000, key: null, value: new TextEncoder().encode('21.5') };

test('a request has the fields of Fetch v11 in order', () => {
  const limits = { maxWaitMs: 500, minBytes: 1, maxBytes: 8_000_000, isolation: 'read_committed' } as const;
  const topics = [
    { topic: 'readings', partitions: [0, 3], offsets: [2 ** 40, 7], maxBytes: [1_000_000, 2_000_000] },
    { topic: 'añejo', partitions: [1], offsets: [0], maxBytes: [5] },
  ];
  const reader = Reader.from(Buffer.from(encodeFetchRequest(9, 'anomaly', limits, topics)));
  assert.equal(reader.readInt32(), reader.remaining);
  assert.deepEqual([reader.readInt16(), reader.readInt16(), reader.readInt32()], [1, 11, 9]);
  assert.equal(reader.readString(false), 'anomaly');
  // Replica, wait, least bytes, most bytes, isolation, session id and epoch.
  assert.deepEqual([reader.readInt32(), reader.readInt32(), reader.readInt32(), reader.readInt32()], [-1, 500, 1, 8e6]);
  assert.deepEqual([reader.readInt8(), reader.readInt32(), reader.readInt32()], [1, 0, -1]);
  const read = reader.readArray(
    (r) => ({
      topic: r.readString(false),
      partitions: r.readArray(
        (p) => [p.readInt32(), p.readInt32(), p.readInt64(), p.readInt64(), p.readInt32()],
        false,
        false,
      ),
    }),
    false,
    false,
  );
  assert.deepEqual(read, [
    {
      topic: 'readings',
      partitions: [
        [0, -1, 2n ** 40n, -1n, 1_000_000],
        [3, -1, 7n, -1n, 2_000_000],
      ],
    },
    { topic: 'añejo', partitions: [[1, -1, 0n, -1n, 5]] },
  ]);
  assert.equal(reader.readInt32(), 0);
  assert.equal(reader.readString(false), '');
  assert.equal(reader.remaining, 0);
});

interface Answer {
  partition: number;
  errorCode: number;
  aborted: [number, number][] | null;
  records: Uint8Array | null;
}

/** A response by the library's writer. */
function response(topics: [string, Answer[]][], errorCode = 0): Uint8Array {
  return Writer.create()
    .appendInt32(9)
    .appendInt32(0)
    .appendInt16(errorCode)
    .appendInt32(0)
    .appendArray(
      topics,
      (w, [name, partitions]) => {
        w.appendString(name, false).appendArray(
          partitions,
          (p, { partition, errorCode: code, aborted, records }) => {
            p.appendInt32(partition).appendInt16(code).appendInt64(100n).appendInt64(90n).appendInt64(3n);
            if (aborted === null) p.appendInt32(-1);
            else {
              p.appendInt32(aborted.length);
              for (const [id, first] of aborted) p.appendInt64(BigInt(id)).appendInt64(BigInt(first));
            }
            p.appendInt32(-1).appendInt32(records?.length ?? -1);
            if (records !== null) p.append(Buffer.from(records));
          },
          false,
          false,
        );
      },
      false,
      false,
    ).buffer;
}

test('a response is walked partition by partition, and its records are read where they lie', () => {
  const records = batchOf([record, record], { baseOffset: 40 });
  const frame = response([
    [
      'readings',
      [
        {
          partition: 0,
          errorCode: 0,
          aborted: [
            [7, 12],
            [8, 13],
          ],
          records,
        },
        { partition: 3, errorCode: 1, aborted: null, records: null },
      ],
    ],
    ['other', [{ partition: 1, errorCode: 0, aborted: [], records: new Uint8Array(0) }]],
  ]);
  const seen: FetchedPartition[] = [];
  assert.equal(
    readFetchResponse(frame, new FetchedPartition(), (fetched) => seen.push({ ...fetched })),
    0,
  );
  assert.deepEqual(
    seen.map((f) => [f.topic, f.partition, f.errorCode, f.aborted, f.recordsEnd - f.recordsStart]),
    [
      ['readings', 0, 0, [7, 12, 8, 13], records.length],
      ['readings', 3, 1, [], 0],
      ['other', 1, 0, [], 0],
    ],
  );
  const first = seen[0]!;
  assert.deepEqual([first.highWatermark, first.lastStableOffset, first.logStartOffset], [100, 90, 3]);
  const reader = new PartitionReader(40, { isolation: 'read_committed' });
  reader.open(frame, first.recordsStart, first.recordsEnd, first.aborted, first.logStartOffset);
  const out = new ColumnBatch();
  assert.equal(reader.next(out), 'data');
  assert.deepEqual(
    recordsOf(out).map((r) => r.offset),
    [40, 41],
  );
});

test('the error of the whole response is returned', () => {
  assert.equal(
    readFetchResponse(response([], 70), new FetchedPartition(), () => assert.fail()),
    70,
  );
});

test('a response cut anywhere is a protocol error', () => {
  const frame = response([
    ['readings', [{ partition: 0, errorCode: 0, aborted: [[7, 12]], records: batchOf([record]) }]],
  ]);
  for (let end = 0; end < frame.length; end++) {
    assert.throws(
      () => readFetchResponse(frame.subarray(0, end), new FetchedPartition(), () => {}),
      (error) => isAnomalyError(error) && error.code === 'ANM_PROTOCOL',
      `cut at ${end}`,
    );
  }
});
