import type { Type } from 'avsc';
import { readSchemaId, type SchemaRegistry, WIRE_HEADER_BYTES } from '../../clients/registry.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { isText } from '../../engine/keyNames.ts';
import { avscType } from '../../schemas/avscType.ts';
import { isWindow, type Line, type RecordLine, type SchemaLine } from '../input/lines.ts';
import { knownSchema } from '../input/sourceSchemas.ts';
import { avroFromJson, avroToJson } from './avroJson.ts';

/** Records as lines of a pipe (lines.ts). Each line is checked to give back the very bytes that it was made of. */
export class LineWriter {
  readonly #registry: Pick<SchemaRegistry, 'schemaById'>;
  /** Null for a schema by which no value can be read. */
  readonly #types = new Map<number, Type | null>();

  constructor(registry: Pick<SchemaRegistry, 'schemaById'>) {
    this.#registry = registry;
  }

  /** A line a record of from <= i < to, after those of schemas that are new. */
  async lines(batch: ColumnBatch, from = 0, to = batch.count): Promise<Line[]> {
    const lines: Line[] = [];
    for (let i = from; i < to; i++) {
      const id = batch.valueStart[i]! < 0 ? -1 : readSchemaId(batch.bytes, batch.valueStart[i]!, batch.valueEnd[i]!);
      if (id >= 0 && !this.#types.has(id)) lines.push(await this.#learn(id));
      const value = valuePart(batch, i, id < 0 ? null : this.#types.get(id)!, id);
      const row = value['value'];
      if (isWindow(row)) lines.push({ type: 'window', ...row, ...binaryKey(batch, i) });
      else lines.push(recordLine(batch, i, value));
    }
    return lines;
  }

  async #learn(id: number): Promise<Line> {
    const schema = await knownSchema(this.#registry, id);
    let type: Type | null = null;
    try {
      if (schema !== undefined) type = await avscType(schema, 'exact');
    } catch {
      // The next stage may have a reader for it: it gets the bytes.
    }
    this.#types.set(id, type);
    const line: SchemaLine = { type: 'schema', id, schema: schema ?? null };
    return { ...line };
  }
}

type ValuePart = Pick<RecordLine, 'schema' | 'value' | 'value_text' | 'value_base64'>;

function recordLine(batch: ColumnBatch, i: number, value: ValuePart): Line {
  const { topic, partition, offsets, recordTimes, keyStart, bytes, keyEnd } = batch;
  const key = keyStart[i]! < 0 ? null : bytesOf(bytes, keyStart[i]!, keyEnd[i]!).toString();
  const binary = binaryKey(batch, i);
  const place = { topic, partition, offset: offsets[i]!, record_time: recordTimes[i]! };
  return { type: 'record', ...place, ...('key_base64' in binary ? binary : { key }), ...value };
}

function binaryKey({ bytes, keyStart, keyEnd }: ColumnBatch, i: number): { key_base64?: string } {
  const [start, end] = [keyStart[i]!, keyEnd[i]!];
  return start < 0 || isText(bytes, start, end) ? {} : { key_base64: bytesOf(bytes, start, end).toString('base64') };
}

function valuePart({ bytes, valueStart, valueEnd }: ColumnBatch, i: number, type: Type | null, id: number): ValuePart {
  if (valueStart[i]! < 0) return { value: null };
  const value = bytesOf(bytes, valueStart[i]!, valueEnd[i]!);
  const readable = id < 0 ? textValue(value) : type === null ? undefined : avroValue(type, id, value);
  return readable ?? { value_base64: value.toString('base64') };
}

function avroValue(type: Type, id: number, bytes: Buffer): ValuePart | undefined {
  const body = bytes.subarray(WIRE_HEADER_BYTES);
  try {
    const value = avroToJson(type.fromBuffer(body));
    return type.toBuffer(avroFromJson(type, value)).equals(body) ? { schema: id, value } : undefined;
  } catch {
    return undefined;
  }
}

function textValue(bytes: Buffer): ValuePart | undefined {
  let text: string;
  try {
    text = STRICT.decode(bytes);
  } catch {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    // As a value only what comes back equal: not numbers that are rounded, or members that are there twice.
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      if (JSON.stringify(value) === text.replace(TOKEN, canonical)) return { value };
    }
  } catch {
    // Other text, which is worth a look, too.
  }
  return { value_text: text };
}

function bytesOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Strings, numbers, and space between tokens. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\s+/gs;
/** A double has every number of so many digits, and no two of them are one. */
const EXACT_DIGITS = 15;

/** A token of JSON as JSON.stringify writes it; a number only where nothing of it is lost. */
function canonical(token: string): string {
  if (token.startsWith('"')) return JSON.stringify(JSON.parse(token));
  if (token.trim() === '') return '';
  const digits = token
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '');
  const value = Number(token);
  const isKept = digits.length <= EXACT_DIGITS && Number.isFinite(value) && !Object.is(value, -0);
  return isKept && (value !== 0 || digits === '') ? String(value) : token;
}
