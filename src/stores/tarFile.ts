import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { AnomalyError } from '../errors.ts';

const BLOCK = 512;

/**
 * A tar archive of plain files (POSIX.1-2001: ustar headers, pax records for long names), written aside and renamed when
 * it is closed whole.
 */
export class TarFile {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #modifiedMs: number;
  #failure: unknown;

  /** @param modifiedMs epoch milliseconds, of every file in it. @throws ANM_FILE */
  static async create(path: string, modifiedMs: number): Promise<TarFile> {
    try {
      return new TarFile(path, await open(asideOf(path), 'w'), modifiedMs);
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  private constructor(path: string, file: FileHandle, modifiedMs: number) {
    this.#path = path;
    this.#file = file;
    this.#modifiedMs = modifiedMs;
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    try {
      if (Buffer.byteLength(name) > 100) {
        const record = paxRecord('path', name);
        await this.#entry('x', name.slice(0, 60), record);
      }
      await this.#entry('0', name, bytes);
    } catch (cause) {
      this.#failure = unwritable(this.#path, cause);
      throw this.#failure;
    }
  }

  /** What was not written whole is removed. @throws ANM_FILE */
  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) await this.#file.appendFile(Buffer.alloc(2 * BLOCK));
      await this.#file.close();
      if (this.#failure === undefined) await rename(asideOf(this.#path), this.#path);
      else await rm(asideOf(this.#path), { force: true });
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }

  async #entry(type: string, name: string, bytes: Uint8Array): Promise<void> {
    await this.#file.appendFile(header(type, name, bytes.length, this.#modifiedMs));
    await this.#file.appendFile(bytes);
    const rest = bytes.length % BLOCK;
    if (rest > 0) await this.#file.appendFile(Buffer.alloc(BLOCK - rest));
  }
}

function header(type: string, name: string, bytes: number, modifiedMs: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(Buffer.from(name).subarray(0, 100).toString('latin1'), 0, 'latin1');
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes, 124, 12);
  octal(Math.floor(modifiedMs / 1000), 136, 12);
  block.fill(0x20, 148, 156);
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** `LENGTH key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length++;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function asideOf(path: string): string {
  return `${path}.new`;
}

function unwritable(path: string, cause: unknown): AnomalyError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnomalyError('ANM_FILE', `cannot write ${path}: ${reason}`, {
    hint: 'check the directory, its rights, and the room on its disk',
    cause,
  });
}
