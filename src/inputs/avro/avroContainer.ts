import { inflateRawSync } from 'node:zlib';
import { AnomalyError } from '../../errors.ts';
import { type AvroCursor, AvroDataError, readLength, readLong } from '../../schemas/avroReader.ts';
import { DecompressedBytes } from '../../wire/byteOutput.ts';
import { decompressSnappy } from '../../wire/snappy.ts';
import { decompressZstd, prepareZstd } from '../../wire/zstd.ts';
import { type ByteSource, readFully } from '../byteSource.ts';
import { crc32 } from '../crc32.ts';

/** A block above this, packed or not, is refused: writers make blocks of some ten kilobytes. */
export const BLOCK_BYTES_MAX = 256 * 1024 * 1024;
const SYNC_BYTES = 16;
const HEAD_BYTES_MAX = 16 * 1024 * 1024;
const CODECS = ['null', 'deflate', 'snappy', 'zstandard'] as const;
type Codec = (typeof CODECS)[number];

/** The records of one block in Avro's binary encoding, one after the other. */
export interface AvroBlock {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/**
 * An Avro object container file, block by block.
 * Source: Apache Avro specification 1.12, "Object Container Files".
 */
export class AvroContainer {
  readonly schema: string;
  /** The header's metadata, as text. */
  readonly meta: ReadonlyMap<string, string>;
  /** Bytes read so far. */
  bytesRead: number;
  readonly #name: string;
  readonly #source: ByteSource;
  readonly #codec: Codec;
  readonly #sync: Uint8Array;
  #buffer: Uint8Array;
  #pos: number;
  #end: number;
  #blocks = 0;

  private constructor(name: string, source: ByteSource, head: Head) {
    this.#name = name;
    this.#source = source;
    this.schema = head.schema;
    this.meta = head.meta;
    this.#codec = head.codec;
    this.#sync = head.sync;
    this.#buffer = head.bytes;
    this.#pos = head.pos;
    this.#end = head.end;
    this.bytesRead = head.end;
  }

  /** Reads the header; the source is at its beginning. @throws ANM_FILE */
  static async open(name: string, source: ByteSource): Promise<AvroContainer> {
    const head = await readHead(name, source);
    if (head.codec === 'zstandard') await prepareZstd();
    return new AvroContainer(name, source, head);
  }

