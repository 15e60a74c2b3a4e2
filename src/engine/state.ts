import { AnomalyError } from '../errors.ts';

/**
 * Snapshots are cuts of typed arrays, not walks over objects. An operator writes each of its arrays under a name and
 * reads them back by that name; nested operators get a scope.
 *
 * Layout of the encoded form (little endian): u32 magic, u32 length of the JSON directory, the directory padded with
 * spaces to a multiple of 8, then the arrays, each padded to a multiple of 8. Checksum and file naming are the store's.
 */
export interface StateWriter {
  number(name: string, value: number): void;
  text(name: string, value: string): void;
  /** Writes the first `length` elements. The array is copied at once, so the operator may go on changing it. */
  array(name: string, values: StateArray, length: number): void;
  /** Takes an array over as a whole, without a copy: nobody may change it any more. */
  own(name: string, values: StateArray): void;
  scope(name: string): StateWriter;
}

export interface StateReader {
  number(name: string): number;
  text(name: string): string;
  /** A copy that the operator owns, of at least `capacity` elements; `length(name)` of them are the written ones. */
  f64(name: string, capacity?: number): Float64Array;
  f32(name: string, capacity?: number): Float32Array;
  i32(name: string, capacity?: number): Int32Array;
  u8(name: string, capacity?: number): Uint8Array;
  length(name: string): number;
  has(name: string): boolean;
  scope(name: string): StateReader;
}

export type StateArray = Float64Array | Float32Array | Int32Array | Uint8Array;
type ArrayType = 'f64' | 'f32' | 'i32' | 'u8';

interface Directory {
  numbers: Record<string, number | string>;
  texts: Record<string, string>;
  arrays: Record<string, { type: ArrayType; offset: number; length: number }>;
}

const MAGIC = 0x314d4e41; // 'ANM1'
const HEADER_BYTES = 8;

/** Collects copies of the state's arrays and encodes them once as bytes. */
export class SnapshotWriter implements StateWriter {
  #numbers: Record<string, number | string> = {};
  #texts: Record<string, string> = {};
  #arrays: { name: string; type: ArrayType; bytes: Uint8Array; length: number }[] = [];

  number(name: string, value: number): void {
    // JSON has no NaN, infinity or negative zero, and state may hold them.
    this.#numbers[name] =
      Number.isFinite(value) && !Object.is(value, -0) ? value : String(Object.is(value, -0) ? '-0' : value);
  }

  text(name: string, value: string): void {
    this.#texts[name] = value;
  }

