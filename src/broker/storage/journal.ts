import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { crc32c } from '../../wire/crc32c.ts';
import { StorageError } from '../log/segmentBytes.ts';
import type { Flushable, Flusher } from './flusher.ts';
import { syncDirectory } from './syncDirectory.ts';

const MAGIC = Buffer.from('ANMJRNL1');
/** Length and CRC-32C of the payload, each uint32. */
const HEAD_BYTES = 8;
const MAX_PAYLOAD_BYTES = 1 << 28;
/** Below this nobody minds what is superseded. */
const COMPACT_FROM_BYTES = 1 << 20;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface JournalOptions {
  readonly path: string;
  readonly flusher: Flusher;
  /** Told of a torn tail that was cut. */
  readonly onCut: (message: string) => void;
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
  private readonly entries = new Map<string, Entry>();
  private fileBytes = 0;
  private liveBytes = 0;

  /** @throws AnomalyError ANM_DATA_CORRUPT where the file is no journal */
  constructor({ path, flusher, onCut }: JournalOptions) {
    this.path = path;
    this.flusher = flusher;
    if (!existsSync(path)) {
      writeFileSync(`${path}.new`, MAGIC);
      renameSync(`${path}.new`, path);
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

  close(): void {
    this.flusher.settle(this);
    closeSync(this.fd);
  }

  private append(key: string, record: Buffer, value: Json | undefined): void {
    try {
      for (let done = 0; done < record.length; ) {
        done += writeSync(this.fd, record, done, record.length - done, this.fileBytes + done);
      }
    } catch (error) {
      throw new StorageError(`cannot write ${this.path}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.fileBytes += record.length;
    this.flusher.touch(this);
    this.apply(key, record.length, value);
    if (this.fileBytes > COMPACT_FROM_BYTES && this.fileBytes > 4 * this.liveBytes) this.compact();
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

  /** Written aside, synced, renamed: a crash leaves the old file or the new one, whole. */
  private compact(): void {
    const records = [...this.entries].map(([key, { value }]) => encode([key, value]));
    const whole = Buffer.concat([MAGIC, ...records]);
    const aside = `${this.path}.new`;
    writeFileSync(aside, whole);
    const fd = openSync(aside, 'r+');
    if (this.flusher.policy !== 'never') fdatasyncSync(fd);
    renameSync(aside, this.path);
    if (this.flusher.policy !== 'never') syncDirectory(dirname(this.path));
    this.flusher.forget(this);
    closeSync(this.fd);
    this.fd = fd;
    this.fileBytes = whole.length;
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
    // What cannot be read may still tell a person something.
    writeFileSync(`${this.path}.cut`, bytes.subarray(at));
    onCut(
      `cut ${bytes.length - at} bytes off ${this.path} behind byte ${at}, its last whole record; they are in ${this.path}.cut`,
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
