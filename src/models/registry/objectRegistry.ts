import { sha256 } from '../../stores/checkpoints/sha256.ts';
import { namePart } from '../../stores/objectNames.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import { eachAtOnce } from '../../stores/retry.ts';
import { decodeAlias, encodeAlias } from './aliasRecord.ts';
import { type AliasChange, type AliasState, conflict, nextState, requireExpected } from './aliasState.ts';
import { hashFiles } from './fileHash.ts';
import { checkAlias, checkModelName } from './modelName.ts';
import type { ModelRegistry, RegistryAuthor } from './modelRegistry.ts';
import type { ModelFile, ModelVersion, NewVersion, RegisteredModel } from './modelVersion.ts';
import { corrupt } from './recordFields.ts';
import { inUse, unknownVersion } from './registryErrors.ts';
import { type ModelFolder, modelFolder, numbered, readFolders } from './registryLayout.ts';
import { decodeVersion, encodeVersion } from './versionRecord.ts';

/** An upload without a version is swept up after this time: its writer is gone. */
const UNFINISHED_MS = 24 * 3_600_000;

/**
 * A registry of objects, in a directory or in a bucket, without a server and without locks: everything that two
 * processes may want at once is an object that the store lets one of them create. The manifest of version 4 is such an
 * object, written when its files are there, so a version is whole or not there. The 7th change of an alias is one too:
 * who creates it has compared and set, and the changes before it are the alias' history. See registryLayout.ts.
 */
export class ObjectRegistry implements ModelRegistry {
  readonly url: string;
  readonly #store: ObjectStore;
  readonly #author: RegistryAuthor;

  constructor(store: ObjectStore, author: RegistryAuthor) {
    this.url = store.url;
    this.#store = store;
    this.#author = author;
  }

