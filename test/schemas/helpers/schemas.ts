import fc from 'fast-check';

/**
 * Random Avro schemas from a small vocabulary, so that two of them often nearly fit. Each named type occurs once in a
 * schema (names are numbered by their depth-first position), since avsc keeps a failed pair of names as resolved.
 */
export function schemaArbitrary(): fc.Arbitrary<unknown> {
  return fc.tuple(shapes(), fc.boolean()).map(([shape, wide]) => build(shape, { next: 0, wide }));
}

type Shape =
  | { kind: 'primitive'; name: string; logical: boolean }
  | {
      kind: 'record';
      fields: { type: Shape; withDefault: boolean; alias: boolean; old: boolean; name: number }[];
      renamed: boolean;
    }
  | { kind: 'enum'; symbols: string[]; withDefault: boolean }
  | { kind: 'fixed'; size: number }
  | { kind: 'array' | 'map'; of: Shape }
  | { kind: 'union'; branches: Shape[] };

const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'];
const FIELDS = ['a', 'b', 'c', 'd'];

function shapes(): fc.Arbitrary<Shape> {
  return fc.letrec<{ shape: Shape }>((tie) => ({
    shape: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'schema' },
      fc.record({
        kind: fc.constant('primitive' as const),
        name: fc.constantFrom('int', 'long', 'double', ...PRIMITIVES),
        logical: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('record' as const),
        fields: fc.uniqueArray(
          fc.record({
            type: tie('shape'),
            withDefault: fc.boolean(),
            alias: fc.boolean(),
            old: fc.boolean(),
            name: fc.nat(FIELDS.length - 1),
          }),
          { selector: (field) => field.name, maxLength: 3 },
        ),
        renamed: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('enum' as const),
        symbols: fc.uniqueArray(fc.constantFrom('A', 'B', 'C'), { minLength: 1 }),
        withDefault: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('fixed' as const), size: fc.integer({ min: 1, max: 2 }) }),
      fc.record({ kind: fc.constantFrom('array' as const, 'map' as const), of: tie('shape') }),
      fc.record({
        kind: fc.constant('union' as const),
        branches: fc.array(tie('shape'), { minLength: 1, maxLength: 3 }),
      }),
    ),
  })).shape;
}

interface Numbering {
  next: number;
  wide: boolean;
}

function build(shape: Shape, names: Numbering): unknown {
  switch (shape.kind) {
    case 'primitive':
      return shape.logical && shape.name === 'long' ? { type: 'long', logicalType: 'timestamp-millis' } : shape.name;
    case 'record':
      return buildRecord(shape, names);
    case 'enum': {
      const name = `T${names.next++}`;
      return {
        type: 'enum',
        name,
        symbols: shape.symbols,
        ...(shape.withDefault ? { default: shape.symbols[0] } : {}),
      };
    }
    case 'fixed':
      return { type: 'fixed', name: `T${names.next++}`, size: shape.size };
    case 'array':
      return { type: 'array', items: build(shape.of, names) };
    case 'map':
      return { type: 'map', values: build(shape.of, names) };
    case 'union': {
      const branches: unknown[] = [];
      const kinds = new Set<string>();
      for (const branch of shape.branches) {
        const kind = branch.kind === 'primitive' ? branch.name : branch.kind;
        if (branch.kind === 'union' || kinds.has(kind)) continue;
        kinds.add(kind);
        branches.push(build(branch, names));
      }
      return branches.length === 0 ? 'null' : branches;
    }
  }
}

function buildRecord(shape: Extract<Shape, { kind: 'record' }>, names: Numbering): unknown {
  const name = `T${names.next++}`;
  const fields = shape.fields.map((field) => {
    const type = build(field.type, names);
    const value = field.withDefault ? defaultFor(type) : undefined;
    const name = FIELDS[field.name]!;
    return {
      // Never both names in one record: avsc refuses an alias beside a field of the reader's own name.
      name: field.old ? `${name}Old` : name,
      type,
      ...(value === undefined ? {} : { default: value }),
      ...(field.alias && !field.old ? { aliases: [`${name}Old`] } : {}),
    };
  });
  const renamed = shape.renamed && names.wide;
  return { type: 'record', name: renamed ? `n.${name}` : name, fields, ...(renamed ? { aliases: [`.${name}`] } : {}) };
}

/** A default where one is simple to state; undefined for the rest. */
function defaultFor(type: unknown): unknown {
  if (Array.isArray(type)) return defaultFor(type[0]);
  const kind = typeof type === 'object' ? (type as { type: string }).type : type;
  switch (kind) {
    case 'null':
      return null;
    case 'boolean':
      return true;
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return 1;
    case 'bytes':
    case 'string':
      return 'x';
    case 'enum':
      return (type as { symbols: string[] }).symbols[0];
    case 'array':
      return [];
    case 'map':
      return {};
    default:
      return undefined;
  }
}
