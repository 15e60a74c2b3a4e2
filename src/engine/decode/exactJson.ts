/**
 * JSON with whole numbers of 16 digits and more in quotes, so that JSON.parse keeps their digits: beyond 2^53 a number
 * would be rounded, and two series with such names would become one.
 */
export function quoteLongIntegers(json: string): string {
  return json.replace(TOKEN, (token) => (LONG_INTEGER.test(token) ? `"${token}"` : token));
}

/** A string, or what may be a number; strings are passed over whole. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;
const LONG_INTEGER = /^-?\d{16,}$/;

/** Whether a number of JSON text may stand for another whole number than was written. */
export function isRounded(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
}
