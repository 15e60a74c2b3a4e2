import type { AvroNode, AvroUnion } from './avroNode.ts';

/** A place in Avro bytes; `end` is the first byte that does not belong to them. */
export interface AvroCursor {
  readonly bytes: Uint8Array;
  pos: number;
  readonly end: number;
}

/** The value of a union of more than null and one other type, with the index of its branch. */
export class UnionValue {
  readonly branch: number;
  readonly value: unknown;

  constructor(branch: number, value: unknown) {
    this.branch = branch;
    this.value = value;
  }
}

/** Bytes that are no value of the schema: cut, or of another one. The message says what is wrong, and at which byte. */
export class AvroDataError extends Error {}

/** Values nested deeper are refused, so that hostile bytes of a recursive type cannot exhaust the stack. */
const DEPTH_MAX = 500;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * One value, without loss: a long that a double does not hold is a bigint, bytes and fixed are views, maps are Maps, a
 * record is an object without a prototype. Logical types stay what they are underneath: see avroPlain.
 * Source: Apache Avro specification 1.12, "Binary Encoding". @throws AvroDataError
 */
export function readAvro(node: AvroNode, cursor: AvroCursor, depth = 0): unknown {
  if (depth > DEPTH_MAX) throw wrong(cursor, `values are nested more than ${DEPTH_MAX} deep`);
  switch (node.kind) {
    case 'null':
      return null;
    case 'boolean':
      return readBoolean(cursor);
    case 'int':
      return readInt(cursor);
    case 'long':
      return readLong(cursor);
    case 'float':
      return viewAt(cursor, 4).getFloat32(0, true);
    case 'double':
      return viewAt(cursor, 8).getFloat64(0, true);
    case 'bytes':
      return take(cursor, readLength(cursor));
    case 'string':
      return readText(cursor);
    case 'fixed':
      return take(cursor, node.sizeBytes);
    case 'enum':
      return symbolAt(cursor, node.symbols);
    case 'union': {
      const branch = readBranch(cursor, node);
      const value = readAvro(node.branches[branch]!, cursor, depth + 1);
      return value === null || isPlainUnion(node) ? value : new UnionValue(branch, value);
    }
    case 'array': {
      const items: unknown[] = [];
      eachItem(cursor, () => items.push(readAvro(node.items, cursor, depth + 1)));
      return items;
    }
    case 'map': {
      const entries = new Map<string, unknown>();
      eachItem(cursor, () => {
        const key = readText(cursor);
        entries.set(key, readAvro(node.values, cursor, depth + 1));
      });
      return entries;
    }
    case 'record': {
      const record: Record<string, unknown> = Object.create(null);
      for (const field of node.fields) record[field.name] = readAvro(field.type, cursor, depth + 1);
      return record;
    }
  }
}

/** Moves the cursor past one value. @throws AvroDataError */
export function skipAvro(node: AvroNode, cursor: AvroCursor, depth = 0): void {
  if (depth > DEPTH_MAX) throw wrong(cursor, `values are nested more than ${DEPTH_MAX} deep`);
  switch (node.kind) {
    case 'null':
      return;
    case 'boolean':
      move(cursor, 1);
      return;
    case 'int':
    case 'long':
    case 'enum':
      skipVarint(cursor);
      return;
    case 'float':
      move(cursor, 4);
      return;
    case 'double':
      move(cursor, 8);
      return;
    case 'bytes':
    case 'string':
      move(cursor, readLength(cursor));
      return;
    case 'fixed':
      move(cursor, node.sizeBytes);
      return;
    case 'union':
      skipAvro(node.branches[readBranch(cursor, node)]!, cursor, depth + 1);
      return;
    case 'array':
      eachItem(cursor, () => skipAvro(node.items, cursor, depth + 1));
      return;
    case 'map':
      eachItem(cursor, () => {
        move(cursor, readLength(cursor));
        skipAvro(node.values, cursor, depth + 1);
      });
      return;
    case 'record':
      for (const field of node.fields) skipAvro(field.type, cursor, depth + 1);
  }
}

/** Whether a union is null and one other type, in either order, or one type alone. */
export function isPlainUnion({ branches }: AvroUnion): boolean {
  return branches.filter((branch) => branch.kind !== 'null').length <= 1;
}

/** The index of the branch that a union's value begins with. */
export function readBranch(cursor: AvroCursor, { branches }: AvroUnion): number {
  const at = cursor.pos;
  const branch = readLong(cursor);
  if (typeof branch === 'bigint' || branch < 0 || branch >= branches.length) {
    throw new AvroDataError(`branch ${branch} of a union of ${branches.length} at byte ${at}`);
  }
  return branch;
}

