import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { crc32c } from '../../wire/crc32c.ts';
import { asidePath } from './asidePath.ts';
import type { Flushable, Flusher } from './flusher.ts';
import { attempt, type OnProblem, refused } from './refused.ts';
import { replaceFile } from './replaceFile.ts';
import { syncDirectory } from './syncDirectory.ts';

const MAGIC = Buffer.from('ANMJRNL1');
/** Length and CRC-32C of the payload, each uint32. */
const HEAD_BYTES = 8;
const MAX_PAYLOAD_BYTES = 1 << 28;
/** Below this nobody minds what is superseded. */
const COMPACT_FROM_BYTES = 1 << 20;
/** How much the file grows before a compaction that failed is tried again. */
const RETRY_AFTER_BYTES = 1 << 18;
/** How every payload begins and ends: a JSON array whose first item is a string. */
const PAYLOAD_BEGIN = Buffer.from('["');
const PAYLOAD_END = 0x5d;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface JournalOptions {
  readonly path: string;
  readonly flusher: Flusher;
  /** Told of a torn tail that was cut. */
  readonly onCut: (message: string) => void;
  /** Told of a compaction that failed, which the old file outlives. */
  readonly onProblem: OnProblem;
}

interface Entry {
  readonly value: Json;
  readonly bytes: number;
}

/**
 * A small durable map: every change is appended as a checksummed record, [key, value] or [key] for a removal, and the
 * file is written anew once most of it is superseded. Keys come back in the order in which they were set first.
 */
export class Journal implements Flushable {
  readonly path: string;
  fd: number;
  private readonly flusher: Flusher;
  private readonly onProblem: OnProblem;
  private readonly entries = new Map<string, Entry>();
  private fileBytes = 0;
  private liveBytes = 0;
  private compactFromBytes = COMPACT_FROM_BYTES;

  /** @throws AnomalyError ANM_DATA_CORRUPT where the file is no journal, or damaged before its tail */
  constructor({ path, flusher, onCut, onProblem }: JournalOptions) {
    this.path = path;
    this.flusher = flusher;
    this.onProblem = onProblem;
    if (!existsSync(path)) {
      replaceFile(path, MAGIC);
      if (flusher.policy !== 'never') syncDirectory(dirname(path));
    }
    this.load(onCut);
    this.fd = openSync(path, 'r+');
    ftruncateSync(this.fd, this.fileBytes);
  }

  get(key: string): Json | undefined {
    return this.entries.get(key)?.value;
  }

  /** Keys that begin so, without that begin, and their values. */
  *under(prefix: string): IterableIterator<readonly [key: string, value: Json]> {
    for (const [key, { value }] of this.entries) if (key.startsWith(prefix)) yield [key.slice(prefix.length), value];
  }

  /** @throws StorageError, and then nothing changed */
  set(key: string, value: Json): void {
    this.append(key, encode([key, value]), value);
  }

  /** @throws StorageError, and then nothing changed */
  delete(key: string): void {
    if (this.entries.has(key)) this.append(key, encode([key]), undefined);
  }

  /** @throws StorageError where what was written last cannot be synced; closed it is all the same */
  close(): void {
    if (this.fd < 0) return;
    try {
      this.flusher.settle(this);
    } finally {
      this.flusher.forget(this);
      closeSync(this.fd);
      this.fd = -1;
    }
  }

  private append(key: string, record: Buffer, value: Json | undefined): void {
    try {
      for (let done = 0; done < record.length; ) {
        done += writeSync(this.fd, record, done, record.length - done, this.fileBytes + done);
      }
    } catch (error) {
      this.cutBack();
      throw refused('write', this.path, error);
    }
    this.fileBytes += record.length;
    this.flusher.touch(this);
    this.apply(key, record.length, value);
    if (this.fileBytes > this.compactFromBytes && this.fileBytes > 4 * this.liveBytes) this.compact();
  }

  /** Half a record must not stay behind a shorter one that comes in its place. */
  private cutBack(): void {
    try {
      ftruncateSync(this.fd, this.fileBytes);
    } catch {
      // The next record goes to the same position, and the next start cuts what is no whole one.
    }
  }

  private apply(key: string, bytes: number, value: Json | undefined): void {
    this.liveBytes -= this.entries.get(key)?.bytes ?? 0;
    if (value === undefined) {
      this.entries.delete(key);
      return;
    }
    this.entries.set(key, { value, bytes });
    this.liveBytes += bytes;
  }

