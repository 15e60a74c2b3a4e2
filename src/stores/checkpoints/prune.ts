import type { ObjectStore, StoredObject } from '../objectStore.ts';
import type { Catalog, CatalogEntry } from './catalog.ts';
import { folderOf, partitionOf } from './layout.ts';
import { leftovers, removable, safeBefore } from './retention.ts';

export type PruneRule =
  /** Keep the newest of each partition, and all savepoints. */
  | { readonly retain: number }
  /** Remove just this savepoint. */
  | { readonly savepoint: string };

export interface PrunePlan {
  readonly going: readonly CatalogEntry[];
  /** Files of uploads that never finished. */
  readonly leftovers: readonly string[];
  readonly bytes: number;
  readonly objects: readonly StoredObject[];
  /** Folders of partitions that were looked at. */
  readonly partitions: readonly string[];
  /** Unfinished writes that were begun before go too; epoch milliseconds of the store's clock. */
  readonly beforeMs: number;
}

/** What a rule removes, in every partition that the catalog has. */
export async function planPrune(store: ObjectStore, catalog: Catalog, rule: PruneRule): Promise<PrunePlan> {
  const names = [...catalog.entries.map(({ reference }) => reference.name), ...catalog.unfinished];
  const partitions = [...new Set(names.map(partitionOf))].sort();
  const going: CatalogEntry[] = [];
  const old: string[] = [];
  const files = new Map<string, readonly StoredObject[]>();
  for (const partition of partitions) files.set(partition, await store.list(partition));
  const objects = [...files.values()].flat();
  const beforeMs = safeBefore(objects);
  for (const partition of partitions) {
    const own = catalog.entries.filter(({ reference }) => partitionOf(reference.name) === partition);
    const wanted = new Set(wantedAway(own, rule));
    going.push(...(removable(own, (each) => wanted.has(each as CatalogEntry), 'savepoint' in rule) as CatalogEntry[]));
    if ('retain' in rule) old.push(...leftovers(files.get(partition)!, partition, beforeMs));
  }
  const gone = new Set(going.map(({ reference }) => folderOf(reference.name)));
  const sizes = objects.filter(({ name }) => old.includes(name) || gone.has(name.slice(0, name.lastIndexOf('/') + 1)));
  const bytes = sizes.reduce((sum, each) => sum + each.bytes, 0);
  return { going, leftovers: old, bytes, objects, partitions, beforeMs };
}

/** Manifests go before their data. */
export async function pruneStore(store: ObjectStore, plan: PrunePlan): Promise<void> {
  for (const { reference } of plan.going) {
    await store.remove([reference.name]);
    const folder = folderOf(reference.name);
    await store.remove(plan.objects.filter(({ name }) => name.startsWith(folder)).map(({ name }) => name));
  }
  await store.remove(plan.leftovers);
  for (const partition of plan.partitions) await store.removeUnfinished(partition, plan.beforeMs);
}

function wantedAway(own: readonly CatalogEntry[], rule: PruneRule): CatalogEntry[] {
  if ('savepoint' in rule) return own.filter(({ manifest }) => manifest.savepoint === rule.savepoint);
  const automatic = own.filter(({ manifest }) => manifest.savepoint === undefined);
  return automatic.slice(0, Math.max(0, automatic.length - rule.retain));
}
