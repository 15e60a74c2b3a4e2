import avro from 'avsc';
import fc from 'fast-check';

/** Arbitrary Avro schemas as parsed JSON: a record at the top, names distinct, recursion through `node`. */
export function recordSchemas(): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .array(shapes(3), { minLength: 1, maxLength: 6 })
    .map((types) => named({ type: 'record', fields: types.map((type, i) => ({ name: `f${i}`, type })) }));
}

function shapes(depth: number): fc.Arbitrary<unknown> {
  const scalar = fc.constantFrom(
    ...['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'],
    { type: 'long', logicalType: 'timestamp-micros' },
    { type: 'fixed', size: 3 },
    { type: 'enum', symbols: ['A', 'B', 'C'] },
    { type: 'record', recursive: true },
  );
  if (depth === 0) return scalar;
  const inner = shapes(depth - 1);
  return fc.oneof(
    { weight: 5, arbitrary: scalar },
    { weight: 1, arbitrary: inner.map((items) => ({ type: 'array', items })) },
    { weight: 1, arbitrary: inner.map((values) => ({ type: 'map', values })) },
    {
      weight: 2,
      arbitrary: fc
        .array(inner, { minLength: 1, maxLength: 3 })
        .map((types) => types.map((type, i) => ({ name: `f${i}`, type })))
        .map((fields) => ({ type: 'record', fields })),
    },
    { weight: 3, arbitrary: fc.array(inner, { minLength: 1, maxLength: 3 }).map(distinctBranches) },
  );
}

/** A union may hold a type once, and no union. */
function distinctBranches(types: readonly unknown[]): unknown[] {
  const seen = new Set<string>(['union']);
  const branches = ['null', ...types].filter((type) => {
    const kind = Array.isArray(type) ? 'union' : typeof type === 'string' ? type : (type as { type: string }).type;
    // Names tell records, enums and fixed apart.
    if (['record', 'enum', 'fixed'].includes(kind)) return true;
    return !seen.has(kind) && seen.add(kind);
  });
  return branches;
}

/** Gives every named type a name of its own, and turns the mark of a recursive record into one. */
function named(schema: Record<string, unknown>): Record<string, unknown> {
  let count = 0;
  const walk = (type: unknown): unknown => {
    if (typeof type === 'string') return type;
    if (Array.isArray(type)) return type.map(walk);
    const { recursive, ...attributes } = type as Record<string, unknown>;
    const copy = { ...attributes };
    if (['record', 'enum', 'fixed'].includes(copy['type'] as string)) copy['name'] = `T${count++}`;
    if (recursive === true) {
      copy['fields'] = [
        { name: 'n', type: 'int' },
        { name: 'next', type: ['null', copy['name']] },
      ];
    } else if (Array.isArray(copy['fields'])) {
      copy['fields'] = (copy['fields'] as { name: string; type: unknown }[]).map(({ name, type: inner }) => ({
        name,
        type: walk(inner),
      }));
    }
    for (const part of ['items', 'values']) if (part in copy) copy[part] = walk(copy[part]);
    return copy;
  };
  return walk(schema) as Record<string, unknown>;
}

/** avsc with unions unwrapped where it can, and longs beyond 2^53 as rounded doubles. */
export function avscType(schema: unknown): avro.Type {
  const long = avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => Number(buffer.readBigInt64LE()),
    toBuffer: (value: number) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(BigInt(value));
      return buffer;
    },
    fromJSON: Number,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'number',
    compare: (a: number, b: number) => a - b,
  });
  // A hook, as a registry entry would not hold for longs with attributes.
  const typeHook = (each: unknown) =>
    each === 'long' || (each as { type?: unknown }).type === 'long' ? (long as unknown as avro.Type) : undefined;
  return avro.Type.forSchema(schema as avro.Schema, { wrapUnions: 'always', typeHook });
}

/** A random value of a schema, in avsc's wrapped form: { branch: value } for unions. */
export function drawValue(
  schema: unknown,
  random: (below: number) => number,
  names = new Map<string, unknown>(),
): unknown {
  if (typeof schema === 'string' && names.has(schema)) return drawValue(names.get(schema), random, names);
  const type =
    typeof schema === 'string' ? schema : Array.isArray(schema) ? 'union' : (schema as { type: string }).type;
  const attributes = schema as Record<string, unknown>;
  if (typeof schema === 'object' && 'name' in attributes) names.set(attributes['name'] as string, schema);
  const bytes = (size: number) => Buffer.from(Array.from({ length: size }, () => random(256)));
  switch (type) {
    case 'null':
      return null;
    case 'boolean':
      return random(2) === 1;
    case 'int':
      return [0, -1, 63, -65, 2 ** 31 - 1, -(2 ** 31), random(1e6)][random(7)]!;
    case 'long':
      return [0, -1, 2 ** 28, -(2 ** 35) - 1, 2 ** 53 - 1, -(2 ** 53), 2 ** 62, -(2 ** 63), random(2 ** 31) * 997][
        random(9)
      ]!;
    case 'float':
      return Math.fround(random(1000) / 7);
    case 'double':
      return [0, -0.1, 1e300, Number.NaN, Number.POSITIVE_INFINITY, random(1e9) / 7][random(6)]!;
    case 'bytes':
      return bytes(random(100));
    case 'string':
      return ['', 'é', 'sensor-1', '12.5', 'x'.repeat(70)][random(5)]!;
    case 'fixed':
      return bytes(attributes['size'] as number);
    case 'enum':
      return (attributes['symbols'] as string[])[random(3)]!;
    case 'array':
      return Array.from({ length: random(4) }, () => drawValue(attributes['items'], random, names));
    case 'map':
      return Object.fromEntries(
        Array.from({ length: random(4) }, (_, i) => [`k${i}`, drawValue(attributes['values'], random, names)]),
      );
    case 'union': {
      const branches = schema as unknown[];
      // Names have to be known before another branch refers to them.
      for (const each of branches) if (typeof each === 'object') names.set((each as { name: string }).name, each);
      const branch = branches[random(branches.length)];
      if (branch === 'null') return null;
      const name = typeof branch === 'string' ? branch : branchName(branch as Record<string, unknown>);
      return { [name]: drawValue(branch, random, names) };
    }
    default: {
      const fields = attributes['fields'] as { name: string; type: unknown }[];
      return Object.fromEntries(fields.map(({ name, type: inner }) => [name, drawValue(inner, random, names)]));
    }
  }
}

function branchName(branch: Record<string, unknown>): string {
  return (branch['name'] ?? branch['type']) as string;
}

/** All dotted paths through records (and records in unions) of a schema, two levels into a recursive one. */
export function pathsOf(schema: unknown, prefix = '', depth = 0): string[] {
  if (Array.isArray(schema)) return [...new Set(schema.flatMap((branch) => pathsOf(branch, prefix, depth)))];
  const attributes = schema as Record<string, unknown>;
  if (typeof schema !== 'object' || attributes['type'] !== 'record' || depth > 3) return [];
  return (attributes['fields'] as { name: string; type: unknown }[]).flatMap(({ name, type }) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return [path, ...pathsOf(type, path, depth + 1)];
  });
}
