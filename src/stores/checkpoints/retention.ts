import type { SnapshotReference } from '../checkpointStore.ts';
import type { StoredObject } from '../objectStore.ts';
import { isManifest } from './layout.ts';
import type { Manifest } from './manifest.ts';

/** An upload that takes longer than this is none any more. */
export const SAFE_AGE_MS = 3_600_000;

export interface StoredManifest {
  readonly reference: SnapshotReference;
  readonly manifest: Manifest;
}

/**
 * Oldest first, by the place in the journal that each was cut at: not by `created`, since the owners of a partition have
 * clocks of their own, and not by offset alone, since a group that was set back writes lower offsets later. Between two
 * journal records it is the offset. Those of versions that noted no place come before, by creation. A journal that was
 * deleted begins anew at 0: what was stored beside it has to go with it.
 */
export function sortByAge(a: StoredManifest, b: StoredManifest): number {
  const places = [a.manifest.journal ?? -1, b.manifest.journal ?? -1] as const;
  const byOffset = a.manifest.offset - b.manifest.offset;
  const byTime = Date.parse(a.manifest.created) - Date.parse(b.manifest.created);
  const isKnown = places[0] >= 0;
  return (
    places[0] - places[1] ||
    (isKnown ? byOffset || byTime : byTime || byOffset) ||
    (a.reference.name < b.reference.name ? -1 : 1)
  );
}

/** Those of one partition that are wanted away and may go: no savepoint, and nothing that stays builds on them. */
export function removable(
  manifests: readonly StoredManifest[],
  isWanted: (each: StoredManifest) => boolean,
  withSavepoints: boolean,
): StoredManifest[] {
  let going = manifests.filter((each) => (withSavepoints || each.manifest.savepoint === undefined) && isWanted(each));
  // What stays for the sake of another keeps its own bases too.
  for (;;) {
    const away = new Set(going);
    const bases = new Set<string>();
    for (const each of manifests) {
      if (away.has(each)) continue;
      for (const { parts } of each.manifest.operators) {
        for (const { base } of parts) if (base !== undefined) bases.add(base);
      }
    }
    going = going.filter(({ reference }) => !bases.has(folderName(reference.name)));
    if (going.length === away.size) break;
  }
  return going;
}

/**
 * What was begun before this time (epoch milliseconds of the store's clock) is under way no more. The newest object of
 * a listing tells the store's time: the clock of this machine may be ahead of it, and uploads of others would go.
 */
export function safeBefore(objects: readonly StoredObject[]): number {
  return objects.reduce((newestMs, { modifiedMs }) => Math.max(newestMs, modifiedMs), -Infinity) - SAFE_AGE_MS;
}

/** Objects in folders without a manifest, when even the newest is from before `beforeMs`. */
export function leftovers(objects: readonly StoredObject[], partition: string, beforeMs: number): string[] {
  const folders = new Map<string, { names: string[]; newestMs: number; isWhole: boolean }>();
  for (const { name, modifiedMs } of objects) {
    const folder = name.slice(partition.length).split('/')[0]!;
    let entry = folders.get(folder);
    if (entry === undefined) {
      entry = { names: [], newestMs: 0, isWhole: false };
      folders.set(folder, entry);
    }
    entry.names.push(name);
    entry.newestMs = Math.max(entry.newestMs, modifiedMs);
    entry.isWhole ||= isManifest(name);
  }
  return [...folders.values()].flatMap(({ names, newestMs, isWhole }) =>
    isWhole || newestMs >= beforeMs ? [] : names,
  );
}

function folderName(manifestName: string): string {
  return manifestName.split('/').at(-2)!;
}
