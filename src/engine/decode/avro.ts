import type { ColumnBatch } from '../batch.ts';
import { compileProgram } from './avroCompiler.ts';
import { type AvroProgram, OP, STRIDE, TIME_RULES } from './avroProgram.ts';
import {
  readBoolean,
  readDouble,
  readFloat,
  readInt,
  readLong,
  skipBytes,
  skipFixed,
  skipVarint,
  unscaledDecimal,
} from './avroScalars.ts';
import { POWERS_OF_TEN, parseDecimal } from './decimal.ts';
import { KeyText } from './keyText.ts';
import type { ColumnReader, DecodedColumns, SourceNeeds, TimeUnit } from './reader.ts';
import { REASON } from './reasons.ts';
import { DAY_MS, timeOfNumber, timeOfText } from './times.ts';

/** Deeper values are rejected: a forged record must not exhaust the stack. */
const DEPTH_MAX = 200;

/**
 * Compiles a reader of just the needed parts of values written with `schema` (parsed JSON); the rest is stepped over.
 *
 * Numbers: int, long (rounded beyond 2^53), float, double, boolean as 0 or 1, enum as the index of its symbol, decimal
 * of bytes or fixed, and text that is a decimal number. Null, NaN and infinities are NaN. Unions are read by branch;
 * a branch that is no number rejects the record. A field that the schema lacks is NaN everywhere and listed in
 * `missing`. Times: see timeRule in avroCompiler.ts. Keys: string, bytes, fixed, enum symbols, int and long as text.
 * Unsupported, with the reason: a needed value inside an array or map, or of a type that cannot serve.
 * Source: Apache Avro 1.11 specification, "Binary Encoding".
 */
export function compileAvro(schema: unknown, needs: SourceNeeds): AvroReader | { readonly unsupported: string } {
  const program = compileProgram(schema, needs);
  return 'unsupported' in program ? program : new AvroReader(program, needs.fields.length);
}

/** Runs a program over the records of a batch: one switch, no object and no call through a pointer per value. */
export class AvroReader implements ColumnReader {
  /** Field paths that the schema does not have. */
  readonly missing: readonly string[];
  readonly #program: AvroProgram;
  readonly #code: Int32Array;
  readonly #fieldCount: number;
  readonly #keyText = new KeyText();
  #columns: Float64Array[] = [];
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(program: AvroProgram, fieldCount: number) {
    this.#program = program;
    this.#code = program.code;
    this.#fieldCount = fieldCount;
    this.missing = program.missing;
  }

  read(batch: ColumnBatch, from: number, to: number, headerBytes: number, out: DecodedColumns): void {
    const { bytes, valueStart, valueEnd } = batch;
    this.#bytes = bytes;
    this.#keyText.clear();
    for (let f = 0; f < this.#fieldCount; f++) this.#columns[f] = batch.fields[f]!;
    this.#columns[this.#fieldCount] = batch.eventTimes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = from; i < to; i++) {
      out.keyStart[i] = -1;
      const end = valueEnd[i]!;
      const pos = this.#run(view, valueStart[i]! + headerBytes, end, i, out);
      out.reasons[i] = pos === end ? REASON.none : pos < 0 ? -pos : REASON.trailingBytes;
    }
    out.keyBytes = this.#program.keyIsMade ? this.#keyText.bytes : bytes;
  }

