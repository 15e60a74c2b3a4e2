import { AnomalyError } from '../../errors.ts';
import type { RowChunk } from '../rowChunk.ts';
import { parseIsoTime } from '../time/time.ts';
import type { EncodedFile, RowEncoder } from './rowEncoder.ts';

interface AvscType {
  encode(value: unknown, buffer: Buffer, position: number): number;
}

/**
 * JSON objects by avsc, for schemas with shapes that the AvroEncoder does not write: nested records, arrays, maps,
 * unions of several types. An object is built for each row, so it is several times slower.
 */
export class AvscEncoder implements RowEncoder {
  bytes: Buffer = Buffer.alloc(65_536);
  fault = '';
  readonly #type: AvscType;
  readonly #header: Uint8Array;
  /** Member that gets the name of the file's series; null for none. */
  readonly #seriesField: string | null;
  readonly #timePath: (file: EncodedFile) => readonly string[] | null;

  private constructor(
    type: AvscType,
    header: Uint8Array,
    seriesField: string | null,
    timePath: (file: EncodedFile) => readonly string[] | null,
  ) {
    this.#type = type;
    this.#header = header;
    this.#seriesField = seriesField;
    this.#timePath = timePath;
  }

  /** @throws ANM_SCHEMA_INVALID */
  static async create(
    schema: string,
    header: Uint8Array,
    seriesField: string | null,
    timePath: (file: EncodedFile) => readonly string[] | null,
  ): Promise<AvscEncoder> {
    const { default: avsc } = await import('avsc');
    // Times may come as text; numbers are in the unit of the schema already.
    class Timestamp extends avsc.types.LogicalType {
      protected override _fromValue(value: unknown): unknown {
        return value;
      }
      protected override _toValue(value: unknown): unknown {
        if (typeof value !== 'string') return value;
        const bytes = Buffer.from(value);
        const time = parseIsoTime(bytes, 0, bytes.length);
        if (Number.isNaN(time)) return undefined;
        return this.millis ? Math.floor(time) : Math.round(time * 1000);
      }
      millis = true;
    }
    class TimestampMicros extends Timestamp {
      override millis = false;
    }
    try {
      const logicalTypes = { 'timestamp-millis': Timestamp, 'timestamp-micros': TimestampMicros };
      const type = avsc.Type.forSchema(JSON.parse(schema), { logicalTypes });
      return new AvscEncoder(type, header, seriesField, timePath);
    } catch (error) {
      throw new AnomalyError('ANM_SCHEMA_INVALID', `cannot use the schema as ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  encode(chunk: RowChunk, row: number, file: EncodedFile, shiftMs: number): number {
    const value = JSON.parse(chunk.raw(row)) as Record<string, unknown>;
    if (this.#seriesField !== null) value[this.#seriesField] = Buffer.from(file.series).toString();
    const path = this.#timePath(file);
    if (shiftMs !== 0 && path !== null) setMember(value, path, new Date(chunk.times[row]! + shiftMs).toISOString());
    const start = this.#header.length;
    try {
      let end = this.#type.encode(value, this.bytes, start);
      if (end < 0) {
        // avsc gives the missing room as a negative number, and wrote what fits.
        this.bytes = Buffer.alloc((this.bytes.length - end) * 2);
        end = this.#type.encode(value, this.bytes, start);
      }
      this.bytes.set(this.#header);
      return end;
    } catch (error) {
      this.fault = (error as Error).message;
      return -1;
    }
  }
}

function setMember(value: Record<string, unknown>, path: readonly string[], to: unknown): void {
  let parent = value;
  for (const name of path.slice(0, -1)) parent = parent[name] as Record<string, unknown>;
  parent[path.at(-1)!] = to;
}
