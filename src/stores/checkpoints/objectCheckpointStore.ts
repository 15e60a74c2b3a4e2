import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { CheckpointStore, Snapshot, SnapshotReference } from '../checkpointStore.ts';
import type { ObjectStore } from '../objectStore.ts';
import { eachAtOnce } from '../retry.ts';
import {
  clusterFolder,
  dataFile,
  folderOf,
  isManifest,
  partitionFolder,
  partitionOf,
  snapshotFolder,
} from './layout.ts';
import {
  type DataPart,
  MANIFEST,
  type Manifest,
  manifestOf,
  type OperatorEntry,
  parseManifest,
  snapshotOf,
} from './manifest.ts';
import { leftovers, removable, type StoredManifest, safeBefore, sortByAge } from './retention.ts';
import { ReusableFiles } from './reusableFiles.ts';
import { hashJson, sha256 } from './sha256.ts';

export interface CheckpointStoreOptions {
  readonly store: ObjectStore;
  readonly group: string;
  /** Id of the cluster: two clusters may have groups of one name. */
  readonly cluster: string;
  /** Files of this size and more are not written again while they stay the same. Default 64 KiB. */
  readonly reuseFromBytes?: number;
}

const AT_ONCE = 4;
const REUSE_FROM_BYTES = 64 * 1024;

/**
 * Snapshots in an object store, a folder each:
 *
 *   <group>/<cluster>/<topic>-<partition>/<20 digits of the offset>-<checkpoint>/
 *     manifest.json      what it is of, and the sha256 of every data file; written last
 *     00-time.bin ...    one file an operator, as SnapshotWriter encodes it
 *
 * A folder without a manifest is no checkpoint. The id of a checkpoint has to be new at each attempt, so that nothing is
 * ever written over. A large file that is the same as in the snapshot before is not written again: the entry names the
 * folder that has it. Savepoints are always whole.
 */
export class ObjectCheckpointStore implements CheckpointStore {
  readonly location: string;
  readonly #options: CheckpointStoreOptions;
  readonly #folder: string;
  readonly #reuse: ReusableFiles;
  /** Manifest of the last checkpoint of each partition that was saved here. */
  readonly #last = new Map<string, string>();
  /** Manifests never change: each is read once. */
  readonly #known = new Map<string, StoredManifest>();

  constructor(options: CheckpointStoreOptions) {
    this.#options = options;
    this.#folder = clusterFolder(options.group, options.cluster);
    this.#reuse = new ReusableFiles(options.reuseFromBytes ?? REUSE_FROM_BYTES);
    this.location = `${options.store.url.replace(/\/$/, '')}/${this.#folder}`;
  }

  async save(snapshot: Snapshot): Promise<SnapshotReference & { readonly bytes: number }> {
    const { group, cluster } = this.#options;
    if (snapshot.group !== group || snapshot.cluster !== cluster) {
      const reason = `cannot store a snapshot of ${snapshot.group} on ${snapshot.cluster} with those of ${group} on ${cluster}`;
      throw new AnomalyError('ANM_INTERNAL', reason);
    }
    const partition = this.#partition(snapshot.topic, snapshot.partition);
    const folder = snapshotFolder(snapshot.offset, snapshot.checkpoint);
    const reuse = await this.#reusable(partition);
    const continued = await this.#continued(snapshot);
    const entries: OperatorEntry[] = [];
    await eachAtOnce(snapshot.operators, AT_ONCE, async ({ id, definition, bytes }, i) => {
      const before = continued.get(id) ?? [];
      const hash = await sha256(bytes);
      const isWhole = before.length === 0 && snapshot.savepoint === undefined;
      const same = isWhole ? reuse.find(id, hash, bytes.length) : undefined;
      const file = same?.file ?? dataFile(id, i);
      if (same === undefined) await this.#options.store.put(`${partition}${folder}/${file}`, [bytes]);
      const base = same === undefined ? {} : { base: same.folder };
      const parts = [...before, { file, ...base, bytes: bytes.length, sha256: hash }];
      const all = parts.reduce((sum, part) => sum + part.bytes, 0);
      entries[i] = { id, definition, definition_sha256: hashJson(definition), bytes: all, parts };
    });
    const manifest = manifestOf(snapshot, entries);
    const text = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
    const name = `${partition}${folder}/${MANIFEST}`;
    await this.#options.store.put(name, [text]);
    const reference = { name, sha256: await sha256(text) };
    this.#known.set(name, { reference, manifest });
    if (snapshot.savepoint === undefined) {
      reuse.saved(folder, entries);
      this.#last.set(partition, name);
    }
    const own = entries.flatMap(({ parts }) => parts).filter(({ base }) => base === undefined);
    const written = own.reduce((sum, { bytes }) => sum + bytes, text.length);
    return { ...reference, bytes: written };
  }

