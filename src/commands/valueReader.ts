import type { Type } from 'avsc';
import { readSchemaId, type SchemaRegistry, WIRE_HEADER_BYTES } from '../clients/registry.ts';

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
      const [{ default: avro }, found] = await Promise.all([import('avsc'), this.#registry.schemaById(schemaId)]);
      if (found.type === 'AVRO') {
        const long = longType(avro) as unknown as Type;
        type = avro.Type.forSchema(JSON.parse(found.schema), { registry: { long } });
      } else {
        type = `schema ${schemaId} is ${found.type}, which tail does not read`;
      }
    } catch (error) {
      type = (error as Error).message;
    }
    this.#types.set(schemaId, type);
    return type;
  }
}

/** Longs as numbers where they are exact, else as bigints, which print as text. */
function longType(avro: typeof import('avsc')) {
  return avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => exactNumber(buffer.readBigInt64LE()),
    toBuffer: (value: number | bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(BigInt(value));
      return buffer;
    },
    fromJSON: (value: number | string) => exactNumber(BigInt(value)),
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'number' || typeof value === 'bigint',
    compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
  });
}

function exactNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
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
