import { randomUUID } from 'node:crypto';
import { Connections } from '../platform/connections.ts';
import { isEqual } from './equalBytes.ts';
import { type HttpCall, type HttpReply, httpCall } from './httpCall.ts';
import { asideName, byName, checkName, isAside } from './objectNames.ts';
import type { ObjectStore, StoredObject } from './objectStore.ts';
import { probeStore } from './probe.ts';
import { eachAtOnce, type RequestPolicy, withRetries } from './retry.ts';
import { deadlineMs, networkFault, PIECE_BYTES, type StoreAction, storeError } from './storeErrors.ts';
import { isNotDirectory, remoteException, webhdfsFault } from './webhdfsErrors.ts';

export interface WebhdfsOptions {
  /** `http://namenode:9870`. */
  readonly endpoint: string;
  /** Absolute path of the directory. */
  readonly path: string;
  readonly user: string;
  /** Delegation token, in place of the user. */
  readonly token?: string;
}

interface FileStatus {
  readonly pathSuffix: string;
  readonly type: 'FILE' | 'DIRECTORY' | 'SYMLINK';
  readonly length: number;
  readonly modificationTime: number;
  /** Of the inode; HttpFS has none. */
  readonly fileId?: number;
}

const AT_ONCE = 4;

/**
 * Objects as files of HDFS, by WebHDFS (https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html)
 * or HttpFS. Data go to and come from the DataNode that the NameNode names, in a second request. A file is written
 * aside and renamed, so that a reader sees it whole.
 */
export class WebhdfsObjectStore implements ObjectStore {
  readonly url: string;
  readonly #options: WebhdfsOptions;
  readonly #policy: RequestPolicy;
  readonly #connections: Connections;
  readonly #host: string;
  readonly #writer = randomUUID().slice(0, 8);
  #asides = 0;

  constructor(url: string, options: WebhdfsOptions, policy: RequestPolicy) {
    this.url = url;
    this.#options = options;
    this.#policy = policy;
    this.#host = new URL(options.endpoint).host;
    this.#connections = new Connections(options.endpoint.startsWith('https:'), { maxSockets: 16 });
  }

  async put(name: string, parts: readonly Uint8Array[]): Promise<void> {
    const action = this.#action('write', checkName(name));
    const aside = this.#aside(name);
    await this.#writeAside(action, aside, parts, () => this.#rename(action, aside, name));
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    const action = this.#action('write', checkName(name));
    const aside = this.#aside(name);
    const isMade = await this.#writeAside(action, aside, [bytes], () => this.#renameNew(action, aside, name));
    if (isMade) return true;
    await this.#delete(action, aside);
    return isEqual(await this.get(name), bytes);
  }

