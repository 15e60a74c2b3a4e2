import { type AvroProgram, OP, STRIDE, TIME_RULES, type TimeRule } from './avroProgram.ts';
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

const FIXED_SIZES = new Map<AvroType['kind'], number>([
  ['null', 0],
  ['boolean', 1],
  ['float', 4],
  ['double', 8],
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

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Compiles a writer schema for the needs, or says why the caller has to decode to objects. */
export function compileProgram(schema: unknown, needs: SourceNeeds): AvroProgram | { readonly unsupported: string } {
  const type = resolveAvro(schema);
  try {
    return new Compiler(needs).compile(type);
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: error.reason };
    throw error;
  }
}

class Compiler {
  readonly #needs: SourceNeeds;
  readonly #code: number[] = [];
  readonly #symbols: Uint8Array[][] = [];
  readonly #found = new Set<string>();
  /** Subprograms that skip a type: where their address is needed, and the address once they are written. */
  readonly #subs = new Map<AvroType, number[]>();
  readonly #sizes = new Map<AvroType, number>();
  readonly #keyBytes: number[] = [];
  #keyIsMade = false;
  #inEach = false;
  /** Length of the code after a skipFixed that may still grow, or -1. */
  #mergeable = -1;

  constructor(needs: SourceNeeds) {
    this.#needs = needs;
  }

  compile(type: AvroType): AvroProgram {
    const { key, time, fields } = this.#needs;
    const uses: Use[] = fields.map((path, column) => ({ path, rest: path.split('.'), target: column }));
    if (time !== undefined) uses.push({ path: time, rest: time.split('.'), target: 'time' });
    if (key !== undefined) uses.push({ path: key, rest: key.split('.'), target: 'key' });
    this.#read(type, uses, false);
    this.#emit(OP.end);
    this.#emitSubs();
    if (this.#keyIsMade) for (const at of this.#keyBytes) this.#code[at] = OP.keyCopy;
    for (const need of [key, time]) {
      if (need !== undefined && !this.#found.has(need)) throw new Unsupported(`the schema has no field ${need}`);
    }
    return {
      code: Int32Array.from(this.#code),
      symbols: this.#symbols,
      keyIsMade: this.#keyIsMade,
      missing: fields.filter((path) => !this.#found.has(path)),
    };
  }

  /** Reads the uses at or below a type. In a union's branch a value of another shape is a matter of the record. */
  #read(type: AvroType, uses: readonly Use[], inBranch: boolean): void {
    if (uses.length === 0) this.#skip(type);
    else if (type.kind === 'union') this.#readUnion(type.branches, uses);
    else if (type.kind === 'null') for (const use of uses) this.#setNull(use, true);
    else if (type.kind === 'record') this.#readRecord(type, uses, inBranch);
    else if (type.kind === 'array' || type.kind === 'map') this.#refuse(type, uses[0]!, `in a ${type.kind}`, inBranch);
    else this.#readLeaf(type, uses, inBranch);
  }

  #readUnion(branches: readonly AvroType[], uses: readonly Use[]): void {
    const use = uses[0]!;
    const nullAt = branches.findIndex((branch) => branch.kind === 'null');
    const isNullableDouble = branches.length === 2 && nullAt >= 0 && branches[1 - nullAt]!.kind === 'double';
    if (
      isNullableDouble &&
      !this.#inEach &&
      uses.length === 1 &&
      use.rest.length === 0 &&
      typeof use.target === 'number'
    ) {
      this.#found.add(use.path);
      this.#emit(OP.readNullableDouble, use.target, nullAt * 2);
      return;
    }
    this.#each(() => this.#union(branches, (branch) => this.#read(branch, uses, true)));
  }

  /** Writes instructions that run record by record. */
  #each(body: () => void): void {
    if (this.#inEach) {
      body();
      return;
    }
    const at = this.#code.length;
    this.#emit(OP.each);
    this.#inEach = true;
    body();
    this.#inEach = false;
    this.#code[at + 1] = this.#code.length;
    this.#mergeable = -1;
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
    if (here.length === 0) this.#skip(type);
    else if (here.length === 1) this.#readUse(type, here[0]!, inBranch);
    else this.#each(() => this.#readAgain(type, here, inBranch));
  }

  /** A value that is needed more than once is read more than once. */
  #readAgain(type: AvroType, uses: readonly Use[], inBranch: boolean): void {
    uses.forEach((use, k) => {
      const again = k < uses.length - 1;
      if (again) this.#emit(OP.mark);
      this.#readUse(type, use, inBranch);
      if (again) this.#emit(OP.rewind);
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
        this.#emit(OP.readBoolean, column);
        return true;
      case 'int':
        this.#emit(OP.readInt, column);
        return true;
      case 'long':
        this.#emit(OP.readLong, column);
        return true;
      case 'float':
        this.#emit(OP.readFloat, column);
        return true;
      case 'double':
        this.#emit(OP.readDouble, column);
        return true;
      case 'string':
        this.#emit(OP.readText, column);
        return true;
      case 'enum':
        this.#emit(OP.readEnum, column, type.symbols.length);
        return true;
      case 'bytes':
        if (type.logical === 'decimal') this.#emit(OP.readDecimal, column, type.scale);
        return type.logical === 'decimal';
      case 'fixed':
        if (type.logical !== 'decimal') return false;
        this.#emit(OP.readDecimalFixed, column, type.scale);
        this.#emit(OP.skipFixed, type.size);
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
      this.#emit(OP.timeText, TIME_RULES.indexOf(rule));
      return true;
    }
    this.#readNumber(type, column);
    if (rule !== 'ms') this.#emit(OP.timeNumber, TIME_RULES.indexOf(rule));
    return true;
  }

  #readKey(type: AvroType): boolean {
    switch (type.kind) {
      case 'string':
      case 'bytes':
        this.#keyBytes.push(this.#code.length);
        this.#emit(OP.keyBytes);
        return true;
      case 'fixed':
        this.#keyIsMade = true;
        this.#emit(OP.keyFixed, type.size);
        return true;
      case 'enum':
        this.#keyIsMade = true;
        this.#emit(OP.keyEnum, this.#symbols.length);
        this.#symbols.push(type.symbols.map((symbol) => new TextEncoder().encode(symbol)));
        return true;
      case 'int':
      case 'long':
        this.#keyIsMade = true;
        this.#emit(OP.keyNumber, type.kind === 'int' ? 5 : 10);
        return true;
      default:
        return false;
    }
  }

  #refuse(type: AvroType, use: Use, shape: string, inBranch: boolean): void {
    if (!inBranch) throw new Unsupported(`${use.path} is ${shape}`);
    if (type.kind === 'array' || type.kind === 'map') {
      if (use.rest.length > 0) throw new Unsupported(`${use.path} is ${shape}`);
    }
    this.#emit(
      OP.reject,
      use.target === 'key' ? REASON.noKey : use.target === 'time' ? REASON.noTime : REASON.noNumber,
    );
  }

  #setNull(use: Use, found: boolean): void {
    if (found && use.rest.length === 0) this.#found.add(use.path);
    if (use.target === 'key') return;
    this.#emit(OP.setNull, use.target === 'time' ? this.#needs.fields.length : use.target);
  }

  #skip(type: AvroType): void {
    const size = this.#fixedSize(type);
    if (size >= 0) {
      if (size === 0) return;
      if (this.#mergeable === this.#code.length) this.#code[this.#mergeable - 2]! += size;
      else this.#emit(OP.skipFixed, size);
      this.#mergeable = this.#code.length;
    } else if (type.kind === 'int' || type.kind === 'enum') this.#emit(OP.skipInt);
    else if (type.kind === 'long') this.#emit(OP.skipLong);
    else if (type.kind === 'string' || type.kind === 'bytes') this.#emit(OP.skipBytes);
    else this.#emitSub(OP.skipSub, 0, type, 1);
  }

  /** Writes an instruction one of whose operands becomes the address of the subprogram that skips `type`. */
  #emitSub(op: number, a: number, type: AvroType, operand: 1 | 2): void {
    const patches = this.#subs.get(type) ?? [];
    this.#subs.set(type, patches);
    this.#emit(op, a);
    patches.push(this.#code.length - STRIDE + operand);
  }

  #emitSubs(): void {
    // Writing one may ask for more: a Map's iteration sees the entries that are added on the way.
    const addresses = new Map<AvroType, number>();
    for (const type of this.#subs.keys()) {
      addresses.set(type, this.#code.length);
      this.#emitSkipBody(type);
      this.#emit(OP.end);
    }
    for (const [type, patches] of this.#subs) for (const at of patches) this.#code[at] = addresses.get(type)!;
  }

  #emitSkipBody(type: AvroType): void {
    if (type.kind === 'record') for (const field of type.fields) this.#skip(field.type);
    else if (type.kind === 'union') this.#union(type.branches, (branch) => this.#skip(branch));
    else if (type.kind === 'array') this.#emitSub(OP.skipArray, this.#fixedSize(type.items), type.items, 2);
    else if (type.kind === 'map') this.#emitSub(OP.skipMap, this.#fixedSize(type.values), type.values, 2);
    else this.#skip(type);
  }

  #union(branches: readonly AvroType[], body: (branch: AvroType) => void): void {
    const at = this.#code.length;
    this.#emit(OP.union, at + STRIDE, branches.length);
    // The table follows at once: the union never falls through into it.
    for (let b = 0; b < branches.length; b++) this.#code.push(0);
    const jumps: number[] = [];
    branches.forEach((branch, b) => {
      this.#code[at + STRIDE + b] = this.#code.length;
      this.#mergeable = -1;
      body(branch);
      jumps.push(this.#code.length);
      this.#emit(OP.jump);
    });
    for (const jump of jumps) this.#code[jump + 1] = this.#code.length;
    this.#mergeable = -1;
  }

  /** Bytes that every value of the type takes, or -1 where it depends. */
  #fixedSize(type: AvroType): number {
    if (type.kind === 'fixed') return type.size;
    if (type.kind !== 'record') return FIXED_SIZES.get(type.kind) ?? -1;
    const known = this.#sizes.get(type);
    if (known !== undefined) return known;
    // A type that contains itself finds this entry, and has no fixed size.
    this.#sizes.set(type, -1);
    let sum = 0;
    for (const field of type.fields) {
      const size = this.#fixedSize(field.type);
      if (size < 0) return -1;
      sum += size;
    }
    this.#sizes.set(type, sum);
    return sum;
  }

  #emit(op: number, a = 0, b = 0): void {
    this.#code.push(op, a, b);
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
