import type { Json } from '../../engine/operatorState.ts';
import { formatBytes, formatSpan } from '../../output/format.ts';
import { verbatim } from '../../output/json.ts';
import { renderTable } from '../../output/table.ts';
import type { CatalogEntry } from '../../stores/checkpoints/catalog.ts';
import type { CommandContext } from '../command.ts';
import { checkpointOf, partitionText, withCheckpoints } from './access.ts';

interface OperatorRow {
  readonly id: string;
  readonly bytes: number;
  /** Of all bytes, 0 to 1. */
  readonly share: number;
  readonly partitions: number;
  readonly definition: Json;
}

/** `checkpoint show`. */
export async function runCheckpointShow(context: CommandContext): Promise<number> {
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const entries = checkpointOf(context, { catalog, store }, context.args[0]!);
    const operators = operatorsBySize(entries);
    const document = {
      store: store.url,
      operators: operators.map((row) => ({ ...row, definition: verbatim(row.definition) })),
      snapshots: entries.map(({ reference, manifest, storedBytes }) => ({
        name: reference.name,
        sha256: reference.sha256,
        storedBytes,
        manifest: verbatim(manifest),
      })),
    };
    await context.output.document(document, () => text(context, entries, operators));
    return 0;
  });
}

/** Over all partitions, the largest first. */
export function operatorsBySize(entries: readonly CatalogEntry[]): OperatorRow[] {
  const rows = new Map<string, { bytes: number; partitions: number; definition: Json }>();
  let all = 0;
  for (const { manifest } of entries) {
    for (const { id, bytes, definition } of manifest.operators) {
      const row = rows.get(id) ?? { bytes: 0, partitions: 0, definition };
      rows.set(id, { ...row, bytes: row.bytes + bytes, partitions: row.partitions + 1 });
      all += bytes;
    }
  }
  return [...rows]
    .map(([id, row]) => ({ id, ...row, share: all === 0 ? 0 : row.bytes / all }))
    .sort((a, b) => b.bytes - a.bytes || (a.id < b.id ? -1 : 1));
}

function text(context: CommandContext, entries: readonly CatalogEntry[], operators: readonly OperatorRow[]): string {
  const { output, now } = context;
  const options = { wide: output.format === 'wide', color: output.color };
  const { manifest } = entries[0]!;
  const ids = new Set(entries.map((each) => each.manifest.checkpoint));
  const schemaIds = new Set(entries.flatMap((each) => each.manifest.schema_ids));
  const lines: [string, string][] = [
    ['pipeline', manifest.pipeline],
    ['group', `${manifest.group} on cluster ${manifest.cluster}`],
    ['checkpoint', ids.size === 1 ? [...ids][0]! : `${ids.size} checkpoints`],
    ...(manifest.savepoint === undefined ? [] : [['savepoint', manifest.savepoint] as [string, string]]),
    ['definition', manifest.definition],
    ['schemas', [...schemaIds].join(', ') || 'none'],
    ...(manifest.model === undefined ? [] : [['model', JSON.stringify(manifest.model)] as [string, string]]),
    ['written by', `anomaly ${manifest.tool_version}, format ${manifest.format}`],
  ];
  const head = lines.map(([key, value]) => `${key.padEnd(12)}${value}`).join('\n');
  const partitions = renderTable(
    entries,
    [
      { header: 'PARTITION', value: (row) => partitionText(row.manifest) },
      { header: 'OFFSET', value: (row) => row.manifest.offset, align: 'right' },
      { header: 'WATERMARK', value: (row) => row.manifest.watermark },
      {
        header: 'BYTES',
        value: (row) => formatBytes(row.manifest.operators.reduce((sum, { bytes }) => sum + bytes, 0)),
        align: 'right',
      },
      { header: 'AGE', value: (row) => formatSpan(now() - Date.parse(row.manifest.created)), align: 'right' },
      { header: 'CHECKPOINT', value: (row) => row.manifest.checkpoint, wide: true },
      { header: 'NAME', value: (row) => row.reference.name, wide: true },
    ],
    options,
  );
  const bySize = renderTable(
    operators,
    [
      { header: 'OPERATOR', value: (row) => row.id },
      { header: 'BYTES', value: (row) => formatBytes(row.bytes), align: 'right' },
      { header: 'SHARE', value: (row) => `${(100 * row.share).toFixed(1)} %`, align: 'right' },
      { header: 'PARTITIONS', value: (row) => row.partitions, align: 'right' },
      { header: 'DEFINITION', value: (row) => JSON.stringify(row.definition) },
    ],
    options,
  );
  return `${head}\n\n${partitions}\n\n${bySize}`;
}
