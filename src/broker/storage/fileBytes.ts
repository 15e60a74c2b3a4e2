import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { type SegmentBytes, StorageError } from '../log/segmentBytes.ts';
import type { Flushable, Flusher } from './flusher.ts';

/** Files that are open to be read; the one longest unused is closed for the next. Active segments come on top. */
const MAX_OPEN_TO_READ = 256;
/** Positions in an index are 32-bit. */
const MAX_FILE_BYTES = 0x7fffffff;

/** What the files of one data directory share. */
export interface FileServices {
  readonly flusher: Flusher;
  readonly handles: ReadHandles;
  /** Called before bytes are written, with the file; tests and crash points stop a write half-way here. */
  beforeWrite?: (fd: number, bytes: Buffer, position: number) => void;
}

/** Open descriptors by path. */
export class ReadHandles {
  private readonly open = new Map<string, number>();

  get(path: string): number {
    let fd = this.open.get(path);
    if (fd === undefined) {
      fd = openSync(path, 'r');
      if (this.open.size >= MAX_OPEN_TO_READ) this.close(this.open.keys().next().value!);
    } else this.open.delete(path);
    this.open.set(path, fd);
    return fd;
  }

  close(path: string): void {
    const fd = this.open.get(path);
    if (fd === undefined) return;
    this.open.delete(path);
    closeSync(fd);
  }

  closeAll(): void {
    for (const path of [...this.open.keys()]) this.close(path);
  }
}

/** One segment's file. Reads come from the page cache as a rule, so they are synchronous, and so are writes. */
export class FileBytes implements SegmentBytes, Flushable {
  readonly capacity = MAX_FILE_BYTES;
  readonly path: string;
  length: number;
  /** To write; -1 once it is sealed. */
  fd = -1;
  private readonly services: FileServices;

  /** `length` bytes of the file hold batches; what lies behind is cut off when it is opened to append. */
  constructor(path: string, length: number, services: FileServices) {
    this.path = path;
    this.length = length;
    this.services = services;
  }

  openToAppend(): void {
    try {
      // 'a' would write at the end whatever the position: what a failed write left must be written over.
      this.fd = openSync(this.path, this.length === 0 ? 'w+' : 'r+');
      if (this.length > 0) ftruncateSync(this.fd, this.length);
    } catch (error) {
      throw refused('open', this.path, error);
    }
  }

  append(bytes: Buffer): void {
    if (this.fd < 0) this.openToAppend();
    try {
      this.services.beforeWrite?.(this.fd, bytes, this.length);
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.fd, bytes, done, bytes.length - done, this.length + done);
      }
    } catch (error) {
      this.cutBack();
      throw refused('write', this.path, error);
    }
    this.length += bytes.length;
    this.services.flusher.touch(this);
  }

  read(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    try {
      const fd = this.fd >= 0 ? this.fd : this.services.handles.get(this.path);
      for (let done = 0; done < length; ) {
        const count = readSync(fd, bytes, done, length - done, position + done);
        if (count === 0) throw new Error(`the file ends at ${position + done}, before ${position + length}`);
        done += count;
      }
    } catch (error) {
      throw refused('read', this.path, error);
    }
    return bytes;
  }

  seal(): void {
    this.services.flusher.settle(this);
    this.close();
  }

  close(): void {
    this.services.flusher.forget(this);
    this.services.handles.close(this.path);
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }

  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  /** Half a batch must not stay behind: the next one would be written after it when the disk has room again. */
  private cutBack(): void {
    try {
      ftruncateSync(this.fd, this.length);
    } catch {
      // The next write goes to the same position, and recovery cuts what is no whole batch.
    }
  }
}

function refused(verb: string, path: string, error: unknown): StorageError {
  return new StorageError(`cannot ${verb} ${path}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
