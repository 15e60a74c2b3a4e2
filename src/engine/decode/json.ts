import { isRounded, quoteLongIntegers } from './exactJson.ts';
import { lookUp, ObjectReader } from './objects.ts';
import type { SourceNeeds } from './reader.ts';
import { REASON } from './reasons.ts';

/** A reader of values that are JSON objects in UTF-8; a wrong byte is an error, not a replacement character. */
export function createJsonReader(needs: SourceNeeds): ObjectReader {
  const parse = (bytes: Uint8Array, start: number, end: number): unknown => {
    const text = DECODER.decode(bytes.subarray(start, end));
    const value: unknown = JSON.parse(text);
    if (needs.key === undefined || typeof value !== 'object' || value === null) return value;
    return isRounded(lookUp(value, needs.key)) ? JSON.parse(quoteLongIntegers(text)) : value;
  };
  return new ObjectReader(parse, needs, REASON.noObject);
}

const DECODER = new TextDecoder('utf-8', { fatal: true });
