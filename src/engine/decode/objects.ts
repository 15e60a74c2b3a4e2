import type { ColumnBatch } from '../batch.ts';
import { parseDecimal } from './decimal.ts';
import { KeyText } from './keyText.ts';
import type { ColumnReader, DecodedColumns, SourceNeeds, TimeUnit, ValueDecoder } from './reader.ts';
import { REASON } from './reasons.ts';
import { timeOfNumber, timeOfText } from './times.ts';

/**
 * Reads needed values out of decoded objects: JSON, and shapes of Avro that the compiled reader does not cover.
 * A path is looked up as one property name first ('a.b'), then step by step; an array takes indexes as steps.
 *
 * Numbers: number, bigint, boolean as 0 or 1, text that is a decimal number; null, absent, the empty text and what is not
 * finite are NaN; anything else rejects the record. Times: number, ISO text, Date. Keys: text, number, bigint, boolean, bytes.
 */
export class ObjectReader implements ColumnReader {
  readonly #decode: ValueDecoder;
  readonly #needs: SourceNeeds;
  readonly #keyText = new KeyText();
  readonly #failure: number;

  /** @param failure REASON code of a record whose value the decoder throws at */
  constructor(decode: ValueDecoder, needs: SourceNeeds, failure: number) {
    this.#decode = decode;
    this.#needs = needs;
    this.#failure = failure;
  }

  read(batch: ColumnBatch, from: number, to: number, headerBytes: number, out: DecodedColumns): void {
    this.#keyText.clear();
    for (let i = from; i < to; i++) {
      out.keyStart[i] = -1;
      out.reasons[i] = this.#readOne(batch, i, headerBytes, out);
    }
    out.keyBytes = this.#keyText.bytes;
  }

  #readOne(batch: ColumnBatch, i: number, headerBytes: number, out: DecodedColumns): number {
    let value: unknown;
    try {
      value = this.#decode(batch.bytes, batch.valueStart[i]! + headerBytes, batch.valueEnd[i]!);
    } catch {
      return this.#failure;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return REASON.noObject;
    const { key, time, timeUnit, fields } = this.#needs;
    for (let f = 0; f < fields.length; f++) {
      const number = numberOf(lookUp(value, fields[f]!));
      if (number === undefined) return REASON.noNumber;
      batch.fields[f]![i] = number;
    }
    if (time !== undefined) batch.eventTimes[i] = timeOf(lookUp(value, time), timeUnit);
    if (key !== undefined) {
      const name = lookUp(value, key);
      out.keyStart[i] = this.#keyText.length;
      if (name instanceof Uint8Array) this.#keyText.append(name, 0, name.length);
      else if (isName(name)) this.#keyText.appendText(String(name));
      else out.keyStart[i] = -1;
      out.keyEnd[i] = this.#keyText.length;
    }
    return REASON.none;
  }
}

/** The property at a path, own properties only; undefined where there is none. */
export function lookUp(value: object, path: string): unknown {
  if (Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path];
  let at: unknown = value;
  for (const step of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}

/** NaN for null, undefined for what is no number. */
function numberOf(value: unknown): number | undefined {
  switch (typeof value) {
    case 'number':
    case 'bigint':
    case 'boolean': {
      const number = Number(value);
      return Number.isFinite(number) ? number : Number.NaN;
    }
    case 'string': {
      if (value === '') return Number.NaN;
      const bytes = ENCODER.encode(value);
      const number = parseDecimal(bytes, 0, bytes.length);
      return Number.isNaN(number) ? undefined : number;
    }
    case 'undefined':
      return Number.NaN;
    default:
      return value === null ? Number.NaN : undefined;
  }
}

function timeOf(value: unknown, unit: TimeUnit | undefined): number {
  if (typeof value === 'number' || typeof value === 'bigint') return timeOfNumber(Number(value), unit);
  if (value instanceof Date) return value.getTime();
  if (typeof value !== 'string') return Number.NaN;
  const bytes = ENCODER.encode(value);
  return timeOfText(bytes, 0, bytes.length, unit);
}

function isName(value: unknown): boolean {
  return (
    typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
  );
}

const ENCODER = new TextEncoder();
