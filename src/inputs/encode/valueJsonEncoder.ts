import { avroPlain } from '../../schemas/avroPlain.ts';
import { AvroDataError } from '../../schemas/avroReader.ts';
import type { FileSample } from '../fileSample.ts';
import type { Rows } from '../rowChunk.ts';
import { jsonText } from '../text/jsonText.ts';
import type { TypedRows } from '../typedFile.ts';
import type { EncodedFile, RowEncoder } from './rowEncoder.ts';

/** Rows of files whose columns have types as JSON objects, their values spelled as avroPlain does. */
export class ValueJsonEncoder implements RowEncoder {
  bytes: Uint8Array = new Uint8Array(0);
  fault = '';
  readonly #samples: ReadonlyMap<EncodedFile, FileSample>;
  readonly #seriesField: string | null;

  /** `seriesField` is the name of the added member with the series; null adds none. */
  constructor(samples: readonly FileSample[], files: readonly EncodedFile[], seriesField: string | null) {
    this.#samples = new Map(files.map((file, i) => [file, samples[i]!]));
    this.#seriesField = seriesField;
  }

  encode(rows: Rows, row: number, file: EncodedFile, shiftMs: number): number {
    const { columns, timeColumn } = this.#samples.get(file)!;
    const object = new Map<string, unknown>();
    for (let c = 0; c < columns.length; c++) {
      const { name, node } = columns[c]!;
      try {
        const isMoved = c === timeColumn && shiftMs !== 0;
        const moved = () => new Date(Math.floor(rows.times[row]! + shiftMs)).toISOString();
        object.set(name, isMoved ? moved() : avroPlain(node!, (rows as TypedRows).value(row, c)));
      } catch (error) {
        if (!(error instanceof AvroDataError || error instanceof TypeError)) throw error;
        this.fault = `${name} is not UTF-8`;
        return -1;
      }
    }
    if (this.#seriesField !== null) object.set(this.#seriesField, Buffer.from(file.series).toString());
    this.bytes = Buffer.from(jsonText(object));
    return this.bytes.length;
  }
}
