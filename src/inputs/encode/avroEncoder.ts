import { writeVarint } from '../../wire/varint.ts';
import { isMissing } from '../columnStats.ts';
import { ESCAPED, type RowChunk, shown } from '../rowChunk.ts';
import { asciiText, isIntegerText, isRounded, parseDecimal } from '../text/numbers.ts';
import { parseTime, type TimeFormat } from '../time/time.ts';
import { NO_COLUMN, type PlannedField, SERIES } from './avroPlan.ts';
import type { EncodedFile, RowEncoder } from './rowEncoder.ts';

const MISMATCH = -1;
/** A field that is no text takes at most this much: a varint of ten bytes and the branch of its union. */
const FIELD_BYTES_MAX = 16;
/** Kinds in which NaN, NA and the like are words and not a missing value. */
const TEXTS = new Set(['string', 'bytes', 'enum']);
const ISO: TimeFormat = { kind: 'iso' };

/**
 * Rows straight from their bytes to Avro, without a value per field: numbers and times are parsed and written, texts
 * are copied. Source: Avro 1.11 specification, "Binary Encoding".
 */
export class AvroEncoder implements RowEncoder {
  bytes: Uint8Array = new Uint8Array(4096);
  fault = '';
  readonly #fields: readonly PlannedField[];
  readonly #headerBytes: number;
  readonly #double = new Float64Array(1);
  readonly #doubleBytes = new Uint8Array(this.#double.buffer);
  readonly #float = new Float32Array(1);
  readonly #floatBytes = new Uint8Array(this.#float.buffer);
  readonly #symbols: readonly (ReadonlyMap<string, number> | null)[];