  async models(): Promise<readonly RegisteredModel[]> {
    const folders = readFolders(await this.#store.list(''));
    const found: RegisteredModel[] = [];
    await eachAtOnce(folders, 4, async (folder, i) => {
      found[i] = await this.#summary(folder);
    });
    return found.filter(isThere);
  }

  async model(name: string): Promise<RegisteredModel | undefined> {
    const folder = await this.#folder(name);
    const summary = folder === undefined ? undefined : await this.#summary(folder);
    return summary !== undefined && isThere(summary) ? summary : undefined;
  }

  async versions(name: string): Promise<readonly ModelVersion[]> {
    const numbers = (await this.#folder(name))?.versions ?? [];
    const found: (ModelVersion | undefined)[] = [];
    await eachAtOnce(numbers, 8, async (number, i) => {
      found[i] = await this.#manifest(name, number);
    });
    return found.filter((each) => each !== undefined);
  }

  async version(name: string, version: string): Promise<ModelVersion | undefined> {
    const isRemoved = (await this.#store.get(tombstone(name, Number(version)))) !== undefined;
    return isRemoved ? undefined : await this.#manifest(name, Number(version));
  }

  async add(given: NewVersion): Promise<ModelVersion> {
    const { name } = given;
    checkModelName(name);
    const hashed = await hashFiles(given.files);
    const upload = this.#author.newId();
    for (const { path, bytes } of given.files)
      await this.#store.put(`${modelFolder(name)}files/${upload}/${path}`, [bytes]);
    const { files: _, metrics = {}, ...rest } = given;
    for (;;) {
      const number = (await this.#lastNumber(name)) + 1;
      const version: ModelVersion = {
        ...rest,
        version: String(number),
        sha256: hashed.sha256,
        files: hashed.files,
        metrics,
        created: new Date(this.#author.now()).toISOString(),
        createdBy: this.#author.by,
        location: upload,
      };
      if (!(await this.#store.create(manifest(name, number), encodeVersion(version)))) continue;
      // The version is there, whatever becomes of the remains of others.
      await this.#sweep(name).catch(() => {});
      return version;
    }
  }

  async read({ name, version, location }: ModelVersion, { path, sha256: wanted }: ModelFile): Promise<Uint8Array> {
    const object = `${modelFolder(name)}files/${location}/${path}`;
    const bytes = await this.#store.get(object);
    const place = `${path} of ${name}/${version} in ${this.url}`;
    if (bytes === undefined) throw corrupt(place, `there is no object ${object}`);
    const hash = await sha256(bytes);
    if (hash !== wanted) throw corrupt(place, `its sha256 is ${hash}, and ${wanted} was added`);
    return bytes;
  }

  async alias(name: string, alias: string): Promise<AliasState | undefined> {
    return (await this.#alias(name, alias))?.state;
  }

  async setAlias(change: AliasChange): Promise<AliasState> {
    const { name, alias, version } = change;
    checkAlias(alias);
    const current = await this.#alias(name, alias);
    requireExpected(change, current?.state);
    if (version !== null && (await this.version(name, version)) === undefined) {
      throw unknownVersion(this.url, name, version);
    }
    const number = (current?.number ?? 0) + 1;
    const { by, now, newId } = this.#author;
    const state = nextState(current?.state, change, { id: newId(), by, at: new Date(now()).toISOString() });
    const object = `${aliasFolder(name, alias)}${numbered(number)}`;
    if (!(await this.#store.create(object, new TextEncoder().encode(encodeAlias(state))))) {
      throw conflict(change, current?.state.version ?? null, (await this.#alias(name, alias))?.state);
    }
    // A removal looks for aliases after its mark, and this for the mark after the alias: one of the two sees the other.
    if (version !== null && (await this.version(name, version)) === undefined) {
      const back: AliasChange = { name, alias, version: current?.state.version ?? null, kind: 'rollback' };
      await this.setAlias({ ...back, expect: version });
      throw unknownVersion(this.url, name, version);
    }
    return state;
  }

  async remove(name: string, version: string): Promise<void> {
    const number = Number(version);
    const found = await this.version(name, version);
    if (found === undefined) throw unknownVersion(this.url, name, version);
    await this.#requireUnused(name, version);
    const mark = { removed_by: this.#author.by, removed_at: new Date(this.#author.now()).toISOString() };
    const bytes = new TextEncoder().encode(`${JSON.stringify({ ...mark, id: this.#author.newId() })}\n`);
    if (!(await this.#store.create(tombstone(name, number), bytes))) throw unknownVersion(this.url, name, version);
    try {
      await this.#requireUnused(name, version);
    } catch (error) {
      await this.#store.remove([tombstone(name, number)]);
      throw error;
    }
    await this.#store.remove(found.files.map(({ path }) => `${modelFolder(name)}files/${found.location}/${path}`));
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #requireUnused(name: string, version: string): Promise<void> {
    const summary = await this.model(name);
    const used = summary?.aliases.filter((each) => each.version === version) ?? [];
    if (used.length > 0) throw inUse(name, version, used);
  }

  async #folder(name: string): Promise<ModelFolder | undefined> {
    return readFolders(await this.#store.list(modelFolder(name)))[0];
  }

  async #summary({ name, versions, aliases }: ModelFolder): Promise<RegisteredModel> {
    const states: (AliasState | undefined)[] = [];
    await eachAtOnce(aliases, 4, async ({ alias, last }, i) => {
      states[i] = await this.#aliasChange(name, alias, last);
    });
    return {
      name,
      versions: versions.map(String),
      aliases: states.flatMap((state) => {
        return state === undefined || state.version === null ? [] : [{ alias: state.alias, version: state.version }];
      }),
    };
  }

  /** Of all versions that ever were: a number is not given again. */
  async #lastNumber(name: string): Promise<number> {
    return (await this.#folder(name))?.lastNumber ?? 0;
  }

  async #manifest(name: string, number: number): Promise<ModelVersion | undefined> {
    const object = manifest(name, number);
    const bytes = await this.#store.get(object);
    return bytes === undefined ? undefined : decodeVersion(bytes, `${object} in ${this.url}`);
  }

  async #alias(name: string, alias: string): Promise<{ state: AliasState; number: number } | undefined> {
    const folder = readFolders(await this.#store.list(aliasFolder(name, alias)))[0];
    const number = folder?.aliases[0]?.last;
    const state = number === undefined ? undefined : await this.#aliasChange(name, alias, number);
    return number === undefined || state === undefined ? undefined : { state, number };
  }

  async #aliasChange(name: string, alias: string, number: number): Promise<AliasState | undefined> {
    const object = `${aliasFolder(name, alias)}${numbered(number)}`;
    const bytes = await this.#store.get(object);
    return bytes === undefined ? undefined : decodeAlias(bytes, `${object} in ${this.url}`);
  }

  /** Files of uploads that never became a version. */
  async #sweep(name: string): Promise<void> {
    const known = new Set((await this.versions(name)).map(({ location }) => location));
    const before = this.#author.now() - UNFINISHED_MS;
    const folder = `${modelFolder(name)}files/`;
    const old = (await this.#store.list(folder)).filter(({ name: object, modifiedMs }) => {
      return modifiedMs < before && !known.has(object.slice(folder.length).split('/', 1)[0]!);
    });
    await this.#store.remove(old.map((each) => each.name));
    await this.#store.removeUnfinished(folder, before);
  }
}

const manifest = (name: string, number: number) => `${modelFolder(name)}versions/${numbered(number)}`;
const tombstone = (name: string, number: number) => `${modelFolder(name)}removed/${numbered(number)}`;
const aliasFolder = (name: string, alias: string) => `${modelFolder(name)}aliases/${namePart(alias)}/`;

function isThere({ versions, aliases }: RegisteredModel): boolean {
  return versions.length > 0 || aliases.length > 0;
}
