import { open } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import { readVarint } from '../../wire/varint.ts';
import { AvroContainer, BLOCK_BYTES_MAX } from '../avro/avroContainer.ts';
import { FilePool, FileSource } from '../byteSource.ts';
import { RECORDING_KEY, type RecordedSchema, type RecordingMeta, readBlock } from './recordingFormat.ts';

/** A block of a partition: where it lies, and what is in it. */
interface BlockPlace {
  readonly position: number;
  readonly end: number;
  readonly count: number;
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly lastTimeMs: number;
}

/** A recording that is whole: every block was read and checked once, and each partition can be read by itself. */
export class Recording {
  readonly path: string;
  readonly meta: RecordingMeta;
  /** Schemas by id, as they were when it was made. */
  readonly schemas = new Map<number, RecordedSchema>();
  records = 0;
  readonly #blocks = new Map<string, BlockPlace[]>();

  private constructor(path: string, meta: RecordingMeta) {
    this.path = path;
    this.meta = meta;
  }

  /** Null for a file of another kind. @throws ANM_FILE where it is cut or damaged */
  static async open(path: string): Promise<Recording | null> {
    if (!(await isContainer(path))) return null;
    const pool = new FilePool();
    try {
      const container = await AvroContainer.open(path, new FileSource(pool, path));
      const text = container.meta.get(RECORDING_KEY);
      if (text === undefined) return null;
      const recording = new Recording(path, metaOf(path, text));
      await recording.#index(container);
      return recording;
    } finally {
      await pool.closeAll();
    }
  }

  /** All partitions of a topic, those without a record included. */
  partitions(topic: string): TopicPartition[] {
    const count = this.meta.topics.find(({ name }) => name === topic)?.partitions ?? 0;
    return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
  }

  /** As Admin.listOffsets, of what is in the file. */
  async listOffsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | number,
  ): Promise<TopicPartitionOffset[]> {
    return await Promise.all(
      partitions.map(async ({ topic, partition }) => ({
        topic,
        partition,
        offset: await this.#offsetAt(topic, partition, at),
      })),
    );
  }

  /** Records of a partition with from <= offset < to. A batch is valid until the next one. */
  async *batches(
    topic: string,
    partition: number,
    from = 0,
    to = Infinity,
    fieldCount = 0,
  ): AsyncGenerator<ColumnBatch> {
    const places = this.#of(topic, partition).filter((each) => each.nextOffset > from && each.firstOffset < to);
    if (places.length === 0) return;
    const batch = new ColumnBatch(fieldCount);
    const file = await open(this.path);
    try {
      for (const { position, end, count } of places) {
        const bytes = Buffer.allocUnsafe(end - position);
        await file.read(bytes, 0, bytes.length, position);
        readBlock(unpacked(bytes), count, batch, () => {});
        cutTo(batch, from, to);
        if (batch.count > 0) yield batch;
      }
    } finally {
      await file.close();
    }
  }

  async #index(container: AvroContainer): Promise<void> {
    const batch = new ColumnBatch();
    for (;;) {
      const position = container.position;
      const block = await container.next();
      if (block === null) return;
      if (block.count === 0) continue;
      try {
        readBlock(block.bytes, block.count, batch, (schema) => this.schemas.set(schema.id, schema));
        this.#place(batch, position, container.position);
      } catch (error) {
        throw container.broken((error as Error).message);
      }
    }
  }

  #place(batch: ColumnBatch, position: number, end: number): void {
    const { topic, partition, firstOffset, nextOffset, count, recordTimes } = batch;
    const name = `${topic}/${partition}`;
    const places = this.#blocks.get(name) ?? [];
    if (firstOffset < (places.at(-1)?.nextOffset ?? 0))
      throw new Error(`offset ${firstOffset} of ${name} is there twice`);
    let lastTimeMs = -Infinity;
    for (let i = 0; i < count; i++) lastTimeMs = Math.max(lastTimeMs, recordTimes[i]!);
    places.push({ position, end, count, firstOffset, nextOffset, lastTimeMs });
    this.#blocks.set(name, places);
    this.records += count;
  }

  async #offsetAt(topic: string, partition: number, at: 'earliest' | 'latest' | number): Promise<number> {
    const places = this.#of(topic, partition);
    // Where it was read from and to, which may be a place without a record, as after a transaction.
    const { from, to } = this.meta;
    const named = (list: readonly TopicPartitionOffset[] | null) =>
      list?.find((each) => each.topic === topic && each.partition === partition)?.offset;
    if (at === 'earliest') return named(from) ?? places[0]?.firstOffset ?? 0;
    if (at === 'latest') return Math.max(places.at(-1)?.nextOffset ?? 0, named(to) ?? named(from) ?? 0);
    const place = places.find(({ lastTimeMs }) => lastTimeMs >= at);
    if (place === undefined) return -1;
    for await (const batch of this.batches(topic, partition, place.firstOffset, place.nextOffset)) {
      for (let i = 0; i < batch.count; i++) if (batch.recordTimes[i]! >= at) return batch.offsets[i]!;
    }
    return -1;
  }

  #of(topic: string, partition: number): readonly BlockPlace[] {
    return this.#blocks.get(`${topic}/${partition}`) ?? [];
  }
}

async function isContainer(path: string): Promise<boolean> {
  const file = await open(path).catch((cause: Error) => {
    throw new AnomalyError('ANM_FILE', `cannot read ${path} as ${cause.message}`, { cause });
  });
  try {
    const head = Buffer.alloc(4);
    const { bytesRead } = await file.read(head, 0, 4, 0);
    return bytesRead === 4 && head.toString('latin1') === 'Obj\x01';
  } catch {
    // A folder, which is no recording.
    return false;
  } finally {
    await file.close();
  }
}

function metaOf(path: string, text: string): RecordingMeta {
  const meta = JSON.parse(text) as RecordingMeta;
  if (meta.version === 1) return meta;
  throw new AnomalyError('ANM_UNSUPPORTED', `cannot read the recording ${path} as it is of version ${meta.version}`, {
    hint: 'this version of anomaly reads recordings of version 1',
  });
}

/** A block as it lies in the file, with its two numbers before and the mark behind it, which were checked before. */
function unpacked(bytes: Uint8Array): Uint8Array {
  const cursor = { bytes, pos: 0, end: bytes.length };
  readVarint(cursor);
  const size = readVarint(cursor);
  return inflateRawSync(bytes.subarray(cursor.pos, cursor.pos + size), { maxOutputLength: BLOCK_BYTES_MAX });
}

/** Leaves the records with from <= offset < to. */
function cutTo(batch: ColumnBatch, from: number, to: number): void {
  while (batch.count > 0 && batch.offsets[batch.count - 1]! >= to) batch.count--;
  let first = 0;
  while (first < batch.count && batch.offsets[first]! < from) first++;
  if (first === batch.count) batch.count = 0;
  if (batch.count === 0) return;
  batch.firstOffset = batch.offsets[first]!;
  batch.nextOffset = batch.offsets[batch.count - 1]! + 1;
  const { offsets, recordTimes, keyStart, keyEnd, valueStart, valueEnd, headerStart, headerEnd } = batch;
  for (const column of [offsets, recordTimes, keyStart, keyEnd, valueStart, valueEnd, headerStart, headerEnd]) {
    column.copyWithin(0, first, batch.count);
  }
  batch.count -= first;
}
