import { type AvroNode, typeLabel } from './avroNode.ts';

/** Values of one default that are looked at; an array of empty objects for a wide record would take minutes. */
const MAX_STEPS = 1_000_000;

/**
 * Why a default cannot stand for a value of the type, or null when it can. Bytes and fixed are strings of code points
 * up to 255; the default of a union is one of its first branch. Source: Avro specification, "Complex Types, Records".
 */
export function defaultMismatch(value: unknown, type: AvroNode): string | null {
  return new DefaultCheck().mismatch(value, type);
}

class DefaultCheck {
  private steps = 0;

  mismatch(value: unknown, type: AvroNode): string | null {
    if (++this.steps > MAX_STEPS) return `it has more than ${MAX_STEPS} values`;
    switch (type.kind) {
      case 'union':
        return this.mismatch(value, type.branches[0]!);
      case 'array':
        return Array.isArray(value) ? this.first(value, type.items) : refusal(value, type);
      case 'map':
        return isObject(value) ? this.first(Object.values(value), type.values) : refusal(value, type);
      case 'record': {
        if (!isObject(value)) return refusal(value, type);
        for (const field of type.fields) {
          this.steps += 1;
          const isGiven = Object.hasOwn(value, field.name);
          if (!isGiven && !field.hasDefault) return `it has no field '${field.name}' of ${typeLabel(type)}`;
          const reason = isGiven ? this.mismatch(value[field.name], field.type) : null;
          if (reason !== null) return reason;
        }
        return null;
      }
      default:
        return isScalar(value, type) ? null : refusal(value, type);
    }
  }

  private first(values: readonly unknown[], type: AvroNode): string | null {
    for (const value of values) {
      const reason = this.mismatch(value, type);
      if (reason !== null) return reason;
    }
    return null;
  }
}

function isScalar(value: unknown, type: AvroNode): boolean {
  switch (type.kind) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'int':
      return Number.isInteger(value) && Math.abs((value as number) + 0.5) < 2 ** 31;
    case 'long':
      // A double cannot tell 2^63 from the greatest long.
      return Number.isInteger(value) && Math.abs(value as number) <= 2 ** 63;
    case 'float':
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return isByteString(value);
    case 'fixed':
      return isByteString(value) && value.length === type.sizeBytes;
    case 'enum':
      return typeof value === 'string' && type.symbols.includes(value);
    default:
      return false;
  }
}

function isByteString(value: unknown): value is string {
  return typeof value === 'string' && /^[\u0000-\u00ff]*$/.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refusal(value: unknown, type: AvroNode): string {
  const text = JSON.stringify(value);
  return `${text.length > 100 ? `${text.slice(0, 100)}...` : text} is not a value of ${typeLabel(type)}`;
}
