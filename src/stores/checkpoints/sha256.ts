import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../engine/operatorState.ts';

/** Some milliseconds of hashing. */
const STEP_BYTES = 1024 * 1024;

/** In hex. Records go on between the steps: a state of hundreds of MB must not stop them. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    hash.update(bytes.subarray(at, at + STEP_BYTES));
  }
  return hash.digest('hex');
}

/** Of the canonical JSON, in hex: equal data, equal hash. */
export function hashJson(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
