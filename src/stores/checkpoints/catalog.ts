import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { parseUtcTime } from '../../platform/utcTime.ts';
import type { ObjectStore, StoredObject } from '../objectStore.ts';
import { eachAtOnce } from '../retry.ts';
import { groupFolder } from './layout.ts';
import { MANIFEST } from './manifest.ts';
import { readManifest } from './objectCheckpointStore.ts';
import { type StoredManifest, sortByAge } from './retention.ts';

/** A partition's snapshot in a store, with the bytes that it takes there. */
export interface CatalogEntry extends StoredManifest {
  /** Of the files in its own folder. */
  readonly storedBytes: number;
}

/** A file of format 1, which version 0.1 wrote: one a partition. */
export interface OldSnapshot {
  readonly name: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface Catalog {
  /** Those of one partition oldest first (sortByAge). */
  readonly entries: readonly CatalogEntry[];
  /** What has a manifest that cannot be used, and why. */
  readonly broken: readonly { readonly name: string; readonly reason: string }[];
  /** Folders of uploads that did not finish. */
  readonly unfinished: readonly string[];
  readonly old: readonly OldSnapshot[];
}

const SNAPSHOT_NAME = /^[^/]+\/[^/]+\/[^/]+-\d+\/\d{20}-[^/]+\//;
const OLD_NAME = /^[^/]+\/[^/]+\/[^/]+-\d+\.snapshot$/;

/** All checkpoints of a store, or of one group. */
export async function readCatalog(store: ObjectStore, group?: string): Promise<Catalog> {
  const objects = await store.list(group === undefined ? '' : groupFolder(group));
  const folders = new Map<string, StoredObject[]>();
  for (const object of objects) {
    const folder = SNAPSHOT_NAME.exec(object.name)?.[0];
    if (folder === undefined) continue;
    const files = folders.get(folder) ?? [];
    files.push(object);
    folders.set(folder, files);
  }
  const entries: CatalogEntry[] = [];
  const broken: { name: string; reason: string }[] = [];
  const unfinished: string[] = [];
  await eachAtOnce([...folders], 8, async ([folder, files]) => {
    const name = `${folder}${MANIFEST}`;
    if (!files.some((each) => each.name === name)) return void unfinished.push(folder);
    const storedBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
    try {
      const stored = await readManifest(store, name);
      if (stored !== undefined) entries.push({ ...stored, storedBytes });
    } catch (error) {
      if (!isAnomalyError(error) || error.code !== 'ANM_STATE_CORRUPT') throw error;
      broken.push({ name, reason: error.message });
    }
  });
  const old = objects.filter(({ name }) => OLD_NAME.test(name));
  return { entries: entries.sort(sortByAge), broken: broken.sort(byName), unfinished: unfinished.sort(), old };
}

/**
 * The snapshots that a word names, one a partition: the id of a checkpoint, a beginning of it that is no other's, the
 * name of a savepoint, `latest` for the newest of each partition, or `@TIME` (ISO 8601 or epoch milliseconds) for the
 * newest of each that was made by then.
 *
 * @param group whose snapshots are meant where the word is of several groups
 * @throws ANM_CHECKPOINT_UNKNOWN, ANM_USAGE where the word is of several
 */
export function findCheckpoint(catalog: Catalog, word: string, place: string, group?: string): CatalogEntry[] {
  const { entries } = catalog;
  let found =
    word === 'latest'
      ? newest(ownStates(entries))
      : word.startsWith('@')
        ? madeBy(entries, word)
        : named(entries, word);
  if (found.length === 0) {
    throw new AnomalyError('ANM_CHECKPOINT_UNKNOWN', `there is no checkpoint '${word}' in ${place}`, {
      hint: 'anomaly checkpoint ls lists them; latest is the newest of each partition',
    });
  }
  const own = found.filter(({ manifest }) => manifest.group === group);
  if (own.length > 0) found = own;
  const groups = new Set(found.map(({ manifest }) => `${manifest.group} on cluster ${manifest.cluster}`));
  if (groups.size > 1) {
    throw new AnomalyError('ANM_USAGE', `checkpoint '${word}' is of several groups: ${[...groups].join(', ')}`, {
      hint: 'choose one by --group',
    });
  }
  return found.sort(byPartition);
}

function madeBy(entries: readonly CatalogEntry[], word: string): CatalogEntry[] {
  const text = word.slice(1);
  const time = /^\d+$/.test(text) ? Number(text) : parseUtcTime(text);
  if (time === null) {
    throw new AnomalyError('ANM_USAGE', `'${word}' is no time`, {
      hint: 'as @2026-11-26T12:00:00Z, @1795694400000 or @-10m',
    });
  }
  return newest(ownStates(entries).filter(({ manifest }) => Date.parse(manifest.created) <= time));
}

function named(entries: readonly CatalogEntry[], word: string): CatalogEntry[] {
  // A savepoint that was taken twice under one name counts as it was taken last.
  const savepoints = newest(entries.filter(({ manifest }) => manifest.savepoint === word));
  if (savepoints.length > 0) return savepoints;
  const exact = entries.filter(({ manifest }) => manifest.checkpoint === word);
  if (exact.length > 0 || word.length < 4) return exact;
  const begun = entries.filter(({ manifest }) => manifest.checkpoint.startsWith(word));
  const ids = new Set(begun.map(({ manifest }) => manifest.checkpoint));
  if (ids.size <= 1) return begun;
  throw new AnomalyError('ANM_USAGE', `'${word}' is the beginning of ${ids.size} checkpoints: ${[...ids].join(', ')}`);
}

/** What a group has had: a rescaled state is taken by its name only. */
function ownStates(entries: readonly CatalogEntry[]): CatalogEntry[] {
  return entries.filter(({ manifest }) => manifest.rescaled !== true);
}

/** The newest snapshot of each partition. */
export function newest(entries: readonly CatalogEntry[]): CatalogEntry[] {
  const last = new Map<string, CatalogEntry>();
  for (const entry of entries) {
    const { group, cluster, topic, partition } = entry.manifest;
    last.set(JSON.stringify([group, cluster, topic, partition]), entry);
  }
  return [...last.values()];
}

function byPartition({ manifest: a }: CatalogEntry, { manifest: b }: CatalogEntry): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
