import type { OperatorState } from '../../engine/operatorState.ts';
import { formatSpan } from '../../output/format.ts';
import type { CatalogEntry } from '../../stores/checkpoints/catalog.ts';
import { readOperator } from '../../stores/checkpoints/objectCheckpointStore.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import { eachAtOnce } from '../../stores/retry.ts';
import { type CheckpointAccess, checkpointOf } from '../checkpoint/access.ts';
import type { CommandContext } from '../command.ts';

/** The snapshots that `--checkpoint` names, one a partition. */
export function chosenSnapshots(context: CommandContext, access: CheckpointAccess): CatalogEntry[] {
  return checkpointOf(context, access, (context.flags['checkpoint'] as string | undefined) ?? 'latest');
}

/** The operators of a snapshot, or those of the given ids, checked against the manifest. @throws ANM_STATE_CORRUPT */
export async function operatorsOf(
  store: ObjectStore,
  { reference, manifest }: CatalogEntry,
  ids?: readonly string[],
): Promise<OperatorState[]> {
  const entries = manifest.operators.filter(({ id }) => ids === undefined || ids.includes(id));
  const operators: OperatorState[] = [];
  await eachAtOnce(entries, 4, async (entry, i) => {
    const { id, definition } = entry;
    operators[i] = { id, definition, bytes: await readOperator(store, reference.name, entry) };
  });
  return operators;
}

/** How far what is shown lies behind: a running pipeline is ahead of its newest checkpoint. */
export function ageText({ now }: CommandContext, entries: readonly CatalogEntry[]): string {
  const ages = entries.map(({ manifest }) => now() - Date.parse(manifest.created));
  const [least, most] = [Math.min(...ages), Math.max(...ages)];
  const [youngest, oldest] = [formatSpan(least), formatSpan(most)];
  return youngest === oldest ? `${oldest} old` : `${youngest} to ${oldest} old`;
}
