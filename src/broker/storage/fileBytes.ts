import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import type { SegmentBytes } from '../log/segmentBytes.ts';
import type { Flushable, Flusher } from './flusher.ts';
import { onDisk, refused } from './refused.ts';

/** Files that are open to be read, and active segments that are open to be written: for the next, the oldest is closed. */
const MAX_OPEN_TO_READ = 256;
const MAX_OPEN_TO_WRITE = 2048;
/** Positions in an index are 32-bit. */
const MAX_FILE_BYTES = 0x7fffffff;

/** What the files of one data directory share. */
export interface FileServices {
  readonly flusher: Flusher;
  readonly handles: ReadHandles;
  readonly writers: WriteHandles;
  /** Called before bytes are written, with the file; tests and crash points stop a write half-way here. */
  beforeWrite?: (fd: number, bytes: Buffer, position: number) => void;
}

/** Open descriptors by path. */
export class ReadHandles {
  private readonly open = new Map<string, number>();

  get(path: string, services: FileServices): number {
    let fd = this.open.get(path);
    if (fd === undefined) {
      fd = openFile(path, 'r', services);
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

/** Segments that are open to be written, the one longest unwritten first. */
export class WriteHandles {
  private readonly open = new Set<FileBytes>();

  /** It is written to. @throws StorageError where the one that makes room cannot be synced */
  used(file: FileBytes): void {
    if (!this.open.delete(file) && this.open.size >= MAX_OPEN_TO_WRITE) this.open.values().next().value!.park();
    this.open.add(file);
  }

  closed(file: FileBytes): void {
    this.open.delete(file);
  }

  /** @throws StorageError */
  parkAll(): void {
    for (const file of this.open) file.park();
  }

  /** Without a sync. */
  closeAll(): void {
    for (const file of this.open) file.close();
  }
}

/** Opens a file; where the process has too many open already, all that can be opened again are closed first. */
function openFile(path: string, flags: string, { handles, writers }: FileServices): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EMFILE' && code !== 'ENFILE') throw error;
    writers.parkAll();
    handles.closeAll();
    return openSync(path, flags);
  }
}

/** One segment's file. Reads come from the page cache as a rule, so they are synchronous, and so are writes. */
export class FileBytes implements SegmentBytes, Flushable {
  readonly capacity = MAX_FILE_BYTES;
  readonly path: string;
  length: number;
  /** To write; -1 while it is closed for others to be open, and once it is sealed. */
  fd = -1;
  private readonly services: FileServices;

  /** `length` bytes of the file hold batches; what lies behind is cut off when it is opened to append. */
  constructor(path: string, length: number, services: FileServices) {
    this.path = path;
    this.length = length;
    this.services = services;
  }

  /** @throws StorageError */
  openToAppend(): void {
    this.services.writers.used(this);
    try {
      // 'a' would write at the end whatever the position: what a failed write left must be written over.
      this.fd = openFile(this.path, this.length === 0 ? 'w+' : 'r+', this.services);
      if (this.length > 0) ftruncateSync(this.fd, this.length);
    } catch (error) {
      this.close();
      throw refused('open', this.path, error);
    }
  }

  append(bytes: Buffer): void {
    if (this.fd < 0) this.openToAppend();
    else this.services.writers.used(this);
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
      const fd = this.fd >= 0 ? this.fd : this.services.handles.get(this.path, this.services);
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

  /** @throws StorageError where it cannot be synced: it stays open, and is synced later */
  seal(): void {
    this.services.flusher.settle(this);
    this.close();
  }

  /** Closed until it is written to again. @throws StorageError as seal does */
  park(): void {
    this.seal();
  }

  close(): void {
    this.services.flusher.forget(this);
    this.services.handles.close(this.path);
    this.services.writers.closed(this);
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }

  /** @throws StorageError */
  remove(): void {
    this.close();
    onDisk('remove', this.path, () => rmSync(this.path, { force: true }));
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
