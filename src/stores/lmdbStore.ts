import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ColdStore } from '../engine/coldStore.ts';
import type { StateRow } from '../engine/stateRow.ts';
import { AnomalyError } from '../errors.ts';

/** What of the package lmdb is used here. */
interface Library {
  open(options: Readonly<Record<string, unknown>>): Database;
}

interface Database {
  getBinaryFast(key: number): Uint8Array | undefined;
  putSync(key: number, value: Uint8Array): boolean;
  removeSync(key: number): boolean;
  clearSync(): void;
  transactionSync<T>(work: () => T): T;
  close(): Promise<void>;
}

/**
 * Rows of series in LMDB, in files that last as long as the process: snapshots hold all that is in them, so nothing is
 * synced, and where the system allows it the files have no name any more once they are open: no kill leaves them behind.
 * One store a partition.
 */
export class LmdbStore implements ColdStore {
  readonly #database: Database;
  readonly #directory: string;
  #isOpen = false;
  #batches = 0;

  private constructor(database: Database, directory: string) {
    this.#database = database;
    this.#directory = directory;
  }

  /**
   * Loads the package lmdb, once, and tells why where that fails.
   *
   * @throws ANM_UNSUPPORTED
   */
  static async load(load: () => Promise<unknown> = () => import('lmdb')): Promise<LmdbOpener> {
    let library: Library;
    try {
      library = (await load()) as Library;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
      throw new AnomalyError(
        'ANM_UNSUPPORTED',
        `cannot keep state in lmdb as the package lmdb cannot be loaded: ${reason}`,
        {
          hint: 'install it beside anomaly by npm install lmdb, or keep all series in memory by state.backend: memory',
          cause,
        },
      );
    }
    return (directory, name) => LmdbStore.#open(library, directory, name);
  }

  static #open(library: Library, directory: string, name: string): LmdbStore {
    // A name of its own: the library gives an environment that it has open again for the same path.
    const path = join(directory, `${name}-${randomUUID().slice(0, 8)}`);
    try {
      mkdirSync(directory, { recursive: true });
    } catch (cause) {
      throw unusable(path, cause);
    }
    removeLeftovers(directory);
    try {
      const database = library.open({
        path,
        noSubdir: false,
        encoding: 'binary',
        keyEncoding: 'uint32',
        cache: false,
        compression: false,
        mapSize: MAP_BYTES,
        useWritemap: true,
        noSync: true,
        noMetaSync: true,
        noMemInit: true,
        noReadAhead: true,
        overlappingSync: false,
      });
      const store = new LmdbStore(database, directory);
      if (LOSES_NAMES) rmSync(path, { recursive: true, force: true });
      store.#checkRoom();
      return store;
    } catch (cause) {
      if (cause instanceof AnomalyError) throw cause;
      throw unusable(path, cause);
    }
  }

  batch(work: () => void): void {
    if (this.#isOpen) {
      work();
      return;
    }
    if (this.#batches++ % CHECKED_BATCHES === 0) this.#checkRoom();
    this.#isOpen = true;
    try {
      this.#database.transactionSync(work);
    } finally {
      this.#isOpen = false;
    }
  }

  get(series: number, out: StateRow): boolean {
    const row = this.#database.getBinaryFast(series);
    if (row === undefined) return false;
    out.load(row, 0, row.length);
    return true;
  }

  put(series: number, row: StateRow): void {
    this.#database.putSync(series, Buffer.from(row.bytes.buffer, row.bytes.byteOffset, row.length));
  }

  remove(series: number): void {
    this.#database.removeSync(series);
  }

  clear(): void {
    this.#database.clearSync();
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /** A page of a mapped file that finds no room on the disk ends the process without a word. */
  #checkRoom(): void {
    const { bavail, bsize } = statfsSync(this.#directory);
    if (bavail * bsize >= LEAST_ROOM_BYTES) return;
    throw new AnomalyError(
      'ANM_STATE_DIRECTORY',
      `cannot keep state in ${this.#directory} as its disk has only ${Math.floor((bavail * bsize) / 2 ** 20)} MiB left, less than ${LEAST_ROOM_BYTES / 2 ** 20}`,
      { hint: 'make room, choose another --state-dir, or bound the series by state.ttl or state.max_series' },
    );
  }
}

/** Opens the store of one partition, empty. */
export type LmdbOpener = (directory: string, name: string) => LmdbStore;

/** Address space, not disk: the file grows as rows come. */
const MAP_BYTES = 256 * 2 ** 30;
const LEAST_ROOM_BYTES = 256 * 2 ** 20;
const CHECKED_BATCHES = 1024;

/** Windows keeps the name of an open file. */
const LOSES_NAMES = process.platform !== 'win32';
const LEFTOVER_AGE_MS = 60_000;

/** What processes left that were killed: those that live have lost their names, or cannot be removed. */
function removeLeftovers(directory: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    try {
      // One that another process is just opening still has its name.
      if (LOSES_NAMES && Date.now() - statSync(path).mtimeMs < LEFTOVER_AGE_MS) continue;
      rmSync(path, { recursive: true, force: true });
    } catch {
      // In use, or removed by another start meanwhile.
    }
  }
}

function unusable(path: string, cause: unknown): AnomalyError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnomalyError('ANM_STATE_DIRECTORY', `cannot open the state in ${path}: ${reason}`, {
    cause,
    details: { path },
  });
}
