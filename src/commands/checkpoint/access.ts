import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseDuration } from '../../config/duration.ts';
import { didYouMean } from '../../errors/nearest.ts';
import { AnomalyError } from '../../errors.ts';
import { type Catalog, type CatalogEntry, findCheckpoint, readCatalog } from '../../stores/checkpoints/catalog.ts';
import { groupOf } from '../../stores/checkpoints/layout.ts';
import type { Manifest } from '../../stores/checkpoints/manifest.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import { parseStoreUrl } from '../../stores/storeUrl.ts';
import type { CommandContext } from '../command.ts';
import { openCheckpointObjects } from '../options/storeSettings.ts';

export interface CheckpointAccess {
  readonly store: ObjectStore;
  readonly catalog: Catalog;
}

/** Opens the store of the settings, reads what is in it, and closes it after `work`. */
export async function withCheckpoints<T>(
  context: CommandContext,
  work: (access: CheckpointAccess) => Promise<T>,
): Promise<T> {
  requireDirectory(context);
  const store = await openCheckpointObjects(context);
  try {
    const group = context.flags['group'] as string | undefined;
    const catalog = await readCatalog(store, group);
    if (group !== undefined && isEmpty(catalog)) throw await unknownGroup(store, group);
    const { logger } = context;
    for (const { reason } of catalog.broken) logger.warn(reason);
    if (catalog.unfinished.length > 0) {
      logger.info(
        `left out ${catalog.unfinished.length} uploads that did not finish: ${catalog.unfinished.join(', ')}`,
      );
    }
    return await work({ store, catalog });
  } finally {
    await store.close();
  }
}

function isEmpty({ entries, broken, unfinished, old }: Catalog): boolean {
  return entries.length + broken.length + unfinished.length + old.length === 0;
}

/** A group that is asked for by name, and has nothing in the store. */
async function unknownGroup(store: ObjectStore, group: string): Promise<AnomalyError> {
  const groups = [...new Set((await store.list('')).map(({ name }) => groupOf(name)))];
  const known = groups.length === 0 ? 'no group has any there' : `there are those of ${groups.join(', ')}`;
  return new AnomalyError('ANM_CHECKPOINT_UNKNOWN', `there is no checkpoint of group ${group} in ${store.url}`, {
    hint: didYouMean(group, groups, known),
    details: { group },
  });
}

/** A directory that is named and not there holds nothing: its name is wrong, or no run has made it yet. */
function requireDirectory({ settings, cwd }: CommandContext): void {
  const given = settings.optionalString('checkpoint.store') ?? '';
  const place = given === '' ? undefined : parseStoreUrl(given);
  if (place?.kind !== 'file' || existsSync(resolve(cwd, place.directory))) return;
  throw new AnomalyError('ANM_STORE_MISSING', `cannot read checkpoints in ${given} as there is no such directory`, {
    hint: 'correct checkpoint.store (--checkpoint-store); a run makes the directory',
    details: { store: given },
  });
}

/** What a word names (see findCheckpoint), of the group of anomaly.yaml where several have it; `@-10m` is ten minutes ago. */
export function checkpointOf(
  { now, settings }: CommandContext,
  { catalog, store }: CheckpointAccess,
  word: string,
): CatalogEntry[] {
  const ago = word.startsWith('@-') ? parseDuration(word.slice(2)) : undefined;
  const { source, group } = settings.pipeline();
  const own = source.topics.length > 0 ? group : undefined;
  return findCheckpoint(catalog, typeof ago === 'number' ? `@${Math.round(now() - ago)}` : word, store.url, own);
}

/** raw-sensors/3 */
export function partitionText({ topic, partition }: Pick<Manifest, 'topic' | 'partition'>): string {
  return `${topic}/${partition}`;
}

/** raw-sensors/0,1,2 and so on, a topic at a time. */
export function partitionsText(manifests: readonly Pick<Manifest, 'topic' | 'partition'>[]): string {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of manifests) topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  return [...topics].map(([topic, numbers]) => `${topic}/${numbers.sort((a, b) => a - b).join(',')}`).join(' ');
}
