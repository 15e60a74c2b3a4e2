import { AnomalyError } from '../errors.ts';
import type { AvroNode } from '../schemas/avroNode.ts';
import { ColumnStats, type ColumnType } from './columnStats.ts';
import type { KeyPath } from './encode/keyNode.ts';
import type { InputFile } from './inputFiles.ts';
import { type FileShape, inspectShape, type ShapeOptions } from './inspect.ts';
import { isIdentifier } from './keyNames.ts';
import type { BadRow } from './rowChunk.ts';
import { RowReader } from './rowReader.ts';
import type { Sources } from './sources.ts';
import { CsvScanner } from './text/csvScanner.ts';
import { JsonlScanner } from './text/jsonlScanner.ts';
import type { RowScanner } from './text/rowScanner.ts';
import { epochTime, epochUnitByMagnitude, epochUnitByName, type TimeFormat } from './time/time.ts';
import { chooseByName, usualStep } from './time/timeColumn.ts';
import type { TypedFile } from './typedFile.ts';

export interface SampledColumn {
  /** Path joined by points: `value`, `pump.pressure`. */
  readonly name: string;
  /** Null when the sample holds no value. */
  readonly type: ColumnType | null;
  readonly nullable: boolean;
  /** Rows of the sample lack a value; default: where it is nullable. */
  readonly isSparse?: boolean;
  readonly micros: boolean;
  /** How times are spelled; of every column of type `time`. */
  readonly format?: TimeFormat;
  /** The type in Avro, without null; of files whose columns have types. */
  readonly node?: AvroNode;
}

/** What the first rows of a file show. */
export interface FileSample {
  readonly file: InputFile;
  /** Of text; null for a file whose columns have types, which then is in `typed`. */
  readonly shape: FileShape | null;
  readonly typed: TypedFile | null;
  readonly columns: readonly SampledColumn[];
  /** Index of the column with the event time; -1 for none. */
  readonly timeColumn: number;
  readonly rows: number;
  readonly badRows: number;
  /** Times in the sample, in file order: the first one, and the usual step between two. NaN when unknown. */
  readonly firstTimeMs: number;
  readonly stepMs: number;
}

export interface SampleOptions extends ShapeOptions {
  /** Rows to look at. Default 1000. */
  readonly sampleRows?: number;
  /** Name of the column with the event time; default: by name, then the first column of times. */
  readonly timeColumn?: string;
}

export const SAMPLE_ROWS = 1000;
const TIME_SHARE_MIN = 0.5;
const SAMPLE_CHUNK_BYTES = 65_536;
/** Reads the first rows of a file; null when it holds none at all. @throws ANM_FILE */
export async function sampleFile(
  sources: Sources,
  file: InputFile,
  options: SampleOptions,
): Promise<FileSample | null> {
  const head = await sources.open(file, 0, true);
  const found = await inspectShape(file, head, options).finally(() => sources.close(head));
  if (found === null) return null;
  const limit = options.sampleRows ?? SAMPLE_ROWS;
  const shape = found.dialect === 'jsonl' ? { ...found, paths: await samplePaths(sources, file, found, limit) } : found;
  const stats = shape.paths.map(() => new ColumnStats());
  let badRows = 0;
  const rows = await eachRow(
    sources,
    file,
    shape,
    limit,
    () => badRows++,
    (reader, row) => {
      stats.forEach((each, column) => {
        each.add(reader.chunk, row, column);
      });
    },
  );
  const names = shape.paths.map((path) => path.join('.'));
  const timeColumn = chooseTimeColumn(names, stats, options.timeColumn);
  const columns = names.map((name, i) => describeColumn(name, stats[i]!, i === timeColumn, rows >= limit));
  const format = columns[timeColumn]?.format;
  const times = format === undefined ? [] : timesOf(format, stats[timeColumn]!);
  return {
    file,
    shape,
    typed: null,
    columns,
    timeColumn,
    rows,
    badRows,
    firstTimeMs: times[0] ?? Number.NaN,
    stepMs: usualStep(times),
  };
}

