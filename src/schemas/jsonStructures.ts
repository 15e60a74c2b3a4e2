import type { JsonComparison } from './jsonComparison.ts';
import { isObject, isSchema } from './jsonKeywords.ts';
import type { JsonSchema } from './jsonModel.ts';

type Keywords = Readonly<Record<string, unknown>>;

/** Properties by name, what else is allowed beside them, and which have to be there. */
export function compareObjects(comparison: JsonComparison, reader: Keywords, writer: Keywords, path: string): void {
  if (!mayBe('object', reader, writer)) return;
  const { names } = comparison;
  const own = properties(reader);
  const old = properties(writer);
  const others = schemaOr(reader['additionalProperties'], true);
  const oldOthers = schemaOr(writer['additionalProperties'], true);
  if (isObject(writer['patternProperties']) || isObject(reader['patternProperties'])) {
    // A pattern may take a name that the other side lists.
    const isListedAlike = own.size === old.size && [...own.keys()].every((name) => old.has(name));
    const isOpen = reader['patternProperties'] === undefined && own.size === 0 && others === true;
    if (!isOpen && (!isListedAlike || !isObject(reader['patternProperties']))) {
      comparison.giveUp(path, 'patternProperties');
    }
  }
  for (const [name, schema] of old) {
    const mine = own.get(name);
    const at = `${path}/properties/${name}`;
    if (mine !== undefined) comparison.compare(mine, schema, at);
    else if (others === false) {
      const message = `${names.reader} neither has it nor takes other properties`;
      if (schema !== false) comparison.add('PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL', at, message);
    } else comparison.compare(others, schema, at);
  }
  for (const [name, schema] of own) {
    if (old.has(name) || oldOthers === false || schema === true) continue;
    const at = `${path}/properties/${name}`;
    if (oldOthers === true || Object.keys(oldOthers).length === 0) {
      const message = `${names.reader} gives it a schema, while ${names.writer} takes any other property`;
      comparison.add('PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL', at, message);
    } else comparison.compare(schema, oldOthers, at);
  }
  compareRest(comparison, others, oldOthers, `${path}/additionalProperties`, 'ADDITIONAL_PROPERTIES');
  const needed = strings(reader['required']);
  const given = new Set(strings(writer['required']));
  for (const name of needed) {
    if (given.has(name)) continue;
    const message = `${names.reader} requires it, ${names.writer} does not`;
    comparison.add('REQUIRED_ATTRIBUTE_ADDED', `${path}/properties/${name}`, message);
  }
}

/** Items by position, and what may follow them. */
export function compareArrays(comparison: JsonComparison, reader: Keywords, writer: Keywords, path: string): void {
  if (!mayBe('array', reader, writer)) return;
  const { names } = comparison;
  const own = items(reader);
  const old = items(writer);
  for (let index = 0; index < Math.max(own.first.length, old.first.length); index++) {
    const mine = own.first[index] ?? own.rest;
    const theirs = old.first[index] ?? old.rest;
    const at = `${path}/items/${index}`;
    if (mine === false && theirs !== false) {
      comparison.add('ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL', at, `${names.reader} takes no such item`);
    } else comparison.compare(mine, theirs, at);
  }
  compareRest(comparison, own.rest, old.rest, `${path}/items`, 'ADDITIONAL_ITEMS');
}

function compareRest(comparison: JsonComparison, own: JsonSchema, old: JsonSchema, path: string, rule: string): void {
  const { names } = comparison;
  if (own !== false) comparison.compare(own, old, path);
  else if (old !== false)
    comparison.add(`${rule}_REMOVED`, path, `${names.reader} takes no others, ${names.writer} does`);
}

/** Whether the reader takes, and the writer may give, a value of the type: else its keywords say nothing. */
function mayBe(type: string, reader: Keywords, writer: Keywords): boolean {
  return [reader, writer].every(({ type: given }) => given === undefined || [given].flat().includes(type));
}

function properties(schema: Keywords): ReadonlyMap<string, JsonSchema> {
  const given = schema['properties'];
  if (!isObject(given)) return new Map();
  return new Map(Object.entries(given).filter((entry): entry is [string, JsonSchema] => isSchema(entry[1])));
}

/** `prefixItems` with `items` of 2020-12, or the array `items` with `additionalItems` of the earlier drafts. */
function items(schema: Keywords): { readonly first: readonly JsonSchema[]; readonly rest: JsonSchema } {
  const { prefixItems, items: given, additionalItems } = schema;
  if (Array.isArray(given)) return { first: given.filter(isSchema), rest: schemaOr(additionalItems, true) };
  return { first: Array.isArray(prefixItems) ? prefixItems.filter(isSchema) : [], rest: schemaOr(given, true) };
}

function schemaOr(value: unknown, otherwise: JsonSchema): JsonSchema {
  return isSchema(value) ? value : otherwise;
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}
