import type { AsyncBuffer, Compressors, FileMetaData } from 'hyparquet';
import { AnomalyError } from '../errors.ts';
import type { FilePool } from './byteSource.ts';
import { ParquetRows } from './parquetRows.ts';
import { ParquetTypeError, parquetShape } from './parquetSchema.ts';
import type { RowSource } from './rowSource.ts';
import type { TypedBadRow, TypedColumn, TypedFile } from './typedFile.ts';
import { type TypedTime, typedTime } from './typedTime.ts';

/** A row group is held in memory as a whole, so a larger one is refused. Uncompressed bytes. */
export const ROW_GROUP_BYTES_MAX = 1024 * 1024 * 1024;

/** Reads the metadata of a file. @throws ANM_FILE */
export async function parquetFile(pool: FilePool, path: string, name: string, sizeBytes: number): Promise<TypedFile> {
  const file = pooledFile(pool, path, name, sizeBytes);
  const { parquetMetadataAsync, parquetSchema } = await import('hyparquet');
  const { columns, metadata } = await named(name, 'the metadata', async () => {
    const read = await parquetMetadataAsync(file, { geoparquet: false });
    return parquetShape(read, parquetSchema(read));
  });
  const compressors = await loadCompressors();
  return {
    columns,
    schema: null,
    open: async (time, onBadRow) =>
      new ParquetReader({ name, file, metadata, compressors, columns, time, onBadRow }, () => pool.close(path)),
  };
}

interface ReaderOptions {
  readonly name: string;
  readonly file: AsyncBuffer & { bytesRead: number };
  readonly metadata: FileMetaData;
  readonly compressors: Compressors;
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
    do {
      while (!chunk.next()) {
        if (!(await this.#readGroup())) return false;
      }
      this.#readTimes();
    } while (chunk.count === 0);
    return true;
  }

  async close(): Promise<void> {
    this.chunk.clear();
    await this.#close();
  }

  async #readGroup(): Promise<boolean> {
    const { name, file, metadata, compressors, columns } = this.#options;
    const group = metadata.row_groups[this.#group++];
    if (group === undefined) return false;
    const place = `row group ${this.#group}`;
    if (Number(group.total_byte_size) > ROW_GROUP_BYTES_MAX) {
      throw new AnomalyError(
        'ANM_FILE',
        `cannot read ${place} of ${name} as its ${group.total_byte_size} bytes are more than ${ROW_GROUP_BYTES_MAX}`,
        { hint: 'write the file with smaller row groups' },
      );
    }
    const rowCount = Number(group.num_rows);
    const rowStart = this.#groupStart;
    this.#groupStart += rowCount;
    if (rowCount === 0) return await this.#readGroup();
    // Not kept beside the next one.
    this.chunk.clear();
    const { parquetRead } = await import('hyparquet');
    const parts = new Map<string, ArrayLike<unknown>[]>();
    await named(name, place, () =>
      parquetRead({
        ...{ file, metadata, compressors, rowStart, rowEnd: rowStart + rowCount },
        ...{ utf8: false, geoparquet: false, parsers: PARSERS },
        onChunk: ({ columnName, columnData }) => {
          const known = parts.get(columnName);
          if (known === undefined) parts.set(columnName, [columnData]);
          else known.push(columnData);
        },
      }),
    );
    const values = columns.map((column) => joined(parts.get(column.name) ?? []));
    columns.forEach((column, i) => {
      const found = values[i]!.length;
      if (found === rowCount) return;
      throw new AnomalyError(
        'ANM_FILE',
        `cannot read ${place} of ${name} as column ${column.name} has ${found} values, where ${rowCount} are told`,
      );
    });
    this.chunk.load(values, rowStart, rowCount);
    return true;
  }

  #readTimes(): void {
    const { time, onBadRow } = this.#options;
    if (time === null) return;
    const { chunk } = this;
    chunk.keepRows((row) => {
      const value = chunk.value(row, time.column);
      const timeMs = typedTime(time.format, value);
      chunk.times[row] = timeMs;
      if (!Number.isNaN(timeMs)) return true;
      const shown = value === null ? 'null' : `'${chunk.text(row, time.column)}'`;
      onBadRow(chunk.lines[row]!, `${shown} is no time`, chunk.raw(row));
      return false;
    });
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

/** The parts of a column as one: typed where all of them are. */
function joined(parts: readonly ArrayLike<unknown>[]): ArrayLike<unknown> {
  const [first] = parts;
  if (first === undefined) return [];
  if (parts.length === 1) return first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const isTyped = ArrayBuffer.isView(first) && parts.every((part) => part.constructor === first.constructor);
  const all = isTyped
    ? new (first.constructor as new (length: number) => Record<number, unknown>)(length)
    : new Array<unknown>(length);
  let at = 0;
  for (const part of parts) for (let i = 0; i < part.length; i++) all[at++] = part[i];
  return all as unknown as ArrayLike<unknown>;
}
