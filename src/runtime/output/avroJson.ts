import type { Type } from 'avsc';

/**
 * Avro values as JSON and back, by avsc's types. Bytes are text with a character a byte, as in Avro's own JSON encoding,
 * and unions are the value of their branch where avsc can tell the branches apart, so that a line reads well. What
 * JSON numbers cannot hold is text: longs beyond 2^53, NaN, the infinities and -0.
 */
export function avroToJson(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return value.toString();
    case 'object': {
      if (value === null) return null;
      if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
      if (Array.isArray(value)) return value.map(avroToJson);
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, avroToJson(each)]));
    }
    default:
      return value;
  }
}

/** What avsc takes for a type. What does not fit is left as it is, for avsc to refuse. */
export function avroFromJson(type: Type, node: unknown): unknown {
  const { typeName } = type;
  switch (typeName) {
    case 'abstract:long':
      return typeof node === 'string' && /^-?\d+$/.test(node) ? BigInt(node) : node;
    case 'float':
    case 'double':
      return typeof node === 'string' && /^(-0|NaN|-?Infinity)$/.test(node) ? Number(node) : node;
    case 'bytes':
    case 'fixed':
      return typeof node === 'string' ? Buffer.from(node, 'latin1') : node;
    case 'array': {
      const { itemsType } = type as unknown as { itemsType: Type };
      return Array.isArray(node) ? node.map((each) => avroFromJson(itemsType, each)) : node;
    }
    case 'map': {
      const { valuesType } = type as unknown as { valuesType: Type };
      if (!isObject(node)) return node;
      return Object.fromEntries(Object.entries(node).map(([name, each]) => [name, avroFromJson(valuesType, each)]));
    }
    case 'record':
    case 'error': {
      const { fields } = type as unknown as { fields: readonly { name: string; type: Type }[] };
      if (!isObject(node)) return node;
      return Object.fromEntries(fields.map(({ name, type: of }) => [name, avroFromJson(of, node[name])]));
    }
    case 'union:wrapped':
    case 'union:unwrapped':
      return unionFromJson(type as unknown as Union, node);
    default:
      return node;
  }
}

interface Union extends Type {
  readonly types: readonly Type[];
}

function unionFromJson(type: Union, node: unknown): unknown {
  if (type.typeName === 'union:wrapped') {
    const [name] = isObject(node) ? Object.keys(node) : [];
    const branch = type.types.find((each) => each.branchName === name);
    return branch === undefined ? node : { [name!]: avroFromJson(branch, (node as Record<string, unknown>)[name!]) };
  }
  for (const branch of type.types) {
    const value = avroFromJson(branch, node);
    if (branch.isValid(value)) return value;
  }
  return node;
}

function isObject(node: unknown): node is Record<string, unknown> {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}
