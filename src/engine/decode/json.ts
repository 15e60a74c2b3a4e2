import { ObjectReader } from './objects.ts';
import type { SourceNeeds } from './reader.ts';
import { REASON } from './reasons.ts';

/** A reader of values that are JSON objects in UTF-8; a wrong byte is an error, not a replacement character. */
export function createJsonReader(needs: SourceNeeds): ObjectReader {
  return new ObjectReader(parseJson, needs, REASON.noObject);
}

function parseJson(bytes: Uint8Array, start: number, end: number): unknown {
  return JSON.parse(DECODER.decode(bytes.subarray(start, end)));
}

const DECODER = new TextDecoder('utf-8', { fatal: true });
