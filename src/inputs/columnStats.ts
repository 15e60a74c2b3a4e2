import { QUOTED, type RowChunk } from './rowChunk.ts';
import { asciiText, isIntegerText, isRounded, parseDecimal } from './text/numbers.ts';
import { parseIsoTime } from './time/time.ts';

/** What a column holds. `time` is an instant, spelled as text or as an epoch number. */
export type ColumnType = 'long' | 'double' | 'boolean' | 'string' | 'time';

/** Texts that stand for a missing number in files that other tools wrote. */
const MISSING = new Set(['nan', 'na', 'n/a', 'null', 'none', '-']);
/** A column has a type when so many of its values have it; the rows of the others are bad. Else it is text. */
const TYPE_SHARE_MIN = 0.8;
const LONG_MAX = 2 ** 63;

/** Counts of what a sample of a column looks like. */
export class ColumnStats {
  nulls = 0;
  missing = 0;
  longs = 0;
  doubles = 0;
  booleans = 0;
  times = 0;
  texts = 0;
  /** Digits with a zero in front: 007 is a code and not the number 7. */
  codes = 0;
  /** Whole numbers that a double would round: beyond 64 bits, so that only text holds them, and within. */
  huge = 0;
  rounded = 0;
  /** Largest number by magnitude: tells the unit of epoch numbers. */
  magnitude = 0;
  /** The values in row order: times in ISO as epoch milliseconds, and numbers as they are. */
  readonly instants: number[] = [];
  readonly numbers: number[] = [];

  get rows(): number {
    return (
      this.nulls +
      this.missing +
      this.longs +
      this.doubles +
      this.booleans +
      this.times +
      this.texts +
      this.codes +
      this.huge
    );
  }

  /** Null when the sample holds no value at all. */
  type(): ColumnType | null {
    const { longs, doubles, booleans, times, texts, codes, huge } = this;
    const values = longs + doubles + booleans + times + texts + codes + huge;
    if (values === 0) return this.missing > 0 ? 'string' : null;
    // As a number they would lose digits.
    if (codes > 0 || huge > 0 || (doubles > 0 && this.rounded > 0)) return 'string';
    const enough = values * TYPE_SHARE_MIN;
    if (times >= enough) return 'time';
    if (booleans >= enough) return 'boolean';
    if (longs + doubles < enough) return 'string';
    return doubles > 0 ? 'double' : 'long';
  }

  /** Share of the values that could be times: in ISO, or numbers. */
  timeShare(): number {
    const { longs, doubles, booleans, times, texts, codes } = this;
    const values = longs + doubles + booleans + times + texts + codes;
    return values === 0 ? 0 : Math.max(times, longs + doubles) / values;
  }

  /** Whether a null must be allowed: an empty value, or NaN and the like in a column that holds no text. */
  nullable(type: ColumnType): boolean {
    return this.nulls > 0 || (type !== 'string' && this.missing > 0);
  }

  add(chunk: RowChunk, row: number, column: number): void {
    const index = row * chunk.columns + column;
    const start = chunk.fieldStart[index]!;
    const end = chunk.fieldEnd[index]!;
    const { bytes } = chunk;
    if (start < 0) {
      this.nulls++;
      return;
    }
    const time = parseIsoTime(bytes, start, end);
    if (!Number.isNaN(time)) {
      this.times++;
      this.instants.push(time);
      return;
    }
    // In JSON a number in quotes is a text on purpose; in CSV many programs quote everything.
    const text = (chunk.fieldFlags[index]! & QUOTED) !== 0 && chunk.dialect === 'jsonl';
    const value = text ? Number.NaN : parseDecimal(bytes, start, end);
    if (!Number.isNaN(value)) this.#addNumber(bytes, start, end, value);
    else if (!text && isBoolean(chunk.text(row, column)!)) this.booleans++;
    else if (isMissing(bytes, start, end)) this.missing++;
    else this.texts++;
  }

  #addNumber(bytes: Uint8Array, start: number, end: number, value: number): void {
    this.numbers.push(value);
    this.magnitude = Math.max(this.magnitude, Math.abs(value));
    const whole = isIntegerText(bytes, start, end);
    if (whole && bytes[start] === 48 && end > start + 1) this.codes++;
    else if (!whole) this.doubles++;
    else if (isLong(bytes, start, end, value)) {
      this.longs++;
      if (isRounded(bytes, start, end, value)) this.rounded++;
    } else if (isRounded(bytes, start, end, value)) this.huge++;
    else this.doubles++;
  }
}

/** Whether a field of a column that holds no text stands for null. */
export function isMissing(bytes: Uint8Array, start: number, end: number): boolean {
  if (end <= start) return true;
  return end - start <= 4 && MISSING.has(Buffer.from(bytes.subarray(start, end)).toString('latin1').toLowerCase());
}

function isLong(bytes: Uint8Array, start: number, end: number, value: number): boolean {
  if (Math.abs(value) < LONG_MAX) return true;
  if (Math.abs(value) > LONG_MAX) return false;
  const exact = BigInt(asciiText(bytes, start, end).replace('+', ''));
  return BigInt.asIntN(64, exact) === exact;
}

function isBoolean(text: string): boolean {
  const lower = text.toLowerCase();
  return lower === 'true' || lower === 'false';
}
