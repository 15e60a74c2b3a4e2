import type { Type } from 'avsc';
import { readSchemaId, type SchemaRegistry } from '../clients/registry.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import { AnomalyError } from '../errors.ts';

/**
 * Values as JavaScript objects, one at a time: for the stages whose input is other stages' rows, and for `replay` to a
 * pipe. Avro in the registry's wire format by avsc, anything else as JSON.
 */
export class ObjectDecoder {
  readonly #registry: SchemaRegistry | undefined;
  readonly #types = new Map<number, Type>();

  constructor(registry: SchemaRegistry | undefined) {
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
    const { default: avro } = await import('avsc');
    const { schema, type } = await this.#registry.schemaById(id);
    if (type !== 'AVRO') {
      throw new AnomalyError('ANM_SCHEMA_UNSUPPORTED', `cannot read values with schema ${id} as its type is ${type}`);
    }
    const parsed = avro.Type.forSchema(JSON.parse(schema), { registry: { long: longType(avro) } as never });
    this.#types.set(id, parsed);
    return decode(parsed, batch, i);
  }
}

/** Longs beyond 2^53 as the nearest double instead of an error. */
function longType(avro: typeof import('avsc')): Type {
  return avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => Number(buffer.readBigInt64LE()),
    toBuffer: (value: number) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(BigInt(value));
      return buffer;
    },
    fromJSON: Number,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'number',
    compare: (a: number, b: number) => a - b,
  });
}

function decode(type: Type, batch: ColumnBatch, i: number): unknown {
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
