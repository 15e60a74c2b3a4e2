import type { AsyncBuffer, ColumnMetaData, Compressors, DecodedArray, FileMetaData, SchemaTree } from 'hyparquet';
import { crc32 } from '../crc32.ts';

/** The values of a column of a row group, a page at a time. */
export interface ColumnPages {
  /** Values of the page at hand; null and undefined are null. */
  values: ArrayLike<unknown>;
  /** Goes on to the next page; false when there is none. */
  next(): boolean;
}

/** What hyparquet decodes pages with: parts of its modules, as its `parquetRead` puts whole row groups in arrays. */
export interface ParquetLibrary {
  readonly column: typeof import('hyparquet/src/column.js');
  readonly datapage: typeof import('hyparquet/src/datapage.js');
  readonly convert: typeof import('hyparquet/src/convert.js');
  readonly index: typeof import('hyparquet');
}

export async function loadParquet(): Promise<ParquetLibrary> {
  const [column, datapage, convert, index] = await Promise.all([
    import('hyparquet/src/column.js'),
    import('hyparquet/src/datapage.js'),
    import('hyparquet/src/convert.js'),
    import('hyparquet'),
  ]);
  return { column, datapage, convert, index };
}

export interface ColumnOptions {
  readonly library: ParquetLibrary;
  readonly compressors: Compressors;
  readonly parsers: typeof import('hyparquet/src/convert.js').DEFAULT_PARSERS;
}

/** A column without groups or lists: its pages are unpacked one after the other, as their rows are asked for. */
export class FlatColumn implements ColumnPages {
  values: ArrayLike<unknown> = [];
  readonly #library: ParquetLibrary;
  readonly #reader: { readonly view: DataView; offset: number };
  readonly #decoder: Parameters<ParquetLibrary['column']['readPage']>[2];
  readonly #maxLevel: number;
  #dictionary: DecodedArray | undefined;
  #left: number;

  private constructor(
    { library, compressors, parsers }: ColumnOptions,
    meta: ColumnMetaData,
    path: SchemaTree[],
    bytes: ArrayBuffer,
  ) {
    this.#library = library;
    this.#reader = { view: new DataView(bytes), offset: 0 };
    this.#left = Number(meta.num_values);
    const { element } = path.at(-1)!;
    this.#maxLevel = element.repetition_type === 'REQUIRED' ? 0 : 1;
    const { codec, type, path_in_schema: pathInSchema } = meta;
    this.#decoder = { pathInSchema, type, element, schemaPath: path, codec, parsers, compressors, utf8: false };
  }

  static async open(
    options: ColumnOptions,
    file: AsyncBuffer,
    meta: ColumnMetaData,
    path: SchemaTree[],
  ): Promise<FlatColumn> {
    const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
    const bytes = await file.slice(start, start + Number(meta.total_compressed_size));
    return new FlatColumn(options, meta, path, bytes);
  }

  next(): boolean {
    const reader = this.#reader;
    while (this.#left > 0 && reader.offset < reader.view.byteLength) {
      const header = this.#library.column.parquetHeader(reader);
      this.#checkSum(header.crc, header.compressed_page_size);
      if (header.type === 'DICTIONARY_PAGE') {
        const { data } = this.#library.column.readPage(reader, header, this.#decoder, undefined, undefined, 0);
        this.#dictionary = data === undefined ? data : this.#library.convert.convert(data, this.#decoder);
        continue;
      }
      const { view } = reader;
      const bytes = new Uint8Array(view.buffer, view.byteOffset + reader.offset, header.compressed_page_size);
      reader.offset += header.compressed_page_size;
      const values = this.#readValues(header, bytes);
      if (values === null || values.length === 0) continue;
      this.#left -= values.length;
      this.values = values;
      return true;
    }
    return false;
  }

  #readValues(header: PageHeader, bytes: Uint8Array): ArrayLike<unknown> | null {
    const { datapage, convert } = this.#library;
    const decoder = this.#decoder;
    const first = header.data_page_header;
    const second = header.data_page_header_v2;
    if (first === undefined && second === undefined) return null;
    let page: ReturnType<typeof datapage.readDataPage>;
    if (second !== undefined) page = datapage.readDataPageV2(bytes, header, decoder);
    else {
      const size = Number(header.uncompressed_page_size);
      page = datapage.readDataPage(
        datapage.decompressPage(bytes, size, decoder.codec, decoder.compressors),
        first!,
        decoder,
      );
    }
    const { encoding, num_values: count } = (second ?? first)!;
    const values = convert.convertWithDictionary(page.dataPage, this.#dictionary, encoding, decoder);
    if (values.length === count) return values;
    return spread(values, page.definitionLevels ?? [], this.#maxLevel, count);
  }

  #checkSum(expected: number | undefined, size: number): void {
    if (expected === undefined) return;
    const { view, offset } = this.#reader;
    if (crc32(new Uint8Array(view.buffer, view.byteOffset + offset, size)) !== expected >>> 0) {
      throw new Error('the checksum of a page is wrong');
    }
  }
}

/** A column with groups or lists, put together by hyparquet for the whole row group. */
export class NestedColumn implements ColumnPages {
  values: ArrayLike<unknown> = [];
  readonly #parts: ArrayLike<unknown>[] = [];

  /** `metadata` may hold other columns too. */
  static async open(
    { library, compressors, parsers }: ColumnOptions,
    file: AsyncBuffer,
    metadata: FileMetaData,
    name: string,
    rowStart: number,
    rowCount: number,
  ): Promise<NestedColumn> {
    const column = new NestedColumn();
    await library.index.parquetRead({
      ...{ file, metadata, compressors, parsers, columns: [name], rowStart, rowEnd: rowStart + rowCount },
      ...{ utf8: false, geoparquet: false },
      onChunk: ({ columnData }) => column.#parts.push(columnData),
    });
    return column;
  }

  next(): boolean {
    const part = this.#parts.shift();
    if (part === undefined) return false;
    this.values = part;
    return true;
  }
}

type PageHeader = ReturnType<ParquetLibrary['column']['parquetHeader']>;

/** Puts nulls where the levels say so. */
function spread(values: DecodedArray, levels: readonly number[], maxLevel: number, count: number): unknown[] {
  const all = new Array<unknown>(count).fill(null);
  let taken = 0;
  for (let i = 0; i < count; i++) if (levels[i] === maxLevel) all[i] = values[taken++];
  if (taken !== values.length) throw new Error(`${values.length} values where ${taken} are told`);
  return all;
}
