import type { Type } from 'avsc';
import { WIRE_HEADER_BYTES, writeWireHeader } from '../../clients/registry.ts';
import { ColumnBatch } from '../../engine/batch.ts';
import { avscType } from '../../schemas/avscType.ts';
import { avroFromJson } from '../output/avroJson.ts';
import type { LineSchemas } from './lineSchemas.ts';
import type { RecordLine } from './lines.ts';

const BATCH_RECORDS = 1024;

/** Gathers consecutive record lines of one partition into a batch with the bytes that the partition has. */
export class LineBatch {
  readonly #schemas: LineSchemas;
  readonly #fieldCount: number;
  readonly #types = new Map<number, Type>();
  #batch: ColumnBatch;
  #bytes = Buffer.alloc(65_536);
  #length = 0;

  constructor(schemas: LineSchemas, fieldCount: number) {
    this.#schemas = schemas;
    this.#fieldCount = fieldCount;
    this.#batch = new ColumnBatch(fieldCount, BATCH_RECORDS);
  }

  fits(topic: string, partition: number): boolean {
    const batch = this.#batch;
    return batch.count === 0 || (batch.count < BATCH_RECORDS && batch.topic === topic && batch.partition === partition);
  }

  /** Null, or why the line cannot be taken: what it holds no longer fits, as after an edit. */
  async add(line: RecordLine): Promise<string | null> {
    let value: Uint8Array | null;
    try {
      value = await this.#valueOf(line);
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      return error.message;
    }
    const key = keyOf(line);
    const batch = this.#batch;
    const i = batch.count++;
    batch.topic = line.topic;
    batch.partition = line.partition;
    batch.offsets[i] = Number(line.offset);
    batch.recordTimes[i] = Number(line.record_time);
    batch.keyStart[i] = key === null ? -1 : this.#length;
    batch.keyEnd[i] = key === null ? -1 : this.#append(key);
    batch.valueStart[i] = value === null ? -1 : this.#length;
    batch.valueEnd[i] = value === null ? -1 : this.#append(value);
    return null;
  }

  /** The batch so far, or undefined where there is none; the next line begins another. */
  take(): ColumnBatch | undefined {
    const batch = this.#batch;
    if (batch.count === 0) return undefined;
    this.#batch = new ColumnBatch(this.#fieldCount, BATCH_RECORDS);
    batch.bytes = this.#bytes.subarray(0, this.#length);
    batch.firstOffset = batch.offsets[0]!;
    batch.nextOffset = batch.offsets[batch.count - 1]! + 1;
    this.#bytes = Buffer.alloc(this.#bytes.length);
    this.#length = 0;
    return batch;
  }

  async #valueOf(line: RecordLine): Promise<Uint8Array | null> {
    if (typeof line.value_base64 === 'string') return Buffer.from(line.value_base64, 'base64');
    if (typeof line.value_text === 'string') return Buffer.from(line.value_text);
    if (line.value === null || line.value === undefined) return null;
    return line.schema === undefined
      ? Buffer.from(JSON.stringify(line.value))
      : await this.#avroBytes(line.schema, line.value);
  }

  async #avroBytes(id: number, value: unknown): Promise<Uint8Array> {
    let type = this.#types.get(id);
    if (type === undefined) {
      type = await avscType((await this.#schemas.schemaById(id)).schema, 'exact');
      this.#types.set(id, type);
    }
    let body: Buffer;
    try {
      body = type.toBuffer(avroFromJson(type, value));
    } catch (error) {
      throw new Misfit(`the value does not fit schema ${id}: ${(error as Error).message}`);
    }
    const bytes = Buffer.alloc(WIRE_HEADER_BYTES + body.length);
    writeWireHeader(bytes, 0, id);
    body.copy(bytes, WIRE_HEADER_BYTES);
    return bytes;
  }

  #append(bytes: Uint8Array): number {
    const need = this.#length + bytes.length;
    if (need > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(need, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = need;
    return need;
  }
}

class Misfit extends Error {}

function keyOf(line: RecordLine): Uint8Array | null {
  if (typeof line.key_base64 === 'string') return Buffer.from(line.key_base64, 'base64');
  return line.key === null || line.key === undefined ? null : Buffer.from(String(line.key));
}
