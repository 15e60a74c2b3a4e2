import { AnomalyError } from '../../errors.ts';
import { formatBytes } from '../../output/format.ts';
import type { CatalogEntry } from '../../stores/checkpoints/catalog.ts';
import { type PrunePlan, planPrune, pruneStore } from '../../stores/checkpoints/prune.ts';
import type { CommandContext } from '../command.ts';
import { partitionText, withCheckpoints } from './access.ts';

/** `checkpoint prune`. */
export async function runCheckpointPrune(context: CommandContext): Promise<number> {
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const { flags, settings, output } = context;
    const savepoint = flags['savepoint'] as string | undefined;
    const retain = (flags['retain'] as number | undefined) ?? settings.number('checkpoint.retain');
    if (savepoint !== undefined && flags['retain'] !== undefined) {
      throw new AnomalyError('ANM_USAGE', 'cannot take --retain with --savepoint, which removes just that savepoint');
    }
    if (retain < 1) throw new AnomalyError('ANM_USAGE', `--retain wants at least 1, got ${retain}`);
    const plan = await planPrune(store, catalog, savepoint === undefined ? { retain } : { savepoint });
    if (savepoint !== undefined && plan.going.length === 0) {
      throw new AnomalyError('ANM_CHECKPOINT_UNKNOWN', `there is no savepoint '${savepoint}' in ${store.url}`);
    }
    const isDry = flags['dryRun'] === true;
    if (!isDry) await pruneStore(store, plan);
    await output.document(document(plan, isDry), () => text(plan, isDry));
    return 0;
  });
}

function document({ going, leftovers, bytes }: PrunePlan, dryRun: boolean) {
  return {
    dryRun,
    removed: going.map(({ reference, manifest }) => ({
      name: reference.name,
      checkpoint: manifest.checkpoint,
      savepoint: manifest.savepoint ?? null,
      topic: manifest.topic,
      partition: manifest.partition,
      offset: manifest.offset,
    })),
    leftovers,
    bytes,
  };
}

function text({ going, leftovers, bytes }: PrunePlan, isDry: boolean): string {
  const line = ({ manifest }: CatalogEntry) =>
    `  ${partitionText(manifest)} at ${manifest.offset}, ${manifest.savepoint ?? manifest.checkpoint}, of ${manifest.created}`;
  const what = `${going.length} snapshots and ${leftovers.length} leftover files, ${formatBytes(bytes)}`;
  return [`${isDry ? 'would remove' : 'removed'} ${what}`, ...going.map(line)].join('\n');
}
