import type { AliasChange, AliasState } from './aliasState.ts';
import type { ModelFile, ModelVersion, NewVersion, RegisteredModel } from './modelVersion.ts';

/**
 * Models by name, their versions, and aliases that point at versions. A directory, a bucket of S3 or MinIO, and an MLflow
 * server hold to one contract suite.
 *
 * Failures of the place are ANM_STORE_* (directory, S3) or ANM_MODEL_REGISTRY (MLflow); what is in it that cannot be
 * read is ANM_MODEL_CORRUPT.
 */
export interface ModelRegistry {
  /** As the user gave it, without secrets, for messages. */
  readonly url: string;
  /** By name. */
  models(): Promise<readonly RegisteredModel[]>;
  /** Undefined where there is no such model. */
  model(name: string): Promise<RegisteredModel | undefined>;
  /** Ascending; empty where there is no such model. */
  versions(name: string): Promise<readonly ModelVersion[]>;
  /** Undefined where there is no such version, or it was removed. */
  version(name: string, version: string): Promise<ModelVersion | undefined>;
  /**
   * Adds a version under the next number. A version is there once all of its files are: an upload that broke off is none.
   */
  add(version: NewVersion): Promise<ModelVersion>;
  /** The bytes, checked against the version's hash. @throws ANM_MODEL_CORRUPT where they are others, or gone */
  read(version: ModelVersion, file: ModelFile): Promise<Uint8Array>;
  /** Undefined where the alias was never set. One that was taken away has the version null. */
  alias(name: string, alias: string): Promise<AliasState | undefined>;
  /**
   * Sets an alias, where it is as `expect` says, else as it was just before.
   *
   * @throws ANM_MODEL_CONFLICT naming what was expected, what is there, who set it and when;
   *   ANM_MODEL_UNKNOWN for a version that is not there
   */
  setAlias(change: AliasChange): Promise<AliasState>;
  /**
   * Removes a version. Its number is not given again.
   *
   * @throws ANM_MODEL_IN_USE while an alias points at it, ANM_MODEL_UNKNOWN where it is not there
   */
  remove(name: string, version: string): Promise<void>;
  close(): Promise<void>;
}

/** Who changes a registry, and its sources of time and ids. */
export interface RegistryAuthor {
  /** user@host. */
  readonly by: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A text that is never given twice. */
  readonly newId: () => string;
}
