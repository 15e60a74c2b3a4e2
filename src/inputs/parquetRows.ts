import { avroPlain } from '../schemas/avroPlain.ts';
import { jsonText } from './jsonText.ts';
import type { KeyRange } from './rowChunk.ts';
import type { TypedColumn, TypedRows } from './typedFile.ts';

/** Rows that a chunk holds at the most. */
const CHUNK_ROWS = 8192;

/** A window over the columns of a row group. */
export class ParquetRows implements TypedRows {
  count = 0;
  readonly lines = new Float64Array(CHUNK_ROWS);
  readonly times = new Float64Array(CHUNK_ROWS).fill(Number.NaN);
  readonly #columns: readonly TypedColumn[];
  /** Place in the row group of each row of the chunk. */
  readonly #places = new Int32Array(CHUNK_ROWS);
  #values: readonly ArrayLike<unknown>[] = [];
  #groupStart = 0;
  #groupRows = 0;
  #taken = 0;

  constructor(columns: readonly TypedColumn[]) {
    this.#columns = columns;
  }

  /** Takes the columns of a row group; `groupStart` rows of the file stand before it. */
  load(values: readonly ArrayLike<unknown>[], groupStart: number, rowCount: number): void {
    this.#values = values.map(safeNumbers);
    this.#groupStart = groupStart;
    this.#groupRows = rowCount;
    this.#taken = 0;
  }

  clear(): void {
    this.#values = [];
    this.#groupRows = 0;
    this.#taken = 0;
    this.count = 0;
  }

  /** Goes on to the next rows of the group; false when there are no more. */
  next(): boolean {
    const count = Math.min(CHUNK_ROWS, this.#groupRows - this.#taken);
    this.count = count;
    for (let row = 0; row < count; row++) {
      this.#places[row] = this.#taken + row;
      this.lines[row] = this.#groupStart + this.#taken + row + 1;
    }
    this.#taken += count;
    return count > 0;
  }

  /** Drops the rows that `keep` refuses. It may set the row's time. */
  keepRows(keep: (row: number) => boolean): void {
    let kept = 0;
    for (let row = 0; row < this.count; row++) {
      if (!keep(row)) continue;
      this.#places[kept] = this.#places[row]!;
      this.lines[kept] = this.lines[row]!;
      this.times[kept++] = this.times[row]!;
    }
    this.count = kept;
  }

  value(row: number, column: number): unknown {
    return this.#values[column]![this.#places[row]!] ?? null;
  }

  text(row: number, column: number): string | null {
    const plain = avroPlain(this.#columns[column]!.node, this.value(row, column));
    return plain === null || typeof plain === 'string' ? plain : jsonText(plain);
  }

  raw(row: number): string {
    const entries = this.#columns.map(({ name, node }, c) => [name, avroPlain(node, this.value(row, c))] as const);
    return jsonText(new Map(entries));
  }

  keyOf(row: number, column: number, key: KeyRange): boolean {
    const value = this.value(row, column);
    if (value === null) return false;
    if (value instanceof Uint8Array && this.#columns[column]!.node.kind === 'string') key.bytes = value;
    else key.bytes = Buffer.from(this.text(row, column)!);
    key.start = 0;
    key.end = key.bytes.length;
    return true;
  }
}

/** Bigints as numbers where none of a column loses a digit by it: a bigint costs an allocation each time it is read. */
function safeNumbers(values: ArrayLike<unknown>): ArrayLike<unknown> {
  if (!(values instanceof BigInt64Array)) return values;
  const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const numbers = new Float64Array(values.length);
  for (let i = 0; i < numbers.length; i++) {
    const high = words[i * 2 + 1]!;
    if (high >= 0x200000 || high < -0x200000) return values;
    numbers[i] = high * 2 ** 32 + (words[i * 2]! >>> 0);
  }
  return numbers;
}
