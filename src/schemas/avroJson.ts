import type { AvroLogical, AvroNode } from './avroNode.ts';

/**
 * A type as the JSON of a schema. Named types are written in full where they come first and by name afterwards:
 * `defined` holds those that are written already.
 */
export function schemaJson(node: AvroNode, defined: Set<string> = new Set()): unknown {
  switch (node.kind) {
    case 'array':
      return { type: 'array', items: schemaJson(node.items, defined) };
    case 'map':
      return { type: 'map', values: schemaJson(node.values, defined) };
    case 'union':
      return node.branches.map((branch) => schemaJson(branch, defined));
    case 'record':
    case 'enum':
    case 'fixed': {
      if (defined.has(node.name)) return node.name;
      defined.add(node.name);
      const { name } = node;
      if (node.kind === 'enum') return { type: 'enum', name, symbols: node.symbols };
      if (node.kind === 'fixed') return { type: 'fixed', name, size: node.sizeBytes, ...logicalJson(node.logical) };
      const fields = node.fields.map((field) => ({ name: field.name, type: schemaJson(field.type, defined) }));
      return { type: 'record', name, fields };
    }
    default:
      return node.logical === undefined ? node.kind : { type: node.kind, ...logicalJson(node.logical) };
  }
}

/** Whether two types are the same, names and logical types included. */
export function isSameType(a: AvroNode, b: AvroNode): boolean {
  return a === b || JSON.stringify(schemaJson(a)) === JSON.stringify(schemaJson(b));
}

function logicalJson(logical: AvroLogical | undefined): Readonly<Record<string, unknown>> {
  if (logical === undefined) return {};
  const { name, precision, scale } = logical;
  return { logicalType: name, ...(name === 'decimal' && { precision, scale }) };
}
