import { OP, STRIDE } from './avroProgram.ts';
import type { AvroType } from './avroTypes.ts';

const FIXED_SIZES = new Map<AvroType['kind'], number>([
  ['null', 0],
  ['boolean', 1],
  ['float', 4],
  ['double', 8],
]);

/** Writes the instructions of a program, and by itself all that is needed to step over values. */
export class CodeWriter {
  readonly #code: number[] = [];
  /** Subprograms that skip a type: where their address is needed, to be filled in once they are written. */
  readonly #subs = new Map<AvroType, number[]>();
  readonly #sizes = new Map<AvroType, number>();
  /** Length of the code after a skipFixed that may still grow, or -1. */
  #mergeable = -1;
  #inEach = false;

  /** Whether what is written now runs record by record. */
  get inEach(): boolean {
    return this.#inEach;
  }

  /** Writes instructions that run record by record. */
  each(body: () => void): void {
    if (this.#inEach) {
      body();
      return;
    }
    const at = this.emit(OP.each);
    this.#inEach = true;
    body();
    this.#inEach = false;
    this.#code[at + 1] = this.#code.length;
    this.#mergeable = -1;
  }

  /** Makes another instruction of the one at an address, with the same operands. */
  replace(address: number, op: number): void {
    this.#code[address] = op;
  }

  /** Steps over a value; neighbours of fixed size become one instruction. */
  skip(type: AvroType): void {
    const size = this.#fixedSize(type);
    if (size >= 0) {
      if (size === 0) return;
      if (this.#mergeable === this.#code.length) this.#code[this.#mergeable - 2]! += size;
      else this.emit(OP.skipFixed, size);
      this.#mergeable = this.#code.length;
    } else if (type.kind === 'int' || type.kind === 'enum') this.emit(OP.skipInt);
    else if (type.kind === 'long') this.emit(OP.skipLong);
    else if (type.kind === 'string' || type.kind === 'bytes') this.emit(OP.skipBytes);
    else this.#emitSub(OP.skipSub, 0, type, 1);
  }

  /** Writes an instruction one of whose operands becomes the address of the subprogram that skips `type`. */
  #emitSub(op: number, a: number, type: AvroType, operand: 1 | 2): void {
    const patches = this.#subs.get(type) ?? [];
    this.#subs.set(type, patches);
    patches.push(this.emit(op, a) + operand);
  }

  /** Writes the subprograms that were asked for: the last thing. */
  finish(): Int32Array {
    // Writing one may ask for more: a Map's iteration sees the entries that are added on the way.
    const addresses = new Map<AvroType, number>();
    for (const type of this.#subs.keys()) {
      addresses.set(type, this.#code.length);
      this.#emitSkipBody(type);
      this.emit(OP.end);
    }
    for (const [type, patches] of this.#subs) for (const at of patches) this.#code[at] = addresses.get(type)!;
    return Int32Array.from(this.#code);
  }

  #emitSkipBody(type: AvroType): void {
    if (type.kind === 'record') for (const field of type.fields) this.skip(field.type);
    else if (type.kind === 'union') this.union(type.branches, (branch) => this.skip(branch));
    else if (type.kind === 'array') this.#emitSub(OP.skipArray, this.#fixedSize(type.items), type.items, 2);
    else if (type.kind === 'map') this.#emitSub(OP.skipMap, this.#fixedSize(type.values), type.values, 2);
    else this.skip(type);
  }

  /** A union: `body` writes what is done with a value of each branch. */
  union(branches: readonly AvroType[], body: (branch: AvroType) => void): void {
    const at = this.#code.length;
    this.emit(OP.union, at + STRIDE, branches.length);
    // The table follows at once: the union never falls through into it.
    for (let b = 0; b < branches.length; b++) this.#code.push(0);
    const jumps: number[] = [];
    branches.forEach((branch, b) => {
      this.#code[at + STRIDE + b] = this.#code.length;
      this.#mergeable = -1;
      body(branch);
      jumps.push(this.emit(OP.jump));
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

  /** Writes an instruction; gives its address. */
  emit(op: number, a = 0, b = 0): number {
    return this.#code.push(op, a, b) - STRIDE;
  }
}
