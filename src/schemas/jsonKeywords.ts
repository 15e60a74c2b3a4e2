import type { JsonSchema } from './jsonModel.ts';

/** Keywords by what they hold, drafts 4 to 2020-12. */
const ONE_SCHEMA = [
  'additionalItems',
  'additionalProperties',
  'contains',
  'contentSchema',
  'else',
  'if',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
];
const SCHEMA_LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const SCHEMA_MAPS = ['$defs', 'definitions', 'dependentSchemas', 'patternProperties', 'properties'];
/** A schema or an array: of schemas (items), of names (an entry of dependencies). */
const MIXED = ['items'];
const MIXED_MAPS = ['dependencies'];

/** Say nothing about which values are valid; `format` is a note unless a reader chooses otherwise. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$anchor',
  '$comment',
  '$defs',
  '$id',
  '$schema',
  '$vocabulary',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  'default',
  'definitions',
  'deprecated',
  'description',
  'examples',
  'format',
  'id',
  'readOnly',
  'title',
  'writeOnly',
]);

/** Each direct subschema with its place below the schema: `properties/a`, `anyOf/0`. */
export function* subschemas(schema: Readonly<Record<string, unknown>>): Generator<[string, JsonSchema]> {
  for (const key of [...ONE_SCHEMA, ...MIXED]) if (isSchema(schema[key])) yield [key, schema[key]];
  for (const key of [...SCHEMA_LISTS, ...MIXED]) {
    const list = schema[key];
    if (!Array.isArray(list)) continue;
    for (const [index, child] of list.entries()) if (isSchema(child)) yield [`${key}/${index}`, child];
  }
  for (const key of [...SCHEMA_MAPS, ...MIXED_MAPS]) {
    const map = schema[key];
    if (!isObject(map)) continue;
    for (const [name, child] of Object.entries(map)) if (isSchema(child)) yield [`${key}/${name}`, child];
  }
}

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'boolean' || isObject(value);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
