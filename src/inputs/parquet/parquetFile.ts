import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from 'hyparquet';
import { AnomalyError } from '../../errors.ts';
import type { FilePool } from '../byteSource.ts';
import type { RowSource } from '../rowSource.ts';
import type { TypedTime } from '../time/typedTime.ts';
import type { TypedBadRow, TypedColumn, TypedFile } from '../typedFile.ts';
import { type ColumnOptions, type ColumnPages, FlatColumn, loadParquet, NestedColumn } from './parquetColumn.ts';
import { ParquetRows } from './parquetRows.ts';
import { ParquetTypeError, parquetShape } from './parquetSchema.ts';

/**
 * What may be held of a row group, in bytes: of plain columns the compressed pages, of columns with groups or lists all
 * values. More is refused.
 */
export const ROW_GROUP_BYTES_MAX = 1024 * 1024 * 1024;

/** Reads the metadata of a file. @throws ANM_FILE */
export async function parquetFile(pool: FilePool, path: string, name: string, sizeBytes: number): Promise<TypedFile> {
  const file = pooledFile(pool, path, name, sizeBytes);
  const library = await loadParquet();
  const { parquetMetadataAsync, parquetSchema } = library.index;
  const { columns, metadata } = await named(name, 'the metadata', async () => {
    const read = await parquetMetadataAsync(file, { geoparquet: false });
    return parquetShape(read, parquetSchema(read));
  });
  const reading = {
    library,
    compressors: await loadCompressors(),
    parsers: { ...library.convert.DEFAULT_PARSERS, ...PARSERS },
  };
  return {
    columns,
    schema: null,
    open: async (time, onBadRow) =>
      new ParquetReader({ name, file, metadata, tree: parquetSchema(metadata), reading, columns, time, onBadRow }, () =>
        pool.close(path),
      ),
  };
}

interface ReaderOptions {
  readonly name: string;
  readonly file: AsyncBuffer & { bytesRead: number };
  readonly metadata: FileMetaData;
  readonly tree: SchemaTree;
  readonly reading: ColumnOptions;
  readonly columns: readonly TypedColumn[];
  readonly time: TypedTime | null;
  readonly onBadRow: TypedBadRow;
}

/** One row group in memory at a time, given out in chunks. */
class ParquetReader implements RowSource {
  readonly name: string;
  readonly chunk: ParquetRows;
  readonly #options: ReaderOptions;
  readonly #close: () => Promise<void>;
  #group = 0;
  /** Rows in front of the next row group. */
  #groupStart = 0;

  constructor(options: ReaderOptions, close: () => Promise<void>) {
    this.#options = options;
    this.#close = close;
    this.name = options.name;
    this.chunk = new ParquetRows(options.columns);
  }

  get bytesRead(): number {
    return this.#options.file.bytesRead;
  }

