import type { Readable } from 'node:stream';
import { AnomalyError } from '../errors.ts';
import { type FileColumns, type InputColumn, mapColumns, unifyColumns } from './columns.ts';
import type { EncodedFile } from './encode/rowEncoder.ts';
import { type FileSample, type SampleOptions, sampleFile, scannerFor } from './fileSample.ts';
import { identify } from './identify.ts';
import { findInputFiles, type InputFile, STDIN } from './inputFiles.ts';
import { type MergedRows, type MergeFile, rowsInFileOrder, rowsInTimeOrder } from './mergedRows.ts';
import type { BadRow } from './rowChunk.ts';
import { RowReader } from './rowReader.ts';
import type { RowSource } from './rowSource.ts';
import { Sources } from './sources.ts';
import { JsonlScanner } from './text/jsonlScanner.ts';
import { sampleTyped } from './typedSample.ts';
import { UnchangedSource } from './unchanged.ts';

export interface RowInputOptions extends SampleOptions {
  /** `time` merges the files by event time, `file` reads them one after the other. Default: time, where there is one. */
  readonly order?: 'time' | 'file';
  /** What gave `timeColumn`, for messages. Default: --time. */
  readonly timeName?: string;
  /** Read for the argument `-`. Default: process.stdin. */
  readonly stdin?: Readable;
  /** Ends stdin, so that what came until then is all. */
  readonly signal?: AbortSignal;
  /** Relative paths start here. Default: process.cwd(). */
  readonly cwd?: string;
  /** Receives rows that cannot be read. Default: they are dropped, and `badRows` counts them. */
  readonly onBadRow?: (row: BadRow) => void;
  /** Longer rows are bad. Default ROW_BYTES_MAX. */
  readonly maxRowBytes?: number;
}

/** Memory for the read buffers of all files together, and the bounds of one file's. */
const BUFFER_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES_MIN = 8 * 1024;
const CHUNK_BYTES_MAX = 256 * 1024;

/** The rows of some files as one stream: for `produce`, `replay` and `demo`. */
export interface RowInput {
  /** Files that have rows, in the order given; `MergedRows.files` are indexes into it. */
  readonly samples: readonly FileSample[];
  /** Files without any row. */
  readonly empty: readonly InputFile[];
  readonly columns: readonly InputColumn[];
  /** By file: what an encoder needs. */
  readonly files: readonly EncodedFile[];
  readonly order: 'time' | 'file';
  /** Whether every file has an event time. */
  readonly hasTime: boolean;
  /** Bytes on disk of all files; 0 when stdin is among them. */
  readonly totalBytes: number;
  /** Schema of the records where all files are Avro containers and have the same one. */
  readonly avroSchema: string | null;
  /** Usual step of event time within a file, in milliseconds; NaN when unknown. */
  readonly stepMs: number;
  /** Bytes on disk read so far, in all rounds (estimated for compressed files). */
  bytesRead(): number;
  /** Names of JSON members that no sample had: they are not sent. */
  unknownMembers(): string[];
  readonly badRows: number;
  /** One round over all rows; may be called again unless stdin is read. Each result is valid until the next one. */
  rows(): AsyncGenerator<MergedRows, void, void>;
  close(): Promise<void>;
}

/**
 * Finds the files, looks at the first rows of each, and settles columns and order. Nothing stays open but stdin.
 * @throws ANM_FILE
 */
export async function openRows(inputs: readonly string[], options: RowInputOptions = {}): Promise<RowInput> {
  const found = await findInputFiles(inputs, options.cwd ?? process.cwd());
  const sources = new Sources(options.stdin, options.signal);
  const samples: FileSample[] = [];
  const empty: InputFile[] = [];
  try {
    for (const named of found) {
      const file = await identify(sources, named, options.dialect !== undefined, options.onNote ?? ignore);
      const sample = await (file.container === 'text' ? sampleFile : sampleTyped)(sources, file, options);
      if (sample === null || sample.rows + sample.badRows === 0) empty.push(file);
      else samples.push(sample);
    }
    const order = settleOrder(samples, options);
    return new FileRows(sources, samples, empty, order, options);
  } catch (error) {
    await sources.closeAll();
    throw error;
  }
}

function settleOrder(samples: readonly FileSample[], options: RowInputOptions): 'time' | 'file' {
  const without = samples.find((sample) => sample.timeColumn < 0);
  if (without === undefined) return options.order ?? 'time';
  const names = without.columns.map((column) => column.name).join(', ');
  if (options.timeColumn !== undefined) {
    throw new AnomalyError(
      'ANM_USAGE',
      `${options.timeName ?? '--time'} cannot be ${options.timeColumn} as ${without.file.name} has no such column`,
      {
        hint: `its columns: ${names}`,
      },
    );
  }
  if (options.order === 'time') {
    throw new AnomalyError('ANM_FILE', `cannot order by time as ${without.file.name} has no column of times`, {
      hint: `name one of its columns (${names}) by --time, or give --order file`,
    });
  }
  return 'file';
}

