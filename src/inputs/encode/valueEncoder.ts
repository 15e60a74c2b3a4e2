import { AvroDataError } from '../../schemas/avroReader.ts';
import { AvroMisfit, AvroOutput } from '../../schemas/avroWriter.ts';
import type { AvroRows } from '../avro/avroFile.ts';
import type { InputColumn } from '../columns.ts';
import type { FileSample } from '../fileSample.ts';
import type { Rows } from '../rowChunk.ts';
import type { TypedRows } from '../typedFile.ts';
import { NO_COLUMN, SERIES } from './avroPlan.ts';
import type { EncodedFile, RowEncoder } from './rowEncoder.ts';
import { planValues, recordOf, type ValueField } from './valuePlan.ts';

/** Rows of files whose columns have types as Avro records. A value is never rounded: one that does not fit is refused. */
export class ValueEncoder implements RowEncoder {
  fault = '';
  readonly #header: Uint8Array;
  readonly #out = new AvroOutput();
  readonly #fields: ReadonlyMap<EncodedFile, readonly ValueField[]>;

  /** `header` goes before each value. @throws ANM_SCHEMA_UNSUPPORTED where a file cannot fill the schema */
  constructor(
    schema: string,
    columns: readonly InputColumn[],
    samples: readonly FileSample[],
    files: readonly EncodedFile[],
    withSeries: boolean,
    header: Uint8Array,
  ) {
    const record = recordOf(schema);
    this.#header = header;
    this.#fields = new Map(
      files.flatMap((file, i) =>
        samples[i]!.typed === null
          ? []
          : [[file, planValues(record, columns, samples[i]!, file.columns.indexes, withSeries)] as const],
      ),
    );
  }

  get bytes(): Uint8Array {
    return this.#out.bytes;
  }

  encode(rows: Rows, row: number, file: EncodedFile, shiftMs: number): number {
    const out = this.#out;
    out.length = 0;
    out.write(this.#header);
    const timeMs = rows.times[row]! + shiftMs;
    let name = '';
    try {
      for (const field of this.#fields.get(file)!) {
        name = field.name;
        const { column, timeValue } = field;
        let value: unknown = null;
        if (column === SERIES) value = file.series;
        else if (column !== NO_COLUMN) {
          const moves = timeValue !== null && (shiftMs !== 0 || field.isConvertedTime);
          value = moves ? timeValue(timeMs) : (rows as TypedRows).value(row, column);
        }
        if (value === null && field.nullBranch >= 0) {
          out.writeLong(field.nullBranch);
          continue;
        }
        if (field.valueBranch >= 0) out.writeLong(field.valueBranch);
        field.write(out, value);
      }
    } catch (error) {
      if (!(error instanceof AvroMisfit || error instanceof AvroDataError)) throw error;
      this.fault = `${name} ${error.message}`;
      return -1;
    }
    return out.length;
  }
}

/** Records of Avro files as they stand there: only the header comes before them. */
export class AvroPassEncoder implements RowEncoder {
  bytes: Uint8Array = new Uint8Array(4096);
  readonly fault = '';
  readonly #header: Uint8Array;

  constructor(header: Uint8Array) {
    this.#header = header;
    this.bytes.set(header);
  }

  encode(rows: Rows, row: number): number {
    const { bytes, rowStart, rowEnd } = rows as AvroRows;
    const start = rowStart[row]!;
    const size = rowEnd[row]! - start;
    const at = this.#header.length;
    if (at + size > this.bytes.length) {
      this.bytes = new Uint8Array((at + size) * 2);
      this.bytes.set(this.#header);
    }
    if (size > 64) this.bytes.set(bytes.subarray(start, start + size), at);
    else for (let i = 0; i < size; i++) this.bytes[at + i] = bytes[start + i]!;
    return at + size;
  }
}
