import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import avro from 'avsc';
import fc from 'fast-check';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import { Recording } from '../../../src/inputs/recording/recording.ts';
import type { RecordedSchema, RecordingMeta } from '../../../src/inputs/recording/recordingFormat.ts';
import { RecordingWriter } from '../../../src/inputs/recording/recordingWriter.ts';
import { readHeaders } from '../../../src/wire/headers.ts';
import { writeVarint } from '../../../src/wire/varint.ts';

const dir = mkdtempSync(join(tmpdir(), 'anomaly-recording-'));
after(() => rmSync(dir, { recursive: true, force: true }));

interface Plain {
  readonly partition: number;
  readonly offset: number;
  readonly time: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

const META: RecordingMeta = {
  version: 1,
  topics: [{ name: 't', partitions: 3, retentionMs: '-1' }],
  from: [],
  to: null,
  journal: null,
};

/** The records of one partition as a fetched batch has them. */
function batchOf(records: readonly Plain[]): ColumnBatch {
  const batch = new ColumnBatch(0, Math.max(1, records.length));
  const bytes = Buffer.alloc(200_000);
  let at = 0;
  const put = (part: Uint8Array): void => {
    bytes.set(part, at);
    at += part.length;
  };
  const number = (value: number): void => {
    at = writeVarint(bytes, at, value);
  };
  batch.topic = 't';
  batch.partition = records[0]?.partition ?? 0;
  batch.bytes = bytes;
  batch.count = records.length;
  for (const [i, { offset, time, key, value, headers }] of records.entries()) {
    batch.offsets[i] = offset;
    batch.recordTimes[i] = time;
    batch.keyStart[i] = key === null ? -1 : at;
    if (key !== null) put(key);
    batch.keyEnd[i] = key === null ? -1 : at;
    batch.valueStart[i] = value === null ? -1 : at;
    if (value !== null) put(value);
    batch.valueEnd[i] = value === null ? -1 : at;
    batch.headerStart[i] = at;
    number(headers.length);
    for (const [name, content] of headers) {
      number(Buffer.byteLength(name));
      put(Buffer.from(name));
      number(content === null ? -1 : content.length);
      if (content !== null) put(content);
    }
    batch.headerEnd[i] = at;
  }
  return batch;
}

function plainOf(batch: ColumnBatch): Plain[] {
  const range = (start: number, end: number) => (start < 0 ? null : Uint8Array.from(batch.bytes.subarray(start, end)));
  return Array.from({ length: batch.count }, (_, i) => ({
    partition: batch.partition,
    offset: batch.offsets[i]!,
    time: batch.recordTimes[i]!,
    key: range(batch.keyStart[i]!, batch.keyEnd[i]!),
    value: range(batch.valueStart[i]!, batch.valueEnd[i]!),
    headers: readHeaders(batch, i).map(({ key, value }) => [key, value && Uint8Array.from(value)] as const),
  }));
}

async function write(
  name: string,
  batches: readonly ColumnBatch[],
  schema: RecordedSchema | null = null,
): Promise<string> {
  const path = join(dir, name);
  const writer = await RecordingWriter.create(path, META);
  for (const batch of batches) await writer.add(batch, 0, batch.count, (i) => (i === 0 ? schema : null));
  await writer.close();
  return path;
}

async function readAll(recording: Recording, from?: number, to?: number): Promise<Plain[]> {
  const records: Plain[] = [];
  for (const { partition } of recording.partitions('t')) {
    for await (const batch of recording.batches('t', partition, from, to)) records.push(...plainOf(batch));
  }
  return records;
}

const bytes = fc.option(fc.uint8Array({ maxLength: 40 }));
const record = fc.record({
  partition: fc.nat(2),
  gap: fc.integer({ min: 1, max: 2 ** 40 }),
  time: fc.integer({ min: -1, max: 2 ** 48 }),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ maxLength: 5 }), bytes), { maxLength: 3 }),
});

test('whatever records there are come back whole, by partition, and in any range of offsets', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(record, { maxLength: 5 }), { maxLength: 8 }), async (lists) => {
      const offsets = [0, 0, 0];
      const batches = lists.flatMap((list) =>
        [0, 1, 2].map((partition) =>
          list
            .filter((each) => each.partition === partition)
            .map(({ gap, ...each }): Plain => {
              offsets[partition]! += gap;
              return { ...each, offset: offsets[partition]! };
            }),
        ),
      );
      const path = await write('any.avro', batches.map(batchOf));
      const recording = (await Recording.open(path))!;
      const expected = [0, 1, 2].flatMap((partition) => batches.flat().filter((each) => each.partition === partition));
      assert.equal(recording.records, expected.length);
      assert.deepEqual(await readAll(recording), expected);
      const middle = expected[expected.length >> 1]?.offset ?? 0;
      assert.deepEqual(
        await readAll(recording, middle, middle + 2 ** 20),
        expected.filter(({ offset }) => offset >= middle && offset < middle + 2 ** 20),
      );
    }),
    { numRuns: 60 },
  );
});

const ONE: Plain = {
  partition: 1,
  offset: 7,
  time: 1000,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  headers: [
    ['a', Buffer.from('x')],
    ['b', null],
  ],
};

