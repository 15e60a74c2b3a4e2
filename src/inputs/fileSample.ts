import type { Readable } from 'node:stream';
import { type ByteSource, FilePool, FileSource, gunzipSource, StreamSource, skipBytes } from './byteSource.ts';
import { ColumnStats, type ColumnType } from './columnStats.ts';
import { CsvScanner } from './csvScanner.ts';
import type { InputFile } from './inputFiles.ts';
import { STDIN } from './inputFiles.ts';
import { type FileShape, inspectShape, type ShapeOptions } from './inspect.ts';
import { JsonlScanner } from './jsonlScanner.ts';
import type { KeyPath } from './keyNode.ts';
import type { BadRow } from './rowChunk.ts';
import { RowReader } from './rowReader.ts';
import type { RowScanner } from './rowScanner.ts';
import { epochTime, epochUnitByMagnitude, epochUnitByName, type TimeFormat } from './time.ts';

export interface SampledColumn {
  /** Path joined by points: `value`, `pump.pressure`. */
  readonly name: string;
  /** Null when the sample holds no value. */
  readonly type: ColumnType | null;
  readonly nullable: boolean;
  readonly micros: boolean;
  /** How times are spelled; of every column of type `time`. */
  readonly format?: TimeFormat;
}

/** What the first rows of a file show. */
export interface FileSample {
  readonly file: InputFile;
  readonly shape: FileShape;
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
/** Names that the column of the event time usually has, the likeliest first. */
const TIME_NAMES = [
  ...[
    'timestamp',
    'event_time',
    'eventtime',
    'ts',
    'time',
    'datetime',
    'date_time',
    '@timestamp',
    'date',
    'epoch',
    'when',
  ],
  ...['created_at', 'createdat', 'recorded_at', 'measured_at'],
];
const TIME_ENDINGS = /(timestamp|_time|_ts|_at|time_?(s|ms|us|ns)|ts_?(s|ms|us|ns)|epoch_?(s|ms|us|ns))$/;

/** Opens the sources of a run: files by way of one pool, stdin once and rewindable. */
export class Sources {
  readonly pool = new FilePool();
  readonly #stdin: Readable | undefined;
  #shared: StreamSource | null = null;

  constructor(stdin?: Readable) {
    this.#stdin = stdin;
  }

  /** The bytes of a file from a position on. With `peek`, stdin can be read again afterwards. */
  async open(file: InputFile, position: number, peek: boolean): Promise<ByteSource> {
    if (file.path !== STDIN && !file.gzip) return new FileSource(this.pool, file.path, position);
    const source = file.path === STDIN ? this.#openStdin(peek) : gunzipSource(file.path);
    await skipBytes(source, position);
    return source;
  }

  #openStdin(peek: boolean): StreamSource {
    if (this.#shared === null) this.#shared = new StreamSource('stdin', this.#stdin ?? process.stdin);
    else this.#shared.rewind();
    if (peek) this.#shared.mark();
    return this.#shared;
  }

  async close(source: ByteSource): Promise<void> {
    if (source !== this.#shared) await source.close();
  }

  async closeAll(): Promise<void> {
    await this.pool.closeAll();
    await this.#shared?.close();
  }
}

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
  const columns = names.map((name, i) => describeColumn(name, stats[i]!, i === timeColumn));
  const format = columns[timeColumn]?.format;
  const times = format === undefined ? [] : timesOf(format, stats[timeColumn]!);
  return {
    file,
    shape,
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

function describeColumn(name: string, stats: ColumnStats, isTime: boolean): SampledColumn {
  const type = isTime ? 'time' : stats.type();
  // Rows without an event time are bad, so its column holds no null.
  const nullable = !isTime && type !== null && stats.nullable(type);
  if (type !== 'time') return { name, type, nullable, micros: false };
  const format = formatOf(name, stats);
  return { name, type, nullable, format, micros: timesOf(format, stats).some((time) => !Number.isInteger(time)) };
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
  } finally {
    await sources.close(source);
  }
  return rows;
}

function chooseTimeColumn(names: readonly string[], stats: readonly ColumnStats[], wanted: string | undefined): number {
  if (wanted !== undefined) return names.indexOf(wanted);
  const lower = names.map((name) => name.toLowerCase());
  // The name says much already, so the values need not be as sure as for other types.
  const holdsTimes = (i: number): boolean => stats[i]!.timeShare() >= TIME_SHARE_MIN;
  for (const name of TIME_NAMES) {
    const index = lower.indexOf(name);
    if (index >= 0 && holdsTimes(index)) return index;
  }
  const byEnding = lower.findIndex((name, i) => TIME_ENDINGS.test(name) && holdsTimes(i));
  return byEnding >= 0 ? byEnding : stats.findIndex((each) => each.type() === 'time');
}

/** Median of the positive differences between neighbours; NaN when there is none. */
function usualStep(times: readonly number[]): number {
  const steps = times
    .slice(1)
    .map((time, i) => time - times[i]!)
    .filter((step) => step > 0);
  steps.sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? Number.NaN;
}
