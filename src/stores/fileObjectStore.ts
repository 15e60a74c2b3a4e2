import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isEqual } from './equalBytes.ts';
import { asideName, byName, checkName, isAside } from './objectNames.ts';
import type { ObjectStore, StoredObject } from './objectStore.ts';
import { probeStore } from './probe.ts';
import { eachAtOnce, type RequestPolicy } from './retry.ts';
import {
  DeadlineError,
  deadlineMs,
  type StoreAction,
  type StoreFault,
  storeError,
  timeoutFault,
} from './storeErrors.ts';

/**
 * Objects as files of a directory. One is written aside, synced and renamed, and the names of new directories are
 * synced too, so that it is there whole after a power cut. Several processes may share the directory.
 */
export class FileObjectStore implements ObjectStore {
  readonly url: string;
  readonly #root: string;
  readonly #policy: RequestPolicy;
  readonly #writer = randomUUID().slice(0, 8);
  #asides = 0;

  constructor(directory: string, url: string, policy: RequestPolicy) {
    this.#root = resolve(directory);
    this.url = url;
    this.#policy = policy;
  }

  async put(name: string, parts: readonly Uint8Array[]): Promise<void> {
    const path = this.#path(name);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    await this.#doing('write', name, bytes, async () => {
      try {
        await this.#write(path, parts);
      } catch (error) {
        // Whoever removed the last other object of the directory took the directory with it.
        if (codeOf(error) !== 'ENOENT') throw error;
        await this.#write(path, parts);
      }
    });
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.#path(name);
    const isMade = await this.#doing('write', name, bytes.length, async () => {
      try {
        return await this.#write(path, [bytes], linkNew);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        return await this.#write(path, [bytes], linkNew);
      }
    });
    return isMade || isEqual(await this.get(name), bytes);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const path = this.#path(name);
    return await this.#doing('read', name, undefined, async () => {
      try {
        const file = await readFile(path);
        return new Uint8Array(file.buffer, file.byteOffset, file.length);
      } catch (error) {
        if (NO_FILE.has(codeOf(error))) return undefined;
        throw error;
      }
    });
  }

  async list(prefix: string): Promise<StoredObject[]> {
    return await this.#doing('list', prefix, undefined, async () => {
      const found: StoredObject[] = [];
      await this.#walk(prefix, async (name, path) => {
        if (isAside(basename(name))) return;
        const status = await stat(path).catch(absent);
        if (status !== undefined) found.push({ name, bytes: status.size, modifiedMs: Math.floor(status.mtimeMs) });
      });
      return found.sort(byName);
    });
  }

  async remove(names: readonly string[]): Promise<void> {
    const folders = new Set<string>();
    await eachAtOnce(names, 8, async (name) => {
      const path = this.#path(name);
      await this.#doing('remove', name, undefined, () => rm(path, { force: true }));
      folders.add(dirname(path));
    });
    for (const folder of folders) await this.#removeEmpty(folder);
  }

  async removeUnfinished(prefix: string, beforeMs: number): Promise<void> {
    await this.#doing('remove', prefix, undefined, async () => {
      await this.#walk(prefix, async (name, path) => {
        if (!isAside(basename(name))) return;
        const status = await stat(path).catch(absent);
        if (status !== undefined && status.mtimeMs < beforeMs) await rm(path, { force: true });
      });
    });
  }

  async probe(): Promise<void> {
    await probeStore(this);
  }

  async close(): Promise<void> {}

  #path(name: string): string {
    return join(this.#root, ...checkName(name).split('/'));
  }

  /** `place` gives what was written aside its name: false where the name is taken. */
  async #write(path: string, parts: readonly Uint8Array[], place = renameOver): Promise<boolean> {
    const folder = dirname(path);
    const made = await mkdir(folder, { recursive: true });
    const aside = join(folder, asideName(basename(path), `${this.#writer}-${this.#asides++}`));
    try {
      await writeWhole(aside, parts);
      if (!(await place(aside, path))) return false;
    } catch (error) {
      await rm(aside, { force: true }).catch(() => {});
      throw error;
    }
    await syncDirectory(folder);
    if (made === undefined) return true;
    for (let each = folder; each !== dirname(made); each = dirname(each)) await syncDirectory(dirname(each));
    return true;
  }

  /** Calls `visit` for each file below whose name begins with the prefix, unfinished ones included. */
  async #walk(prefix: string, visit: (name: string, path: string) => Promise<void>): Promise<void> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const enter = async (relative: string): Promise<void> => {
      const entries = (await readdir(join(this.#root, relative), { withFileTypes: true }).catch(absent)) as
        | Dirent[]
        | undefined;
      for (const entry of entries ?? []) {
        const name = `${relative}${entry.name}`;
        const plain = isAside(entry.name) ? `${relative}${entry.name.slice(1)}` : name;
        if (!plain.startsWith(prefix) && !prefix.startsWith(`${name}/`)) continue;
        if (entry.isDirectory()) await enter(`${name}/`);
        else await visit(name, join(this.#root, name));
      }
    };
    await enter(folder);
  }

  /** Directories go with their last object; another process may just be filling one. */
  async #removeEmpty(folder: string): Promise<void> {
    for (let each = folder; each.length > this.#root.length; each = dirname(each)) {
      const isGone = await rmdir(each).then(
        () => true,
        () => false,
      );
      if (!isGone) return;
    }
  }

  /** A disk of the network may hang: nobody waits for it longer than the setting says. */
  async #doing<T>(
    verb: StoreAction['verb'],
    name: string,
    bytes: number | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const action = { url: this.url, verb, name };
    // How much there is to read is not known before.
    const ms = bytes === undefined ? this.#policy.timeoutMs * 10 : deadlineMs(this.#policy.timeoutMs, bytes);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DeadlineError(ms)), ms);
    });
    try {
      return await Promise.race([work(), late]);
    } catch (error) {
      throw storeError(action, diskFault(error), error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** There is nothing, a directory, or something under what is a file. */
const NO_FILE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'EISDIR', 'ENOTDIR']);

