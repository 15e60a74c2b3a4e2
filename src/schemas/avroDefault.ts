import { type AvroNode, typeLabel } from './avroNode.ts';

/**
 * Why a default cannot stand for a value of the type, or null when it can. Bytes and fixed are strings of code points
 * up to 255; the default of a union is one of its first branch. Source: Avro specification, "Complex Types, Records".
 */
export function defaultMismatch(value: unknown, type: AvroNode): string | null {
  switch (type.kind) {
    case 'null':
      return value === null ? null : mismatch(value, type);
    case 'boolean':
      return typeof value === 'boolean' ? null : mismatch(value, type);
    case 'int':
      return Number.isInteger(value) && Math.abs((value as number) + 0.5) < 2 ** 31 ? null : mismatch(value, type);
    case 'long':
      return Number.isInteger(value) ? null : mismatch(value, type);
    case 'float':
    case 'double':
      return typeof value === 'number' ? null : mismatch(value, type);
    case 'string':
      return typeof value === 'string' ? null : mismatch(value, type);
    case 'bytes':
      return isByteString(value) ? null : mismatch(value, type);
    case 'fixed':
      return isByteString(value) && value.length === type.sizeBytes ? null : mismatch(value, type);
    case 'enum':
      return typeof value === 'string' && type.symbols.includes(value) ? null : mismatch(value, type);
    case 'union':
      return defaultMismatch(value, type.branches[0]!);
    case 'array':
      return Array.isArray(value) ? firstMismatch(value, type.items) : mismatch(value, type);
    case 'map':
      return isObject(value) ? firstMismatch(Object.values(value), type.values) : mismatch(value, type);
    case 'record': {
      if (!isObject(value)) return mismatch(value, type);
      for (const field of type.fields) {
        const given = value[field.name];
        if (given === undefined && !field.hasDefault) return `it has no field '${field.name}' of ${typeLabel(type)}`;
        const reason = given === undefined ? null : defaultMismatch(given, field.type);
        if (reason !== null) return reason;
      }
      return null;
    }
  }
}

function firstMismatch(values: readonly unknown[], type: AvroNode): string | null {
  for (const value of values) {
    const reason = defaultMismatch(value, type);
    if (reason !== null) return reason;
  }
  return null;
}

function isByteString(value: unknown): value is string {
  return typeof value === 'string' && /^[\u0000-\u00ff]*$/.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mismatch(value: unknown, type: AvroNode): string {
  return `${JSON.stringify(value)} is not a value of ${typeLabel(type)}`;
}
