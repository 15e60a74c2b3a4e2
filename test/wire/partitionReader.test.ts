import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColumnBatch } from '../../src/engine/batch.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { BatchWriter, type FinishOptions } from '../../src/wire/batchWriter.ts';
import { prepareCodecs } from '../../src/wire/compression.ts';
import { markerBatch } from '../../src/wire/controlBatch.ts';
import { PartitionReader, type ReadResult } from '../../src/wire/partitionReader.ts';
import { batchOf, recordsOf } from './helpers.ts';

await prepareCodecs();

/** A batch of `count` records whose values are their own offsets. */
function data(baseOffset: number, count: number, options: FinishOptions = {}): Uint8Array {
  const values = Array.from({ length: count }, (_, i) => new TextEncoder().encode(String(baseOffset + i)));
  return batchOf(
    values.map((value) => ({ timestampMs: 1000, key: null, value })),
    { baseOffset, ...options },
  );
}

const transactional = (baseOffset: number, count: number, producerId: number) =>
  data(baseOffset, count, { producerId, producerEpoch: 0, baseSequence: 0, transactional: true });
const marker = (baseOffset: number, producerId: number, isCommit: boolean) =>
  markerBatch({ baseOffset, producerId, producerEpoch: 0, isCommit, timestampMs: 1000 });

/** Reads to the first result that is no data; the offsets read, each checked against its value. */
function drain(reader: PartitionReader): { offsets: number[]; last: ReadResult } {
  const out = new ColumnBatch();
  const offsets: number[] = [];
  for (;;) {
    const last = reader.next(out);
    if (last !== 'data') return { offsets, last };
    for (const record of recordsOf(out)) {
      assert.equal(new TextDecoder().decode(record.value!), String(record.offset));
      offsets.push(record.offset);
    }
    assert.equal(reader.position, out.nextOffset);
  }
}

