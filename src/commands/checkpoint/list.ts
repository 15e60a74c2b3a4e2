import { formatBytes, formatSpan } from '../../output/format.ts';
import type { CatalogEntry } from '../../stores/checkpoints/catalog.ts';
import type { CommandContext } from '../command.ts';
import { partitionsText, withCheckpoints } from './access.ts';

interface CheckpointRow {
  readonly checkpoint: string;
  readonly savepoint: string | null;
  readonly pipeline: string;
  readonly group: string;
  readonly cluster: string;
  readonly created: string;
  /** Bytes that it takes in the store: what it shares with an earlier one does not count. */
  readonly storedBytes: number;
  /** Bytes of the state. */
  readonly bytes: number;
  readonly partitions: readonly { topic: string; partition: number; offset: number; watermark: string | null }[];
}

/** `checkpoint ls`. */
export async function runCheckpointList(context: CommandContext): Promise<number> {
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const { output, logger, now } = context;
    const time = now();
    const rows = rowsOf(catalog.entries);
    if (catalog.old.length > 0) {
      logger.info(`${catalog.old.length} snapshots in ${store.url} are of format 1, as version 0.1 wrote them`);
    }
    await output.table('checkpoints', rows, [
      { header: 'CHECKPOINT', value: (row) => row.checkpoint },
      { header: 'SAVEPOINT', value: (row) => row.savepoint },
      { header: 'GROUP', value: (row) => row.group },
      { header: 'CLUSTER', value: (row) => row.cluster, wide: true },
      { header: 'PARTITIONS', value: (row) => partitionsText(row.partitions) },
      { header: 'OFFSETS', value: (row) => row.partitions.map(({ offset }) => offset).join(',') },
      { header: 'BYTES', value: (row) => formatBytes(row.bytes), align: 'right' },
      { header: 'STORED', value: (row) => formatBytes(row.storedBytes), align: 'right', wide: true },
      { header: 'AGE', value: (row) => formatSpan(time - Date.parse(row.created)), align: 'right' },
      { header: 'CREATED', value: (row) => row.created, wide: true },
    ]);
    return 0;
  });
}

/** Snapshots of one id and group are one checkpoint. Newest first. */
function rowsOf(entries: readonly CatalogEntry[]): CheckpointRow[] {
  const together = new Map<string, CatalogEntry[]>();
  for (const entry of entries) {
    const { checkpoint, group, cluster } = entry.manifest;
    const key = JSON.stringify([checkpoint, group, cluster]);
    together.set(key, [...(together.get(key) ?? []), entry]);
  }
  return [...together.values()]
    .map((all) => {
      const { manifest } = all.at(-1)!;
      return {
        checkpoint: manifest.checkpoint,
        savepoint: manifest.savepoint ?? null,
        pipeline: manifest.pipeline,
        group: manifest.group,
        cluster: manifest.cluster,
        created: manifest.created,
        storedBytes: all.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
        bytes: all.reduce((sum, each) => sum + stateBytes(each), 0),
        partitions: all
          .map(({ manifest: { topic, partition, offset, watermark } }) => ({ topic, partition, offset, watermark }))
          .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1)),
      };
    })
    .sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
}

function stateBytes({ manifest }: CatalogEntry): number {
  return manifest.operators.reduce((sum, { bytes }) => sum + bytes, 0);
}
