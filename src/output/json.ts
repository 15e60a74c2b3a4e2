/** A value whose keys are the user's own, such as a decoded record: they are printed as they are. */
export class Verbatim {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

export function verbatim(value: unknown): Verbatim {
  return new Verbatim(value);
}

/**
 * The plain JSON form of a row: keys in snake_case, maps as objects, bigints as strings, bytes as base64, NaN and
 * infinities as null.
 */
export function toJson(value: unknown, rename = true): unknown {
  if (value instanceof Verbatim) return toJson(value.value, false);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<number>, (item) => toJson(item));
  if (Array.isArray(value)) return value.map((item) => toJson(item, rename));
  // Keys of a Map are data, names of properties are ours.
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, item]) => [String(key), toJson(item, rename)]));
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [rename ? snakeCase(key) : key, toJson(item, rename)]));
}

/** lagRecords -> lag_records, p99Ms -> p99_ms. */
export function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}