  /** The next block, in a buffer of its own; null at the end of the file. @throws ANM_FILE where it is cut or damaged */
  async next(): Promise<AvroBlock | null> {
    if (!(await this.#need(1))) return null;
    this.#blocks++;
    // Two varints of at most ten bytes; less is left only in front of the end.
    await this.#need(20);
    const cursor: AvroCursor = { bytes: this.#buffer, pos: this.#pos, end: this.#end };
    let count: number | bigint;
    let size: number | bigint;
    try {
      count = readLong(cursor);
      size = readLong(cursor);
    } catch (error) {
      throw this.#broken((error as Error).message);
    }
    this.#pos = cursor.pos;
    if (!(count >= 0 && size >= 0)) throw this.#broken(`it tells ${count} records in ${size} bytes`);
    if (size > BLOCK_BYTES_MAX) throw this.#broken(`it has ${size} bytes, and ${BLOCK_BYTES_MAX} are the most`);
    const length = Number(size);
    if (!(await this.#need(length + SYNC_BYTES))) throw this.#broken('the file is cut there');
    const packed = this.#buffer.subarray(this.#pos, this.#pos + length);
    const mark = this.#pos + length;
    for (let i = 0; i < SYNC_BYTES; i++) {
      if (this.#buffer[mark + i] !== this.#sync[i]) throw this.#broken('the mark at its end is not that of the file');
    }
    const bytes = this.#unpack(packed);
    this.#pos = mark + SYNC_BYTES;
    return { bytes, count: Number(count) };
  }

  /** Where the next block begins in the file. */
  get position(): number {
    return this.bytesRead - (this.#end - this.#pos);
  }

  /** The error of the block at hand. */
  broken(reason: string): AnomalyError {
    return this.#broken(reason);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  #unpack(packed: Uint8Array): Uint8Array {
    try {
      switch (this.#codec) {
        case 'null':
          return Uint8Array.prototype.slice.call(packed);
        case 'deflate':
          return new Uint8Array(inflateRawSync(packed, { maxOutputLength: BLOCK_BYTES_MAX }));
        case 'snappy': {
          const out = new DecompressedBytes(BLOCK_BYTES_MAX);
          const end = packed.length - 4;
          decompressSnappy(packed, 0, end, out);
          const bytes = out.bytes.subarray(0, out.length);
          const view = new DataView(packed.buffer, packed.byteOffset + end, 4);
          if (view.getUint32(0) !== crc32(bytes)) throw new AvroDataError('its checksum is wrong');
          return bytes;
        }
        case 'zstandard': {
          const out = new DecompressedBytes(BLOCK_BYTES_MAX);
          decompressZstd(packed, 0, packed.length, out);
          return out.bytes.subarray(0, out.length);
        }
      }
    } catch (error) {
      throw this.#broken((error as Error).message);
    }
  }

  /** Makes that many bytes be there from the position on; false when the file ends before. */
  async #need(size: number): Promise<boolean> {
    const have = this.#end - this.#pos;
    if (have >= size) return true;
    const target = this.#buffer.length >= size ? this.#buffer : new Uint8Array(Math.max(size, this.#buffer.length * 2));
    if (this.#pos > 0 || target !== this.#buffer) target.set(this.#buffer.subarray(this.#pos, this.#end));
    this.#buffer = target;
    this.#pos = 0;
    this.#end = have;
    while (this.#end < size) {
      const count = await this.#source.read(target, this.#end);
      if (count === 0) return false;
      this.#end += count;
      this.bytesRead += count;
    }
    return true;
  }

  #broken(reason: string): AnomalyError {
    return new AnomalyError('ANM_FILE', `cannot read block ${this.#blocks} of ${this.#name}: ${reason}`, {
      hint: 'what stands before it was read',
      details: { file: this.#name, block: this.#blocks },
    });
  }
}

interface Head {
  readonly schema: string;
  readonly meta: ReadonlyMap<string, string>;
  readonly codec: Codec;
  readonly sync: Uint8Array;
  /** What was read beyond the header. */
  readonly bytes: Uint8Array;
  readonly pos: number;
  readonly end: number;
}

async function readHead(name: string, source: ByteSource): Promise<Head> {
  for (let size = 65_536, bytes = new Uint8Array(0), end = 0; ; size *= 2) {
    const grown = new Uint8Array(size);
    grown.set(bytes.subarray(0, end));
    bytes = grown;
    end += await readFully(source, bytes.subarray(end));
    try {
      return parseHead(name, bytes, end);
    } catch (error) {
      if (!(error instanceof AvroDataError)) throw error;
      // A header that did not fit the buffer may fit a larger one.
      if (end === size && size < HEAD_BYTES_MAX) continue;
      throw new AnomalyError('ANM_FILE', `cannot read the header of ${name}: ${error.message}`, { cause: error });
    }
  }
}

function parseHead(name: string, bytes: Uint8Array, end: number): Head {
  const cursor: AvroCursor = { bytes, pos: 4, end };
  const meta = new Map<string, Uint8Array>();
  const take = (): Uint8Array => {
    const length = readLength(cursor);
    cursor.pos += length;
    return bytes.subarray(cursor.pos - length, cursor.pos);
  };
  for (let count = readLong(cursor); count !== 0; count = readLong(cursor)) {
    if (count < 0) readLength(cursor);
    for (let left = Math.abs(Number(count)); left > 0; left--) meta.set(Buffer.from(take()).toString(), take());
  }
  if (end - cursor.pos < SYNC_BYTES) throw new AvroDataError('the file is cut there');
  const text = (key: string): string | undefined => {
    const value = meta.get(key);
    return value === undefined ? undefined : Buffer.from(value).toString();
  };
  const codec = text('avro.codec') ?? 'null';
  const schema = text('avro.schema');
  if (schema === undefined) throw new AnomalyError('ANM_FILE', `cannot read ${name} as it holds no schema`);
  if (!CODECS.includes(codec as Codec)) {
    throw new AnomalyError('ANM_FILE', `cannot read ${name} as its codec is ${codec}`, {
      hint: `write it with one of ${CODECS.join(', ')}`,
    });
  }
  const pos = cursor.pos + SYNC_BYTES;
  const sync = Uint8Array.from(bytes.subarray(cursor.pos, pos));
  const texts = new Map([...meta].map(([key, value]) => [key, Buffer.from(value).toString()]));
  return { schema, meta: texts, codec: codec as Codec, sync, bytes, pos, end };
}
