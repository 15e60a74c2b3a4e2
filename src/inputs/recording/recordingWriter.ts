import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import { writeVarint } from '../../wire/varint.ts';
import {
  BlockBytes,
  RECORDING_KEY,
  RECORDING_SCHEMA,
  type RecordedSchema,
  type RecordingMeta,
} from './recordingFormat.ts';

const deflate = promisify(deflateRaw);
/** A block is written when it has so many bytes before compression. */
const BLOCK_BYTES = 256 * 1024;
const SYNC_BYTES = 16;

/**
 * Writes a recording (recordingFormat.ts). It is `PATH.part` until it is closed: what was killed in the middle is never
 * taken for a whole one.
 */
export class RecordingWriter {
  records = 0;
  bytes = 0;
  readonly path: string;
  readonly #file: FileHandle;
  readonly #sync: Uint8Array;
  readonly #meta: RecordingMeta;
  readonly #blocks = new Map<string, BlockBytes>();
  readonly #topics = new Map<string, Uint8Array>();

  private constructor(path: string, file: FileHandle, meta: RecordingMeta, sync: Uint8Array) {
    this.path = path;
    this.#meta = meta;
    this.#file = file;
    this.#sync = sync;
  }

  /** @throws ANM_FILE */
  static async create(
    path: string,
    meta: RecordingMeta,
    sync: Uint8Array = randomBytes(SYNC_BYTES),
  ): Promise<RecordingWriter> {
    try {
      const writer = new RecordingWriter(path, await open(`${path}.part`, 'w'), meta, sync);
      await writer.#write(header(JSON.stringify(meta), sync));
      return writer;
    } catch (cause) {
      throw unwritable(path, cause as Error);
    }
  }

  /** Takes records from <= i < to of a batch; `schemaOf` tells the schema that goes along with a record. */
  async add(
    batch: ColumnBatch,
    from: number,
    to: number,
    schemaOf: (i: number) => RecordedSchema | null,
  ): Promise<void> {
    let topic = this.#topics.get(batch.topic);
    if (topic === undefined) {
      topic = Buffer.from(batch.topic);
      this.#topics.set(batch.topic, topic);
    }
    const name = `${batch.topic}/${batch.partition}`;
    let block = this.#blocks.get(name);
    if (block === undefined) {
      block = new BlockBytes();
      this.#blocks.set(name, block);
    }
    for (let i = from; i < to; i++) {
      block.add(batch, i, topic, schemaOf(i));
      if (block.length >= BLOCK_BYTES) await this.#flush(block);
    }
    this.records += to - from;
  }

  /**
   * Writes what is open and makes it the file.
   * @param isWhole whether the reading came to the end that the metadata name; else they get none
   * @throws ANM_FILE
   */
  async close(isWhole = true): Promise<void> {
    try {
      for (const block of this.#blocks.values()) await this.#flush(block);
      if (!isWhole) await this.#forgetEnd();
      await this.#file.sync();
      await this.#file.close();
      await rename(`${this.path}.part`, this.path);
    } catch (cause) {
      throw unwritable(this.path, cause as Error);
    }
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(`${this.path}.part`, { force: true });
  }

  async #flush(block: BlockBytes): Promise<void> {
    if (block.count === 0) return;
    const packed = await deflate(block.bytes.subarray(0, block.length));
    const head = new Uint8Array(20);
    const end = writeVarint(head, writeVarint(head, 0, block.count), packed.length);
    block.clear();
    try {
      await this.#write(Buffer.concat([head.subarray(0, end), packed, this.#sync]));
    } catch (cause) {
      throw unwritable(this.path, cause as Error);
    }
  }

  /** The header once more, as long as it was: JSON takes spaces at its end. */
  async #forgetEnd(): Promise<void> {
    const text = JSON.stringify({ ...this.#meta, to: null }).padEnd(JSON.stringify(this.#meta).length);
    const bytes = header(text, this.#sync);
    await this.#file.write(bytes, 0, bytes.length, 0);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes);
    this.bytes += bytes.length;
  }
}

/** Magic, metadata and sync mark of an object container file. */
function header(meta: string, sync: Uint8Array): Buffer {
  const entries: readonly (readonly [string, string])[] = [
    ['avro.schema', JSON.stringify(RECORDING_SCHEMA)],
    ['avro.codec', 'deflate'],
    [RECORDING_KEY, meta],
  ];
  const parts: Uint8Array[] = [Buffer.from('Obj\x01', 'latin1'), number(entries.length)];
  for (const text of entries.flat()) parts.push(number(Buffer.byteLength(text)), Buffer.from(text));
  return Buffer.concat([...parts, number(0), sync]);
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(10);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}

function unwritable(path: string, cause: Error): AnomalyError {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  const reason = isMissing ? 'its folder does not exist' : cause.message;
  return new AnomalyError('ANM_FILE', `cannot write the recording ${path} as ${reason}`, {
    cause,
    hint: 'give --record a path in a folder that exists and that you may write to, on a disk with room',
    details: { file: path },
  });
}
