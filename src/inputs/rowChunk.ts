import { asciiText } from './text/numbers.ts';

/** Field flags. A bare field has none. */
export const QUOTED = 1;
/** Quoted, and with escapes inside: `""` in CSV, a backslash in JSON. */
export const ESCAPED = 2;
/** A JSON array or empty object, kept as its text. */
export const NESTED = 4;

/** How the bytes of a text file are cut into rows. */
export type Dialect = 'csv' | 'jsonl';

/**
 * Some rows of one file, as the merge and the senders see them. Reused: contents are valid until the reader's next
 * fill.
 */
export interface Rows {
  readonly count: number;
  /** Place of the row in its file, from 1: the number of its first line, or of the row where there are no lines. */
  readonly lines: Float64Array;
  /** Event time in epoch milliseconds; NaN when the file has no time column. */
  readonly times: Float64Array;
  /** The text of a field with its escapes resolved; null for null. */
  text(row: number, column: number): string | null;
  /** The row as it stands in a text file, else as JSON. */
  raw(row: number): string;
  /** Sets key.bytes, start and end to the text of a field in UTF-8; false for null. */
  keyOf(row: number, column: number, key: KeyRange): boolean;
}

/** A key as a range of bytes. */
export interface KeyRange {
  bytes: Uint8Array | null;
  start: number;
  end: number;
}

/**
 * Rows of a text file as ranges into the bytes they were read from. Fields are row-major: the field `column` of `row`
 * is at `row * columns + column`.
 */
export class RowChunk implements Rows {
  readonly dialect: Dialect;
  readonly columns: number;
  bytes: Uint8Array = new Uint8Array(0);
  count = 0;
  /** Byte range of each field without its quotes; start is -1 for null: nothing between two delimiters, or JSON null. */
  fieldStart: Int32Array;
  fieldEnd: Int32Array;
  fieldFlags: Uint8Array;
  /** Byte range of the whole row, without its line end. */
  rowStart: Int32Array;
  rowEnd: Int32Array;
  lines: Float64Array;
  times: Float64Array;

  constructor(dialect: Dialect, columns: number, capacity = 4096) {
    this.dialect = dialect;
    this.columns = columns;
    this.fieldStart = new Int32Array(capacity * columns);
    this.fieldEnd = new Int32Array(capacity * columns);
    this.fieldFlags = new Uint8Array(capacity * columns);
    this.rowStart = new Int32Array(capacity);
    this.rowEnd = new Int32Array(capacity);
    this.lines = new Float64Array(capacity);
    this.times = new Float64Array(capacity);
  }

  get capacity(): number {
    return this.rowStart.length;
  }

  text(row: number, column: number): string | null {
    const index = row * this.columns + column;
    const start = this.fieldStart[index]!;
    if (start < 0) return null;
    const end = this.fieldEnd[index]!;
    const text = utf8Text(this.bytes, start, end);
    if ((this.fieldFlags[index]! & ESCAPED) === 0) return text;
    return this.dialect === 'csv' ? text.replaceAll('""', '"') : (JSON.parse(`"${text}"`) as string);
  }

  keyOf(row: number, column: number, key: KeyRange): boolean {
    const index = row * this.columns + column;
    const start = this.fieldStart[index]!;
    if (start < 0) return false;
    if ((this.fieldFlags[index]! & ESCAPED) === 0) {
      key.bytes = this.bytes;
      key.start = start;
      key.end = this.fieldEnd[index]!;
    } else {
      key.bytes = Buffer.from(this.text(row, column)!);
      key.start = 0;
      key.end = key.bytes.length;
    }
    return true;
  }

  raw(row: number): string {
    return utf8Text(this.bytes, this.rowStart[row]!, this.rowEnd[row]!);
  }

  /** Copies a row over another one of a lower index: how rows are dropped. */
  moveRow(from: number, to: number): void {
    const { columns } = this;
    this.fieldStart.copyWithin(to * columns, from * columns, (from + 1) * columns);
    this.fieldEnd.copyWithin(to * columns, from * columns, (from + 1) * columns);
    this.fieldFlags.copyWithin(to * columns, from * columns, (from + 1) * columns);
    this.rowStart[to] = this.rowStart[from]!;
    this.rowEnd[to] = this.rowEnd[from]!;
    this.lines[to] = this.lines[from]!;
    this.times[to] = this.times[from]!;
  }
}

/** A row that cannot be read or sent, with its place: one line of the rejects file. */
export interface BadRow {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
  /** As it stands in the file; bytes that are no UTF-8 become U+FFFD. */
  readonly raw: string;
  /** The bytes themselves, where they are no UTF-8. */
  readonly rawBase64?: string;
}

export function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start)).toString();
}

/** For messages: a value, shortened. */
export function shown(bytes: Uint8Array, start: number, end: number): string {
  return start < 0 || end <= start ? 'an empty value' : `'${asciiText(bytes, start, Math.min(end, start + 40))}'`;
}
