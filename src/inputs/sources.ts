import type { Readable } from 'node:stream';
import {
  type ByteSource,
  compressedSource,
  FilePool,
  FileSource,
  StreamSource,
  skipBytes,
  unpackedSource,
} from './byteSource.ts';
import { type InputFile, STDIN } from './inputFiles.ts';

/** Opens the sources of a run: files by way of one pool, stdin once and rewindable. */
export class Sources {
  readonly pool = new FilePool();
  readonly #stdin: Readable | undefined;
  readonly #signal: AbortSignal | undefined;
  #shared: StreamSource | null = null;

  /** @param signal ends stdin, which may never end by itself */
  constructor(stdin?: Readable, signal?: AbortSignal) {
    this.#stdin = stdin;
    this.#signal = signal;
  }

  /** The bytes of a file, decompressed, from a position on. With `peek`, stdin can be read again afterwards. */
  async open(file: InputFile, position: number, peek: boolean): Promise<ByteSource> {
    if (file.path !== STDIN && file.compression === 'none') return new FileSource(this.pool, file.path, position);
    const source =
      file.path === STDIN
        ? this.#openStdin(peek)
        : await compressedSource(file.path, file.name, file.compression as 'gzip' | 'zstd');
    await skipBytes(source, position);
    return source;
  }

  /** From now on stdin is what is compressed in it. It was only peeked at so far. */
  async unpackStdin(compression: 'gzip' | 'zstd'): Promise<void> {
    this.#shared = await unpackedSource(this.#openStdin(false), 'stdin', compression);
  }

  #openStdin(peek: boolean): StreamSource {
    if (this.#shared === null) this.#shared = new StreamSource('stdin', this.#stdin ?? process.stdin, this.#signal);
    else this.#shared.rewind();
    if (peek) this.#shared.mark();
    return this.#shared;
  }

  async close(source: ByteSource): Promise<void> {
    if (source !== this.#shared) await source.close();
  }

  async closeAll(): Promise<void> {
    await this.pool.closeAll();
    await this.#shared?.close();
  }
}