test('any Avro library reads it', async () => {
  const path = await write('avro.avro', [batchOf([ONE])], { id: 3, type: 'AVRO', text: '"string"' });
  const rows = await new Promise<unknown[]>((resolve, reject) => {
    const all: unknown[] = [];
    avro
      .createFileDecoder(path)
      .on('data', (row) => all.push(JSON.parse(JSON.stringify(row))))
      .on('end', () => resolve(all))
      .on('error', reject);
  });
  const buffer = (text: string) => ({ type: 'Buffer', data: [...Buffer.from(text)] });
  assert.deepEqual(rows, [
    {
      topic: 't',
      partition: 1,
      offset: 7,
      timestamp: 1000,
      key: buffer('k'),
      value: buffer('v'),
      headers: [
        { key: 'a', value: buffer('x') },
        { key: 'b', value: buffer('') },
      ],
      null_headers: [1],
      schema: { id: 3, type: 'AVRO', text: '"string"' },
    },
  ]);
  assert.deepEqual((await Recording.open(path))!.schemas.get(3), { id: 3, type: 'AVRO', text: '"string"' });
});

test('a large partition is many blocks, and times find their offsets', async () => {
  const many = Array.from({ length: 5000 }, (_, i) => {
    return { ...ONE, offset: i * 2, time: 10_000 + i, value: Buffer.alloc(200, i % 251) };
  });
  const batches = Array.from({ length: 50 }, (_, k) => batchOf(many.slice(k * 100, k * 100 + 100)));
  const recording = (await Recording.open(await write('many.avro', batches)))!;
  const at = async (where: 'earliest' | 'latest' | number) =>
    (await recording.listOffsets([{ topic: 't', partition: 1 }], where))[0]!.offset;
  assert.deepEqual(
    await Promise.all(['earliest' as const, 'latest' as const, 0, 12_345, 15_000].map(at)),
    [0, 9999, 0, 4690, -1],
  );
  assert.deepEqual(
    (await readAll(recording, 4689, 4693)).map(({ offset }) => offset),
    [4690, 4692],
  );
});

test('other files are none; a cut or damaged one is refused; one in the making is not there', async () => {
  const other = join(dir, 'other.csv');
  writeFileSync(other, 'a,b\n1,2\n');
  assert.equal(await Recording.open(other), null);
  const path = await write('whole.avro', [batchOf([ONE])]);
  const whole = readFileSync(path);
  writeFileSync(join(dir, 'cut.avro'), whole.subarray(0, -5));
  await assert.rejects(Recording.open(join(dir, 'cut.avro')), {
    code: 'ANM_FILE',
    message: /block 1 .*the file is cut/,
  });
  for (let at = whole.length - 40; at < whole.length; at++) {
    const spoiled = Buffer.from(whole);
    spoiled[at]! ^= 0x55;
    writeFileSync(join(dir, 'spoiled.avro'), spoiled);
    const found = await Recording.open(join(dir, 'spoiled.avro')).then(
      (recording) => readAll(recording!),
      (error: { code?: string }) => error.code,
    );
    // deflate has no checksum: a changed byte may go unseen, but then it is a record all the same.
    assert.ok(found === 'ANM_FILE' || Array.isArray(found), `${at}: ${JSON.stringify(found)}`);
  }
  const writer = await RecordingWriter.create(join(dir, 'going.avro'), META);
  await writer.add(batchOf([ONE]), 0, 1, () => null);
  assert.deepEqual([existsSync(join(dir, 'going.avro')), existsSync(join(dir, 'going.avro.part'))], [false, true]);
  await writer.abandon();
  assert.equal(existsSync(join(dir, 'going.avro.part')), false);
  await assert.rejects(RecordingWriter.create(join(dir, 'no/where.avro'), META), { code: 'ANM_FILE' });
});

test('where it was read from and to is known also without a record there, unless it was stopped before', async () => {
  const place = { topic: 't', partition: 1 };
  const meta = { ...META, from: [{ ...place, offset: 5 }], to: [{ ...place, offset: 12 }] };
  const ends = async (isWhole: boolean) => {
    const path = join(dir, `ends-${isWhole}.avro`);
    const writer = await RecordingWriter.create(path, meta);
    await writer.add(batchOf([ONE]), 0, 1, () => null);
    await writer.close(isWhole);
    const recording = (await Recording.open(path))!;
    assert.deepEqual(
      (await readAll(recording)).map(({ offset }) => offset),
      [7],
    );
    const [first, last] = [
      await recording.listOffsets([place], 'earliest'),
      await recording.listOffsets([place], 'latest'),
    ];
    return [first[0]!.offset, last[0]!.offset];
  };
  assert.deepEqual(
    [await ends(true), await ends(false)],
    [
      [5, 12],
      [5, 8],
    ],
  );
});

test('offsets that are there twice are no recording', async () => {
  const path = await write('twice.avro', [batchOf(Array.from({ length: 2 }, () => ONE))]).catch(() => '');
  await assert.rejects(Recording.open(path), { code: 'ANM_FILE', message: /offsets do not ascend/ });
});