  /** Reads record i from `pos`; gives the position after it, or minus a REASON code. */
  #run(view: DataView, start: number, end: number, i: number, out: DecodedColumns): number {
    const code = this.#code;
    const columns = this.#columns;
    const bytes = this.#bytes;
    let pos = start;
    let mark = start;
    let pc = 0;
    while (pos >= 0) {
      const a = code[pc + 1]!;
      const op = code[pc]!;
      pc += STRIDE;
      switch (op) {
        case OP.end:
          return pos;
        case OP.skipFixed:
          pos = skipFixed(pos, end, a);
          break;
        case OP.skipInt:
          pos = skipVarint(bytes, pos, end, 5);
          break;
        case OP.skipLong:
          pos = skipVarint(bytes, pos, end, 10);
          break;
        case OP.skipBytes:
          pos = skipBytes(bytes, pos, end);
          break;
        case OP.readLong:
          pos = readLong(bytes, pos, end, columns[a]!, i);
          break;
        case OP.readDouble:
          pos = readDouble(view, pos, end, columns[a]!, i);
          break;
        case OP.keyBytes:
          pos = this.#readKey(pos, end, i, out);
          break;
        case OP.union:
          pos = readLong(bytes, pos, end, BRANCH, 0);
          pc = this.#branch(pc, BRANCH[0]!);
          if (pc < 0 && pos >= 0) return pc;
          break;
        case OP.jump:
          pc = a;
          break;
        case OP.setNull:
          columns[a]![i] = Number.NaN;
          break;
        case OP.mark:
          mark = pos;
          break;
        case OP.rewind:
          pos = mark;
          break;
        case OP.skipSub:
          pos = this.#skip(a, pos, end, 0);
          break;
        default:
          pos = this.#runRare(pc - STRIDE, view, pos, end, i, out);
      }
    }
    return pos;
  }

  /** Address of a union's branch; `after` is the address after the union's instruction. */
  #branch(after: number, index: number): number {
    const count = this.#code[after - 1]!;
    return index >= 0 && index < count ? this.#code[after + index]! : -REASON.badUnion;
  }

  #runRare(pc: number, view: DataView, pos: number, end: number, i: number, out: DecodedColumns): number {
    const a = this.#code[pc + 1]!;
    const b = this.#code[pc + 2]!;
    const bytes = this.#bytes;
    switch (this.#code[pc]) {
      case OP.readInt:
        return readInt(bytes, pos, end, this.#columns[a]!, i);
      case OP.readFloat:
        return readFloat(view, pos, end, this.#columns[a]!, i);
      case OP.readBoolean:
        return readBoolean(bytes, pos, end, this.#columns[a]!, i);
      case OP.readEnum: {
        const next = readInt(bytes, pos, end, this.#columns[a]!, i);
        const index = this.#columns[a]![i]!;
        return next < 0 || (index >= 0 && index < b) ? next : -REASON.badEnum;
      }
      case OP.readText:
        return this.#readText(pos, end, a, i);
      case OP.readDecimal: {
        const next = skipBytes(bytes, pos, end);
        if (next >= 0) this.#setDecimal(contentStart(bytes, pos, next), next, a, b, i);
        return next;
      }
      case OP.readDecimalFixed: {
        // The skipFixed that follows moves the position; its operand is the size.
        const next = skipFixed(pos, end, this.#code[pc + STRIDE + 1]!);
        if (next < 0) return next;
        this.#setDecimal(pos, next, a, b, i);
        return pos;
      }
      case OP.timeNumber:
        this.#setTime(a, i);
        return pos;
      case OP.timeText: {
        const next = skipBytes(bytes, pos, end);
        const column = this.#columns[this.#fieldCount]!;
        if (next >= 0) column[i] = timeOfText(bytes, contentStart(bytes, pos, next), next, unitOf(a));
        return next;
      }
      case OP.keyFixed:
        return this.#setKey(pos, skipFixed(pos, end, a), i, out);
      case OP.keyEnum:
        return this.#readKeyEnum(pos, end, a, i, out);
      case OP.keyNumber: {
        out.keyStart[i] = this.#keyText.length;
        const next = this.#keyText.appendVarint(bytes, pos, end, a);
        out.keyEnd[i] = this.#keyText.length;
        return next;
      }
      default:
        return -a;
    }
  }

  #readKey(pos: number, end: number, i: number, out: DecodedColumns): number {
    const next = skipBytes(this.#bytes, pos, end);
    return next < 0 ? next : this.#setKey(contentStart(this.#bytes, pos, next), next, i, out);
  }

  #setKey(start: number, end: number, i: number, out: DecodedColumns): number {
    if (end < 0) return end;
    if (this.#program.keyIsMade) {
      out.keyStart[i] = this.#keyText.length;
      this.#keyText.append(this.#bytes, start, end);
      out.keyEnd[i] = this.#keyText.length;
    } else {
      out.keyStart[i] = start;
      out.keyEnd[i] = end;
    }
    return end;
  }

  #readKeyEnum(pos: number, end: number, table: number, i: number, out: DecodedColumns): number {
    const next = readInt(this.#bytes, pos, end, BRANCH, 0);
    if (next < 0) return next;
    const symbol = this.#program.symbols[table]![BRANCH[0]!];
    if (symbol === undefined) return -REASON.badEnum;
    out.keyStart[i] = this.#keyText.length;
    this.#keyText.append(symbol, 0, symbol.length);
    out.keyEnd[i] = this.#keyText.length;
    return next;
  }

  /** A number written as text; the empty text is null. */
  #readText(pos: number, end: number, column: number, i: number): number {
    const next = skipBytes(this.#bytes, pos, end);
    if (next < 0) return next;
    const start = contentStart(this.#bytes, pos, next);
    const value = parseDecimal(this.#bytes, start, next);
    this.#columns[column]![i] = value;
    return Number.isNaN(value) && start < next ? -REASON.noNumber : next;
  }

  #setDecimal(start: number, end: number, column: number, scale: number, i: number): void {
    const power = POWERS_OF_TEN[scale] ?? Number(`1e${scale}`);
    this.#columns[column]![i] = unscaledDecimal(this.#bytes, start, end) / power;
  }

  #setTime(rule: number, i: number): void {
    const times = this.#columns[this.#fieldCount]!;
    times[i] = TIME_RULES[rule] === 'days' ? times[i]! * DAY_MS : timeOfNumber(times[i]!, unitOf(rule));
  }

  /** Steps over a value by a subprogram; gives the position after it, or minus a REASON code. */
  #skip(address: number, start: number, end: number, depth: number): number {
    if (depth > DEPTH_MAX) return -REASON.tooDeep;
    const code = this.#code;
    const bytes = this.#bytes;
    let pos = start;
    let pc = address;
    while (pos >= 0) {
      const op = code[pc]!;
      const a = code[pc + 1]!;
      const b = code[pc + 2]!;
      pc += STRIDE;
      switch (op) {
        case OP.end:
          return pos;
        case OP.skipFixed:
          pos = skipFixed(pos, end, a);
          break;
        case OP.skipInt:
        case OP.skipLong:
          pos = skipVarint(bytes, pos, end, op === OP.skipInt ? 5 : 10);
          break;
        case OP.skipBytes:
          pos = skipBytes(bytes, pos, end);
          break;
        case OP.skipSub:
          pos = this.#skip(a, pos, end, depth + 1);
          break;
        case OP.skipArray:
        case OP.skipMap:
          pos = this.#skipBlocks(op === OP.skipMap, a, b, pos, end, depth + 1);
          break;
        case OP.union:
          pos = readLong(bytes, pos, end, BRANCH, 0);
          pc = this.#branch(pc, BRANCH[0]!);
          if (pc < 0 && pos >= 0) return pc;
          break;
        default: // jump
          pc = a;
      }
    }
    return pos;
  }

  /** Blocks of an array or map: a count of items; a negative one is followed by the block's size in bytes; 0 ends. */
  #skipBlocks(keyed: boolean, size: number, item: number, start: number, end: number, depth: number): number {
    let pos = start;
    for (;;) {
      pos = readLong(this.#bytes, pos, end, BRANCH, 0);
      if (pos < 0) return pos;
      const count = BRANCH[0]!;
      if (count === 0) return pos;
      if (count < 0) pos = skipBytes(this.#bytes, pos, end);
      else if (!keyed && size >= 0) pos = count * size <= end - pos ? pos + count * size : -REASON.badLength;
      else {
        // Each item takes a byte or more, so the end of the value bounds the loop whatever the count says.
        for (let k = 0; k < count && pos >= 0; k++) {
          if (keyed) pos = skipBytes(this.#bytes, pos, end);
          if (pos >= 0) pos = size >= 0 ? skipFixed(pos, end, size) : this.#skip(item, pos, end, depth);
        }
      }
      if (pos < 0) return pos;
    }
  }
}

/** Where the content of a string or bytes at `pos` begins, after it was found to end at `next`. */
function contentStart(bytes: Uint8Array, pos: number, next: number): number {
  return bytes[pos]! < 0x80 ? pos + 1 : skipVarint(bytes, pos, next, 10);
}

function unitOf(rule: number): TimeUnit | undefined {
  const name = TIME_RULES[rule]!;
  return name === 'auto' || name === 'days' ? undefined : name;
}

const BRANCH = new Float64Array(1);
