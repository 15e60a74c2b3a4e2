import { CodeWriter } from './avroCode.ts';
import { type AvroProgram, OP, TIME_RULES, type TimeRule } from './avroProgram.ts';
import { type AvroRecord, type AvroType, resolveAvro } from './avroTypes.ts';
import type { SourceNeeds } from './reader.ts';
import { REASON } from './reasons.ts';

/** A time of day is no point in time. */
const LOGICAL_TIMES = new Map<string, TimeRule | null>([
  ['timestamp-millis', 'ms'],
  ['timestamp-micros', 'us'],
  ['timestamp-nanos', 'ns'],
  ['local-timestamp-millis', 'ms'],
  ['local-timestamp-micros', 'us'],
  ['local-timestamp-nanos', 'ns'],
  ['date', 'days'],
  ['time-millis', null],
  ['time-micros', null],
]);

/** One needed value: where it is below the present type, and what it is for. */
interface Use {
  readonly path: string;
  readonly rest: readonly string[];
  readonly target: 'key' | 'time' | number;
}

/** Thrown inside the compiler for a shape that the reader does not cover. */
class Unsupported {
  readonly reason: string;
  /** The key or the time is not in the schema at all, so that decoding to objects would not help. */
  readonly isLacking: boolean;

  constructor(reason: string, isLacking = false) {
    this.reason = reason;
    this.isLacking = isLacking;
  }
}

/** Why a schema is not read by a compiled program. */
export interface NotCompiled {
  readonly unsupported: string;
  readonly isLacking: boolean;
}

/** Compiles a writer schema for the needs, or says why the caller has to decode to objects. */
export function compileProgram(schema: unknown, needs: SourceNeeds): AvroProgram | NotCompiled {
  const type = resolveAvro(schema);
  try {
    return new Compiler(needs).compile(type);
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: error.reason, isLacking: error.isLacking };
    throw error;
  }
}

class Compiler {
  readonly #needs: SourceNeeds;
  readonly #code = new CodeWriter();
  readonly #symbols: Uint8Array[][] = [];
  readonly #found = new Set<string>();
  readonly #keyBytes: number[] = [];
  #keyIsMade = false;

  constructor(needs: SourceNeeds) {
    this.#needs = needs;
  }

