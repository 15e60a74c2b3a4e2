import { ExactJson, sortMembers } from './jsonText.ts';

/**
 * One text for schemas that differ only in white space, in the order of their attributes, or in how a name and its
 * namespace are written. Unlike Avro's Parsing Canonical Form it keeps defaults, aliases, documentation, logical types
 * and each number as it was written: a registry must give back all that was registered. With `normalize`, the order of
 * attributes that Avro does not know, and of members within defaults, says nothing either.
 */
export function canonicalAvroText(text: string, normalize = false): string {
  const json = new ExactJson(text);
  return json.write(canonical(normalize ? sortMembers(json.value) : json.value, ''));
}

type Json = Readonly<Record<string, unknown>>;

const TYPE_ORDER = [
  'type',
  'name',
  'namespace',
  'doc',
  'fields',
  'symbols',
  'items',
  'values',
  'default',
  'size',
  'aliases',
];
const FIELD_ORDER = ['name', 'type', 'doc', 'default', 'order', 'aliases'];

function canonical(schema: unknown, outer: string): unknown {
  if (Array.isArray(schema)) return schema.map((branch) => canonical(branch, outer));
  if (typeof schema === 'string') return schema.lastIndexOf('.') === 0 ? schema.slice(1) : schema;
  if (typeof schema !== 'object' || schema === null) return schema;
  const json = schema as Json;
  switch (json['type']) {
    case 'record': {
      const { header, namespace } = canonicalName(json, outer);
      const fields = (json['fields'] as readonly Json[]).map((field) =>
        ordered({ ...field, type: canonical(field['type'], namespace) }, FIELD_ORDER),
      );
      return ordered({ ...header, fields }, TYPE_ORDER);
    }
    case 'enum':
    case 'fixed':
      return ordered(canonicalName(json, outer).header, TYPE_ORDER);
    case 'array':
      return ordered({ ...json, items: canonical(json['items'], outer) }, TYPE_ORDER);
    case 'map':
      return ordered({ ...json, values: canonical(json['values'], outer) }, TYPE_ORDER);
    default:
      return ordered({ ...json, type: canonical(json['type'], outer) }, TYPE_ORDER);
  }
}

/** Simple name and namespace apart; a namespace equal to the enclosing one says nothing and is dropped. */
function canonicalName(json: Json, outer: string): { header: Json; namespace: string } {
  const given = json['name'] as string;
  const dot = given.lastIndexOf('.');
  const namespace = dot >= 0 ? given.slice(0, dot) : ((json['namespace'] as string | undefined) ?? outer);
  const { namespace: _, ...rest } = json;
  const header: Record<string, unknown> = { ...rest, name: given.slice(dot + 1) };
  if (namespace !== outer) header['namespace'] = namespace;
  return { header, namespace };
}

function ordered(json: Json, order: readonly string[]): Json {
  const known = order.filter((key) => Object.hasOwn(json, key));
  const others = Object.keys(json).filter((key) => !order.includes(key));
  return Object.fromEntries([...known, ...others].map((key) => [key, json[key]]));
}
