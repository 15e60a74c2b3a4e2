import type { Type } from 'avsc';
import { readSchemaId, type SchemaRegistry } from '../../clients/registry.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { avscType } from '../../schemas/avscType.ts';
import { knownSchema } from './sourceSchemas.ts';

/**
 * Values as JavaScript objects, one at a time: for the stages whose input is other stages' rows. Avro in the registry's wire format by avsc, anything else as JSON.
 */
export class ObjectDecoder {
  readonly #registry: Pick<SchemaRegistry, 'schemaById'> | undefined;
  /** An Error for a schema that the registry does not have, so that it is asked for once. */
  readonly #types = new Map<number, Type | Error>();

  constructor(registry: Pick<SchemaRegistry, 'schemaById'> | undefined) {
    this.#registry = registry;
  }

  /** The value of record i, null for a tombstone, or an Error that says why it cannot be decoded. */
  value(batch: ColumnBatch, i: number): unknown {
    const start = batch.valueStart[i]!;
    if (start < 0) return null;
    const id = readSchemaId(batch.bytes, start, batch.valueEnd[i]!);
    if (id < 0) return parseJson(bufferOf(batch, start, batch.valueEnd[i]!));
    const type = this.#types.get(id);
    return type === undefined ? this.#fetchThenDecode(batch, i, id) : decode(type, batch, i);
  }

  async #fetchThenDecode(batch: ColumnBatch, i: number, id: number): Promise<unknown> {
    if (this.#registry === undefined) {
      return new Error(`the value has schema ${id}, and no Schema Registry is configured`);
    }
    const schema = await knownSchema(this.#registry, id);
    const type = schema === undefined ? new Error(`the registry has no schema ${id}`) : await avscType(schema);
    this.#types.set(id, type);
    return decode(type, batch, i);
  }
}

function decode(type: Type | Error, batch: ColumnBatch, i: number): unknown {
  if (type instanceof Error) return type;
  try {
    return type.fromBuffer(bufferOf(batch, batch.valueStart[i]! + 5, batch.valueEnd[i]!));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function bufferOf(batch: ColumnBatch, start: number, end: number): Buffer {
  return Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset + start, end - start);
}