  compile(type: AvroType): AvroProgram {
    const { key, time, fields } = this.#needs;
    const uses: Use[] = fields.map((path, column) => ({ path, rest: path.split('.'), target: column }));
    if (time !== undefined) uses.push({ path: time, rest: time.split('.'), target: 'time' });
    if (key !== undefined) uses.push({ path: key, rest: key.split('.'), target: 'key' });
    this.#read(type, uses, false);
    this.#code.emit(OP.end);
    if (this.#keyIsMade) for (const at of this.#keyBytes) this.#code.replace(at, OP.keyCopy);
    for (const need of [key, time]) {
      if (need !== undefined && !this.#found.has(need)) throw new Unsupported(`the schema has no field ${need}`, true);
    }
    return {
      code: this.#code.finish(),
      symbols: this.#symbols,
      keyIsMade: this.#keyIsMade,
      missing: fields.filter((path) => !this.#found.has(path)),
    };
  }

  /** Reads the uses at or below a type. In a union's branch a value of another shape is a matter of the record. */
  #read(type: AvroType, uses: readonly Use[], inBranch: boolean): void {
    if (uses.length === 0) this.#code.skip(type);
    else if (type.kind === 'union') this.#readUnion(type.branches, uses);
    else if (type.kind === 'null') for (const use of uses) this.#setNull(use, true);
    else if (type.kind === 'record') this.#readRecord(type, uses, inBranch);
    else if (type.kind === 'array' || type.kind === 'map')
      this.#refuse(type, uses[0]!, type.kind === 'map' ? 'in a map' : 'in an array', inBranch);
    else this.#readLeaf(type, uses, inBranch);
  }

  #readUnion(branches: readonly AvroType[], uses: readonly Use[]): void {
    const use = uses[0]!;
    const nullAt = branches.findIndex((branch) => branch.kind === 'null');
    const isNullableDouble = branches.length === 2 && nullAt >= 0 && branches[1 - nullAt]!.kind === 'double';
    if (
      isNullableDouble &&
      !this.#code.inEach &&
      uses.length === 1 &&
      use.rest.length === 0 &&
      typeof use.target === 'number'
    ) {
      this.#found.add(use.path);
      this.#code.emit(OP.readNullableDouble, use.target, nullAt * 2);
      return;
    }
    this.#code.each(() => this.#code.union(branches, (branch) => this.#read(branch, uses, true)));
  }

  #readRecord(type: AvroRecord, uses: readonly Use[], inBranch: boolean): void {
    const whole = uses.find((use) => use.rest.length === 0);
    if (whole !== undefined) {
      this.#refuse(type, whole, 'a record', inBranch);
      return;
    }
    for (const use of uses) {
      if (!type.fields.some((field) => field.name === use.rest[0])) this.#setNull(use, false);
    }
    for (const field of type.fields) {
      const inField = uses.filter((use) => use.rest[0] === field.name);
      this.#read(
        field.type,
        inField.map((use) => ({ ...use, rest: use.rest.slice(1) })),
        inBranch,
      );
    }
  }

  #readLeaf(type: AvroType, uses: readonly Use[], inBranch: boolean): void {
    const deeper = uses.filter((use) => use.rest.length > 0);
    for (const use of deeper) {
      if (!inBranch) throw new Unsupported(`${use.path} is below a field of type ${type.kind}`);
      this.#setNull(use, false);
    }
    const here = uses.filter((use) => use.rest.length === 0);
    if (here.length === 0) this.#code.skip(type);
    else if (here.length === 1) this.#readUse(type, here[0]!, inBranch);
    else this.#code.each(() => this.#readAgain(type, here, inBranch));
  }

  /** A value that is needed more than once is read more than once. */
  #readAgain(type: AvroType, uses: readonly Use[], inBranch: boolean): void {
    uses.forEach((use, k) => {
      const again = k < uses.length - 1;
      if (again) this.#code.emit(OP.mark);
      this.#readUse(type, use, inBranch);
      if (again) this.#code.emit(OP.rewind);
    });
  }

  #readUse(type: AvroType, use: Use, inBranch: boolean): void {
    this.#found.add(use.path);
    let done: boolean;
    if (use.target === 'key') done = this.#readKey(type);
    else if (use.target === 'time') done = this.#readTime(type);
    else done = this.#readNumber(type, use.target);
    if (!done) this.#refuse(type, use, `of type ${describe(type)}`, inBranch);
  }

  #readNumber(type: AvroType, column: number): boolean {
    switch (type.kind) {
      case 'boolean':
        this.#code.emit(OP.readBoolean, column);
        return true;
      case 'int':
        this.#code.emit(OP.readInt, column);
        return true;
      case 'long':
        this.#code.emit(OP.readLong, column);
        return true;
      case 'float':
        this.#code.emit(OP.readFloat, column);
        return true;
      case 'double':
        this.#code.emit(OP.readDouble, column);
        return true;
      case 'string':
        this.#code.emit(OP.readText, column);
        return true;
      case 'enum':
        this.#code.emit(OP.readEnum, column, type.symbols.length);
        return true;
      case 'bytes':
        if (type.logical === 'decimal') this.#code.emit(OP.readDecimal, column, type.scale);
        return type.logical === 'decimal';
      case 'fixed':
        if (type.logical !== 'decimal') return false;
        this.#code.emit(OP.readDecimalFixed, column, type.scale);
        this.#code.emit(OP.skipFixed, type.size);
        return true;
      default:
        return false;
    }
  }

  #readTime(type: AvroType): boolean {
    const column = this.#needs.fields.length;
    const rule = timeRule(type, this.#needs.timeUnit);
    if (rule === null) return false;
    if (type.kind === 'string') {
      this.#code.emit(OP.timeText, TIME_RULES.indexOf(rule));
      return true;
    }
    this.#readNumber(type, column);
    if (rule !== 'ms') this.#code.emit(OP.timeNumber, TIME_RULES.indexOf(rule));
    return true;
  }

  #readKey(type: AvroType): boolean {
    switch (type.kind) {
      case 'string':
      case 'bytes':
        this.#keyBytes.push(this.#code.emit(OP.keyBytes));
        return true;
      case 'fixed':
        this.#keyIsMade = true;
        this.#code.emit(OP.keyFixed, type.size);
        return true;
      case 'enum':
        this.#keyIsMade = true;
        this.#code.emit(OP.keyEnum, this.#symbols.length);
        this.#symbols.push(type.symbols.map((symbol) => new TextEncoder().encode(symbol)));
        return true;
      case 'int':
      case 'long':
        this.#keyIsMade = true;
        this.#code.emit(OP.keyNumber, type.kind === 'int' ? 5 : 10);
        return true;
      default:
        return false;
    }
  }

  #refuse(type: AvroType, use: Use, shape: string, inBranch: boolean): void {
    // A branch with the value deeper inside can only be read by the fallback; any other rejects its records.
    const isAround = (type.kind === 'array' || type.kind === 'map') && use.rest.length > 0;
    if (!inBranch || isAround) throw new Unsupported(`${use.path} is ${shape}`);
    this.#code.emit(
      OP.reject,
      use.target === 'key' ? REASON.noKey : use.target === 'time' ? REASON.noTime : REASON.noNumber,
    );
  }

  #setNull(use: Use, found: boolean): void {
    if (found && use.rest.length === 0) this.#found.add(use.path);
    if (use.target === 'key') return;
    this.#code.emit(OP.setNull, use.target === 'time' ? this.#needs.fields.length : use.target);
  }
}

/** How a type's number is a time: undefined by magnitude, null where it cannot be one. */
function timeRule(type: AvroType, unit: SourceNeeds['timeUnit']): TimeRule | null {
  switch (type.kind) {
    case 'string':
    case 'float':
    case 'double':
      return unit;
    case 'int':
    case 'long':
      // Other logical types are read as the plain number, as the specification asks.
      return LOGICAL_TIMES.has(type.logical ?? '') ? LOGICAL_TIMES.get(type.logical!) : unit;
    default:
      return null;
  }
}

function describe(type: AvroType): string {
  const logical = 'logical' in type && type.logical !== undefined ? ` (${type.logical})` : '';
  return type.kind + logical;
}
