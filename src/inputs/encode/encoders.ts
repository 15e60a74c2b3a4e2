import { RowChunk, type Rows } from '../rowChunk.ts';
import type { RowInput } from '../rowInput.ts';
import { AvroEncoder } from './avroEncoder.ts';
import type { AvroPlan } from './avroPlan.ts';
import { JsonEncoder } from './jsonEncoder.ts';
import type { EncodedFile, RowEncoder } from './rowEncoder.ts';
import { ValueEncoder } from './valueEncoder.ts';
import { ValueJsonEncoder } from './valueJsonEncoder.ts';

/** Rows of all files of an input as JSON. `seriesField` is the name of the added member; null adds none. */
export function jsonEncoder(input: RowInput, seriesField: string | null): RowEncoder {
  const { samples, files } = input;
  return combined(
    input,
    () => new JsonEncoder(input.columns, seriesField),
    () => new ValueJsonEncoder(samples, files, seriesField),
  );
}

/**
 * Rows of all files as Avro; the plan's fields are there if any file is text. `header` goes before each value.
 * @throws ANM_SCHEMA_UNSUPPORTED
 */
export function avroEncoder(input: RowInput, plan: AvroPlan, withSeries: boolean, header: Uint8Array): RowEncoder {
  const { columns, samples, files } = input;
  return combined(
    input,
    () => new AvroEncoder(plan.fields!, header),
    () => new ValueEncoder(plan.schema, columns, samples, files, withSeries, header),
  );
}

function combined({ samples }: RowInput, text: () => RowEncoder, typed: () => RowEncoder): RowEncoder {
  const typedCount = samples.filter((sample) => sample.typed !== null).length;
  if (typedCount === 0) return text();
  return typedCount === samples.length ? typed() : new MixedEncoder(text(), typed());
}

/** Text and typed files beside each other. */
class MixedEncoder implements RowEncoder {
  readonly #text: RowEncoder;
  readonly #typed: RowEncoder;
  #last: RowEncoder;

  constructor(text: RowEncoder, typed: RowEncoder) {
    this.#text = text;
    this.#typed = typed;
    this.#last = text;
  }

  get bytes(): Uint8Array {
    return this.#last.bytes;
  }

  get fault(): string {
    return this.#last.fault;
  }

  encode(rows: Rows, row: number, file: EncodedFile, shiftMs: number): number {
    this.#last = rows instanceof RowChunk ? this.#text : this.#typed;
    return this.#last.encode(rows, row, file, shiftMs);
  }
}
