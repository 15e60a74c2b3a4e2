import { isSchemaType, SCHEMA_TYPES } from '../../schemas/schemaParser.ts';
import { plainSubject } from './call.ts';
import type { SchemaReference } from './changes.ts';
import { REGISTRY_ERRORS as CODES, failures, RegistryError } from './errors.ts';
import { MAX_ID } from './state.ts';
import type { Registration } from './store.ts';

type Json = Readonly<Record<string, unknown>>;

/** Members of a body that Redpanda has no use for either; null stands for a member that is left out. */
const REFUSED = ['ruleSet', 'schemaTags', 'guid'];
const MAX_REFERENCES = 100;

/** The definition in the body of a request; anything in it that would be dropped is refused instead. */
export function definitionOf(body: Json): Registration {
  const { schema, schemaType, references, metadata } = body;
  if (schema === undefined || schema === null) throw failures.emptySchema();
  if (typeof schema !== 'string') throw invalid("the member 'schema' is not a string");
  const type = schemaType ?? 'AVRO';
  if (!isSchemaType(type)) {
    throw invalid(`Invalid schema type ${text(schemaType)}: valid are ${SCHEMA_TYPES.join(', ')}`);
  }
  for (const member of REFUSED) {
    if ((body[member] ?? null) !== null) throw invalid(`the member '${member}' is not supported`);
  }
  return {
    type,
    schema,
    references: referencesOf(references ?? []),
    properties: propertiesOf(metadata ?? null),
    id: numberOf(body, 'id'),
    version: numberOf(body, 'version'),
  };
}

function referencesOf(given: unknown): SchemaReference[] {
  if (!Array.isArray(given)) throw invalid("the member 'references' is not an array");
  if (given.length > MAX_REFERENCES) throw invalid(`there are more than ${MAX_REFERENCES} references`);
  return given.map((reference: unknown, index) => {
    const { name, subject, version } = (typeof reference === 'object' && reference !== null ? reference : {}) as Json;
    if (typeof name !== 'string' || name === '' || typeof subject !== 'string' || subject === '') {
      throw invalid(`references[${index}] needs a name and a subject`);
    }
    if (!isPositive(version)) throw invalid(`references[${index}] has no version from 1 to 2^31-1`);
    return { name, subject: plainSubject(subject), version };
  });
}

/** Only `metadata.properties` with strings, as in Redpanda. */
function propertiesOf(metadata: unknown): Record<string, string> | null {
  if (metadata === null) return null;
  if (typeof metadata !== 'object' || Array.isArray(metadata)) throw invalid("the member 'metadata' is not an object");
  for (const [key, value] of Object.entries(metadata)) {
    if (key !== 'properties' && value !== null)
      throw invalid(`metadata.${key} is not supported, only metadata.properties`);
  }
  const properties = (metadata as Json)['properties'] ?? null;
  if (properties === null) return null;
  if (typeof properties !== 'object' || Array.isArray(properties))
    throw invalid('metadata.properties is not an object');
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value !== 'string') throw invalid(`metadata.properties.${key} is not a string`);
  }
  return properties as Record<string, string>;
}

/** -1 stands for none, as some clients send it. */
function numberOf(body: Json, member: 'id' | 'version'): number | null {
  const value = body[member] ?? -1;
  if (value === -1) return null;
  if (isPositive(value)) return value;
  throw invalid(`the member '${member}' is ${text(value)}, not a whole number from 1 to 2^31-1`);
}

function isPositive(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_ID;
}

function text(value: unknown): string {
  const json = String(JSON.stringify(value));
  return json.length > 100 ? `${json.slice(0, 100)}...` : json;
}

function invalid(reason: string): RegistryError {
  return new RegistryError(CODES.invalidSchema, reason);
}