  /** The record that led here is written: a disk without room for a second file puts the rest off. */
  private compact(): void {
    const done = attempt('compact a journal', this.path, this.onProblem, () => this.replace());
    this.compactFromBytes = done ? COMPACT_FROM_BYTES : this.fileBytes + RETRY_AFTER_BYTES;
  }

  /** Written aside, synced, renamed: a crash leaves the old file or the new one, whole. */
  private replace(): void {
    const records = [...this.entries].map(([key, { value }]) => encode([key, value]));
    const whole = Buffer.concat([MAGIC, ...records]);
    const aside = `${this.path}.new`;
    let fd = -1;
    try {
      writeFileSync(aside, whole);
      fd = openSync(aside, 'r+');
      if (this.flusher.policy !== 'never') fdatasyncSync(fd);
      renameSync(aside, this.path);
    } catch (error) {
      if (fd >= 0) closeSync(fd);
      rmSync(aside, { force: true });
      throw error;
    }
    // It has the name now, so that it is the journal, whatever is said about the directory.
    this.flusher.forget(this);
    closeSync(this.fd);
    this.fd = fd;
    this.fileBytes = whole.length;
    if (this.flusher.policy !== 'never') syncDirectory(dirname(this.path));
  }

  private load(onCut: (message: string) => void): void {
    const bytes = readFileSync(this.path);
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
      throw new AnomalyError('ANM_DATA_CORRUPT', `cannot start from ${this.path} as it is no journal of this version`);
    }
    let at = MAGIC.length;
    for (let record = decode(bytes, at); record !== null; record = decode(bytes, at)) {
      this.apply(record.key, record.bytes, record.value);
      at += record.bytes;
    }
    this.fileBytes = at;
    if (at === bytes.length) return;
    const next = nextRecord(bytes, at);
    if (next >= 0) throw damaged(this.path, at, next);
    // What cannot be read may still tell a person something.
    const kept = asidePath(`${this.path}.cut`);
    writeFileSync(kept, bytes.subarray(at));
    onCut(
      `cut ${bytes.length - at} bytes off ${this.path} behind byte ${at}, its last whole record; they are in ${kept}`,
    );
  }
}

function encode(record: readonly [string] | readonly [string, Json]): Buffer {
  const text = JSON.stringify(record);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + Buffer.byteLength(text));
  const payload = bytes.subarray(HEAD_BYTES);
  payload.write(text);
  bytes.writeUInt32BE(payload.length, 0);
  bytes.writeUInt32BE(crc32c(payload), 4);
  return bytes;
}

/** The record at a position, or null where none is whole. */
function decode(bytes: Buffer, at: number) {
  if (bytes.length - at < HEAD_BYTES) return null;
  const length = bytes.readUInt32BE(at);
  const end = at + HEAD_BYTES + length;
  if (length > MAX_PAYLOAD_BYTES || end > bytes.length) return null;
  if (crc32c(bytes, at + HEAD_BYTES, end) !== bytes.readUInt32BE(at + 4)) return null;
  const record = JSON.parse(bytes.toString('utf8', at + HEAD_BYTES, end)) as [string, Json?];
  return { key: record[0], value: record[1], bytes: HEAD_BYTES + length };
}

/** Where the first whole record behind a bad one begins; -1 without any: then it is a torn tail. */
function nextRecord(bytes: Buffer, from: number): number {
  const last = bytes.length - 1;
  for (let at = bytes.indexOf(PAYLOAD_BEGIN, from + 1); at >= 0; at = bytes.indexOf(PAYLOAD_BEGIN, at + 1)) {
    const head = at - HEAD_BYTES;
    if (head <= from) continue;
    const end = at + bytes.readUInt32BE(head) - 1;
    if (end > last || bytes[end] !== PAYLOAD_END) continue;
    if (decode(bytes, head) !== null) return head;
  }
  return -1;
}

function damaged(path: string, at: number, next: number): AnomalyError {
  return new AnomalyError(
    'ANM_DATA_CORRUPT',
    `cannot start from ${path} as the record at byte ${at} is damaged, and whole ones follow from byte ${next} on`,
    {
      details: { path, position: at, next },
      hint: `bring ${basename(path)} back from a copy, or cut it at byte ${at} to go on without what follows`,
    },
  );
}