  async load(reference: SnapshotReference): Promise<Snapshot> {
    this.#reuse.forget(partitionOf(reference.name));
    const manifest = await this.manifest(reference);
    const states: Uint8Array[] = [];
    await eachAtOnce(manifest.operators, AT_ONCE, async (entry, i) => {
      states[i] = await readOperator(this.#options.store, reference.name, entry);
    });
    return snapshotOf(manifest, states);
  }

  /** A manifest without the state. @throws ANM_STATE_MISSING, ANM_STATE_CORRUPT */
  async manifest(reference: SnapshotReference): Promise<Manifest> {
    const stored = await readManifest(this.#options.store, reference.name);
    if (stored === undefined) {
      throw new AnomalyError(
        'ANM_STATE_MISSING',
        `cannot restore checkpoint ${reference.name} as it is not in ${this.#options.store.url}`,
      );
    }
    if (stored.reference.sha256 !== reference.sha256) {
      throw corrupt(
        reference.name,
        `the sha256 of its manifest is ${stored.reference.sha256}, not ${reference.sha256}`,
      );
    }
    return stored.manifest;
  }

  async list(topic: string, partition: number): Promise<readonly SnapshotReference[]> {
    return (await this.manifests(topic, partition)).map(({ reference }) => reference);
  }

  /** Manifests of a partition, oldest first (sortByAge); what is torn or of a format to come is left out. */
  async manifests(topic: string, partition: number): Promise<readonly StoredManifest[]> {
    const objects = await this.#options.store.list(this.#partition(topic, partition));
    return await this.#manifestsOf(objects.map(({ name }) => name));
  }

  async remove(references: readonly SnapshotReference[]): Promise<void> {
    const folders = new Set(references.map(({ name }) => partitionOf(name)));
    const wanted = new Set(references.map(({ name }) => name));
    for (const partition of folders) await this.#removeIn(partition, wanted);
  }

  async probe(): Promise<void> {
    await this.#options.store.probe();
  }

  async close(): Promise<void> {
    await this.#options.store.close();
  }

  /** The parts that the operators of a snapshot go on from, as it has to name them. @throws ANM_STATE_MISSING */
  async #continued({ base, operators, savepoint }: Snapshot): Promise<ReadonlyMap<string, readonly DataPart[]>> {
    const found = new Map<string, readonly DataPart[]>();
    if (base === undefined) return found;
    if (savepoint !== undefined) {
      throw new AnomalyError('ANM_INTERNAL', `cannot save savepoint ${savepoint} as changes: it has to be whole`);
    }
    const { name } = base.reference;
    // Read anew: another process may have removed it, and what builds on it could not be restored.
    const manifest = await this.manifest(base.reference);
    const folder = folderOf(name).split('/').at(-2)!;
    for (const id of base.operators) {
      const entry = manifest.operators.find((each) => each.id === id);
      const definition = operators.find((each) => each.id === id)?.definition;
      if (entry === undefined || definition === undefined || hashJson(definition) !== entry.definition_sha256) {
        throw new AnomalyError(
          'ANM_INTERNAL',
          `cannot save changes of operator ${id}: ${name} is of another definition`,
        );
      }
      found.set(
        id,
        entry.parts.map((part) => ({ ...part, base: part.base ?? folder })),
      );
    }
    return found;
  }

  /** Files of the last snapshot, unless another process has removed it. */
  async #reusable(partition: string) {
    const last = this.#last.get(partition);
    if (last !== undefined && (await this.#options.store.get(last)) === undefined) this.#reuse.forget(partition);
    return this.#reuse.of(partition);
  }

  #partition(topic: string, partition: number): string {
    return partitionFolder(this.#folder, topic, partition);
  }

  async #manifestsOf(names: readonly string[]): Promise<StoredManifest[]> {
    const found: StoredManifest[] = [];
    await eachAtOnce(names.filter(isManifest), AT_ONCE, async (name) => {
      const known = this.#known.get(name) ?? (await readManifest(this.#options.store, name).catch(ignoreCorrupt));
      if (known === undefined) return;
      this.#known.set(name, known);
      found.push(known);
    });
    return found.sort(sortByAge);
  }

  /** A manifest goes before its data: what is then still there is a leftover, not a damaged checkpoint. */
  async #removeIn(partition: string, wanted: ReadonlySet<string>): Promise<void> {
    const { store } = this.#options;
    const objects = await store.list(partition);
    const beforeMs = safeBefore(objects);
    const names = objects.map(({ name }) => name);
    const manifests = await this.#manifestsOf(names);
    const going = removable(manifests, ({ reference }) => wanted.has(reference.name), false);
    for (const { reference } of going) {
      await store.remove([reference.name]);
      this.#known.delete(reference.name);
      const folder = folderOf(reference.name);
      this.#reuse.removed(partition, folder.slice(partition.length, -1));
      await store.remove(names.filter((name) => name.startsWith(folder) && name !== reference.name));
    }
    const gone = new Set(going.map(({ reference }) => folderOf(reference.name)));
    const rest = objects.filter(({ name }) => ![...gone].some((folder) => name.startsWith(folder)));
    await store.remove(leftovers(rest, partition, beforeMs));
    if (beforeMs > -Infinity) await store.removeUnfinished(partition, beforeMs);
  }
}

