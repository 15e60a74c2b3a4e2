import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AnomalyError } from '../errors.ts';
import type { SnapshotStore, StoredSnapshot } from './snapshotStore.ts';

/**
 * Snapshots as files: DIRECTORY/<topic>-<partition>.snapshot.
 *
 * Layout: one JSON line {format, topic, partition, offset, definition, cluster, bytes, sha256}, then the state's bytes. A new
 * one is written aside, synced, and renamed over the old one, so a crash leaves the old one or the new one, whole.
 * Several processes may share the directory: each writes aside under its own name, so that one which has not yet
 * noticed that it lost a partition cannot tear the file of the next owner.
 */
export class FileStore implements SnapshotStore {
  readonly location: string;
  /** Files whose names are known to be on the disk, not only in the page cache. */
  readonly #named = new Set<string>();
  readonly #writer = randomUUID().slice(0, 8);

  constructor(directory: string) {
    this.location = directory;
  }

  async load(topic: string, partition: number): Promise<StoredSnapshot | undefined> {
    const path = this.#path(topic, partition);
    await this.#removeLeftovers(path);
    let file: Buffer;
    try {
      file = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw diskError('read', path, error);
    }
    return decode(file, path, topic, partition);
  }

  async save(topic: string, partition: number, snapshot: StoredSnapshot): Promise<void> {
    const path = this.#path(topic, partition);
    const aside = `${path}.${this.#writer}.new`;
    try {
      await mkdir(this.location, { recursive: true });
      await writeWhole(aside, [header(topic, partition, snapshot), snapshot.state]);
    } catch (cause) {
      await rm(aside, { force: true }).catch(() => {});
      throw diskError('store', path, cause);
    }
    try {
      await rename(aside, path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError('store', path, cause);
      throw new AnomalyError('ANM_GROUP_REBALANCED', `cannot store ${path} as the partition has another owner`, {
        cause,
      });
    }
    // Replacing a name may be undone by a power cut, and the older snapshot serves as well; a first one must last.
    if (this.#named.has(path)) return;
    await syncDirectory(this.location);
    this.#named.add(path);
  }

  /** What killed writers left behind. A writer that still lives has lost the partition: its save is refused. */
  async #removeLeftovers(path: string): Promise<void> {
    const names = await readdir(this.location).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw diskError('read', this.location, error);
    });
    const leftovers = names.filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.new'));
    for (const name of leftovers) await rm(join(this.location, name), { force: true });
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
  cluster: string;
  bytes: number;
  sha256: string;
}

const FORMAT = 1;
const NEWLINE = 10;

function header(topic: string, partition: number, snapshot: StoredSnapshot): Buffer {
  const { offset, definition, cluster, state } = snapshot;
  const fields: Header = {
    format: FORMAT,
    topic,
    partition,
    offset,
    definition,
    cluster,
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
  return { offset: fields.offset, definition: fields.definition, cluster: fields.cluster, state };
}

/** All of it, or an error: a single write may take less than it is given when the disk fills up. */
async function writeWhole(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const part of parts) await file.appendFile(part);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function diskError(verb: string, path: string, cause: unknown): AnomalyError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnomalyError('ANM_STATE_DIRECTORY', `cannot ${verb} snapshot ${path}: ${reason}`, {
    cause,
    details: { path },
  });
}

async function syncDirectory(path: string): Promise<void> {
  // Windows has no handles of directories, and keeps names by itself.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
