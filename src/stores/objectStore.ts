/**
 * A place for files of any size by name: a directory, a bucket of S3 or MinIO, a directory of HDFS. One contract suite
 * holds all of them. Names are relative, with '/' between their parts.
 *
 * Failures are ANM_STORE_* errors that name the url, the object and what the service said: ANM_STORE_UNREACHABLE and
 * ANM_STORE_TIMEOUT (retryable), ANM_STORE_FULL, ANM_STORE_DENIED (credentials, read-only, a skewed clock),
 * ANM_STORE_MISSING (bucket or directory).
 */
export interface ObjectStore {
  /** As the user gave it, without secrets, for messages. */
  readonly url: string;
  /** Writes an object whole: until the promise resolves a reader sees the former one, or none. */
  put(name: string, parts: readonly Uint8Array[]): Promise<void>;
  /**
   * Writes an object where there is none, at once for all readers, in one request: at most 8 MiB. False where there is
   * one of other bytes, which stays. Equal bytes count as written, since the answer to an attempt may be lost: where two
   * writers may want the same name, each gives bytes that are its own.
   */
  create(name: string, bytes: Uint8Array): Promise<boolean>;
  /** The bytes, or undefined where there is no such object. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** Objects whose name begins with `prefix`, by name. */
  list(prefix: string): Promise<StoredObject[]>;
  /** Objects that are not there are no error. */
  remove(names: readonly string[]): Promise<void>;
  /** Removes what writes that never finished left behind under `prefix`, begun before `beforeMs` (epoch milliseconds). */
  removeUnfinished(prefix: string, beforeMs: number): Promise<void>;
  /** Writes, reads and removes an object: rejects with what a checkpoint would meet. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  /** Epoch milliseconds by the store's clock. */
  readonly modifiedMs: number;
}
