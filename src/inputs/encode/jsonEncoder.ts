import { isMissing } from '../columnStats.ts';
import type { InputColumn } from '../columns.ts';
import { QUOTED, type RowChunk, shown, utf8Text } from '../rowChunk.ts';
import { parseDecimal } from '../text/numbers.ts';
import { IsoText } from '../time/isoText.ts';
import { parseTime } from '../time/time.ts';
import type { EncodedFile, RowEncoder } from './rowEncoder.ts';

/** A JSON text is at most this many times as long as the bytes it stands for: each may become \u00XX. */
const ESCAPE_FACTOR = 6;
const FIELD_BYTES_MAX = 32;

/**
 * Rows as JSON objects. A row of a CSV file becomes an object of its columns, times as ISO 8601 in UTC; a line of a
 * JSONL file goes on as it is, but for the series and the moved time of later rounds.
 */
export class JsonEncoder implements RowEncoder {
  bytes: Uint8Array = new Uint8Array(4096);
  fault = '';
  readonly #columns: readonly InputColumn[];
  /** `"name":` of each column. */
  readonly #labels: readonly Uint8Array[];
  readonly #labelBytes: number;
  readonly #seriesLabel: Uint8Array | null;
  readonly #iso = new IsoText();
  readonly #encoder = new TextEncoder();

  /** `seriesField` is the name of the added member with the series; null adds none. */
  constructor(columns: readonly InputColumn[], seriesField: string | null) {
    this.#columns = columns;
    this.#labels = columns.map((column) => label(column.name));
    this.#labelBytes = this.#labels.reduce((sum, each) => sum + each.length + FIELD_BYTES_MAX, 64);
    this.#seriesLabel = seriesField === null ? null : label(seriesField);
  }

  encode(chunk: RowChunk, row: number, file: EncodedFile, shiftMs: number): number {
    const rowBytes = chunk.rowEnd[row]! - chunk.rowStart[row]! + file.seriesJson.length;
    const size = this.#labelBytes + rowBytes * ESCAPE_FACTOR;
    if (size > this.bytes.length) this.bytes = new Uint8Array(size * 2);
    return chunk.dialect === 'jsonl'
      ? this.#passLine(chunk, row, file, shiftMs)
      : this.#buildObject(chunk, row, file, shiftMs);
  }