/** The scanner that cuts a file of that shape, at its first row. */
export function scannerFor(shape: FileShape): RowScanner {
  return shape.dialect === 'csv'
    ? new CsvScanner(shape.delimiter, shape.firstLine)
    : new JsonlScanner(shape.paths, shape.firstLine);
}

/**
 * @param isPartial the file has rows beyond the sample: they may lack a value, and have fractions where the sample has
 *   none, which must not end a load in its middle
 */
function describeColumn(name: string, stats: ColumnStats, isTime: boolean, isPartial: boolean): SampledColumn {
  const found = isTime ? 'time' : stats.type();
  const type = isPartial && found === 'long' && !isIdentifier(name) ? 'double' : found;
  // Rows without an event time are bad, so its column holds no null.
  const isSparse = !isTime && type !== null && stats.nullable(type);
  const nullable = isSparse || (!isTime && type !== null && isPartial);
  if (type !== 'time') return { name, type, nullable, isSparse, micros: false };
  const format = formatOf(name, stats);
  return {
    name,
    type,
    nullable,
    isSparse,
    format,
    micros: timesOf(format, stats).some((time) => !Number.isInteger(time)),
  };
}

function formatOf(name: string, stats: ColumnStats): TimeFormat {
  if (stats.times > stats.longs + stats.doubles) return { kind: 'iso' };
  return { kind: 'epoch', unit: epochUnitByName(name) ?? epochUnitByMagnitude(stats.magnitude) };
}

function timesOf(format: TimeFormat, stats: ColumnStats): number[] {
  const times = format.kind === 'iso' ? stats.instants : stats.numbers.map((value) => epochTime(format.unit, value));
  return times.filter((time) => !Number.isNaN(time));
}

/** Member paths of a JSONL sample, in order of appearance. */
async function samplePaths(sources: Sources, file: InputFile, shape: FileShape, limit: number): Promise<KeyPath[]> {
  const paths = new Map<string, KeyPath>();
  await eachRow(
    sources,
    file,
    shape,
    limit,
    () => undefined,
    (reader, row) => {
      collectPaths(JSON.parse(reader.chunk.raw(row)) as object, [], paths);
    },
  );
  return [...paths.values()];
}

function collectPaths(value: object, prefix: KeyPath, paths: Map<string, KeyPath>): void {
  for (const [name, member] of Object.entries(value)) {
    const path = [...prefix, name];
    const isObject = typeof member === 'object' && member !== null && !Array.isArray(member);
    if (isObject && Object.keys(member).length > 0) collectPaths(member, path, paths);
    else paths.set(JSON.stringify(path), path);
  }
}

async function eachRow(
  sources: Sources,
  file: InputFile,
  shape: FileShape,
  limit: number,
  onBadRow: (row: BadRow) => void,
  visit: (reader: RowReader, row: number) => void,
): Promise<number> {
  const source = await sources.open(file, shape.dataStart, true);
  const { dialect, paths } = shape;
  const base = { name: file.name, source, scanner: scannerFor(shape), dialect, columns: paths.length };
  const reader = new RowReader({ ...base, chunkBytes: SAMPLE_CHUNK_BYTES, onBadRow });
  let rows = 0;
  try {
    while (rows < limit && (await reader.fill())) {
      for (let row = 0; row < reader.chunk.count && rows < limit; row++, rows++) visit(reader, row);
    }
  } catch (error) {
    // What stands before is good; it is met again, and said, when the rows are read.
    if (rows === 0 || !(error instanceof AnomalyError)) throw error;
  } finally {
    await sources.close(source);
  }
  return rows;
}

function chooseTimeColumn(names: readonly string[], stats: readonly ColumnStats[], wanted: string | undefined): number {
  if (wanted !== undefined) return names.indexOf(wanted);
  // The name says much already, so the values need not be as sure as for other types.
  const byName = chooseByName(names, (i) => stats[i]!.timeShare() >= TIME_SHARE_MIN);
  return byName >= 0 ? byName : stats.findIndex((each) => each.type() === 'time');
}