function diskFault(error: unknown): StoreFault {
  if (error instanceof DeadlineError) return timeoutFault(error.ms);
  const text = error instanceof Error ? error.message : String(error);
  switch (codeOf(error)) {
    case 'ENOSPC':
      return { code: 'ANM_STORE_FULL', reason: `the disk is full: ${text}` };
    case 'EDQUOT':
      return { code: 'ANM_STORE_FULL', reason: `the quota is used up: ${text}` };
    case 'EROFS':
      return {
        code: 'ANM_STORE_DENIED',
        reason: `it is read-only: ${text}`,
        hint: 'mount it for writing, or choose another checkpoint.store',
      };
    case 'ENOTSUP':
    case 'ENOSYS':
    case 'EMLINK':
      return { code: 'ANM_STORE_DENIED', reason: `its file system makes no hard links: ${text}` };
    case 'EACCES':
    case 'EPERM':
      return {
        code: 'ANM_STORE_DENIED',
        reason: `this user may not: ${text}`,
        hint: 'give this user the right to write in the directory',
      };
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENOENT':
      return { code: 'ANM_STORE_MISSING', reason: `a part of the path is no directory: ${text}` };
    default:
      return {
        code: 'ANM_STORE_UNREACHABLE',
        reason: `the disk fails: ${text}`,
        hint: 'look at the disk and its mount',
      };
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

async function renameOver(aside: string, path: string): Promise<boolean> {
  await rename(aside, path);
  return true;
}

/** A link is made by one process only, on network file systems too, and never shows half a file. */
async function linkNew(aside: string, path: string): Promise<boolean> {
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true }).catch(() => {});
  }
}

/** All of it, or an error: a single write may take less than it is given when the disk fills up. */
async function writeWhole(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const part of parts) await file.appendFile(part);
    await file.datasync();
  } finally {
    await file.close();
  }
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
