import { isUtf8 } from 'node:buffer';
import type { HeaderView } from '../wire/headers.ts';

/**
 * Headers by their key: text, null, or {base64} for what is no text; a list where a key stands there more than once.
 * Undefined when there are none.
 */
export function headerMap(all: readonly HeaderView[]): ReadonlyMap<string, unknown> | undefined {
  const headers = new Map<string, unknown[]>();
  for (const { key, value } of all) {
    const values = headers.get(key) ?? [];
    values.push(value === null ? null : headerText(value));
    headers.set(key, values);
  }
  if (headers.size === 0) return undefined;
  return new Map([...headers].map(([key, values]) => [key, values.length === 1 ? values[0] : values]));
}

function headerText(value: Uint8Array): unknown {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const text = bytes.toString();
  return isUtf8(bytes) && !/[\x00-\x08\x0e-\x1f\x7f]/.test(text) ? text : { base64: bytes.toString('base64') };
}
