import { KeyDictionary } from '../../engine/keys.ts';
import { changeText, definitionChanges, type OperatorDefinition } from '../../engine/operatorState.ts';
import { SnapshotReader } from '../../engine/state.ts';
import { formatBytes, formatNumber, formatSpan } from '../../output/format.ts';
import { verbatim } from '../../output/json.ts';
import { renderTable } from '../../output/table.ts';
import type { CatalogEntry } from '../../stores/checkpoints/catalog.ts';
import { readOperator } from '../../stores/checkpoints/objectCheckpointStore.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import type { CommandContext } from '../command.ts';
import { checkpointOf, partitionText, withCheckpoints } from './access.ts';
import { operatorsBySize } from './show.ts';

interface Both<T> {
  readonly a: T | null;
  readonly b: T | null;
}

interface PartitionDiff {
  readonly partition: string;
  readonly offset: Both<number>;
  readonly watermark: Both<string>;
  readonly series: Both<number>;
}

interface OperatorDiff {
  readonly id: string;
  readonly bytes: Both<number>;
  /** How the definition changed; empty where it did not. */
  readonly changes: readonly string[];
}

/** `checkpoint diff`. */
export async function runCheckpointDiff(context: CommandContext): Promise<number> {
  return await withCheckpoints(context, async ({ catalog, store }) => {
    const [a, b] = [context.args[0]!, context.args[1]!].map((word) =>
      checkpointOf(context, { catalog, store }, word),
    ) as [CatalogEntry[], CatalogEntry[]];
    const partitions = await partitionDiffs(store, a, b);
    const operators = operatorDiffs(a, b);
    const models: Both<unknown> = { a: a[0]!.manifest.model ?? null, b: b[0]!.manifest.model ?? null };
    const ageMs = Date.parse(b[0]!.manifest.created) - Date.parse(a[0]!.manifest.created);
    const document = { partitions, operators, model: verbatim(models), apartMs: ageMs };
    await context.output.document(document, () => text(context, partitions, operators, models, ageMs));
    return 0;
  });
}

async function partitionDiffs(
  store: ObjectStore,
  a: readonly CatalogEntry[],
  b: readonly CatalogEntry[],
): Promise<PartitionDiff[]> {
  const names = [...new Set([...a, ...b].map(({ manifest }) => partitionText(manifest)))];
  const rows: PartitionDiff[] = [];
  for (const partition of names) {
    const [left, right] = [a, b].map((all) => all.find(({ manifest }) => partitionText(manifest) === partition));
    rows.push({
      partition,
      offset: { a: left?.manifest.offset ?? null, b: right?.manifest.offset ?? null },
      watermark: { a: left?.manifest.watermark ?? null, b: right?.manifest.watermark ?? null },
      series: { a: await seriesCount(store, left), b: await seriesCount(store, right) },
    });
  }
  return rows;
}

/** Null where there is no dictionary of keys, or one of a layout that this version does not read. */
async function seriesCount(store: ObjectStore, entry: CatalogEntry | undefined): Promise<number | null> {
  const keys = entry?.manifest.operators.find(({ id }) => id === 'keys');
  if (entry === undefined || keys === undefined) return null;
  const dictionary = new KeyDictionary();
  const bytes = await readOperator(store, entry.reference.name, keys);
  try {
    dictionary.restore(new SnapshotReader(bytes));
  } catch {
    return null;
  }
  return dictionary.count;
}

function operatorDiffs(a: readonly CatalogEntry[], b: readonly CatalogEntry[]): OperatorDiff[] {
  const [left, right] = [a, b].map((all) => new Map(operatorsBySize(all).map((row) => [row.id, row])));
  const asDefinitions = (rows: ReadonlyMap<string, OperatorDefinition>) => [...rows.values()];
  const changes = definitionChanges(asDefinitions(left!), asDefinitions(right!));
  return [...new Set([...right!.keys(), ...left!.keys()])].map((id) => {
    const [before, after] = [left!.get(id), right!.get(id)];
    const own = changes.filter(({ operator }) => operator === id).map(changeText);
    return {
      id,
      bytes: { a: before?.bytes ?? null, b: after?.bytes ?? null },
      changes: before === undefined ? [`${id} is new`] : own,
    };
  });
}

function text(
  { output }: CommandContext,
  partitions: readonly PartitionDiff[],
  operators: readonly OperatorDiff[],
  models: Both<unknown>,
  apartMs: number,
): string {
  const options = { wide: output.format === 'wide', color: output.color };
  const change = ({ a, b }: Both<number>) => (a === null || b === null ? null : signed(b - a));
  const tables = [
    renderTable(
      partitions,
      [
        { header: 'PARTITION', value: (row) => row.partition },
        { header: 'OFFSET-A', value: (row) => row.offset.a, align: 'right' },
        { header: 'OFFSET-B', value: (row) => row.offset.b, align: 'right' },
        { header: 'CHANGE', value: (row) => change(row.offset), align: 'right' },
        { header: 'SERIES-A', value: (row) => row.series.a, align: 'right' },
        { header: 'SERIES-B', value: (row) => row.series.b, align: 'right' },
        { header: 'WATERMARK-A', value: (row) => row.watermark.a },
        { header: 'WATERMARK-B', value: (row) => row.watermark.b },
      ],
      options,
    ),
    renderTable(
      operators,
      [
        { header: 'OPERATOR', value: (row) => row.id },
        { header: 'BYTES-A', value: (row) => (row.bytes.a === null ? null : formatBytes(row.bytes.a)), align: 'right' },
        { header: 'BYTES-B', value: (row) => (row.bytes.b === null ? null : formatBytes(row.bytes.b)), align: 'right' },
        { header: 'DEFINITION', value: (row) => row.changes.join('; ') || 'the same' },
      ],
      options,
    ),
  ];
  const model =
    JSON.stringify(models.a) === JSON.stringify(models.b)
      ? []
      : [`model was ${JSON.stringify(models.a)} and is ${JSON.stringify(models.b)}`];
  const apart = `b was made ${formatSpan(Math.abs(apartMs))} ${apartMs < 0 ? 'before' : 'after'} a`;
  return [...tables, [...model, apart].join('\n')].join('\n\n');
}

function signed(value: number): string {
  return value > 0 ? `+${formatNumber(value)}` : formatNumber(value);
}