  /** `header` goes before each value: the wire format's magic byte and schema id. */
  constructor(fields: readonly PlannedField[], header: Uint8Array) {
    this.#fields = fields;
    this.#headerBytes = header.length;
    this.bytes.set(header);
    this.#symbols = fields.map(({ symbols }) =>
      symbols === undefined ? null : new Map(symbols.map((symbol, i) => [symbol, i])),
    );
  }

  encode(chunk: RowChunk, row: number, file: EncodedFile, shiftMs: number): number {
    const fields = this.#fields;
    this.#reserve(
      this.#headerBytes +
        fields.length * FIELD_BYTES_MAX +
        (chunk.rowEnd[row]! - chunk.rowStart[row]!) +
        file.series.length,
    );
    let at = this.#headerBytes;
    for (let f = 0; f < fields.length; f++) {
      const field = fields[f]!;
      if (field.column === SERIES) {
        at = this.#writeBytes(at, file.series, 0, file.series.length);
        continue;
      }
      const column = field.column === NO_COLUMN ? -1 : file.columns.indexes[field.column]!;
      const index = row * chunk.columns + column;
      const start = column < 0 ? -1 : chunk.fieldStart[index]!;
      const end = start < 0 ? -1 : chunk.fieldEnd[index]!;
      if (start < 0 || (!TEXTS.has(field.kind) && isNull(chunk.bytes, start, end))) {
        if (field.nullBranch < 0) return this.#refuse(field, 'is empty, and the schema does not allow null there');
        this.bytes[at++] = field.nullBranch * 2;
        continue;
      }
      if (field.valueBranch >= 0) this.bytes[at++] = field.valueBranch * 2;
      const isEventTime = column === file.timeColumn;
      const time = isEventTime ? chunk.times[row]! + shiftMs : Number.NaN;
      at = this.#writeValue(at, f, chunk, index, time, file.columns.formats[field.column] ?? null);
      if (at < 0) return this.#refuse(field, `is ${shown(chunk.bytes, start, end)}, which is no ${WORDS[field.kind]}`);
    }
    return at;
  }

  /** Writes one value that is not null; MISMATCH when it does not have the field's type. */
  #writeValue(at: number, f: number, chunk: RowChunk, index: number, time: number, format: TimeFormat | null): number {
    const { kind } = this.#fields[f]!;
    const { bytes } = chunk;
    const start = chunk.fieldStart[index]!;
    const end = chunk.fieldEnd[index]!;
    switch (kind) {
      case 'double': {
        const value = parseDecimal(bytes, start, end);
        if (Number.isNaN(value) || isRounded(bytes, start, end, value)) return MISMATCH;
        this.#double[0] = value;
        return this.#copy8(at);
      }
      case 'long':
        return this.#writeLong(at, bytes, start, end);
      case 'int': {
        const value = parseDecimal(bytes, start, end);
        return value === (value | 0) && !isRounded(bytes, start, end, value)
          ? writeVarint(this.bytes, at, value)
          : MISMATCH;
      }
      case 'float': {
        this.#float[0] = parseDecimal(bytes, start, end);
        if (!Number.isFinite(this.#float[0])) return MISMATCH;
        for (let i = 0; i < 4; i++) this.bytes[at + i] = this.#floatBytes[i]!;
        return at + 4;
      }
      case 'boolean':
        return this.#writeBoolean(at, bytes, start, end);
      case 'timeMillis':
      case 'timeMicros': {
        const value = Number.isNaN(time) ? otherTime(kind, format, bytes, start, end) : time;
        if (Number.isNaN(value)) return MISMATCH;
        if (kind === 'timeMicros') return writeVarint(this.bytes, at, Math.round(value * 1000));
        const count = Math.round(value);
        // Finer than the field holds: the first rows showed none such. A double of today has noise below a microsecond.
        return Math.abs(value - count) < HALF_MICROSECOND_MS ? writeVarint(this.bytes, at, count) : MISMATCH;
      }
      case 'enum': {
        const symbol = this.#symbols[f]!.get(chunk.text(Math.floor(index / chunk.columns), index % chunk.columns)!);
        return symbol === undefined ? MISMATCH : writeVarint(this.bytes, at, symbol);
      }
      default: {
        if ((chunk.fieldFlags[index]! & ESCAPED) === 0) return this.#writeBytes(at, bytes, start, end);
        const text = Buffer.from(chunk.text(Math.floor(index / chunk.columns), index % chunk.columns)!);
        return this.#writeBytes(at, text, 0, text.length);
      }
    }
  }

  #writeLong(at: number, bytes: Uint8Array, start: number, end: number): number {
    const value = parseDecimal(bytes, start, end);
    if (Number.isSafeInteger(value) && !isRounded(bytes, start, end, value)) return writeVarint(this.bytes, at, value);
    if (!isIntegerText(bytes, start, end)) return MISMATCH;
    return writeBigLong(this.bytes, at, BigInt(asciiText(bytes, start, end).replace('+', '')));
  }

  #writeBoolean(at: number, bytes: Uint8Array, start: number, end: number): number {
    const text = asciiText(bytes, start, end).toLowerCase();
    const value = text === 'true' || text === '1' ? 1 : text === 'false' || text === '0' ? 0 : MISMATCH;
    if (value < 0) return MISMATCH;
    this.bytes[at] = value;
    return at + 1;
  }

  #writeBytes(start: number, from: Uint8Array, fromStart: number, fromEnd: number): number {
    const at = writeVarint(this.bytes, start, fromEnd - fromStart);
    const target = this.bytes;
    const length = fromEnd - fromStart;
    if (length > 64) target.set(from.subarray(fromStart, fromEnd), at);
    else for (let i = 0; i < length; i++) target[at + i] = from[fromStart + i]!;
    return at + length;
  }

  #copy8(at: number): number {
    const target = this.bytes;
    for (let i = 0; i < 8; i++) target[at + i] = this.#doubleBytes[i]!;
    return at + 8;
  }

  #refuse(field: PlannedField, fault: string): number {
    this.fault = `${field.name} ${fault}`;
    return -1;
  }

  #reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const grown = new Uint8Array(size * 2);
    grown.set(this.bytes.subarray(0, this.#headerBytes));
    this.bytes = grown;
  }
}

/** Zigzag varint of an int64 that a double does not hold; MISMATCH beyond int64. */
function writeBigLong(target: Uint8Array, start: number, value: bigint): number {
  if (BigInt.asIntN(64, value) !== value) return MISMATCH;
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let at = start;
  for (; rest >= 0x80n; rest >>= 7n) target[at++] = Number(rest & 0x7fn) | 0x80;
  target[at++] = Number(rest);
  return at;
}

const HALF_MICROSECOND_MS = 0.0005;

/** A time that is not the row's event time. Without a format of its own, a number is in the unit of the schema. */
function otherTime(
  kind: 'timeMillis' | 'timeMicros',
  format: TimeFormat | null,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  if (format !== null) return parseTime(format, bytes, start, end);
  const iso = parseTime(ISO, bytes, start, end);
  if (!Number.isNaN(iso)) return iso;
  return parseTime({ kind: 'epoch', unit: kind === 'timeMillis' ? 'ms' : 'us' }, bytes, start, end);
}

/** First looks at one byte: nearly every number and time begins with a digit. */
function isNull(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start]!;
  if (end > start && first >= 48 && first <= 57) return false;
  return isMissing(bytes, start, end);
}

const WORDS = {
  long: 'whole number of 64 bits',
  int: 'whole number of 32 bits',
  double: 'number that a double holds',
  float: 'number',
  boolean: 'true or false',
  string: 'text',
  bytes: 'text',
  enum: 'symbol of the enum',
  timeMillis: 'time of whole milliseconds, which the field holds (--sample looks at more rows, --schema gives another)',
  timeMicros: 'time',
} as const;
