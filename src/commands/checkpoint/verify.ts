import { isAnomalyError } from '../../errors.ts';
import { formatBytes } from '../../output/format.ts';
import type { CatalogEntry } from '../../stores/checkpoints/catalog.ts';
import { readOperator } from '../../stores/checkpoints/objectCheckpointStore.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import type { CommandContext } from '../command.ts';
import { checkpointOf, partitionText, withCheckpoints } from './access.ts';

interface VerifyRow {
  readonly checkpoint: string | null;
  readonly savepoint: string | null;
  readonly partition: string | null;
  readonly files: number;
  readonly bytes: number;
  readonly ok: boolean;
  readonly reason: string | null;
  readonly name: string;
}

/** `checkpoint verify`: 0 when everything can be used, else 6. */
export async function runCheckpointVerify(context: CommandContext): Promise<number> {
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const { args, output, progress, signal } = context;
    const word = args[0];
    const entries = word === undefined ? catalog.entries : checkpointOf(context, { catalog, store }, word);
    const rows: VerifyRow[] = [];
    for (const [i, entry] of entries.entries()) {
      signal.throwIfAborted();
      progress.update(() => `${i} of ${entries.length} snapshots read`);
      rows.push(await verify(store, entry));
    }
    progress.end();
    const broken = word === undefined ? catalog.broken : [];
    for (const { name, reason } of broken) {
      rows.push({ checkpoint: null, savepoint: null, partition: null, files: 1, bytes: 0, ok: false, reason, name });
    }
    await output.table('snapshots', rows, [
      { header: 'CHECKPOINT', value: (row) => row.checkpoint },
      { header: 'SAVEPOINT', value: (row) => row.savepoint },
      { header: 'PARTITION', value: (row) => row.partition },
      { header: 'FILES', value: (row) => row.files, align: 'right' },
      { header: 'BYTES', value: (row) => formatBytes(row.bytes), align: 'right' },
      { header: 'RESULT', value: (row) => (row.ok ? 'ok' : row.reason) },
      { header: 'NAME', value: (row) => row.name, wide: true },
    ]);
    return rows.every(({ ok }) => ok) ? 0 : 6;
  });
}

async function verify(store: ObjectStore, { reference, manifest }: CatalogEntry): Promise<VerifyRow> {
  const row = {
    checkpoint: manifest.checkpoint,
    savepoint: manifest.savepoint ?? null,
    partition: partitionText(manifest),
    files: manifest.operators.reduce((sum, { parts }) => sum + parts.length, 1),
    bytes: manifest.operators.reduce((sum, { bytes }) => sum + bytes, 0),
    name: reference.name,
  };
  try {
    for (const entry of manifest.operators) await readOperator(store, reference.name, entry);
    return { ...row, ok: true, reason: null };
  } catch (error) {
    if (!isAnomalyError(error) || error.code !== 'ANM_STATE_CORRUPT') throw error;
    return { ...row, ok: false, reason: error.message };
  }
}
