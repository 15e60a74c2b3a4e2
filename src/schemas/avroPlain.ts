import type { AvroFixed, AvroLogical, AvroNode } from './avroNode.ts';
import { isPlainUnion, UnionValue } from './avroReader.ts';

/** How timestamps, dates and times of day are spelled. */
export type TimeSpelling = 'iso' | 'count';

/**
 * Avro values as plain JSON can hold them, without loss. The rules:
 *
 * - a whole number beyond 2^53 is a bigint (which `-o json` prints as a string), NaN and the infinities are strings;
 * - bytes and fixed are base64;
 * - with `times` iso, timestamps are ISO 8601 in UTC with the digits of their unit, local ones without the Z, dates and
 *   times of day likewise, and what ISO 8601 cannot spell (years beyond 9999) stays the number; with `count` all of them
 *   are the number of their unit, as in other consumers;
 * - a decimal is its digits as a string; a uuid is its text; a duration is months, days and milliseconds;
 * - a union's value stands as it is where only one branch is of its sort (null, boolean, array, object, number or
 *   text), else as {"branch": value}, as in Avro's own JSON encoding.
 */
export function avroPlain(node: AvroNode, value: unknown, times: TimeSpelling = 'iso'): unknown {
  if (value === null || value === undefined) return null;
  switch (node.kind) {
    case 'array':
      return (value as unknown[]).map((item) => avroPlain(node.items, item, times));
    case 'map':
      return plainMap(node.values, value as ReadonlyMap<string, unknown>, times);
    case 'record': {
      const record: Record<string, unknown> = Object.create(null);
      for (const { name, type } of node.fields) record[name] = avroPlain(type, (value as typeof record)[name], times);
      return record;
    }
    case 'union': {
      if (!(value instanceof UnionValue)) return avroPlain(node.branches.find(isNoNull) ?? node, value, times);
      const branch = node.branches[value.branch]!;
      const plain = avroPlain(branch, value.value, times);
      if (isPlainUnion(node) || isAlone(branch, node.branches)) return plain;
      return { [branchName(branch)]: plain };
    }
    case 'float':
    case 'double':
      return plainNumber(value as number);
    case 'int':
    case 'long':
      return node.logical === undefined || times === 'count'
        ? value
        : plainCount(node.logical, value as number | bigint);
    case 'bytes':
      return node.logical?.name === 'decimal' ? plainDecimal(value, node.logical.scale) : base64(value);
    case 'string':
    case 'enum':
      return value instanceof Uint8Array ? utf8.decode(value) : value;
    case 'fixed':
      return plainFixed(node, value);
    default:
      return value;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A number that JSON has no word for as a string. */
export function plainNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** Unscaled digits with a decimal point `scale` digits from the right. */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Two's complement, the highest byte first. */
export function bigEndianInteger(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
}

/** Digits after the second of each unit, by the end of the logical type's name. */
const UNIT_DIGITS: Readonly<Record<string, number>> = { millis: 3, micros: 6, nanos: 9 };
/** Years 0 to 9999, in seconds. */
const FIRST_SECOND = -62_167_219_200n;
const LAST_SECOND = 253_402_300_799n;
const DAY_SECONDS = 86_400n;

/** A time, date or time of day of an int or long; the number itself where there is no such time. */
function plainCount({ name }: AvroLogical, value: number | bigint): unknown {
  if (name === 'date') {
    const seconds = BigInt(value) * DAY_SECONDS;
    return isWritable(seconds) ? isoDate(seconds) : value;
  }
  const match = /^(local-timestamp|timestamp|time)-(millis|micros|nanos)$/.exec(name);
  if (match === null) return value;
  const digits = UNIT_DIGITS[match[2]!]!;
  const unit = 10n ** BigInt(digits);
  const count = BigInt(value);
  const fraction = ((count % unit) + unit) % unit;
  const seconds = (count - fraction) / unit;
  const clock = `${clockText(((seconds % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS)}.${fraction.toString().padStart(digits, '0')}`;
  if (match[1] === 'time') return seconds >= 0n && seconds < DAY_SECONDS ? clock : value;
  if (!isWritable(seconds)) return value;
  return `${isoDate(seconds)}T${clock}${match[1] === 'timestamp' ? 'Z' : ''}`;
}

function isWritable(seconds: bigint): boolean {
  return seconds >= FIRST_SECOND && seconds <= LAST_SECOND;
}

function isoDate(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
}

function clockText(secondsOfDay: bigint): string {
  return new Date(Number(secondsOfDay) * 1000).toISOString().slice(11, 19);
}

function plainDecimal(value: unknown, scale: number): string {
  return decimalText(value instanceof Uint8Array ? bigEndianInteger(value) : BigInt(value as number | bigint), scale);
}

function plainFixed({ logical, sizeBytes }: AvroFixed, value: unknown): unknown {
  if (logical?.name === 'decimal') return plainDecimal(value, logical.scale);
  if (logical?.name === 'duration' && sizeBytes === 12) return plainDuration(value);
  if (logical?.name !== 'uuid' || sizeBytes !== 16) return base64(value);
  return Buffer.from(value as Uint8Array)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function plainDuration(value: unknown): unknown {
  const bytes = value as Uint8Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { months: view.getUint32(0, true), days: view.getUint32(4, true), milliseconds: view.getUint32(8, true) };
}

function plainMap(
  values: AvroNode,
  value: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>,
  times: TimeSpelling,
): unknown {
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return new Map(entries.map(([key, item]) => [key, avroPlain(values, item, times)]));
}

function base64(value: unknown): string {
  const bytes = value as Uint8Array;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

function isNoNull(node: AvroNode): boolean {
  return node.kind !== 'null';
}

/** Whether no other branch is of the same sort in JSON. */
function isAlone(branch: AvroNode, branches: readonly AvroNode[]): boolean {
  return branches.every((other) => other === branch || jsonType(other) !== jsonType(branch));
}

/** Numbers and texts are one: a number beyond 2^53 is a text, a decimal too. */
function jsonType({ kind }: AvroNode): string {
  if (kind === 'null' || kind === 'boolean' || kind === 'array') return kind;
  return kind === 'map' || kind === 'record' ? 'object' : 'number or text';
}

/** The name of a branch in Avro's JSON encoding: the full name of a named type, else the type. */
function branchName(node: AvroNode): string {
  return 'name' in node ? node.name : node.kind;
}
