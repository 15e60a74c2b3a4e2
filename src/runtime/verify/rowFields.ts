import { readSchemaId, type SchemaRegistry, WIRE_HEADER_BYTES } from '../../clients/registry.ts';
import { utcTime } from '../../platform/utcTime.ts';
import type { AvroNode } from '../../schemas/avroNode.ts';
import { avroPlain } from '../../schemas/avroPlain.ts';
import { readAvro } from '../../schemas/avroReader.ts';
import { parseAvroSchema } from '../../schemas/avroSchema.ts';
import type { OutputRow } from './outputRow.ts';

/** One field of two rows that is not the same. */
export interface FieldDifference {
  /** 'timestamp', 'key', 'header late_by_ms', or 'value.mean' and the like. */
  readonly field: string;
  /** As computed again, and as the topic has it. */
  readonly expected: unknown;
  readonly found: unknown;
}

/** Reads rows of windows, alerts, late records and dead letters. */
export class RowFields {
  readonly #registry: Pick<SchemaRegistry, 'schemaById'> | undefined;
  readonly #schemas = new Map<number, AvroNode>();

  constructor(registry: Pick<SchemaRegistry, 'schemaById'> | undefined) {
    this.#registry = registry;
  }

  /** Topic and offset of the source record that brought the row about; offset NaN where the row does not tell. */
  async source(row: OutputRow): Promise<{ topic: string; offset: number }> {
    const offset = headerText(row, '__streams.errors.offset');
    if (offset !== null) return { topic: headerText(row, '__streams.errors.topic') ?? '', offset: Number(offset) };
    const value = await this.value(row);
    if (typeof value !== 'object' || value === null) return { topic: '', offset: Number.NaN };
    const { topic, offset: at } = value as Record<string, unknown>;
    return { topic: String(topic), offset: Number(at) };
  }

  /** The value decoded, without loss; undefined for bytes that are none. */
  async value({ value }: OutputRow): Promise<unknown> {
    if (value === null) return null;
    const id = readSchemaId(value, 0, value.length);
    try {
      if (id < 0) return JSON.parse(Buffer.from(value).toString());
      const node = this.#schemas.get(id) ?? (await this.#load(id));
      const cursor = { bytes: value, pos: WIRE_HEADER_BYTES, end: value.length };
      return avroPlain(node, readAvro(node, cursor), 'count');
    } catch {
      return undefined;
    }
  }

  /** What tells rows of one topic apart that are of one source record, for messages: the series, window and time. */
  async title(row: OutputRow): Promise<string> {
    const value = await this.value(row);
    if (typeof value !== 'object' || value === null) return '';
    const { id, series, window, start } = value as Record<string, unknown>;
    if (id !== undefined) return ` (alert ${String(id)})`;
    if (window === undefined) return '';
    const time = Number.isFinite(Number(start)) ? utcTime(Number(start)) : String(start);
    return ` (window ${String(window)} of ${String(series)} from ${time})`;
  }

  /** The first field in which two rows differ, null where they are the same bit for bit. */
  async difference(expected: OutputRow, found: OutputRow, comparesTime = true): Promise<FieldDifference | null> {
    if (comparesTime && expected.timeMs !== found.timeMs) {
      return { field: 'timestamp', expected: expected.timeMs, found: found.timeMs };
    }
    if (!sameBytes(expected.key, found.key)) {
      return { field: 'key', expected: shown(expected.key), found: shown(found.key) };
    }
    const header = headerDifference(expected, found);
    if (header !== null) return header;
    if (sameBytes(expected.value, found.value)) return null;
    const [one, other] = [await this.value(expected), await this.value(found)];
    const inside = one === undefined || other === undefined ? null : valueDifference('value', one, other);
    return inside ?? { field: 'value', expected: shown(expected.value), found: shown(found.value) };
  }

  async #load(id: number): Promise<AvroNode> {
    if (this.#registry === undefined) throw new Error('no Schema Registry is configured');
    const node = parseAvroSchema((await this.#registry.schemaById(id)).schema);
    this.#schemas.set(id, node);
    return node;
  }
}

/** Whether the rows are the same in all that a reader gets. */
export function sameRow(a: OutputRow, b: OutputRow, comparesTime: boolean): boolean {
  if (comparesTime && a.timeMs !== b.timeMs) return false;
  if (!sameBytes(a.key, b.key) || !sameBytes(a.value, b.value) || a.headers.length !== b.headers.length) return false;
  return a.headers.every(({ key, value }, i) => key === b.headers[i]!.key && sameBytes(value, b.headers[i]!.value));
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return Buffer.compare(a, b) === 0;
}

function headerDifference(a: OutputRow, b: OutputRow): FieldDifference | null {
  const count = Math.max(a.headers.length, b.headers.length);
  for (let i = 0; i < count; i++) {
    const [one, other] = [a.headers[i], b.headers[i]];
    const isSame = one?.key === other?.key && sameBytes(one?.value ?? null, other?.value ?? null);
    if (!isSame) {
      const text = (header: typeof one) => (header === undefined ? undefined : shown(header.value));
      if (one?.key === other?.key) return { field: `header ${one?.key}`, expected: text(one), found: text(other) };
      return { field: `header ${i}`, expected: one?.key, found: other?.key };
    }
  }
  return null;
}

/** The first member that differs, by the order of the expected one; null where the decoded values are the same. */
function valueDifference(path: string, a: unknown, b: unknown): FieldDifference | null {
  const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (!isTree(a) || !isTree(b) || Array.isArray(a) !== Array.isArray(b)) {
    return Object.is(a, b) ? null : { field: path, expected: a, found: b };
  }
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  for (const name of names) {
    const difference = valueDifference(Array.isArray(a) ? `${path}[${name}]` : `${path}.${name}`, a[name], b[name]);
    if (difference !== null) return difference;
  }
  return null;
}

function headerText({ headers }: OutputRow, name: string): string | null {
  const value = headers.findLast(({ key }) => key === name)?.value;
  return value == null ? null : Buffer.from(value).toString();
}

/** Text where it is some, else base64. */
function shown(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  const text = Buffer.from(bytes).toString();
  return /^[\x20-\x7e]*$/.test(text) ? text : Buffer.from(bytes).toString('base64');
}