  #passLine(chunk: RowChunk, row: number, file: EncodedFile, shiftMs: number): number {
    const from = chunk.rowStart[row]!;
    const last = chunk.rowEnd[row]! - 1;
    let at = 0;
    let next = from;
    if (shiftMs !== 0 && file.timeColumn >= 0) {
      const index = row * chunk.columns + file.timeColumn;
      const quote = (chunk.fieldFlags[index]! & QUOTED) === 0 ? 0 : 1;
      at = this.#copy(at, chunk.bytes, from, chunk.fieldStart[index]! - quote);
      at = this.#time(at, chunk.times[row]! + shiftMs);
      next = chunk.fieldEnd[index]! + quote;
    }
    at = this.#copy(at, chunk.bytes, next, last);
    if (this.#seriesLabel !== null) {
      while (this.bytes[at - 1]! <= 32) at--;
      if (this.bytes[at - 1] !== OPEN_BRACE) this.bytes[at++] = COMMA;
      at = this.#series(at, file);
    }
    this.bytes[at++] = CLOSE_BRACE;
    return at;
  }

  #buildObject(chunk: RowChunk, row: number, file: EncodedFile, shiftMs: number): number {
    const target = this.bytes;
    let at = 0;
    target[at++] = OPEN_BRACE;
    for (let c = 0; c < this.#columns.length; c++) {
      const column = file.columns.indexes[c]!;
      if (column < 0) continue;
      if (at > 1) target[at++] = COMMA;
      at = this.#copy(at, this.#labels[c]!, 0, this.#labels[c]!.length);
      if (column === file.timeColumn) at = this.#time(at, chunk.times[row]! + shiftMs);
      else at = this.#value(at, c, chunk, row, column, file);
      if (at < 0) return -1;
    }
    if (this.#seriesLabel !== null) {
      if (at > 1) target[at++] = COMMA;
      at = this.#series(at, file);
    }
    target[at++] = CLOSE_BRACE;
    return at;
  }

  #value(at: number, c: number, chunk: RowChunk, row: number, column: number, file: EncodedFile): number {
    const { type, name } = this.#columns[c]!;
    const index = row * chunk.columns + column;
    const { bytes } = chunk;
    const start = chunk.fieldStart[index]!;
    const end = chunk.fieldEnd[index]!;
    if (start < 0 || (type !== 'string' && isMissing(bytes, start, end))) return this.#copy(at, NULL, 0, NULL.length);
    if (type === 'string') return this.#string(at, chunk, row, column, start, end);
    if (type === 'boolean') {
      const word = utf8Text(bytes, start, end).toLowerCase();
      if (word === 'true' || word === 'false') return this.#text(at, word);
    } else if (type === 'time') {
      const format = file.columns.formats[c];
      const time = format === null || format === undefined ? Number.NaN : parseTime(format, bytes, start, end);
      if (!Number.isNaN(time)) return this.#time(at, time);
    } else {
      const value = parseDecimal(bytes, start, end);
      // .5, 5. and +5 are numbers in CSV and none in JSON; digits beyond a double are kept.
      if (!Number.isNaN(value))
        return isJsonNumber(bytes, start, end) ? this.#copy(at, bytes, start, end) : this.#text(at, String(value));
    }
    this.fault = `${name} is ${shown(bytes, start, end)}, which is no ${type === 'long' || type === 'double' ? 'number' : type}`;
    return -1;
  }

  #string(start: number, chunk: RowChunk, row: number, column: number, from: number, to: number): number {
    const { bytes } = chunk;
    for (let i = from; i < to; i++) {
      const code = bytes[i]!;
      if (code < 32 || code === QUOTE || code === BACKSLASH)
        return this.#text(start, JSON.stringify(chunk.text(row, column)));
    }
    let at = start;
    this.bytes[at++] = QUOTE;
    at = this.#copy(at, bytes, from, to);
    this.bytes[at++] = QUOTE;
    return at;
  }

  #series(start: number, file: EncodedFile): number {
    const at = this.#copy(start, this.#seriesLabel!, 0, this.#seriesLabel!.length);
    return this.#copy(at, file.seriesJson, 0, file.seriesJson.length);
  }

  #time(start: number, timeMs: number): number {
    let at = start;
    this.bytes[at++] = QUOTE;
    at = this.#iso.write(this.bytes, at, timeMs);
    this.bytes[at++] = QUOTE;
    return at;
  }

  #text(at: number, text: string): number {
    return at + this.#encoder.encodeInto(text, this.bytes.subarray(at)).written;
  }

  #copy(start: number, from: Uint8Array, fromStart: number, fromEnd: number): number {
    const target = this.bytes;
    const length = fromEnd - fromStart;
    if (length > 64) target.set(from.subarray(fromStart, fromEnd), start);
    else for (let i = 0; i < length; i++) target[start + i] = from[fromStart + i]!;
    return start + length;
  }
}

function label(name: string): Uint8Array {
  return Buffer.from(`${JSON.stringify(name)}:`);
}

/** A number as JSON spells it, exponents aside: digits, at most one point with digits on both sides, no leading zero. */
function isJsonNumber(bytes: Uint8Array, start: number, end: number): boolean {
  let i = bytes[start] === MINUS ? start + 1 : start;
  if (bytes[i] === ZERO && i + 1 < end && bytes[i + 1] !== POINT) return false;
  let digitsBefore = false;
  for (; i < end; i++) {
    const code = bytes[i]!;
    if (code === POINT && digitsBefore && i + 1 < end) continue;
    if (code < ZERO || code > ZERO + 9) return false;
    digitsBefore = true;
  }
  return digitsBefore;
}

const NULL = Buffer.from('null');
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
