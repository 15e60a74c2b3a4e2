import { type AvroPlan, seriesField } from '../../inputs/encode/avroPlan.ts';
import { jsonEncoder } from '../../inputs/encode/encoders.ts';
import type { RowInput } from '../../inputs/rowInput.ts';
import type { KeyChoice } from '../../inputs/sendRows.ts';
import type { CommandContext } from '../command.ts';
import { bytesText, count, percent, timeText } from './figures.ts';
import { DEFAULT_PARTITIONS, type ProduceOptions } from './options.ts';

/** What the files and flags come to, before anything is connected to. */
export interface ProducePlan {
  readonly options: ProduceOptions;
  readonly input: RowInput;
  readonly key: KeyChoice;
  /** Null with --format json. */
  readonly avro: AvroPlan | null;
  readonly inferred: boolean;
  /** The records of Avro files go on as they are, with their own schema. */
  readonly verbatim: boolean;
}

const FIRST_RECORDS = 3;
const FILES_SHOWN = 10;

/** --dry-run: prints what would be done. Reads files, writes nothing, connects to nothing. */
export async function printPlan(context: CommandContext, plan: ProducePlan): Promise<number> {
  const { options, input, key, avro } = plan;
  const { rows, first, lateShare } = await readThrough(context, plan);
  const keyText = key.by === 'column' ? input.columns[key.column]!.name : key.by === 'file' ? 'the file' : 'none';
  const document = {
    topic: options.topic,
    partitions_if_created: options.partitions ?? DEFAULT_PARTITIONS,
    format: options.format,
    order: input.order,
    key: keyText,
    files: input.samples.map(({ file, rows: sampled, badRows, columns, timeColumn, firstTimeMs }) => ({
      file: file.name,
      series: file.series,
      bytes: file.sizeBytes,
      rows_sampled: sampled,
      bad_rows_sampled: badRows,
      time_column: columns[timeColumn]?.name ?? null,
      time_format: formatText(columns[timeColumn]?.format),
      first_event_time: timeText(firstTimeMs),
    })),
    rows,
    late_share: lateShare,
    schema: avro === null ? null : (JSON.parse(avro.schema) as unknown),
    first_records: first,
  };
  await context.output.document(document, () => {
    const lines = document.files
      .slice(0, FILES_SHOWN)
      .map(
        ({ file, bytes, rows_sampled: sampled, time_column: column, time_format: format }) =>
          `  ${file}  ${bytesText(bytes)}, ${count(sampled)} rows sampled, time: ${column === null ? 'none' : `${column} (${format})`}`,
      );
    if (document.files.length > FILES_SHOWN) lines.push(`  and ${document.files.length - FILES_SHOWN} more`);
    const late = lateShare === null ? '' : `; ${percent(lateShare)} of ${count(rows!)} rows would be late`;
    return [
      `would send to ${options.topic} (made with ${document.partitions_if_created} partition(s) if missing), keyed by ${keyText}`,
      `files (${document.files.length}), in ${input.order} order${late}:`,
      ...lines,
      avro === null ? 'schema: none (JSON)' : `schema: ${avro.schema}`,
      'first records:',
      ...first.map((record) => `  ${JSON.stringify(record)}`),
      'nothing was sent',
    ].join('\n');
  });
  return 0;
}

interface FirstRecord {
  readonly key: string | null;
  readonly value: unknown;
}

/** The first records; in file order also all rows, for the share that would be late in one partition. */
async function readThrough(
  { settings, signal }: CommandContext,
  { options, input, key }: ProducePlan,
): Promise<{ rows: number | null; first: FirstRecord[]; lateShare: number | null }> {
  const encoder = jsonEncoder(input, key.by === 'file' ? seriesField(input.columns) : null);
  const counts = input.order === 'file' && input.hasTime && !options.inputs.includes('-');
  const outOfOrdernessMs = settings.durationMs('time.out_of_orderness');
  const first: FirstRecord[] = [];
  let rows = 0;
  let late = 0;
  let maxTimeMs = Number.NEGATIVE_INFINITY;
  for await (const merged of input.rows()) {
    for (let i = 0; i < merged.count; i++) {
      const file = merged.files[i]!;
      const { chunk } = merged.readers[file]!;
      const row = merged.rows[i]!;
      rows++;
      const timeMs = chunk.times[row]!;
      if (timeMs > maxTimeMs) maxTimeMs = timeMs;
      else if (timeMs < maxTimeMs - outOfOrdernessMs) late++;
      if (first.length >= FIRST_RECORDS) continue;
      const length = encoder.encode(chunk, row, input.files[file]!, 0);
      if (length < 0) continue;
      const column = key.by === 'column' ? input.files[file]!.columns.indexes[key.column]! : -1;
      const text = key.by === 'file' ? input.samples[file]!.file.series : column < 0 ? null : chunk.text(row, column);
      first.push({
        key: text,
        value: JSON.parse(Buffer.from(encoder.bytes.subarray(0, length)).toString()) as unknown,
      });
    }
    if (signal.aborted || (!counts && first.length >= FIRST_RECORDS)) break;
  }
  return { rows: counts ? rows : null, first, lateShare: counts && rows > 0 ? late / rows : null };
}

function formatText(format: { kind: string; unit?: string } | undefined): string | null {
  if (format === undefined) return null;
  return format.kind === 'iso' ? 'ISO 8601' : `epoch ${format.unit}`;
}
