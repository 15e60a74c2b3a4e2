import { isUtf8 } from 'node:buffer';
import type { AvroNode, AvroUnion } from './avroNode.ts';
import { UnionValue } from './avroReader.ts';

/** A growing buffer that is written from the front again and again. */
export class AvroOutput {
  bytes: Uint8Array = new Uint8Array(4096);
  view = new DataView(this.bytes.buffer);
  /** Number of bytes written. */
  length = 0;

  /** Makes room for that many more bytes. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(needed * 2);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  /** A zigzag varint; the number is a safe integer. */
  writeLong(value: number): void {
    this.reserve(10);
    const { bytes } = this;
    let at = this.length;
    if (value >= -0x40000000 && value < 0x40000000) {
      let low = (value << 1) ^ (value >> 31);
      for (; low >= 0x80; low >>>= 7) bytes[at++] = (low & 0x7f) | 0x80;
      bytes[at++] = low;
    } else {
      const magnitude = value < 0 ? -(value + 1) : value;
      let rest = Math.floor(magnitude / 64);
      bytes[at++] = ((magnitude % 64) * 2 + (value < 0 ? 1 : 0)) | 0x80;
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
      bytes[at++] = rest;
    }
    this.length = at;
  }

  /** The same of an int64 that no double holds. */
  writeBigLong(value: bigint): void {
    this.reserve(10);
    // In words of 32 bits: arithmetic on bigints allocates.
    let low = Number(BigInt.asIntN(32, value));
    let high = Number(BigInt.asIntN(32, value >> 32n));
    const sign = high >> 31;
    high = ((high << 1) | (low >>> 31)) ^ sign;
    low = (low << 1) ^ sign;
    while (high !== 0 || low < 0 || low >= 0x80) {
      this.bytes[this.length++] = (low & 0x7f) | 0x80;
      low = (low >>> 7) | (high << 25);
      high >>>= 7;
    }
    this.bytes[this.length++] = low;
  }

  write(bytes: Uint8Array): void {
    const size = bytes.length;
    this.reserve(size);
    if (size > 64) this.bytes.set(bytes, this.length);
    else for (let i = 0; i < size; i++) this.bytes[this.length + i] = bytes[i]!;
    this.length += size;
  }
}

/** A value that the schema does not hold; the message says which, and what is asked for. */
export class AvroMisfit extends Error {}

/** Appends one value in Avro's binary encoding. @throws AvroMisfit */
export type AvroWrite = (out: AvroOutput, value: unknown) => void;

/**
 * The writer of values as `readAvro` gives them. Besides: a record and a map may be any object, text may be UTF-8 bytes,
 * a decimal may be its unscaled integer, and undefined is null. Nothing is rounded: a number that the type does not
 * hold exactly is refused, but for doubles in a float.
 */
export function avroWriter(node: AvroNode, known = new Map<AvroNode, AvroWrite>()): AvroWrite {
  const found = known.get(node);
  if (found !== undefined) return found;
  // A recursive type comes back here before its writer exists.
  let made: AvroWrite | undefined;
  known.set(node, (out, value) => made!(out, value));
  made = makeWriter(node, known);
  known.set(node, made);
  return made;
}

function makeWriter(node: AvroNode, known: Map<AvroNode, AvroWrite>): AvroWrite {
  switch (node.kind) {
    case 'null':
      return (_, value) => {
        if (value !== null && value !== undefined) throw misfit(value, 'null');
      };
    case 'boolean':
      return (out, value) => {
        if (typeof value !== 'boolean') throw misfit(value, 'true or false');
        out.reserve(1);
        out.bytes[out.length++] = value ? 1 : 0;
      };
    case 'int':
      return (out, value) => {
        if (typeof value !== 'number' || value !== (value | 0)) throw misfit(value, 'whole number of 32 bits');
        out.writeLong(value);
      };
    case 'long':
      return writeLong;
    case 'float':
    case 'double':
      return node.kind === 'float' ? writeFloat : writeDouble;
    case 'string':
      return writeString;
    case 'bytes':
      return node.logical?.name === 'decimal' ? writeDecimalBytes : writeBytes;
    case 'fixed':
      return fixedWriter(node.sizeBytes, node.logical?.name === 'decimal');
    case 'enum': {
      const indexes = new Map(node.symbols.map((symbol, i) => [symbol, i]));
      return (out, value) => {
        const index = indexes.get(value instanceof Uint8Array ? Buffer.from(value).toString() : (value as string));
        if (index === undefined) throw misfit(value, 'symbol of the enum');
        out.writeLong(index);
      };
    }
    case 'array':
      return arrayWriter(avroWriter(node.items, known));
    case 'map':
      return mapWriter(avroWriter(node.values, known));
    case 'record': {
      const fields = node.fields.map(({ name, type }) => ({ name, write: avroWriter(type, known) }));
      return (out, value) => {
        if (typeof value !== 'object' || value === null) throw misfit(value, 'record');
        for (const { name, write } of fields) write(out, (value as Record<string, unknown>)[name]);
      };
    }
    case 'union':
      return unionWriter(node, known);
  }
}

