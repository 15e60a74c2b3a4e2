import { readSchemaId, type SchemaRegistry, WIRE_HEADER_BYTES, writeWireHeader } from '../../clients/registry.ts';
import { AnomalyError } from '../../errors.ts';
import type { AvroNode } from '../../schemas/avroNode.ts';
import { readAvro } from '../../schemas/avroReader.ts';
import { parseAvroSchema } from '../../schemas/avroSchema.ts';
import { type JsonValidator, jsonValidator } from '../../schemas/jsonValidator.ts';

/** A value with the schema header that it should have had, or why it cannot get it. */
export type FixedValue =
  | { readonly value: Uint8Array; readonly how: 'kept' | 'replaced' | 'wrapped' }
  | { readonly problem: string };

/** Gives values the header of one schema, after a check that they are values of it. */
export class SchemaFix {
  readonly id: number;
  /** As `7 (sensors-value version 2)`. */
  readonly name: string;
  readonly #check: (body: Buffer) => string | null;

  private constructor(id: number, name: string, check: (body: Buffer) => string | null) {
    this.id = id;
    this.name = name;
    this.#check = check;
  }

  /** `7`, `sensors-value` (its latest version) or `sensors-value:2`. @throws ANM_SCHEMA_UNKNOWN, ANM_SCHEMA_UNSUPPORTED */
  static async load(registry: SchemaRegistry, text: string): Promise<SchemaFix> {
    const { id, subject, version } = await resolve(registry, text);
    const name = subject === undefined ? String(id) : `${id} (${subject} version ${version})`;
    const { schema, type } = await registry.schemaById(id);
    if (type === 'AVRO') return new SchemaFix(id, name, avroCheck(parseAvroSchema(schema)));
    if (type === 'JSON') return new SchemaFix(id, name, jsonCheck(await jsonValidator(JSON.parse(schema))));
    throw new AnomalyError('ANM_SCHEMA_UNSUPPORTED', `--fix-schema cannot take schema ${name} as it is ${type}`, {
      hint: 'values are checked against Avro and JSON Schema',
    });
  }

  /** bytes[start, end) as a value of the schema; start is -1 for null. */
  fix(bytes: Uint8Array, start: number, end: number): FixedValue {
    if (start < 0) return { problem: 'the value is null' };
    const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const oldId = readSchemaId(bytes, start, end);
    const framed = oldId < 0 ? 'it has no schema header' : this.#check(view.subarray(WIRE_HEADER_BYTES));
    const bare = this.#check(view);
    if (framed === null && bare === null) {
      return { problem: `the value fits schema ${this.name} both with its first 5 bytes and without them` };
    }
    if (framed === null) {
      if (oldId === this.id) return { value: view, how: 'kept' };
      return { value: this.#framed(view.subarray(WIRE_HEADER_BYTES)), how: 'replaced' };
    }
    if (bare === null) return { value: this.#framed(view), how: 'wrapped' };
    const why = oldId < 0 ? bare : framed;
    return { problem: `the value does not fit schema ${this.name}: ${why}` };
  }

  #framed(body: Uint8Array): Uint8Array {
    const value = Buffer.alloc(WIRE_HEADER_BYTES + body.length);
    writeWireHeader(value, 0, this.id);
    value.set(body, WIRE_HEADER_BYTES);
    return value;
  }
}

async function resolve(
  registry: SchemaRegistry,
  text: string,
): Promise<{ id: number; subject?: string; version?: number }> {
  if (/^\d{1,10}$/.test(text)) return { id: Number(text) };
  const [, subject = text, number] = /^(.*):(\d{1,9})$/.exec(text) ?? [];
  const found = number === undefined ? await registry.latest(subject) : await registry.version(subject, Number(number));
  if (found === null) {
    throw new AnomalyError('ANM_SCHEMA_UNKNOWN', `--fix-schema cannot be ${text} as there is no subject '${subject}'`);
  }
  return { id: found.id, subject, version: found.version };
}

function avroCheck(node: AvroNode): (body: Buffer) => string | null {
  return (body) => {
    const cursor = { bytes: body, pos: 0, end: body.length };
    try {
      readAvro(node, cursor);
    } catch (error) {
      return (error as Error).message;
    }
    const left = cursor.end - cursor.pos;
    return left === 0 ? null : `${left} bytes are left over`;
  };
}

function jsonCheck(validate: JsonValidator): (body: Buffer) => string | null {
  return (body) => {
    let document: unknown;
    try {
      document = JSON.parse(STRICT.decode(body));
    } catch (error) {
      return `it is no JSON: ${(error as Error).message}`;
    }
    return validate(document);
  };
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
