import { AnomalyError } from '../../errors.ts';
import type { AvroNode, AvroRecord } from '../../schemas/avroNode.ts';
import { avroPlain } from '../../schemas/avroPlain.ts';
import {
  type AvroCursor,
  AvroDataError,
  readAvro,
  readBranch,
  readLength,
  skipAvro,
} from '../../schemas/avroReader.ts';
import { parseAvroSchema } from '../../schemas/avroSchema.ts';
import type { ByteSource } from '../byteSource.ts';
import type { KeyRange } from '../rowChunk.ts';
import type { RowSource } from '../rowSource.ts';
import { jsonText } from '../text/jsonText.ts';
import { type TypedTime, typedTime } from '../time/typedTime.ts';
import { columnOfField, type TypedBadRow, type TypedFile, type TypedRows } from '../typedFile.ts';
import { type AvroBlock, AvroContainer } from './avroContainer.ts';

/** A cursor that goes from block to block. */
interface RowCursor {
  bytes: Uint8Array;
  pos: number;
  end: number;
}

/** Rows that a chunk holds at the most. */
const CHUNK_ROWS = 8192;

/**
 * Reads the header of a file. `open` gives its bytes from the beginning, to be read again if they are only peeked at.
 * @throws ANM_FILE, ANM_SCHEMA_UNSUPPORTED
 */
export async function avroFile(name: string, open: (peek: boolean) => Promise<ByteSource>): Promise<TypedFile> {
  const head = await AvroContainer.open(name, await open(true));
  await head.close();
  const record = parseAvroSchema(head.schema);
  if (record.kind !== 'record') {
    throw new AnomalyError(
      'ANM_SCHEMA_UNSUPPORTED',
      `cannot read ${name} as its values are ${record.kind}, not records`,
    );
  }
  return {
    columns: record.fields.map((field) => columnOfField(field.name, field.type)),
    schema: head.schema,
    open: async (time, onBadRow, peek) =>
      new AvroRowReader(name, await AvroContainer.open(name, await open(peek)), record, time, onBadRow),
  };
}

class AvroRowReader implements RowSource {
  readonly name: string;
  readonly chunk: AvroRows;
  readonly #container: AvroContainer;
  readonly #time: TypedTime | null;
  readonly #onBadRow: TypedBadRow;
  #block: AvroBlock | null = null;
  /** Records of the block that were read, and the position after them. */
  #taken = 0;
  #row = 0;
  readonly #cursor: RowCursor = { bytes: new Uint8Array(0), pos: 0, end: 0 };

  constructor(
    name: string,
    container: AvroContainer,
    record: AvroRecord,
    time: TypedTime | null,
    onBadRow: TypedBadRow,
  ) {
    this.name = name;
    this.chunk = new AvroRows(record);
    this.#container = container;
    this.#time = time;
    this.#onBadRow = onBadRow;
  }

  get bytesRead(): number {
    return this.#container.bytesRead;
  }

  async fill(): Promise<boolean> {
    this.chunk.count = 0;
    while (this.chunk.count === 0) {
      if (this.#block === null || this.#taken === this.#block.count) {
        if (!this.#endBlock()) throw this.#container.broken('bytes are left over after its records');
        this.#block = await this.#container.next();
        if (this.#block === null) return false;
        this.#taken = 0;
        this.#cursor.bytes = this.#block.bytes;
        this.#cursor.pos = 0;
        this.#cursor.end = this.#block.bytes.length;
      }
      this.#take(this.#block);
    }
    return true;
  }

  close(): Promise<void> {
    return this.#container.close();
  }

  #endBlock(): boolean {
    return this.#block === null || this.#cursor.pos === this.#cursor.end;
  }

  #take(block: AvroBlock): void {
    const { chunk } = this;
    chunk.bytes = block.bytes;
    const end = Math.min(block.count, this.#taken + CHUNK_ROWS);
    while (this.#taken < end) {
      try {
        chunk.add(this.#cursor, ++this.#row);
      } catch (error) {
        if (error instanceof AvroDataError) throw this.#container.broken(`record ${this.#row}: ${error.message}`);
        throw error;
      }
      this.#taken++;
      this.#readTime();
    }
  }

  #readTime(): void {
    const { chunk } = this;
    if (this.#time === null) return;
    const row = chunk.count - 1;
    const value = chunk.value(row, this.#time.column);
    const time = typedTime(this.#time.format, value);
    chunk.times[row] = time;
    if (!Number.isNaN(time)) return;
    this.#onBadRow(
      this.#row,
      `${value === null ? 'null' : `'${chunk.text(row, this.#time.column)}'`} is no time`,
      chunk.raw(row),
    );
    chunk.count--;
  }
}

/** Records as ranges of a block: a value is read when it is asked for. */
export class AvroRows implements TypedRows {
  readonly record: AvroRecord;
  bytes: Uint8Array = new Uint8Array(0);
  count = 0;
  readonly lines = new Float64Array(CHUNK_ROWS);
  readonly times = new Float64Array(CHUNK_ROWS).fill(Number.NaN);
  readonly rowStart = new Int32Array(CHUNK_ROWS);
  readonly rowEnd = new Int32Array(CHUNK_ROWS);
  /** Where each field begins. */
  readonly #starts: Int32Array;
  readonly #cursor: RowCursor = { bytes: this.bytes, pos: 0, end: 0 };

  constructor(record: AvroRecord) {
    this.record = record;
    this.#starts = new Int32Array(CHUNK_ROWS * record.fields.length);
  }

  /** Takes the record at the cursor, and moves the cursor past it. */
  add(cursor: AvroCursor, line: number): void {
    const { fields } = this.record;
    const row = this.count;
    let at = row * fields.length;
    this.rowStart[row] = cursor.pos;
    for (let f = 0; f < fields.length; f++) {
      this.#starts[at++] = cursor.pos;
      skipAvro(fields[f]!.type, cursor);
    }
    this.rowEnd[row] = cursor.pos;
    this.lines[row] = line;
    this.times[row] = Number.NaN;
    this.count++;
  }

  value(row: number, column: number): unknown {
    return readAvro(this.record.fields[column]!.type, this.#at(row, column));
  }

  text(row: number, column: number): string | null {
    const plain = avroPlain(this.record.fields[column]!.type, this.value(row, column));
    return plain === null || typeof plain === 'string' ? plain : jsonText(plain);
  }

  raw(row: number): string {
    const cursor = this.#at(row, 0);
    cursor.pos = this.rowStart[row]!;
    return jsonText(avroPlain(this.record, readAvro(this.record, cursor)));
  }

  keyOf(row: number, column: number, key: KeyRange): boolean {
    const cursor = this.#at(row, column);
    let node: AvroNode = this.record.fields[column]!.type;
    if (node.kind === 'union') node = node.branches[readBranch(cursor, node)]!;
    if (node.kind === 'string') {
      const length = readLength(cursor);
      key.bytes = this.bytes;
      key.start = cursor.pos;
      key.end = cursor.pos + length;
      return true;
    }
    const text = this.text(row, column);
    if (text === null) return false;
    key.bytes = Buffer.from(text);
    key.start = 0;
    key.end = key.bytes.length;
    return true;
  }

  #at(row: number, column: number) {
    const cursor = this.#cursor;
    cursor.bytes = this.bytes;
    cursor.pos = this.#starts[row * this.record.fields.length + column] ?? 0;
    cursor.end = this.rowEnd[row]!;
    return cursor;
  }
}