/** A manifest with its hash; undefined where there is none. @throws ANM_STATE_CORRUPT */
export async function readManifest(store: ObjectStore, name: string): Promise<StoredManifest | undefined> {
  const bytes = await store.get(name);
  if (bytes === undefined) return undefined;
  return { reference: { name, sha256: await sha256(bytes) }, manifest: parseManifest(bytes, name) };
}

/** The bytes of an operator, each part checked against the manifest. @throws ANM_STATE_CORRUPT */
export async function readOperator(
  store: ObjectStore,
  manifestName: string,
  entry: OperatorEntry,
): Promise<Uint8Array> {
  if (entry.parts.length === 1) return await readPart(store, manifestName, entry.parts[0]!);
  const whole = new Uint8Array(entry.bytes);
  let at = 0;
  for (const part of entry.parts) {
    whole.set(await readPart(store, manifestName, part), at);
    at += part.bytes;
  }
  return whole;
}

async function readPart(store: ObjectStore, manifestName: string, part: DataPart): Promise<Uint8Array> {
  const own = folderOf(manifestName);
  const name = part.base === undefined ? `${own}${part.file}` : `${partitionOf(manifestName)}${part.base}/${part.file}`;
  const bytes = await store.get(name);
  if (bytes === undefined) throw corrupt(manifestName, `its file ${name} is gone`);
  if (bytes.length !== part.bytes) {
    throw corrupt(manifestName, `its file ${name} has ${bytes.length} bytes, not ${part.bytes}`);
  }
  if ((await sha256(bytes)) !== part.sha256)
    throw corrupt(manifestName, `the sha256 of its file ${name} does not match`);
  return bytes;
}

function corrupt(place: string, reason: string): AnomalyError {
  return new AnomalyError('ANM_STATE_CORRUPT', `cannot use checkpoint ${place} as ${reason}`, {
    hint: 'anomaly checkpoint ls shows the others; anomaly checkpoint verify checks them',
    details: { place },
  });
}

function ignoreCorrupt(error: unknown): undefined {
  if (isAnomalyError(error) && error.code === 'ANM_STATE_CORRUPT') return undefined;
  throw error;
}