  async #writeAside<T>(
    action: StoreAction,
    aside: string,
    parts: readonly Uint8Array[],
    place: () => Promise<T>,
  ): Promise<T> {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    try {
      await withRetries(this.#policy, async () => {
        const query = 'op=CREATE&overwrite=true&noredirect=true';
        const there = await this.#redirect(action, 'PUT', this.#address(aside, query));
        const headers = { 'content-type': 'application/octet-stream' };
        const call = { method: 'PUT', url: there, headers, body: parts };
        const reply = await this.#send(action, call, bytes);
        if (reply.status !== 201 && reply.status !== 200) throw this.#failure(action, reply, new URL(there).host);
      });
      return await place();
    } catch (error) {
      await this.#delete(action, aside).catch(() => {});
      throw error;
    }
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const action = this.#action('read', checkName(name));
    for (;;) {
      const status = await this.#status(action, name);
      if (status === undefined) return undefined;
      const whole = await this.#read(action, name, status.length);
      // HDFS has no reads of one version: a file that was replaced meanwhile is read again.
      const after = await this.#status(action, name);
      if (after === undefined || !isSame(status, after)) continue;
      if (whole !== undefined) return whole;
      const reason = `less comes than the ${status.length} bytes that the file has`;
      throw storeError(action, { code: 'ANM_STORE_UNREACHABLE', reason });
    }
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    await this.#walk(this.#action('list', prefix), prefix, (name, { pathSuffix, length, modificationTime }) => {
      if (!isAside(pathSuffix)) found.push({ name, bytes: length, modifiedMs: modificationTime });
    });
    return found.sort(byName);
  }

  async remove(names: readonly string[]): Promise<void> {
    const folders = new Set<string>();
    await eachAtOnce(names, 2 * AT_ONCE, async (name) => {
      await this.#delete(this.#action('remove', name), checkName(name));
      folders.add(name.slice(0, Math.max(0, name.lastIndexOf('/'))));
    });
    for (const folder of folders) await this.#removeEmpty(folder);
  }

  async removeUnfinished(prefix: string, beforeMs: number): Promise<void> {
    const action = this.#action('remove', prefix);
    const old: string[] = [];
    await this.#walk(action, prefix, (name, { pathSuffix, modificationTime }) => {
      if (isAside(pathSuffix) && modificationTime < beforeMs) old.push(name);
    });
    await eachAtOnce(old, AT_ONCE, async (name) => {
      await this.#delete(action, name);
    });
  }

  async probe(): Promise<void> {
    await probeStore(this);
  }

  async close(): Promise<void> {
    this.#connections.close();
  }

  /** Replaces `to`. HttpFS knows no options of a rename and says false where the target is there. */
  async #rename(action: StoreAction, from: string, to: string): Promise<void> {
    const destination = encodeURIComponent(this.#path(to));
    const query = `op=RENAME&destination=${destination}&renameoptions=OVERWRITE`;
    await withRetries(this.#policy, async () => {
      for (const isLast of [false, true]) {
        const reply = await this.#send(action, { method: 'PUT', url: this.#address(from, query) });
        if (reply.status === 404) {
          // An attempt whose answer was lost may have done it.
          if ((await this.#status(action, to)) !== undefined) return;
        }
        if (reply.status !== 200) throw this.#failure(action, reply);
        if (!isFalse(reply)) return;
        if (isLast) break;
        await this.#delete(action, to);
      }
      throw storeError(action, { code: 'ANM_PROTOCOL', reason: `${this.#host} does not rename ${from}` });
    });
  }

  /** False where `to` is there, or an attempt whose answer was lost has done it. */
  async #renameNew(action: StoreAction, from: string, to: string): Promise<boolean> {
    const query = `op=RENAME&destination=${encodeURIComponent(this.#path(to))}`;
    return await withRetries(this.#policy, async () => {
      const reply = await this.#send(action, { method: 'PUT', url: this.#address(from, query) });
      if (reply.status === 200) return !isFalse(reply);
      if (isAbsent(reply)) return false;
      throw this.#failure(action, reply);
    });
  }

  /** Undefined where there is no such file. */
  async #status(action: StoreAction, name: string): Promise<FileStatus | undefined> {
    const reply = await this.#ask<{ FileStatus: FileStatus }>(action, 'GET', name, 'op=GETFILESTATUS');
    return reply?.FileStatus.type === 'DIRECTORY' ? undefined : reply?.FileStatus;
  }

  async #read(action: StoreAction, name: string, bytes: number): Promise<Uint8Array | undefined> {
    const whole = new Uint8Array(bytes);
    const starts: number[] = [];
    for (let at = 0; at < bytes; at += PIECE_BYTES) starts.push(at);
    let isWhole = true;
    await eachAtOnce(starts, AT_ONCE, async (start) => {
      const piece = await this.#readPiece(action, name, start, Math.min(PIECE_BYTES, bytes - start));
      if (piece === undefined) isWhole = false;
      else whole.set(piece, start);
    });
    return isWhole ? whole : undefined;
  }

  /** Undefined where the file is gone or has another length by now. */
  async #readPiece(action: StoreAction, name: string, start: number, length: number): Promise<Buffer | undefined> {
    return await withRetries(this.#policy, async () => {
      const query = `op=OPEN&offset=${start}&length=${length}&noredirect=true`;
      const there = await this.#redirect(action, 'GET', this.#address(name, query), [404]);
      if (there === undefined) return undefined;
      const reply = await this.#send(action, { method: 'GET', url: there });
      if (reply.status === 404) return undefined;
      if (reply.status !== 200) throw this.#failure(action, reply, new URL(there).host);
      return reply.body.length === length ? reply.body : undefined;
    });
  }

  /** Calls `visit` for each file below whose name begins with the prefix, unfinished ones included. */
  async #walk(action: StoreAction, prefix: string, visit: (name: string, status: FileStatus) => void): Promise<void> {
    const enter = async (folder: string): Promise<void> => {
      const listing = await this.#ask<{ FileStatuses: { FileStatus: FileStatus[] } }>(
        action,
        'GET',
        folder,
        'op=LISTSTATUS',
      );
      for (const status of listing?.FileStatuses.FileStatus ?? []) {
        const { pathSuffix, type } = status;
        const plain = folder + (isAside(pathSuffix) ? pathSuffix.slice(1) : pathSuffix);
        if (!plain.startsWith(prefix)) continue;
        if (type === 'DIRECTORY') await enter(`${folder}${pathSuffix}/`);
        else visit(folder + pathSuffix, status);
      }
    };
    await enter(prefix.slice(0, prefix.lastIndexOf('/') + 1));
  }

  async #delete(action: StoreAction, name: string): Promise<void> {
    await this.#ask(action, 'DELETE', name, 'op=DELETE&recursive=false');
  }

  /** Directories go with their last object; HDFS refuses to remove one that holds something. */
  async #removeEmpty(folder: string): Promise<void> {
    for (let each = folder; each !== ''; each = each.slice(0, Math.max(0, each.lastIndexOf('/')))) {
      const call = { method: 'DELETE', url: this.#address(each, 'op=DELETE&recursive=false') };
      const reply = await this.#send(this.#action('remove', each), call).catch(() => undefined);
      if (reply?.status !== 200 || isFalse(reply)) return;
    }
  }

  /** An operation of the NameNode alone; undefined where there is no such file. */
  async #ask<T>(action: StoreAction, method: string, name: string, query: string): Promise<T | undefined> {
    return await withRetries(this.#policy, async () => {
      const reply = await this.#send(action, { method, url: this.#address(name, query) });
      if (isAbsent(reply)) return undefined;
      if (reply.status !== 200) throw this.#failure(action, reply);
      try {
        return JSON.parse(reply.body.toString()) as T;
      } catch (cause) {
        const reason = `${this.#host} answers what is no JSON`;
        throw storeError(action, { code: 'ANM_PROTOCOL', reason, hint: 'is the port that of WebHDFS?' }, cause);
      }
    });
  }

  /** Where the data go or are: from HDFS 3 on in the answer's body, before and at HttpFS by a redirect. */
  async #redirect(action: StoreAction, method: string, url: string): Promise<string>;
  async #redirect(
    action: StoreAction,
    method: string,
    url: string,
    gone: readonly number[],
  ): Promise<string | undefined>;
  async #redirect(
    action: StoreAction,
    method: string,
    url: string,
    gone: readonly number[] = [],
  ): Promise<string | undefined> {
    const reply = await this.#send(action, { method, url });
    if (gone.includes(reply.status) && isAbsent(reply)) return undefined;
    const location = reply.location ?? (reply.status === 200 ? locationOf(reply) : undefined);
    if (location === undefined) throw this.#failure(action, reply);
    return location;
  }

  async #send(action: StoreAction, call: Omit<HttpCall, 'deadlineMs' | 'connections'>, bytes = 0): Promise<HttpReply> {
    const ms = deadlineMs(this.#policy.timeoutMs, bytes);
    try {
      return await httpCall({ ...call, deadlineMs: ms, connections: this.#connections });
    } catch (error) {
      const { host } = new URL(call.url);
      const fault = networkFault(error, host) ?? {
        code: 'ANM_STORE_UNREACHABLE' as const,
        reason: `${host}: ${error instanceof Error ? error.message : String(error)}`,
      };
      const hint = `the NameNode named the DataNode ${host}: this machine has to reach it too`;
      throw storeError(action, host === this.#host ? fault : { ...fault, hint }, error);
    }
  }

  #failure(action: StoreAction, reply: HttpReply, host = this.#host): Error {
    return storeError(action, webhdfsFault(reply, host, this.#options.user));
  }

  #action(verb: StoreAction['verb'], name: string): StoreAction {
    return { url: this.url, verb, name };
  }

  #aside(name: string): string {
    const slash = name.lastIndexOf('/') + 1;
    return name.slice(0, slash) + asideName(name.slice(slash), `${this.#writer}-${this.#asides++}`);
  }

  #path(name: string): string {
    return `${this.#options.path}/${name}`.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
  }

  #address(name: string, query: string): string {
    const { endpoint, user, token } = this.#options;
    const who =
      token === undefined ? `user.name=${encodeURIComponent(user)}` : `delegation=${encodeURIComponent(token)}`;
    const path = this.#path(name).split('/').map(encodeURIComponent).join('/');
    return `${endpoint}/webhdfs/v1${path}?${query}&${who}`;
  }
}

/** No such file, or a file where the path wants a directory. */
function isAbsent(reply: HttpReply): boolean {
  const remote = reply.status === 404 || reply.status === 403 ? remoteException(reply) : undefined;
  return remote?.exception === 'FileNotFoundException' || isNotDirectory(remote);
}

function isSame(a: FileStatus, b: FileStatus): boolean {
  return a.fileId === b.fileId && a.length === b.length && a.modificationTime === b.modificationTime;
}

function locationOf(reply: HttpReply): string | undefined {
  try {
    const { Location } = JSON.parse(reply.body.toString()) as { Location?: unknown };
    return typeof Location === 'string' ? Location : undefined;
  } catch {
    return undefined;
  }
}

/** WebHDFS answers {"boolean": false} with status 200 where nothing was done. */
function isFalse(reply: HttpReply): boolean {
  return /"boolean"\s*:\s*false/.test(reply.body.toString('utf8', 0, 100));
}
