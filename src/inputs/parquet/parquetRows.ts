import { avroPlain } from '../../schemas/avroPlain.ts';
import type { KeyRange } from '../rowChunk.ts';
import { jsonText } from '../text/jsonText.ts';
import { epochTime } from '../time/time.ts';
import { type TypedTime, typedTime } from '../time/typedTime.ts';
import type { TypedColumn, TypedRows } from '../typedFile.ts';
import type { ColumnPages } from './parquetColumn.ts';

/** Rows that a chunk holds at the most. */
const CHUNK_ROWS = 8192;

/** A window over the columns of a row group: it ends where the page of any of them does. */
export class ParquetRows implements TypedRows {
  count = 0;
  readonly lines = new Float64Array(CHUNK_ROWS);
  readonly times = new Float64Array(CHUNK_ROWS).fill(Number.NaN);
  readonly #columns: readonly TypedColumn[];
  /** Place in the window of each row of the chunk. */
  readonly #places = new Int32Array(CHUNK_ROWS);
  #pages: readonly ColumnPages[] = [];
  /** By column: values of its page, and where the window begins in them. */
  #values: ArrayLike<unknown>[] = [];
  #starts = new Int32Array(0);
  #windowRows = 0;
  /** Rows of the file in front of the window, and rows of the group from it on. */
  #line = 0;
  #left = 0;

  constructor(columns: readonly TypedColumn[]) {
    this.#columns = columns;
  }

  /** Takes the columns of a row group; `groupStart` rows of the file stand before it. */
  load(pages: readonly ColumnPages[], groupStart: number, rowCount: number): void {
    this.#pages = pages;
    this.#values = pages.map(() => []);
    this.#starts = new Int32Array(pages.length);
    this.#windowRows = 0;
    this.#line = groupStart;
    this.#left = rowCount;
  }

  clear(): void {
    this.load([], 0, 0);
    this.count = 0;
  }

  /** Goes on to the next rows of the group; false when there are no more. Throws where a column ends before. */
  next(): boolean {
    const passed = this.#windowRows;
    this.#line += passed;
    this.#left -= passed;
    let count = Math.min(CHUNK_ROWS, this.#left);
    if (count > 0) {
      for (let c = 0; c < this.#pages.length; c++) {
        this.#starts[c] = this.#starts[c]! + passed;
        if (this.#starts[c]! >= this.#values[c]!.length) this.#nextPage(c);
        count = Math.min(count, this.#values[c]!.length - this.#starts[c]!);
      }
    }
    this.#windowRows = count;
    this.count = count;
    for (let row = 0; row < count; row++) {
      this.#places[row] = row;
      this.lines[row] = this.#line + row + 1;
    }
    return count > 0;
  }

  #nextPage(c: number): void {
    const pages = this.#pages[c]!;
    if (!pages.next()) throw new Error(`column ${this.#columns[c]!.name} ends ${this.#left} rows too early`);
    this.#values[c] = safeNumbers(pages.values);
    this.#starts[c] = 0;
  }

  /** Sets the event times, and drops the rows without one after `bad` has heard of them. */
  readTimes(time: TypedTime, bad: (row: number) => void): void {
    const values = this.#values[time.column]!;
    const start = this.#starts[time.column]!;
    const { format } = time;
    const nanos =
      values instanceof BigInt64Array && format.kind === 'epoch' && format.unit === 'ns' ? wordsOf(values) : null;
    let kept = 0;
    for (let row = 0; row < this.count; row++) {
      const timeMs = nanos === null ? typedTime(format, values[start + row]) : nanosTime(nanos, start + row);
      if (Number.isNaN(timeMs)) {
        bad(row);
        continue;
      }
      this.times[kept] = timeMs;
      this.lines[kept] = this.lines[row]!;
      this.#places[kept++] = row;
    }
    this.count = kept;
  }

  value(row: number, column: number): unknown {
    return this.#values[column]![this.#starts[column]! + this.#places[row]!] ?? null;
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

/** Bigints as numbers where none of a page loses a digit by it: a bigint is an allocation each time it is read. */
function safeNumbers(values: ArrayLike<unknown>): ArrayLike<unknown> {
  if (!(values instanceof BigInt64Array)) return values;
  const words = wordsOf(values);
  const numbers = new Float64Array(values.length);
  for (let i = 0; i < numbers.length; i++) {
    const high = words[i * 2 + 1]!;
    if (high >= 0x200000 || high < -0x200000) return values;
    numbers[i] = high * 2 ** 32 + (words[i * 2]! >>> 0);
  }
  return numbers;
}

/** Low and high words in turn: every machine that runs this is little-endian. */
function wordsOf(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}

/** Nanoseconds as milliseconds, cut to the microsecond, without a bigint. */
function nanosTime(words: Int32Array, index: number): number {
  const high = words[index * 2 + 1]!;
  const thousands = Math.floor(high / 1000);
  const rest = (high - thousands * 1000) * 2 ** 32 + (words[index * 2]! >>> 0);
  return epochTime('us', thousands * 2 ** 32 + Math.floor(rest / 1000));
}