  async fill(): Promise<boolean> {
    const { chunk } = this;
    const { name, time } = this.#options;
    do {
      while (!(await named(name, `row group ${this.#group}`, async () => chunk.next()))) {
        if (!(await this.#readGroup())) return false;
      }
      if (time !== null) chunk.readTimes(time, (row) => this.#reportTime(time, row));
    } while (chunk.count === 0);
    return true;
  }

  async close(): Promise<void> {
    this.chunk.clear();
    await this.#close();
  }

  async #readGroup(): Promise<boolean> {
    const { name, file, metadata, tree, reading, columns } = this.#options;
    const group = metadata.row_groups[this.#group++];
    if (group === undefined) return false;
    const place = `row group ${this.#group}`;
    const rowCount = Number(group.num_rows);
    const rowStart = this.#groupStart;
    this.#groupStart += rowCount;
    // Not kept beside the next one.
    this.chunk.clear();
    const flat = tree.children.map(
      ({ element, children }) => children.length === 0 && element.repetition_type !== 'REPEATED',
    );
    this.#refuseLarge(group, flat, place);
    const pages = await named(name, place, async () => {
      const opened: ColumnPages[] = [];
      for (const [c, child] of tree.children.entries()) {
        const column = columns[c]!.name;
        const chunk = group.columns.find((each) => each.meta_data?.path_in_schema[0] === column);
        if (chunk?.meta_data === undefined) throw new Error(`column ${column} is missing`);
        opened.push(
          flat[c]!
            ? await FlatColumn.open(reading, file, chunk.meta_data, [tree, child])
            : await NestedColumn.open(reading, file, metadata, column, rowStart, rowCount),
        );
      }
      return opened;
    });
    this.chunk.load(pages, rowStart, rowCount);
    return true;
  }

  #refuseLarge(group: FileMetaData['row_groups'][number], flat: readonly boolean[], place: string): void {
    const { name, columns } = this.#options;
    const nested = new Set(columns.filter((_, c) => !flat[c]!).map((column) => column.name));
    const bytes = group.columns.reduce((sum, { meta_data: meta }) => {
      const isNested = nested.has(meta?.path_in_schema[0] ?? '');
      return sum + Number((isNested ? meta?.total_uncompressed_size : meta?.total_compressed_size) ?? 0);
    }, 0);
    if (bytes <= ROW_GROUP_BYTES_MAX) return;
    throw new AnomalyError(
      'ANM_FILE',
      `cannot read ${place} of ${name} as its ${bytes} bytes are more than ${ROW_GROUP_BYTES_MAX}`,
      { hint: 'write the file with smaller row groups' },
    );
  }

  #reportTime(time: TypedTime, row: number): void {
    const { chunk } = this;
    const text = chunk.text(row, time.column);
    const reason = `${text === null ? 'null' : `'${text}'`} is no time`;
    this.#options.onBadRow(chunk.lines[row]!, reason, chunk.raw(row));
  }
}

/** Values as they are stored. Text inside a map's key has to be a name, and so a string. */
const PARSERS = {
  timestampFromMilliseconds: (value: bigint) => value,
  timestampFromMicroseconds: (value: bigint) => value,
  timestampFromNanoseconds: (value: bigint) => value,
  dateFromDays: (value: number) => value,
  stringFromBytes: (value: Uint8Array) => keyText.decode(value),
  jsonFromBytes: (value: Uint8Array) => keyText.decode(value),
};
const keyText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

async function loadCompressors(): Promise<Compressors> {
  const [{ compressors }, { gunzipSync }] = await Promise.all([import('hyparquet-compressors'), import('node:zlib')]);
  // Pages without a value: hyparquet-compressors 1.1.2 takes the one byte that LZ4 has for nothing for a match.
  const orNothing =
    (decompress: Decompressor): Decompressor =>
    (input, length) =>
      length === 0 ? new Uint8Array(0) : decompress(input, length);
  return {
    ...compressors,
    LZ4: orNothing(compressors.LZ4!),
    LZ4_RAW: orNothing(compressors.LZ4_RAW!),
    // node:zlib holds the checksum against the content.
    GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  };
}

type Decompressor = NonNullable<Compressors['LZ4']>;

/** What the library throws says nothing of the file. */
async function named<T>(name: string, place: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AnomalyError) throw error;
    if (error instanceof ParquetTypeError) {
      throw new AnomalyError('ANM_FILE', `cannot read ${name} as ${error.message}`, {
        hint: 'leave that column out of the file',
      });
    }
    throw new AnomalyError('ANM_FILE', `cannot read ${place} of ${name}: ${(error as Error).message}`, {
      cause: error,
      hint: 'the file is cut or damaged, or has an encoding that is not known',
    });
  }
}

function pooledFile(pool: FilePool, path: string, name: string, byteLength: number) {
  const file = {
    byteLength,
    bytesRead: 0,
    slice: async (start: number, end = byteLength): Promise<ArrayBuffer> => {
      const from = start < 0 ? Math.max(0, byteLength + start) : start;
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - from));
      for (let filled = 0; filled < bytes.length; ) {
        const count = await pool.read(path, bytes, filled, from + filled);
        if (count === 0) throw new AnomalyError('ANM_FILE', `cannot read ${name} as it ends at byte ${from + filled}`);
        filled += count;
      }
      file.bytesRead += bytes.length;
      return bytes.buffer;
    },
  };
  return file;
}
