import { AnomalyError } from '../errors.ts';
import type { AvroNode } from '../schemas/avroNode.ts';
import { avroFile } from './avro/avroFile.ts';
import type { ColumnType } from './columnStats.ts';
import type { FileSample, SampledColumn, SampleOptions } from './fileSample.ts';
import { SAMPLE_ROWS } from './fileSample.ts';
import type { InputFile } from './inputFiles.ts';
import { parquetFile } from './parquet/parquetFile.ts';
import type { Sources } from './sources.ts';
import type { TimeFormat } from './time/time.ts';
import { chooseByName, usualStep } from './time/timeColumn.ts';
import { timeFormatOf, timestampUnit, typedTime } from './time/typedTime.ts';
import type { TypedFile, TypedRows } from './typedFile.ts';

/** Looks into a file whose columns have types. @throws ANM_FILE, ANM_SCHEMA_INVALID, ANM_SCHEMA_UNSUPPORTED */
async function openTyped(sources: Sources, file: InputFile): Promise<TypedFile> {
  if (file.container === 'parquet') return await parquetFile(sources.pool, file.path, file.name, file.sizeBytes);
  return await avroFile(file.name, async (peek) => {
    const source = await sources.open(file, 0, peek);
    return { read: (into, from) => source.read(into, from), close: () => sources.close(source) };
  });
}

/** Reads the first rows of a file whose columns have types; null when it holds none. */
export async function sampleTyped(
  sources: Sources,
  file: InputFile,
  options: SampleOptions,
): Promise<FileSample | null> {
  const typed = await openTyped(sources, file);
  const limit = options.sampleRows ?? SAMPLE_ROWS;
  const { rows, values } = await firstValues(typed, limit);
  if (rows === 0) return null;
  const names = typed.columns.map((column) => column.name);
  const formats = typed.columns.map(({ name, node }, c) => timeFormatOf(name, node, values[c]!));
  const timeColumn = chooseTime(names, typed, formats, options.timeColumn);
  const format = formats[timeColumn] ?? null;
  const times = format === null ? [] : values[timeColumn]!.map((value) => typedTime(format, value));
  const known = times.filter((time) => !Number.isNaN(time));
  return {
    ...{ file, shape: null, typed, timeColumn, rows, badRows: 0 },
    columns: typed.columns.map(({ name, node, nullable }, c) => {
      const isTime = c === timeColumn && format !== null;
      return describe(name, node, nullable, isTime ? format : null, isTime ? known : []);
    }),
    firstTimeMs: known[0] ?? Number.NaN,
    stepMs: usualStep(known),
  };
}

async function firstValues(typed: TypedFile, limit: number): Promise<{ rows: number; values: unknown[][] }> {
  const values: unknown[][] = typed.columns.map(() => []);
  let rows = 0;
  const reader = await typed.open(null, () => undefined, true);
  try {
    while (rows < limit && (await reader.fill())) {
      const chunk = reader.chunk as TypedRows;
      for (let row = 0; row < chunk.count && rows < limit; row++, rows++) {
        for (let c = 0; c < values.length; c++) {
          const value = chunk.value(row, c);
          if (value !== null) values[c]!.push(value);
        }
      }
    }
  } catch (error) {
    // What stands before is good; it is met again, and said, when the rows are read.
    if (rows === 0 || !(error instanceof AnomalyError)) throw error;
  } finally {
    await reader.close();
  }
  return { rows, values };
}

function chooseTime(
  names: readonly string[],
  { columns }: TypedFile,
  formats: readonly (TimeFormat | null)[],
  wanted: string | undefined,
): number {
  if (wanted !== undefined) {
    const index = names.indexOf(wanted);
    return index >= 0 && formats[index] !== null ? index : -1;
  }
  const byName = chooseByName(names, (i) => formats[i] !== null);
  return byName >= 0 ? byName : columns.findIndex(({ node }) => timestampUnit(node) !== null);
}

function describe(
  name: string,
  node: AvroNode,
  nullable: boolean,
  format: TimeFormat | null,
  times: readonly number[],
): SampledColumn {
  const unit = timestampUnit(node);
  const own: TimeFormat | null = format ?? (unit === null ? null : { kind: 'epoch', unit });
  // A row without an event time is bad, but the schema stays as the file has it.
  const base = { name, node, nullable, type: own === null ? plainType(node) : 'time' } as const;
  if (own === null) return { ...base, micros: false };
  const fine = unit === 'us' || unit === 'ns' || times.some((time) => !Number.isInteger(time));
  return { ...base, format: own, micros: fine };
}

/** The type of a column beside text files that have it too. */
function plainType(node: AvroNode): ColumnType {
  if ('logical' in node && node.logical !== undefined) return 'string';
  switch (node.kind) {
    case 'int':
    case 'long':
      return 'long';
    case 'float':
    case 'double':
      return 'double';
    case 'boolean':
      return 'boolean';
    default:
      return 'string';
  }
}
