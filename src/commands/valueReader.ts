import type { Type } from 'avsc';
import { readSchemaId, type SchemaRegistry, WIRE_HEADER_BYTES } from '../clients/registry.ts';
import { avscType } from '../schemas/avscType.ts';

/** A value or key as a person reads it. */
export interface ReadValue {
  readonly encoding: 'avro' | 'json' | 'text' | 'base64' | 'null';
  readonly value: unknown;
  /** Of Avro values. */
  readonly schemaId?: number;
  /** Why it could not be decoded by its schema. */
  readonly problem?: string;
}

/** Decodes single values for display: Avro by the registry, JSON, UTF-8 text, else base64. */
export class ValueReader {
  readonly #registry: SchemaRegistry;
  readonly #types = new Map<number, Type | string>();

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  async read(bytes: Uint8Array, start: number, end: number): Promise<ReadValue> {
    if (start < 0) return { encoding: 'null', value: null };
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const schemaId = readSchemaId(bytes, start, end);
    return schemaId < 0 ? readPlain(view) : await this.#readAvro(view, schemaId);
  }

  async #readAvro(view: Buffer, schemaId: number): Promise<ReadValue> {
    const type = this.#types.get(schemaId) ?? (await this.#load(schemaId));
    const raw = { schemaId, encoding: 'base64', value: view.toString('base64') } as const;
    if (typeof type === 'string') return { ...raw, problem: type };
    try {
      return { schemaId, encoding: 'avro', value: type.fromBuffer(view.subarray(WIRE_HEADER_BYTES)) };
    } catch (error) {
      return { ...raw, problem: `does not fit schema ${schemaId}: ${(error as Error).message}` };
    }
  }

  /** The type, or why there is none; kept either way, so that a missing schema is asked for once. */
  async #load(schemaId: number): Promise<Type | string> {
    let type: Type | string;
    try {
      const found = await this.#registry.schemaById(schemaId);
      if (found.type === 'AVRO') type = await avscType(found.schema, 'exact');
      else type = `schema ${schemaId} is ${found.type}, which tail does not read`;
    } catch (error) {
      type = (error as Error).message;
    }
    this.#types.set(schemaId, type);
    return type;
  }
}

/** JSON, else UTF-8 without control characters, else base64. */
export function readPlain(view: Buffer): ReadValue {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(view);
  } catch {
    return { encoding: 'base64', value: view.toString('base64') };
  }
  if (/^\s*[[{"]/.test(text)) {
    try {
      return { encoding: 'json', value: JSON.parse(text) };
    } catch {
      // Text that only begins like JSON is text.
      return { encoding: 'text', value: text };
    }
  }
  if (/[\x00-\x08\x0e-\x1f\x7f]/.test(text)) return { encoding: 'base64', value: view.toString('base64') };
  return { encoding: 'text', value: text };
}
