import { fullName, isPrimitive } from './avroSchema.ts';
import { ExactJson } from './jsonText.ts';

type Json = Readonly<Record<string, unknown>>;

/** Where a named type is defined: its JSON, and the namespace around it. */
interface Definition {
  readonly json: Json;
  readonly namespace: string;
}

/**
 * One Avro schema from several: each type of `referenced` that the text names is defined where it is first named.
 * Names that no text defines stay as they are, for the parser to complain about.
 * @throws AnomalyError ANM_SCHEMA_INVALID
 */
export function inlineAvroTypes(text: string, referenced: readonly string[]): string {
  const known = new Map<string, Definition>();
  // Read as one text, so that numbers of all of them can be written as they were.
  const json = new ExactJson(`[${[text, ...referenced].join(',')}]`);
  const [own, ...others] = json.value as unknown[];
  for (const each of others) collect(each, '', known);
  return json.write(inline(own, '', { known, done: new Set() }));
}

function collect(schema: unknown, namespace: string, known: Map<string, Definition>): void {
  if (Array.isArray(schema)) for (const branch of schema) collect(branch, namespace, known);
  if (!isObject(schema)) return;
  let inner = namespace;
  if (isNamed(schema)) {
    const name = nameOf(schema, namespace);
    inner = namespaceOf(name);
    if (!known.has(name)) known.set(name, { json: schema, namespace });
  }
  for (const child of children(schema)) collect(child, inner, known);
}

function inline(
  schema: unknown,
  namespace: string,
  state: { readonly known: ReadonlyMap<string, Definition>; readonly done: Set<string> },
): unknown {
  if (typeof schema === 'string' && !isPrimitive(schema)) {
    const name = fullName(schema, namespace);
    const found = state.known.get(name);
    if (found === undefined || state.done.has(name)) return schema;
    // With both parts of its name, as it stands in another namespace now.
    const space = namespaceOf(name);
    const simple = name.slice(space === '' ? 0 : space.length + 1);
    return inline({ ...found.json, name: simple, namespace: space }, found.namespace, state);
  }
  if (Array.isArray(schema)) return schema.map((branch) => inline(branch, namespace, state));
  if (!isObject(schema)) return schema;
  let inner = namespace;
  if (isNamed(schema)) {
    const name = nameOf(schema, namespace);
    state.done.add(name);
    inner = namespaceOf(name);
  }
  const out: Record<string, unknown> = { ...schema };
  for (const key of ['items', 'values']) if (out[key] !== undefined) out[key] = inline(out[key], inner, state);
  if (Array.isArray(schema['fields'])) {
    out['fields'] = schema['fields'].map((field: unknown) =>
      isObject(field) ? { ...field, type: inline(field['type'], inner, state) } : field,
    );
  } else if (!isNamed(schema)) out['type'] = inline(schema['type'], inner, state);
  return out;
}

function children(schema: Json): unknown[] {
  const fields = Array.isArray(schema['fields']) ? schema['fields'] : [];
  const types = fields.map((field: unknown) => (isObject(field) ? field['type'] : undefined));
  return [...types, schema['items'], schema['values'], isObject(schema['type']) ? schema['type'] : undefined];
}

function isNamed(schema: Json): boolean {
  return ['record', 'enum', 'fixed'].includes(String(schema['type'])) && typeof schema['name'] === 'string';
}

function nameOf(schema: Json, outer: string): string {
  const own = schema['namespace'];
  return fullName(String(schema['name']), typeof own === 'string' ? own : outer);
}

function namespaceOf(name: string): string {
  return name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
