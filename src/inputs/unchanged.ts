import { stat } from 'node:fs/promises';
import { AnomalyError } from '../errors.ts';
import { unreadable } from './byteSource.ts';
import { type InputFile, STDIN } from './inputFiles.ts';
import type { Rows } from './rowChunk.ts';
import type { RowSource } from './rowSource.ts';

/** The rows of a file; at their end the file is looked at once more: it must be the one that was found. */
export class UnchangedSource implements RowSource {
  readonly name: string;
  readonly chunk: Rows;
  readonly #inner: RowSource;
  readonly #file: InputFile;
  readonly #note: (text: string) => void;

  constructor(inner: RowSource, file: InputFile, note: (text: string) => void) {
    this.#inner = inner;
    this.#file = file;
    this.#note = note;
    this.name = inner.name;
    this.chunk = inner.chunk;
  }

  get bytesRead(): number {
    return this.#inner.bytesRead;
  }

  /** @throws ANM_FILE at the end of a file that was written to, cut or replaced; one that only grew is noted. */
  async fill(): Promise<boolean> {
    if (await this.#inner.fill()) return true;
    await checkUnchanged(this.#file, this.#note);
    return false;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

async function checkUnchanged(file: InputFile, note: (text: string) => void): Promise<void> {
  if (file.path === STDIN) return;
  const now = await stat(file.path).catch((error: unknown) => {
    throw unreadable(file.name, error);
  });
  if (now.size === file.sizeBytes && now.mtimeMs === file.modifiedMs && now.ino === file.inode) return;
  const grew = now.ino === file.inode && now.size > file.sizeBytes && file.container !== 'parquet';
  if (grew) {
    note(
      `${file.name} grew from ${file.sizeBytes} to ${now.size} bytes while it was read: its last row may have been cut`,
    );
    return;
  }
  const how =
    now.ino !== file.inode
      ? 'it was replaced'
      : now.size === file.sizeBytes
        ? 'it was written to'
        : `it has ${now.size} bytes, and had ${file.sizeBytes}`;
  throw new AnomalyError('ANM_FILE', `${file.name} changed while it was read: ${how}`, {
    hint: 'its rows may be of both versions; give a copy that nobody writes to',
    details: { file: file.path },
  });
}
