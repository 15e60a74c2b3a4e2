import { readSchemaId, type SchemaRegistry, WIRE_HEADER_BYTES } from '../clients/registry.ts';
import { parseExactJson } from '../output/exactJson.ts';
import type { AvroNode } from '../schemas/avroNode.ts';
import { avroPlain } from '../schemas/avroPlain.ts';
import { type AvroCursor, readAvro } from '../schemas/avroReader.ts';
import { parseAvroSchema } from '../schemas/avroSchema.ts';

/** A value or key as a person reads it. */
export interface ReadValue {
  readonly encoding: 'avro' | 'json' | 'text' | 'base64' | 'null';
  readonly value: unknown;
  /** Of values in wire format. */
  readonly schemaId?: number;
  /** Why it could not be decoded by its schema. */
  readonly problem?: string;
}

/** What a schema id stands for: how its values are read, or why they are not. */
type Known = { readonly avro: AvroNode } | { readonly json: true } | { readonly problem: string };

/**
 * Decodes single values for display, without loss: in wire format Avro by its schema and JSON Schema as JSON; else
 * JSON, UTF-8 text, or base64. How values are spelled: see avroPlain and parseExactJson.
 */
export class ValueReader {
  readonly #registry: SchemaRegistry;
  readonly #known = new Map<number, Known>();

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  async read(bytes: Uint8Array, start: number, end: number): Promise<ReadValue> {
    if (start < 0) return { encoding: 'null', value: null };
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const schemaId = readSchemaId(bytes, start, end);
    if (schemaId < 0) return readPlain(view);
    const known = this.#known.get(schemaId) ?? (await this.#load(schemaId));
    return readFramed(view, schemaId, known);
  }

  /** What the id stands for; kept also when there is nothing, so that a missing schema is asked for once. */
  async #load(schemaId: number): Promise<Known> {
    let known: Known;
    try {
      const { type, schema } = await this.#registry.schemaById(schemaId);
      if (type === 'AVRO') known = { avro: parseAvroSchema(schema) };
      else if (type === 'JSON') known = { json: true };
      else known = { problem: `schema ${schemaId} is ${type}, which is not decoded: the value is the whole record` };
    } catch (error) {
      known = { problem: (error as Error).message };
    }
    this.#known.set(schemaId, known);
    return known;
  }
}

function readFramed(view: Buffer, schemaId: number, known: Known): ReadValue {
  const raw = { schemaId, encoding: 'base64', value: view.toString('base64') } as const;
  if ('problem' in known) return { ...raw, problem: known.problem };
  try {
    if ('json' in known) {
      const text = decodeUtf8(view.subarray(WIRE_HEADER_BYTES));
      return { schemaId, encoding: 'json', value: parseExactJson(text) };
    }
    const cursor: AvroCursor = { bytes: view, pos: WIRE_HEADER_BYTES, end: view.length };
    const value = readAvro(known.avro, cursor);
    const left = cursor.end - cursor.pos;
    if (left > 0) return { ...raw, problem: `does not fit schema ${schemaId}: ${left} bytes are left over` };
    return { schemaId, encoding: 'avro', value: avroPlain(known.avro, value, 'count') };
  } catch (error) {
    return { ...raw, problem: `does not fit schema ${schemaId}: ${(error as Error).message}` };
  }
}

/** JSON, else UTF-8 without control characters, else base64. */
export function readPlain(view: Buffer): ReadValue {
  let text: string;
  try {
    text = decodeUtf8(view);
  } catch {
    return { encoding: 'base64', value: view.toString('base64') };
  }
  if (/^\s*[[{"]/.test(text)) {
    try {
      return { encoding: 'json', value: parseExactJson(text) };
    } catch {
      // Text that only begins like JSON is text.
      return { encoding: 'text', value: text };
    }
  }
  if (/[\x00-\x08\x0e-\x1f\x7f]/.test(text)) return { encoding: 'base64', value: view.toString('base64') };
  return { encoding: 'text', value: text };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(view: Uint8Array): string {
  return decoder.decode(view);
}
