import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AnomalyError } from '../errors.ts';
import { decompressed, type FileCompression } from './decompress.ts';

/** Bytes in order, read on demand: nothing is read ahead of what is asked for, beyond a stream's own buffer. */
export interface ByteSource {
  /** Fills some of `into` from index `from` on; resolves to the number of bytes, 0 at the end. */
  read(into: Uint8Array, from: number): Promise<number>;
  close(): Promise<void>;
}

/** Files that may be open at once; beyond it the one unused for longest is closed and opened again when needed. */
export const OPEN_FILES_MAX = 256;

/** File handles by path, of which at most `max` are open. */
export class FilePool {
  readonly #max: number;
  readonly #open = new Map<string, FileHandle>();
  /** Largest number of handles open at once so far. */
  peak = 0;

  constructor(max = OPEN_FILES_MAX) {
    this.#max = max;
  }

  async read(path: string, into: Uint8Array, from: number, position: number): Promise<number> {
    let handle = this.#open.get(path);
    if (handle === undefined) {
      if (this.#open.size >= this.#max) await this.close(this.#open.keys().next().value!);
      handle = await openFile(path);
    } else this.#open.delete(path);
    // Insertion order is the order of use: the first key is the one unused for longest.
    this.#open.set(path, handle);
    this.peak = Math.max(this.peak, this.#open.size);
    try {
      return (await handle.read(into, from, into.length - from, position)).bytesRead;
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  async close(path: string): Promise<void> {
    const handle = this.#open.get(path);
    this.#open.delete(path);
    await handle?.close();
  }

  async closeAll(): Promise<void> {
    for (const path of [...this.#open.keys()]) await this.close(path);
  }
}

/** A plain file from a byte position on, by way of the pool. */
export class FileSource implements ByteSource {
  readonly #pool: FilePool;
  readonly #path: string;
  #position: number;

  constructor(pool: FilePool, path: string, position = 0) {
    this.#pool = pool;
    this.#path = path;
    this.#position = position;
  }

  async read(into: Uint8Array, from: number): Promise<number> {
    const count = await this.#pool.read(this.#path, into, from, this.#position);
    this.#position += count;
    return count;
  }

  close(): Promise<void> {
    return this.#pool.close(this.#path);
  }
}

/** A stream, paused between reads. What is read after `mark` can be read once more after `rewind`. */
export class StreamSource implements ByteSource {
  readonly #name: string;
  readonly #stream: Readable;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #pending: Uint8Array = new Uint8Array(0);
  #recorded: Uint8Array[] | null = null;
  readonly #signal: AbortSignal | undefined;
  /** Ends the read under way. */
  #end: (() => void) | undefined;

  /** @param signal ends the stream, as its end does: what came until then is read */
  constructor(name: string, stream: Readable, signal?: AbortSignal) {
    this.#name = name;
    this.#stream = stream;
    this.#iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    this.#signal = signal;
    signal?.addEventListener('abort', () => this.#end?.(), { once: true });
  }

  mark(): void {
    this.#recorded = [];
  }

  rewind(): void {
    this.#pending = Buffer.concat([...(this.#recorded ?? []), this.#pending]);
    this.#recorded = null;
  }

  async read(into: Uint8Array, from: number): Promise<number> {
    while (this.#pending.length === 0) {
      const { done, value } = await this.#next();
      if (done === true) return 0;
      this.#pending = typeof value === 'string' ? Buffer.from(value) : value;
    }
    const count = Math.min(this.#pending.length, into.length - from);
    into.set(this.#pending.subarray(0, count), from);
    this.#pending = this.#pending.subarray(count);
    this.#recorded?.push(Uint8Array.prototype.slice.call(into, from, from + count));
    return count;
  }

  async close(): Promise<void> {
    this.#stream.destroy();
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#signal?.aborted === true) return { done: true, value: undefined };
    try {
      // A race with one promise for all reads would keep each of them until the signal.
      return await new Promise((resolve, reject) => {
        this.#end = () => resolve({ done: true, value: undefined });
        this.#iterator.next().then(resolve, reject);
      });
    } catch (error) {
      throw unreadable(this.#name, error);
    }
  }
}

/** Reads over `count` bytes. */
export async function skipBytes(source: ByteSource, count: number): Promise<void> {
  const scratch = new Uint8Array(Math.min(count, 65_536));
  for (let left = count; left > 0; ) {
    const read = await source.read(scratch.subarray(0, Math.min(left, scratch.length)), 0);
    if (read === 0) return;
    left -= read;
  }
}

/** A compressed file as the bytes inside it. */
export async function compressedSource(
  path: string,
  name: string,
  compression: Exclude<FileCompression, 'none'>,
): Promise<StreamSource> {
  return new StreamSource(name, await decompressed(createReadStream(path), compression));
}

/** The bytes inside a compressed source that is read from its beginning. */
export async function unpackedSource(
  source: ByteSource,
  name: string,
  compression: Exclude<FileCompression, 'none'>,
): Promise<StreamSource> {
  return new StreamSource(
    name,
    await decompressed(Readable.from(piecesOf(source), { objectMode: false }), compression),
  );
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = new Uint8Array(65_536);
    const count = await source.read(piece, 0);
    if (count === 0) return;
    yield piece.subarray(0, count);
  }
}

/** Reads until `into` is full or the source ends; resolves to the number of bytes. */
export async function readFully(source: ByteSource, into: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const count = await source.read(into, filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
}

export function unreadable(path: string, cause: unknown): AnomalyError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnomalyError('ANM_FILE', `cannot read ${path} as ${reason}`, { cause, details: { file: path } });
}