  array(name: string, values: StateArray, length: number): void {
    const bytes = new Uint8Array(length * values.BYTES_PER_ELEMENT);
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, bytes.length));
    this.#arrays.push({ name, type: typeOf(values), bytes, length });
  }

  own(name: string, values: StateArray): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#arrays.push({ name, type: typeOf(values), bytes, length: values.length });
  }

  scope(name: string): StateWriter {
    return new ScopedWriter(this, name);
  }

  encode(): Uint8Array {
    const directory: Directory = { numbers: this.#numbers, texts: this.#texts, arrays: {} };
    let offset = 0;
    for (const array of this.#arrays) {
      directory.arrays[array.name] = { type: array.type, offset, length: array.length };
      offset += pad8(array.bytes.length);
    }
    const json = new TextEncoder().encode(JSON.stringify(directory));
    const start = pad8(HEADER_BYTES + json.length);
    const out = new Uint8Array(start + offset);
    const view = new DataView(out.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, json.length, true);
    out.set(json, HEADER_BYTES);
    out.fill(0x20, HEADER_BYTES + json.length, start);
    for (const array of this.#arrays) out.set(array.bytes, start + directory.arrays[array.name]!.offset);
    return out;
  }
}

/** Reads what SnapshotWriter encoded. */
export class SnapshotReader implements StateReader {
  readonly #directory: Directory;
  readonly #bytes: Uint8Array;
  readonly #start: number;

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
      throw new AnomalyError(
        'ANM_STATE_CORRUPT',
        'cannot read a snapshot as it does not begin with the snapshot magic',
      );
    }
    const length = view.getUint32(4, true);
    this.#directory = JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_BYTES, HEADER_BYTES + length)));
    this.#bytes = bytes;
    this.#start = pad8(HEADER_BYTES + length);
  }

  number(name: string): number {
    const value = this.#directory.numbers[name];
    if (value === undefined) throw missing(name);
    return Number(value);
  }

  text(name: string): string {
    const value = this.#directory.texts[name];
    if (value === undefined) throw missing(name);
    return value;
  }

  has(name: string): boolean {
    const { numbers, texts, arrays } = this.#directory;
    return name in arrays || name in numbers || name in texts;
  }

  length(name: string): number {
    return this.#entry(name).length;
  }

  f64(name: string, capacity = 0): Float64Array {
    const out = new Float64Array(Math.max(capacity, this.length(name)));
    return this.#fill(name, 'f64', out);
  }

  f32(name: string, capacity = 0): Float32Array {
    const out = new Float32Array(Math.max(capacity, this.length(name)));
    return this.#fill(name, 'f32', out);
  }

  i32(name: string, capacity = 0): Int32Array {
    const out = new Int32Array(Math.max(capacity, this.length(name)));
    return this.#fill(name, 'i32', out);
  }

  u8(name: string, capacity = 0): Uint8Array {
    const out = new Uint8Array(Math.max(capacity, this.length(name)));
    return this.#fill(name, 'u8', out);
  }

  scope(name: string): StateReader {
    return new ScopedReader(this, name);
  }

  #entry(name: string) {
    const entry = this.#directory.arrays[name];
    if (entry === undefined) throw missing(name);
    return entry;
  }

  #fill<T extends StateArray>(name: string, type: ArrayType, out: T): T {
    const entry = this.#entry(name);
    if (entry.type !== type) {
      throw new AnomalyError(
        'ANM_STATE_CORRUPT',
        `cannot restore ${name} as it was written as ${entry.type}, not ${type}`,
      );
    }
    const from = this.#start + entry.offset;
    const target = new Uint8Array(out.buffer, out.byteOffset, entry.length * out.BYTES_PER_ELEMENT);
    target.set(this.#bytes.subarray(from, from + target.length));
    return out;
  }
}

class ScopedWriter implements StateWriter {
  readonly #inner: StateWriter;
  readonly #prefix: string;

  constructor(inner: StateWriter, name: string) {
    this.#inner = inner;
    this.#prefix = `${name}/`;
  }

  number(name: string, value: number): void {
    this.#inner.number(this.#prefix + name, value);
  }

  text(name: string, value: string): void {
    this.#inner.text(this.#prefix + name, value);
  }

  array(name: string, values: StateArray, length: number): void {
    this.#inner.array(this.#prefix + name, values, length);
  }

  own(name: string, values: StateArray): void {
    this.#inner.own(this.#prefix + name, values);
  }

  scope(name: string): StateWriter {
    return new ScopedWriter(this.#inner, this.#prefix + name);
  }
}

class ScopedReader implements StateReader {
  readonly #inner: StateReader;
  readonly #prefix: string;

  constructor(inner: StateReader, name: string) {
    this.#inner = inner;
    this.#prefix = `${name}/`;
  }

  number(name: string): number {
    return this.#inner.number(this.#prefix + name);
  }

  text(name: string): string {
    return this.#inner.text(this.#prefix + name);
  }

  f64(name: string, capacity?: number): Float64Array {
    return this.#inner.f64(this.#prefix + name, capacity);
  }

  f32(name: string, capacity?: number): Float32Array {
    return this.#inner.f32(this.#prefix + name, capacity);
  }

  i32(name: string, capacity?: number): Int32Array {
    return this.#inner.i32(this.#prefix + name, capacity);
  }

  u8(name: string, capacity?: number): Uint8Array {
    return this.#inner.u8(this.#prefix + name, capacity);
  }

  length(name: string): number {
    return this.#inner.length(this.#prefix + name);
  }

  has(name: string): boolean {
    return this.#inner.has(this.#prefix + name);
  }

  scope(name: string): StateReader {
    return new ScopedReader(this.#inner, this.#prefix + name);
  }
}

function typeOf(values: StateArray): ArrayType {
  if (values instanceof Float64Array) return 'f64';
  if (values instanceof Float32Array) return 'f32';
  if (values instanceof Int32Array) return 'i32';
  return 'u8';
}

function pad8(bytes: number): number {
  return (bytes + 7) & ~7;
}

function missing(name: string): AnomalyError {
  return new AnomalyError('ANM_STATE_CORRUPT', `cannot restore ${name} as the snapshot does not have it`);
}
