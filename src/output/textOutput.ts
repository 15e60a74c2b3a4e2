import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { AnomalyError } from '../errors.ts';

/** Text into a file or a pipe, with back-pressure. A failure is thrown by the next `ready` or by `close`. */
export class TextOutput {
  readonly #stream: Writable;
  readonly #path: string | undefined;
  #failure: AnomalyError | undefined;

  /** @param path of the file, which `close` ends; absent for stdout, whose end and failures are the process's */
  constructor(stream: Writable, path?: string) {
    this.#stream = stream;
    this.#path = path;
    if (path !== undefined) {
      stream.on('error', (cause) => {
        this.#failure ??= unwritable(path, cause);
      });
    }
  }

  write(text: string): void {
    this.#stream.write(text);
  }

  /** Null while there is room; else a promise of room. @throws ANM_FILE */
  ready(): Promise<void> | null {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#stream.writableNeedDrain ? this.#settled('drain') : null;
  }

  /** Resolves when everything written is out. @throws ANM_FILE */
  async close(): Promise<void> {
    await this.ready();
    if (this.#path === undefined) return;
    const finished = this.#settled('finish');
    this.#stream.end();
    await finished;
  }

  async #settled(event: 'drain' | 'finish'): Promise<void> {
    await new Promise<void>((resolve) => {
      const settle = () => {
        this.#stream.off(event, settle);
        this.#stream.off('close', settle);
        resolve();
      };
      this.#stream.on(event, settle);
      this.#stream.on('close', settle);
    });
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Creates or empties the file. @throws ANM_FILE */
export async function openTextFile(path: string): Promise<TextOutput> {
  const stream = createWriteStream(path);
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', (cause) => reject(unwritable(path, cause)));
  });
  return new TextOutput(stream, path);
}

function unwritable(path: string, cause: Error): AnomalyError {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  return new AnomalyError(
    'ANM_FILE',
    isMissing ? `cannot write ${path} as its folder does not exist` : `cannot write ${path} as ${cause.message}`,
    { cause, hint: 'give --to a path in a folder that exists and that you may write to', details: { file: path } },
  );
}