function openReader(
  batches: Uint8Array[],
  { position = 0, isCompacted = false, aborted = [] as number[], committed = true, logStart = 0 } = {},
): PartitionReader {
  const bytes = Buffer.concat(batches);
  const reader = new PartitionReader(position, {
    isolation: committed ? 'read_committed' : 'read_uncommitted',
    isCompacted,
  });
  reader.open(bytes, 0, bytes.length, aborted, logStart);
  return reader;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test('batches are read in order, each codec, from the position on', () => {
  const batches = [
    data(0, 5),
    data(5, 5, { compression: 'gzip' }),
    data(10, 5, { compression: 'snappy' }),
    data(15, 5, { compression: 'lz4' }),
    data(20, 5, { compression: 'zstd' }),
  ];
  const reader = openReader(batches, { position: 7 });
  assert.deepEqual(drain(reader), { offsets: range(7, 25), last: 'end' });
  assert.equal(reader.position, 25);
});

test('a batch cut at the end stops the reading, at every length', () => {
  const first = data(0, 3);
  const second = data(3, 3);
  for (let cut = 0; cut < second.length; cut++) {
    const reader = openReader([first, second.subarray(0, cut)]);
    assert.deepEqual(drain(reader), { offsets: [0, 1, 2], last: 'end' });
    assert.equal(reader.position, 3);
    assert.equal(reader.cutBatchBytes, 0);
  }
  const reader = openReader([second.subarray(0, 40)], { position: 3 });
  assert.equal(drain(reader).last, 'end');
  assert.equal(reader.cutBatchBytes, second.length);
});

test('control batches are stepped over, and aborted records under read_committed', () => {
  const batches = [
    transactional(0, 2, 7),
    transactional(2, 2, 8),
    data(4, 1),
    marker(5, 7, false),
    transactional(6, 2, 7),
    marker(8, 8, true),
    marker(9, 7, true),
  ];
  const aborted = [7, 0];
  const committed = openReader(batches, { aborted });
  assert.deepEqual(drain(committed), { offsets: [2, 3, 4, 6, 7], last: 'end' });
  assert.equal(committed.position, 10);
  const uncommitted = openReader(batches, { aborted, committed: false });
  assert.deepEqual(drain(uncommitted).offsets, [0, 1, 2, 3, 4, 6, 7]);
});

test('an aborted transaction that begins before the fetch, and one after the other of one producer', () => {
  const batches = [
    transactional(10, 2, 7),
    marker(12, 7, false),
    transactional(13, 2, 7),
    marker(15, 7, true),
    transactional(16, 2, 7),
    marker(18, 7, false),
  ];
  for (const aborted of [
    [7, 3, 7, 16],
    [7, 16, 7, 3],
  ]) {
    const reader = openReader(batches, { position: 10, aborted });
    assert.deepEqual(drain(reader), { offsets: [13, 14], last: 'end' });
    assert.equal(reader.position, 19);
  }
});

test('a hole is reported before the batch behind it, and passed when nothing is there', () => {
  const reader = openReader([data(0, 2), data(5, 2)]);
  assert.deepEqual(drain(reader), { offsets: [0, 1], last: 'hole' });
  assert.deepEqual(reader.hole, { from: 2, to: 5 });
  assert.equal(reader.position, 2);
  reader.acceptHole();
  assert.deepEqual(drain(reader), { offsets: [5, 6], last: 'end' });
});

test('holes by compaction, log start and fences are no holes', () => {
  assert.deepEqual(drain(openReader([data(0, 2), data(5, 2)], { isCompacted: true })).offsets, [0, 1, 5, 6]);
  assert.deepEqual(drain(openReader([data(5, 2)], { logStart: 5 })).offsets, [5, 6]);
  const fenced = [data(0, 2), transactional(3, 2, 7), marker(5, 7, true), transactional(7, 1, 7)];
  assert.deepEqual(drain(openReader(fenced)), { offsets: [0, 1, 3, 4, 7], last: 'end' });
});

test('offsets that compaction took out of a batch stay covered by it', () => {
  const writer = new BatchWriter();
  writer.skipOffsets(2);
  writer.append(1000, null, 0, 0, new TextEncoder().encode('2'), 0, 1);
  writer.skipOffsets(3);
  const emptied = new BatchWriter();
  emptied.skipOffsets(4);
  const reader = openReader([writer.finish(), emptied.finish({ baseOffset: 6 }), data(10, 1)]);
  assert.deepEqual(drain(reader), { offsets: [2, 10], last: 'end' });
});

test('a wrong CRC is reported with offsets and count, not read, and can be stepped past', () => {
  const damaged = data(2, 3);
  damaged[damaged.length - 2] = 0;
  const reader = openReader([data(0, 2), damaged, data(5, 2)]);
  assert.deepEqual(drain(reader), { offsets: [0, 1], last: 'corrupt' });
  const start = data(0, 2).length;
  assert.deepEqual(reader.corrupt, {
    start,
    end: start + damaged.length,
    firstOffset: 2,
    nextOffset: 5,
    recordCount: 3,
    reason: 'its CRC-32C does not match',
  });
  assert.equal(reader.next(new ColumnBatch()), 'corrupt');
  reader.skipCorrupt();
  assert.deepEqual(drain(reader), { offsets: [5, 6], last: 'end' });
});

test('a damaged header gives its range only as far as the next batch confirms', () => {
  const damaged = data(2, 3);
  new DataView(damaged.buffer).setInt32(23, 1_000_000);
  const reader = openReader([data(0, 2), damaged, data(5, 2)]);
  assert.equal(drain(reader).last, 'corrupt');
  assert.deepEqual([reader.corrupt!.nextOffset, reader.corrupt!.recordCount], [5, 3]);
  const alone = openReader([data(0, 2), damaged]);
  assert.equal(drain(alone).last, 'corrupt');
  assert.deepEqual([alone.corrupt!.nextOffset, alone.corrupt!.recordCount], [3, 0]);
  const elsewhere = openReader([data(0, 2), damaged, data(500, 2)]);
  assert.equal(drain(elsewhere).last, 'corrupt');
  assert.equal(elsewhere.corrupt!.nextOffset, 3);
});

test('records that the CRC vouches for and that are malformed are reported as well', () => {
  const writer = new BatchWriter();
  writer.append(1000, null, 0, 0, new Uint8Array(3), 0, 3);
  const bytes = writer.finish().slice();
  bytes[62] = 9;
  const reader = new PartitionReader(0, { isolation: 'read_committed', checkCrc: false });
  bytes[61] = 100;
  reader.open(bytes, 0, bytes.length);
  assert.equal(reader.next(new ColumnBatch()), 'corrupt');
  assert.match(reader.corrupt!.reason, /record length/);
});

test('a message format before 2 is refused by name', () => {
  const old = data(0, 1);
  old[16] = 1;
  assert.throws(
    () => openReader([old]).next(new ColumnBatch()),
    (error) => isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED',
  );
});

test('a seek drops what is open', () => {
  const reader = openReader([data(0, 2), data(2, 2)]);
  reader.next(new ColumnBatch());
  reader.seek(3);
  assert.equal(reader.next(new ColumnBatch()), 'end');
  const bytes = data(2, 2);
  reader.open(bytes, 0, bytes.length);
  assert.deepEqual(drain(reader), { offsets: [3], last: 'end' });
});

test('any damage is reported or leaves a hole; what is read is right', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
      flips,
      fc.nat(),
      (sizes, edits, cut) => {
        let offset = 0;
        const batches = sizes.map((size) => {
          offset += size;
          return data(offset - size, size);
        });
        const bytes = Buffer.concat(batches);
        // A base offset is under no CRC: damage to it is seen only against whole neighbours, so it comes alone, and
        // never to the first batch, which has none before it.
        const starts = batches.map((_, b) => batches.slice(0, b).reduce((sum, batch) => sum + batch.length, 0));
        for (const [place, flip] of edits) {
          const at = 8 + (place % (bytes.length - 8));
          if (edits.length > 1 && starts.some((start) => at >= start && at < start + 8)) continue;
          bytes[at]! ^= flip;
        }
        const reader = new PartitionReader(0, { isolation: 'read_committed' });
        reader.open(bytes, 0, bytes.length - (cut % 20));
        const out = new ColumnBatch();
        // Every offset up to the position was read with its own value, or is part of a reported range.
        for (let expected = 0, steps = 0; ; steps++) {
          assert.ok(steps < 100);
          let result: ReadResult;
          try {
            result = reader.next(out);
          } catch (error) {
            assert.ok(isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED', String(error));
            return;
          }
          if (result === 'end' || result === 'hole') {
            assert.equal(reader.position, expected);
            return;
          }
          if (result === 'corrupt') {
            assert.equal(reader.corrupt!.firstOffset, expected);
            expected = reader.corrupt!.nextOffset;
            assert.ok(expected <= Math.max(offset, reader.position + 1));
            reader.skipCorrupt();
            continue;
          }
          assert.equal(out.offsets[0], expected);
          for (let i = 0; i < out.count; i++, expected++) {
            assert.equal(
              Buffer.from(out.bytes.subarray(out.valueStart[i], out.valueEnd[i])).toString(),
              String(expected),
            );
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});