function writeLong(out: AvroOutput, value: unknown): void {
  if (typeof value === 'number' && Number.isSafeInteger(value)) {
    out.writeLong(value);
    return;
  }
  const big = typeof value === 'bigint' ? value : Number.isInteger(value) ? BigInt(value as number) : null;
  if (big === null || BigInt.asIntN(64, big) !== big) throw misfit(value, 'whole number of 64 bits');
  out.writeBigLong(big);
}

function writeDouble(out: AvroOutput, value: unknown): void {
  const number = exactDouble(value);
  out.reserve(8);
  out.view.setFloat64(out.length, number, true);
  out.length += 8;
}

function writeFloat(out: AvroOutput, value: unknown): void {
  const number = exactDouble(value);
  out.reserve(4);
  out.view.setFloat32(out.length, number, true);
  out.length += 4;
}

function exactDouble(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' && BigInt(Number(value)) === value) return Number(value);
  throw misfit(value, 'number that a double holds');
}

function writeString(out: AvroOutput, value: unknown): void {
  if (value instanceof Uint8Array) {
    if (!isText(value)) throw new AvroMisfit('is not UTF-8');
    writeBytes(out, value);
  } else if (typeof value === 'string') writeBytes(out, Buffer.from(value));
  else throw misfit(value, 'text');
}

/** ASCII is looked at here: a call for each short text would cost more. */
function isText(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return isUtf8(bytes);
  return true;
}

function writeBytes(out: AvroOutput, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw misfit(value, 'bytes');
  out.writeLong(value.length);
  out.write(value);
}

function writeDecimalBytes(out: AvroOutput, value: unknown): void {
  writeBytes(out, typeof value === 'bigint' || typeof value === 'number' ? leastBytes(BigInt(value)) : value);
}

function fixedWriter(size: number, isDecimal: boolean): AvroWrite {
  return (out, value) => {
    let bytes = value;
    if (isDecimal && (typeof value === 'bigint' || typeof value === 'number')) {
      if (BigInt.asIntN(size * 8, BigInt(value)) !== BigInt(value)) throw misfit(value, `decimal of ${size} bytes`);
      bytes = bigEndianBytes(BigInt(value), size);
    }
    if (!(bytes instanceof Uint8Array) || bytes.length !== size) throw misfit(value, `fixed of ${size} bytes`);
    out.write(bytes);
  };
}

function arrayWriter(write: AvroWrite): AvroWrite {
  return (out, value) => {
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) throw misfit(value, 'array');
    const items = value as unknown as ArrayLike<unknown>;
    if (items.length > 0) out.writeLong(items.length);
    for (let i = 0; i < items.length; i++) write(out, items[i]);
    out.writeLong(0);
  };
}

function mapWriter(write: AvroWrite): AvroWrite {
  return (out, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw misfit(value, 'map');
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    if (entries.length > 0) out.writeLong(entries.length);
    for (const [key, item] of entries) {
      writeString(out, key);
      write(out, item);
    }
    out.writeLong(0);
  };
}

function unionWriter(node: AvroUnion, known: Map<AvroNode, AvroWrite>): AvroWrite {
  const writes = node.branches.map((branch) => avroWriter(branch, known));
  const nullBranch = node.branches.findIndex((branch) => branch.kind === 'null');
  const others = node.branches.map((_, i) => i).filter((i) => i !== nullBranch);
  return (out, value) => {
    if (value === null || value === undefined) {
      if (nullBranch < 0) throw misfit(null, 'value');
      out.writeLong(nullBranch);
      return;
    }
    if (value instanceof UnionValue) {
      out.writeLong(value.branch);
      writes[value.branch]!(out, value.value);
      return;
    }
    const start = out.length;
    for (const branch of others) {
      try {
        out.writeLong(branch);
        writes[branch]!(out, value);
        return;
      } catch (error) {
        if (!(error instanceof AvroMisfit) || branch === others.at(-1)) throw error;
        out.length = start;
      }
    }
    throw misfit(value, 'null');
  };
}

/** Two's complement in as few bytes as hold it, the highest first. */
function leastBytes(value: bigint): Uint8Array {
  let size = 1;
  while (BigInt.asIntN(size * 8, value) !== value) size++;
  return bigEndianBytes(value, size);
}

function bigEndianBytes(value: bigint, size: number): Uint8Array {
  const hex = BigInt.asUintN(size * 8, value)
    .toString(16)
    .padStart(size * 2, '0');
  return Buffer.from(hex, 'hex');
}

function misfit(value: unknown, wanted: string): AvroMisfit {
  if (value === null || value === undefined) return new AvroMisfit(`is null, where a ${wanted} is needed`);
  const text = typeof value === 'object' ? describe(value) : `'${String(value).slice(0, 40)}'`;
  return new AvroMisfit(`is ${text}, which is no ${wanted}`);
}

function describe(value: object): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
}
