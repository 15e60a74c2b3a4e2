import { contentStart } from './avroColumns.ts';
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
import { skipValue, unionBranch } from './avroSkip.ts';
import { POWERS_OF_TEN, parseDecimal } from './decimal.ts';
import { KeyText } from './keyText.ts';
import { DecodedColumns } from './reader.ts';
import { REASON } from './reasons.ts';
import { timeOfNumber, timeOfText } from './times.ts';

/** Runs instructions record by record: those whose way differs between records, and the rare ones. */
export class RecordInterpreter {
  /** Keys that were copied or made as text. */
  readonly keyText = new KeyText();
  readonly #code: Int32Array;
  readonly #symbols: AvroProgram['symbols'];
  readonly #timeColumn: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #columns: readonly Float64Array[] = [];
  #out = new DecodedColumns();

  constructor(program: AvroProgram, timeColumn: number) {
    this.#code = program.code;
    this.#symbols = program.symbols;
    this.#timeColumn = timeColumn;
  }

  /** Before the records of another batch. */
  begin(bytes: Uint8Array, view: DataView, columns: readonly Float64Array[], out: DecodedColumns): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#columns = columns;
    this.#out = out;
    this.keyText.clear();
  }

  /** Runs the instructions from address `first` to before `after` for each record. */
  runColumn(first: number, after: number, positions: Int32Array, ends: Int32Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const pos = positions[i]!;
      if (pos >= 0) positions[i] = this.#run(first, after, pos, ends[i]!, i);
    }
  }

  #run(first: number, after: number, start: number, end: number, i: number): number {
    const code = this.#code;
    let pos = start;
    let mark = start;
    let pc = first;
    while (pos >= 0 && pc !== after) {
      const at = pc;
      const a = code[pc + 1]!;
      pc += STRIDE;
      switch (code[at]!) {
        case OP.union: {
          const branch = unionBranch(this.#bytes, pos, end, code, at);
          if (branch < 0) return branch;
          pc = branch;
          pos = skipVarint(this.#bytes, pos, end, 10);
          break;
        }
        case OP.jump:
          pc = a;
          break;
        case OP.mark:
          mark = pos;
          break;
        case OP.rewind:
          pos = mark;
          break;
        case OP.each:
          // Already record by record.
          break;
        case OP.reject:
          return -a;
        case OP.skipFixed:
        case OP.skipInt:
        case OP.skipLong:
        case OP.skipBytes:
        case OP.skipSub:
          pos = skipValue(this.#bytes, pos, end, code, at, at + STRIDE, 0);
          break;
        default:
          pos = this.#read(at, pos, end, i);
      }
    }
    return pos;
  }

  /** One instruction that reads: a number, a time or a key. */
  #read(at: number, pos: number, end: number, i: number): number {
    const op = this.#code[at]!;
    const a = this.#code[at + 1]!;
    switch (op) {
      case OP.readInt:
        return readInt(this.#bytes, pos, end, this.#columns[a]!, i);
      case OP.readLong:
        return readLong(this.#bytes, pos, end, this.#columns[a]!, i);
      case OP.readFloat:
        return readFloat(this.#view, pos, end, this.#columns[a]!, i);
      case OP.readDouble:
        return readDouble(this.#view, pos, end, this.#columns[a]!, i);
      case OP.readBoolean:
        return readBoolean(this.#bytes, pos, end, this.#columns[a]!, i);
      case OP.setNull:
        this.#columns[a]![i] = Number.NaN;
        return pos;
      case OP.readEnum:
      case OP.readText:
      case OP.readDecimal:
      case OP.readDecimalFixed:
        return this.#readRareNumber(at, pos, end, i);
      case OP.timeNumber:
      case OP.timeText:
        return this.#readTime(op, a, pos, end, i);
      default:
        return this.#readKey(op, a, pos, end, i);
    }
  }

  #readRareNumber(at: number, pos: number, end: number, i: number): number {
    const bytes = this.#bytes;
    const column = this.#columns[this.#code[at + 1]!]!;
    const b = this.#code[at + 2]!;
    switch (this.#code[at]) {
      case OP.readEnum: {
        const next = readInt(bytes, pos, end, column, i);
        return next < 0 || (column[i]! >= 0 && column[i]! < b) ? next : -REASON.badEnum;
      }
      case OP.readText: {
        const next = skipBytes(bytes, pos, end);
        if (next < 0) return next;
        const start = contentStart(bytes, pos, next);
        column[i] = parseDecimal(bytes, start, next);
        return Number.isNaN(column[i]) && start < next ? -REASON.noNumber : next;
      }
      case OP.readDecimal: {
        const next = skipBytes(bytes, pos, end);
        if (next >= 0) column[i] = unscaledDecimal(bytes, contentStart(bytes, pos, next), next) / powerOfTen(b);
        return next;
      }
      default: {
        // The skipFixed that follows moves the position; its operand is the size.
        const next = skipFixed(pos, end, this.#code[at + STRIDE + 1]!);
        if (next < 0) return next;
        column[i] = unscaledDecimal(bytes, pos, next) / powerOfTen(b);
        return pos;
      }
    }
  }

  #readTime(op: number, rule: number, pos: number, end: number, i: number): number {
    const times = this.#columns[this.#timeColumn]!;
    if (op === OP.timeNumber) {
      times[i] = timeOfNumber(times[i]!, TIME_RULES[rule]);
      return pos;
    }
    const next = skipBytes(this.#bytes, pos, end);
    if (next >= 0) times[i] = timeOfText(this.#bytes, contentStart(this.#bytes, pos, next), next, TIME_RULES[rule]);
    return next;
  }

  #readKey(op: number, a: number, pos: number, end: number, i: number): number {
    const bytes = this.#bytes;
    const { keyStart, keyEnd } = this.#out;
    const text = this.keyText;
    const made = text.length;
    let next = pos;
    if (op === OP.keyBytes || op === OP.keyCopy) {
      next = skipBytes(bytes, pos, end);
      if (next < 0) return next;
      const start = contentStart(bytes, pos, next);
      if (op === OP.keyBytes) {
        keyStart[i] = start;
        keyEnd[i] = next;
        return next;
      }
      text.append(bytes, start, next);
    } else if (op === OP.keyFixed) {
      next = skipFixed(pos, end, a);
      if (next >= 0) text.append(bytes, pos, next);
    } else if (op === OP.keyNumber) next = text.appendVarint(bytes, pos, end, a);
    else {
      next = readInt(bytes, pos, end, NUMBER, 0);
      const symbol = this.#symbols[a]![NUMBER[0]!];
      if (next >= 0 && symbol === undefined) return -REASON.badEnum;
      if (symbol !== undefined) text.append(symbol, 0, symbol.length);
    }
    keyStart[i] = made;
    keyEnd[i] = text.length;
    return next;
  }
}

function powerOfTen(scale: number): number {
  return POWERS_OF_TEN[scale] ?? Number(`1e${scale}`);
}

const NUMBER = new Float64Array(1);