class FileRows implements RowInput {
  readonly samples: readonly FileSample[];
  readonly empty: readonly InputFile[];
  readonly columns: readonly InputColumn[];
  readonly files: readonly EncodedFile[];
  readonly order: 'time' | 'file';
  readonly hasTime: boolean;
  readonly totalBytes: number;
  readonly stepMs: number;
  badRows = 0;
  readonly #sources: Sources;
  readonly avroSchema: string | null;
  readonly #onBadRow: (row: BadRow) => void;
  readonly #onNote: (text: string) => void;
  readonly #maxRowBytes: number | undefined;
  readonly #open = new Set<RowSource>();
  readonly #unknown = new Set<string>();
  #finishedBytes = 0;

  constructor(
    sources: Sources,
    samples: readonly FileSample[],
    empty: readonly InputFile[],
    order: 'time' | 'file',
    options: RowInputOptions,
  ) {
    this.#sources = sources;
    this.samples = samples;
    this.empty = empty;
    this.order = order;
    this.columns = unifyColumns(samples);
    this.files = samples.map((sample) => encodedFile(sample, mapColumns(this.columns, sample)));
    this.hasTime = samples.every((sample) => sample.timeColumn >= 0);
    const streamed = samples.some(({ file }) => file.path === STDIN);
    this.totalBytes = streamed ? 0 : samples.reduce((sum, { file }) => sum + file.sizeBytes, 0);
    const steps = samples.map((sample) => sample.stepMs).filter((step) => step > 0);
    this.stepMs = steps.length === 0 ? Number.NaN : Math.min(...steps);
    this.#onBadRow = (row) => {
      this.badRows++;
      options.onBadRow?.(row);
    };
    this.#onNote = options.onNote ?? ignore;
    this.#maxRowBytes = options.maxRowBytes;
    const [first] = samples;
    const schema = first?.typed?.schema ?? null;
    this.avroSchema = samples.every(({ typed }) => typed !== null && isSameJson(typed.schema, schema)) ? schema : null;
  }

  rows(): AsyncGenerator<MergedRows, void, void> {
    const files = this.samples.map((sample) => this.#mergeFile(sample));
    return this.order === 'time' ? rowsInTimeOrder(files) : rowsInFileOrder(files);
  }

  bytesRead(): number {
    let bytes = this.#finishedBytes;
    // What a compressed file gives is longer than the file; until its end, its share is unknown and left out.
    for (const reader of this.#open) if (!this.#compressed.has(reader)) bytes += reader.bytesRead;
    return bytes;
  }

  unknownMembers(): string[] {
    return [...this.#unknown];
  }

  close(): Promise<void> {
    return this.#sources.closeAll();
  }

  readonly #compressed = new Set<RowSource>();
  readonly #jsonl = new Map<RowSource, JsonlScanner>();

  #mergeFile(sample: FileSample): MergeFile {
    const { file } = sample;
    return {
      // Unknown when every sampled row is bad: then the file is opened at once.
      firstTimeMs: Number.isNaN(sample.firstTimeMs) ? Number.NEGATIVE_INFINITY : sample.firstTimeMs,
      holdsOpen: file.compression !== 'none' || file.path === STDIN,
      open: async () => {
        const { reader, jsonl } = await this.#openFile(sample);
        const checked = new UnchangedSource(reader, file, this.#onNote);
        this.#open.add(checked);
        if (file.compression !== 'none') this.#compressed.add(checked);
        if (jsonl !== null) this.#jsonl.set(checked, jsonl);
        return checked;
      },
      close: async (reader) => {
        this.#open.delete(reader);
        this.#compressed.delete(reader);
        for (const name of this.#jsonl.get(reader)?.unknown ?? []) this.#unknown.add(name);
        this.#jsonl.delete(reader);
        this.#finishedBytes += file.sizeBytes;
        if (file.path !== STDIN) await reader.close();
      },
    };
  }

  async #openFile(sample: FileSample): Promise<{ reader: RowSource; jsonl: JsonlScanner | null }> {
    const { file, shape, typed, timeColumn: column } = sample;
    const format = sample.columns[column]?.format;
    const time = format === undefined ? null : { column, format };
    if (shape === null) {
      const onBadRow = (line: number, reason: string, raw: string) =>
        this.#onBadRow({ file: file.name, line, reason, raw });
      return { reader: await typed!.open(time, onBadRow, false), jsonl: null };
    }
    const scanner = scannerFor(shape);
    const source = await this.#sources.open(file, shape.dataStart, false);
    const chunkBytes = Math.floor(BUFFER_BYTES / this.samples.length);
    const reader = new RowReader({
      ...{ name: file.name, source, scanner, dialect: shape.dialect, columns: shape.paths.length },
      chunkBytes: Math.max(CHUNK_BYTES_MIN, Math.min(CHUNK_BYTES_MAX, chunkBytes)),
      onBadRow: this.#onBadRow,
      ...(time !== null && { time }),
      ...(this.#maxRowBytes !== undefined && { maxRowBytes: this.#maxRowBytes }),
    });
    return { reader, jsonl: scanner instanceof JsonlScanner ? scanner : null };
  }
}

function isSameJson(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && (a === b || JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b)));
}

function ignore(): void {}

function encodedFile(sample: FileSample, columns: FileColumns): EncodedFile {
  const { series } = sample.file;
  return {
    columns,
    timeColumn: sample.timeColumn,
    series: Buffer.from(series),
    seriesJson: Buffer.from(JSON.stringify(series)),
  };
}
