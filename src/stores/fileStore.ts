import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AnomalyError } from '../errors.ts';
import type { SnapshotStore, StoredSnapshot } from './snapshotStore.ts';

/**
 * Snapshots as files: DIRECTORY/<topic>-<partition>.snapshot.
 *
 * Layout: one JSON line {format, topic, partition, offset, definition, bytes, sha256}, then the state's bytes. A new
 * one is written aside, synced, and renamed over the old one, so a crash leaves the old one or the new one, whole.
 */
export class FileStore implements SnapshotStore {
  readonly location: string;

  constructor(directory: string) {
    this.location = directory;
  }

  async load(topic: string, partition: number): Promise<StoredSnapshot | undefined> {
    const path = this.#path(topic, partition);
    let file: Buffer;
    try {
      file = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    return decode(file, path, topic, partition);
  }

  async save(topic: string, partition: number, snapshot: StoredSnapshot): Promise<void> {
    await mkdir(this.location, { recursive: true });
    const path = this.#path(topic, partition);
    const aside = `${path}.new`;
    const file = await open(aside, 'w');
    try {
      await file.write(header(topic, partition, snapshot));
      await file.write(snapshot.state);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  }

  #path(topic: string, partition: number): string {
    return join(this.location, `${topic}-${partition}.snapshot`);
  }
}

interface Header {
  format: number;
  topic: string;
  partition: number;
  offset: number;
  definition: string;
  bytes: number;
  sha256: string;
}

const FORMAT = 1;
const NEWLINE = 10;

function header(topic: string, partition: number, snapshot: StoredSnapshot): Buffer {
  const { offset, definition, state } = snapshot;
  const fields: Header = {
    format: FORMAT,
    topic,
    partition,
    offset,
    definition,
    bytes: state.length,
    sha256: sha256(state),
  };
  return Buffer.from(`${JSON.stringify(fields)}\n`);
}

function decode(file: Buffer, path: string, topic: string, partition: number): StoredSnapshot {
  const line = file.indexOf(NEWLINE);
  const refuse = (reason: string) =>
    new AnomalyError('ANM_STATE_CORRUPT', `cannot use snapshot ${path} as ${reason}`, { details: { path } });
  let fields: Header;
  try {
    fields = JSON.parse(file.toString('utf8', 0, Math.max(line, 0)));
  } catch (cause) {
    throw new AnomalyError('ANM_STATE_CORRUPT', `cannot use snapshot ${path} as its header is not JSON`, { cause });
  }
  if (fields.format !== FORMAT) throw refuse(`its format is ${fields.format}, and this version reads ${FORMAT}`);
  if (fields.topic !== topic || fields.partition !== partition) {
    throw refuse(`it is of ${fields.topic}/${fields.partition}, not ${topic}/${partition}`);
  }
  const state = new Uint8Array(file.subarray(line + 1));
  if (state.length !== fields.bytes) throw refuse(`it has ${state.length} bytes of state, not ${fields.bytes}`);
  if (sha256(state) !== fields.sha256) throw refuse('its sha256 does not match');
  return { offset: fields.offset, definition: fields.definition, state };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
