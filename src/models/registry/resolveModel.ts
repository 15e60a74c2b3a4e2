import { resolve } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import type { ModelIdentity } from '../modelSpec.ts';
import type { AliasState } from './aliasState.ts';
import { ModelCache } from './modelCache.ts';
import type { ModelRegistry } from './modelRegistry.ts';
import { type ModelUri, parseModelUri, shownModelUri } from './modelUri.ts';
import type { ModelVersion } from './modelVersion.ts';
import { unknownAlias, unknownModel, unknownVersion } from './registryErrors.ts';

export interface ResolveOptions {
  /** Opened where the URI is of a registry; closed again by who opened it. */
  readonly registry: () => Promise<ModelRegistry>;
  /** Setting models.cache. */
  readonly cacheDirectory: string;
  /** Relative paths begin here. */
  readonly cwd: string;
}

/** A model as a file of this machine: read it by `readModelFiles(path)`. */
export interface ResolvedModel {
  /** Name and, of a registry, version and sha256; a file's hash is known when it is read. */
  readonly identity: ModelIdentity;
  /** Of the ONNX file, external data beside it. */
  readonly path: string;
  /** Present for a model of a registry: specification, signature, metrics. */
  readonly version?: ModelVersion;
  /** Present where an alias was asked for: who set it, and when. */
  readonly alias?: AliasState;
}

/**
 * Finds what `models:/NAME@ALIAS`, `models:/NAME/VERSION`, a path or a file: URL names, and downloads it where it is in a
 * registry. What an alias points at is asked each time; files come from the cache, by hash.
 *
 * @throws ANM_MODEL_UNKNOWN, ANM_MODEL_CORRUPT, ANM_USAGE for a URI that is none or of a server, and what the registry throws
 */
export async function resolveModel(text: string, options: ResolveOptions): Promise<ResolvedModel> {
  const uri = parseModelUri(text);
  switch (uri.kind) {
    case 'file':
      return { identity: { name: uri.path }, path: resolve(options.cwd, uri.path) };
    case 'remote':
      throw new AnomalyError('ANM_USAGE', `cannot load ${shownModelUri(text)} as it is a server, not a file`, {
        hint: 'give a file, models:/NAME@ALIAS or models:/NAME/VERSION',
      });
    case 'alias':
    case 'version': {
      const registry = await options.registry();
      const found = await findVersion(registry, uri);
      const cached = await new ModelCache(options.cacheDirectory).get(registry, found.version);
      const { name, version } = found.version;
      return { ...found, identity: { name, version, sha256: cached.sha256 }, path: cached.path };
    }
  }
}

export interface FoundVersion {
  readonly version: ModelVersion;
  readonly alias?: AliasState;
}

/** @throws ANM_MODEL_UNKNOWN naming what is not there: the model, its alias or its version */
export async function findVersion(
  registry: ModelRegistry,
  uri: Extract<ModelUri, { kind: 'alias' | 'version' }>,
): Promise<FoundVersion> {
  const { name } = uri;
  const alias = uri.kind === 'alias' ? await registry.alias(name, uri.alias) : undefined;
  const number = uri.kind === 'version' ? uri.version : (alias?.version ?? null);
  const version = number === null ? undefined : await registry.version(name, number);
  if (version !== undefined) return { version, ...(alias !== undefined && { alias }) };
  if ((await registry.model(name)) === undefined) throw await unknownModel(registry, name);
  if (uri.kind === 'alias' && number === null) throw unknownAlias(registry.url, name, uri.alias);
  throw unknownVersion(registry.url, name, number ?? '');
}