/** The length that text and bytes begin with. */
export function readLength(cursor: AvroCursor): number {
  const at = cursor.pos;
  const length = readLong(cursor);
  if (typeof length === 'bigint' || length < 0 || length > cursor.end - cursor.pos) {
    throw new AvroDataError(`a length of ${length} bytes at byte ${at}, where ${cursor.end - cursor.pos} are left`);
  }
  return length;
}

/** A zigzag varint of up to 64 bits: a number where that is exact, else a bigint. */
export function readLong(cursor: AvroCursor): number | bigint {
  const { bytes, end } = cursor;
  let pos = cursor.pos;
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (pos >= end) throw wrong(cursor, 'the data ends in a number');
    const byte = bytes[pos++]!;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor.pos = pos;
      return (low >>> 1) ^ -(low & 1);
    }
  }
  let high = 0;
  let scale = 1;
  for (let groups = 4; groups < 10; groups++) {
    if (pos >= end) throw wrong(cursor, 'the data ends in a number');
    const byte = bytes[pos++]!;
    // Exact: 28 bits are below, and up to 6 groups of 7 bits here.
    high += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) {
      if (groups === 9 && byte > 1) break;
      cursor.pos = pos;
      return unzigzag(low, high);
    }
  }
  throw wrong(cursor, 'a number is longer than 64 bits');
}

function unzigzag(low: number, high: number): number | bigint {
  const isNegative = (low & 1) === 1;
  if (high < 2 ** 25) {
    const magnitude = high * 2 ** 27 + (low >>> 1);
    return isNegative ? -magnitude - 1 : magnitude;
  }
  const magnitude = (BigInt(high) << 27n) | BigInt(low >>> 1);
  const value = isNegative ? -magnitude - 1n : magnitude;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function readInt(cursor: AvroCursor): number {
  const at = cursor.pos;
  const value = readLong(cursor);
  if (typeof value === 'bigint' || value !== (value | 0)) {
    throw new AvroDataError(`${value} at byte ${at}, which is no number of 32 bits`);
  }
  return value;
}

function readBoolean(cursor: AvroCursor): boolean {
  const at = cursor.pos;
  move(cursor, 1);
  const byte = cursor.bytes[at]!;
  if (byte > 1) throw new AvroDataError(`${byte} at byte ${at}, which is neither true nor false`);
  return byte === 1;
}

function readText(cursor: AvroCursor): string {
  const at = cursor.pos;
  const bytes = take(cursor, readLength(cursor));
  try {
    return decoder.decode(bytes);
  } catch {
    throw new AvroDataError(`a text at byte ${at} that is not UTF-8`);
  }
}

function symbolAt(cursor: AvroCursor, symbols: readonly string[]): string {
  const at = cursor.pos;
  const symbol = symbols[readInt(cursor)];
  if (symbol === undefined) throw new AvroDataError(`a symbol at byte ${at} that the enum does not have`);
  return symbol;
}

/** Items of a block without bytes (null) that are read whatever the size of the data. */
const EMPTY_ITEMS = 1024;

/** Blocks of items: a count, negative when the block's size in bytes follows; 0 ends them. */
function eachItem(cursor: AvroCursor, item: () => void): void {
  for (;;) {
    const count = readLong(cursor);
    if (count === 0) return;
    if (typeof count === 'bigint') throw wrong(cursor, `a block of ${count} items`);
    if (count < 0) readLength(cursor);
    for (let left = Math.abs(count); left > 0; left--) {
      const before = cursor.pos;
      item();
      // They could make a few bytes stand for any number of items.
      if (cursor.pos === before && left > Math.max(cursor.end, EMPTY_ITEMS))
        throw wrong(cursor, `${count} items without bytes`);
    }
  }
}

function skipVarint(cursor: AvroCursor): void {
  let { pos } = cursor;
  const last = Math.min(cursor.end, pos + 10);
  while (pos < last && cursor.bytes[pos]! >= 0x80) pos++;
  if (pos >= last) throw wrong(cursor, 'the data ends in a number');
  cursor.pos = pos + 1;
}

function take(cursor: AvroCursor, length: number): Uint8Array {
  const from = cursor.pos;
  move(cursor, length);
  return cursor.bytes.subarray(from, from + length);
}

function viewAt(cursor: AvroCursor, length: number): DataView {
  const from = cursor.pos;
  move(cursor, length);
  return new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + from, length);
}

function move(cursor: AvroCursor, length: number): void {
  if (length > cursor.end - cursor.pos) throw wrong(cursor, `${length} bytes are needed, and the data ends`);
  cursor.pos += length;
}

function wrong(cursor: AvroCursor, reason: string): AvroDataError {
  return new AvroDataError(`${reason} at byte ${cursor.pos}`);
}
